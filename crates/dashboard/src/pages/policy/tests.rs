use http::StatusCode;

use crate::testing::{Fill, POLICY, Site, Work};

fn form(document: &str, based_on: u32) -> String {
    let escaped = crate::pages::server::escape(document);
    format!("document={escaped}&based_on={based_on}&note=why")
}

#[tokio::test]
async fn a_new_version_is_saved_as_it_was_pasted_and_old_ones_stay() {
    let site = Site::new().await;
    let work = Work::of(&site.fixture, site.ours()).await;
    let mut browser = site.browser(&site.ours().policy_manager);
    let path = format!("/app/ours/servers/mlflow/policies/{}", work.policy);
    let page = browser.open(&path).await;
    let wider = POLICY.replace("30", "60");
    let fill =
        Fill::press("Save as a new version").with("Policy, as JSON", &wider).with("What changes", "Twice as many");
    let page = browser.fill(&page, &fill).await;
    assert!(page.one(".flash").starts_with("Version 2 is saved"));
    assert!(page.all("aside li").iter().any(|version| version.contains("Twice as many")));
    let page = browser.open(&format!("{path}?version=1")).await;
    assert!(!page.has("textarea") && page.one(".source").contains("\"max\": 30"));
    assert_eq!(browser.open_once(&format!("{path}?version=9")).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn problems_stand_at_their_lines_and_nothing_is_lost() {
    let site = Site::new().await;
    let work = Work::of(&site.fixture, site.ours()).await;
    let mut browser = site.browser(&site.ours().policy_manager);
    let path = format!("/app/ours/servers/mlflow/policies/{}", work.policy);
    let broken = POLICY.replace("minute", "minut").replace("grant\"", "gran\"").replace('\n', "\r\n");
    let page = browser.post_once(&path, &form(&broken, 1)).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(page.all(".gutter .marked"), ["7"]);
    assert_eq!(page.all(".problems li").len(), 2);
    assert_eq!(page.attribute(".problems a", "data-line"), "7");
    assert!(page.one(".problems").contains("/tools/set_model_alias/limits/0/window"));
    assert!(page.one("textarea").contains("minut\""));
    assert_eq!(page.attribute("input[name=note]", "value"), "why");
    let part = browser.post_once("/app/ours/servers/mlflow/policies/check", &form(&broken, 0)).await;
    assert!(part.status == StatusCode::OK && part.text.contains("2 problems") && !part.text.contains("<html"));
    let part = browser.post_once("/app/ours/servers/mlflow/policies/check", &form(POLICY, 0)).await;
    assert!(part.text.contains("No problems found"));
}

#[tokio::test]
async fn a_version_saved_meanwhile_is_shown_beside_the_text_that_lost() {
    let site = Site::new().await;
    let work = Work::of(&site.fixture, site.ours()).await;
    let path = format!("/app/ours/servers/mlflow/policies/{}", work.policy);
    let mut first = site.browser(&site.ours().admin);
    assert_eq!(first.post_once(&path, &form(&POLICY.replace("30", "5"), 1)).await.status, StatusCode::SEE_OTHER);
    let mut second = site.browser(&site.ours().owner);
    let page = second.post_once(&path, &form(&POLICY.replace("30", "99"), 1)).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.one(".summary").contains("Admin@ours.example saved version 2 meanwhile"), "{}", page.one(".summary"));
    assert!(page.one(".source").contains("\"max\": 5") && page.one("textarea").contains("\"max\": 99"));
    let page = second.fill(&page, &Fill::press("Save as a new version")).await;
    assert!(page.one(".flash").starts_with("Version 3 is saved"));
}

#[tokio::test]
async fn a_rule_is_pointed_at_in_the_version_that_decided() {
    let site = Site::new().await;
    let work = Work::of(&site.fixture, site.ours()).await;
    let path = format!("/app/ours/servers/mlflow/policies/{}", work.policy);
    let page =
        site.browser(&site.ours().viewer).open(&format!("{path}?version=1&at=/tools/set_model_alias/limits/0")).await;
    assert_eq!(page.all(".source .marked .number"), ["7"]);
    let page = site.browser(&site.ours().viewer).open(&format!("{path}?at=/tools/%3Cb%3E")).await;
    assert!(page.one("main .notice").contains("has no member /tools/<b>"));
}

#[tokio::test]
async fn a_recommended_policy_is_filled_in_and_can_be_saved() {
    let site = Site::new().await;
    Work::of(&site.fixture, site.ours()).await;
    let mut browser = site.browser(&site.ours().policy_manager);
    for query in [
        "start=recommended",
        "tool=set_model_alias",
        "from=mlflow-mcp&tool=set_model_alias&choice=1",
        "from=mlflow-mcp",
    ] {
        let page = browser.open(&format!("/app/ours/servers/mlflow/policies/new?{query}")).await;
        assert!(page.one("textarea").contains("\"version\": \"1\""), "{query}");
        let page = browser.fill(&page, &Fill::press("Save policy").with("Name", query)).await;
        assert!(page.one(".flash").starts_with("The policy is saved"), "{query}: {}", page.text);
    }
}
