use http::StatusCode;

use crate::{
    page::escape,
    testing::{Fill, POLICY, Seen, Site, Work},
};

const TEXT: &str = "Policy, as JSON";

fn form(document: &str, based_on: u32, revision: u32) -> String {
    format!("document={}&based_on={based_on}&revision={revision}&note=why", escape(document))
}

fn path(work: &Work) -> String {
    format!("/app/ours/servers/mlflow/policies/{}", work.policy)
}

fn text(page: &Seen) -> String {
    page.one("#document")
}

#[tokio::test]
async fn what_is_published_is_the_next_version_and_old_ones_stay() {
    let site = Site::new().await;
    let work = Work::of(&site.fixture, site.ours()).await;
    let mut browser = site.browser(&site.ours().policy_manager);
    let page = browser.open(&path(&work)).await;
    let wider = POLICY.replace("30", "60");
    let page =
        browser.fill(&page, &Fill::press("Publish").with(TEXT, &wider).with("What changes", "Twice as many")).await;
    assert!(page.one(".flash").starts_with("Version 2 is published"), "{}", page.text);
    assert!(page.all(".versions li").iter().any(|version| version.contains("Twice as many")));
    let page = browser.open(&format!("{}?version=1", path(&work))).await;
    assert!(!page.has("textarea") && page.one(".source").contains("\"max\": 30"));
    assert_eq!(browser.open_once(&format!("{}?version=9", path(&work))).await.status, StatusCode::NOT_FOUND);
    let page = browser.open(&format!("{}/compare?from=1&to=2", path(&work))).await;
    assert_eq!(page.all(".diff .removed .text").len(), 1);
    assert!(page.one(".diff .added").contains("\"max\": 60"), "{}", page.one(".diff .added"));
    assert_eq!(browser.open_once(&format!("{}/compare?to=7", path(&work))).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_is_said_of_the_first_version_is_kept_as_of_any_other() {
    let site = Site::new().await;
    let work = Work::of(&site.fixture, site.ours()).await;
    let mut browser = site.browser(&site.ours().policy_manager);
    let page = browser.open("/app/ours/servers/mlflow/policies/new").await;
    let first =
        Fill::press("Publish").with("Name", "Second").with(TEXT, POLICY).with("What changes", "For the weekend");
    let page = browser.fill(&page, &first).await;
    assert!(page.one(".flash").starts_with("The policy is published"), "{}", page.text);
    assert_ne!(page.path, path(&work));
    assert!(page.all(".versions li").iter().any(|version| version.contains("For the weekend")), "{}", page.text);
}

#[tokio::test]
async fn an_old_version_is_restored_as_a_new_one() {
    let site = Site::new().await;
    let work = Work::of(&site.fixture, site.ours()).await;
    let mut browser = site.browser(&site.ours().policy_manager);
    let second = form(&POLICY.replace("30", "60"), 1, 0);
    assert_eq!(browser.post_once(&format!("{}/publish", path(&work)), &second).await.status, StatusCode::SEE_OTHER);
    let page = browser.open(&format!("{}?version=1", path(&work))).await;
    let page = browser.fill(&page, &Fill::press("Restore version 1")).await;
    assert!(page.one(".flash").contains("as version 3"), "{}", page.one(".flash"));
    assert!(text(&page).contains("\"max\": 30"));
    let stale = browser.post_once(&format!("{}/restore", path(&work)), "version=2&based_on=2").await;
    assert_eq!(stale.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(stale.one(".summary").contains("published version 3 meanwhile"), "{}", stale.one(".summary"));
}

#[tokio::test]
async fn a_draft_is_kept_shown_and_discarded_and_decides_nothing() {
    let site = Site::new().await;
    let work = Work::of(&site.fixture, site.ours()).await;
    let mut browser = site.browser(&site.ours().policy_manager);
    let page = browser.open(&path(&work)).await;
    let half = "{ \"version\": \"1\", \"default\": ";
    let page = browser.fill(&page, &Fill::press("Save draft").with(TEXT, half)).await;
    assert!(page.one(".flash").starts_with("The draft is saved"), "{}", page.text);
    let page = site.browser(&site.ours().admin).open(&path(&work)).await;
    assert_eq!(text(&page), half.trim());
    assert!(page.one(".notice").contains("by policy_manager@ours.example"), "{}", page.one(".notice"));
    let compared = browser.open(&format!("{}/compare?from=1&to=draft", path(&work))).await;
    assert!(compared.has(".diff .removed"));
    let viewed = site.browser(&site.ours().viewer).open(&path(&work)).await;
    assert!(viewed.one(".source").contains("\"max\": 30") && !viewed.text.contains("Discard"));
    let hidden = site.browser(&site.ours().viewer).open_once(&format!("{}/compare?to=draft", path(&work))).await;
    assert_eq!(hidden.status, StatusCode::NOT_FOUND, "a draft is for those who may write policies");
    let new = browser.post_once("/app/ours/servers/mlflow/policies/new/discard", &form(half, 0, 0)).await;
    assert_eq!(new.status, StatusCode::NOT_FOUND, "what is not saved yet has no draft");
    let page = browser.fill(&page, &Fill::press("Discard draft")).await;
    assert_eq!(page.one(".flash"), "The draft is discarded.");
    assert!(text(&page).contains("\"max\": 30"));
}

#[tokio::test]
async fn problems_stand_at_their_lines_and_nothing_is_lost() {
    let site = Site::new().await;
    let work = Work::of(&site.fixture, site.ours()).await;
    let mut browser = site.browser(&site.ours().policy_manager);
    let broken = POLICY.replace("minute", "minut").replace("grant\"", "gran\"").replace('\n', "\r\n");
    for deed in ["publish", "shadow", "check", "try"] {
        let typed = format!("{}&tool=set_model_alias", form(&broken, 1, 0));
        let page = browser.post_once(&format!("{}/{deed}", path(&work)), &typed).await;
        let expected = if deed == "check" { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
        assert_eq!(page.status, expected, "{deed}");
        assert_eq!(page.all(".gutter .marked"), ["7"], "{deed}");
        assert_eq!(page.all(".problems li").len(), 2, "{deed}");
        assert_eq!(page.attribute(".problems a", "data-line"), "7");
        assert!(page.one(".problems").contains("/tools/set_model_alias/limits/0/window"));
        assert!(text(&page).contains("minut\""), "{deed}");
        assert_eq!(page.attribute("input[name=note]", "value"), "why");
    }
    let part = browser.post_once("/app/ours/servers/mlflow/policies/check", &form(&broken, 0, 0)).await;
    assert!(part.status == StatusCode::OK && part.text.contains("2 problems") && !part.text.contains("<html"));
    let part = browser.post_once("/app/ours/servers/mlflow/policies/check", &form(POLICY, 0, 0)).await;
    assert!(part.text.contains("No problems found"));
}

#[tokio::test]
async fn a_failing_test_is_told_and_keeps_the_text_from_being_published() {
    let site = Site::new().await;
    let work = Work::of(&site.fixture, site.ours()).await;
    let mut browser = site.browser(&site.ours().policy_manager);
    let tests = ",\n  \"tests\": [\n    {\"name\": \"fine\", \"calls\": [{\"at\": 0, \"tool\": \"x\", \"expect\": \"deny\"}]},\n    \
                 {\"name\": \"wrong <b>\", \"calls\": [{\"at\": 0, \"tool\": \"x\", \"expect\": \"allow\"}]}\n  ]\n}\n";
    let document = format!("{}{tests}", POLICY.trim_end().trim_end_matches('}').trim_end());
    let page = browser.post_once(&format!("{}/check", path(&work)), &form(&document, 1, 0)).await;
    assert_eq!(page.all("ul.tests .badge"), ["✓Passes", "✕Fails"]);
    assert!(page.all("ul.tests li")[1].contains("wrong <b>"), "{:?}", page.all("ul.tests li"));
    let page = browser.post_once(&format!("{}/publish", path(&work)), &form(&document, 1, 0)).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.one(".problems").contains("wrong <b>") && text(&page).contains("\"fine\""));
}

#[tokio::test]
async fn a_version_published_meanwhile_is_shown_beside_the_text_that_lost() {
    let site = Site::new().await;
    let work = Work::of(&site.fixture, site.ours()).await;
    let publish = format!("{}/publish", path(&work));
    let mut first = site.browser(&site.ours().admin);
    assert_eq!(first.post_once(&publish, &form(&POLICY.replace("30", "5"), 1, 0)).await.status, StatusCode::SEE_OTHER);
    let mut second = site.browser(&site.ours().owner);
    let page = second.post_once(&publish, &form(&POLICY.replace("30", "99"), 1, 0)).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    let summary = page.one(".summary");
    assert!(summary.contains("Admin@ours.example published version 2 meanwhile"), "{summary}");
    assert!(page.one("#conflict .removed").contains("\"max\": 5") && page.one("#conflict .added").contains("99"));
    assert!(text(&page).contains("\"max\": 99"));
    let page = second.fill(&page, &Fill::press("Publish")).await;
    assert!(page.one(".flash").starts_with("Version 3 is published"), "{}", page.text);
}

#[tokio::test]
async fn a_draft_saved_meanwhile_is_not_overwritten() {
    let site = Site::new().await;
    let work = Work::of(&site.fixture, site.ours()).await;
    let draft = format!("{}/draft", path(&work));
    let mut first = site.browser(&site.ours().admin);
    assert_eq!(first.post_once(&draft, &form("{ \"mine\": 1 }", 1, 0)).await.status, StatusCode::SEE_OTHER);
    let mut second = site.browser(&site.ours().owner);
    let page = second.post_once(&draft, &form("{ \"yours\": 2 }", 1, 0)).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.one(".summary").contains("saved the draft meanwhile"), "{}", page.one(".summary"));
    assert!(page.one("#conflict .removed").contains("mine") && text(&page).contains("yours"));
    assert!(text(&first.open(&path(&work)).await).contains("mine"), "theirs is still the draft");
    let page = second.fill(&page, &Fill::press("Save draft")).await;
    assert!(text(&page).contains("yours"));
}

#[tokio::test]
async fn a_version_and_a_draft_saved_meanwhile_are_each_shown_before_anything_is_saved() {
    let site = Site::new().await;
    let work = Work::of(&site.fixture, site.ours()).await;
    let publish = format!("{}/publish", path(&work));
    let mut first = site.browser(&site.ours().admin);
    assert_eq!(first.post_once(&publish, &form(&POLICY.replace("30", "5"), 1, 0)).await.status, StatusCode::SEE_OTHER);
    let draft = form("{ \"theirs\": 1 }", 2, 0);
    assert_eq!(first.post_once(&format!("{}/draft", path(&work)), &draft).await.status, StatusCode::SEE_OTHER);
    let mut second = site.browser(&site.ours().owner);
    let page = second.post_once(&publish, &form(&POLICY.replace("30", "99"), 1, 0)).await;
    assert!(page.one(".summary").contains("published version 2 meanwhile"), "{}", page.one(".summary"));
    let page = second.fill(&page, &Fill::press("Publish")).await;
    assert!(page.one(".summary").contains("saved the draft meanwhile"), "{}", page.one(".summary"));
    assert!(page.one("#conflict .removed").contains("theirs") && text(&page).contains("99"));
    let page = second.fill(&page, &Fill::press("Publish")).await;
    assert!(page.one(".flash").starts_with("Version 3 is published"), "{}", page.text);
}

#[tokio::test]
async fn watching_first_publishes_what_only_watches_and_keeps_the_text_as_the_draft() {
    let site = Site::new().await;
    let work = Work::of(&site.fixture, site.ours()).await;
    let mut browser = site.browser(&site.ours().policy_manager);
    let page = browser.open(&path(&work)).await;
    let page = browser.fill(&page, &Fill::press("Publish in shadow first")).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "what is enforced is not lifted by one press");
    let lift = page.one("#lift");
    assert!(lift.contains("Version 1 enforces") && lift.contains("Denied now") && lift.contains("1 grant"), "{lift}");
    assert!(lift.contains("Limited now, would not be: set_model_alias"), "{lift}");
    let page = browser.fill(&page, &Fill::press("Lift all of it, and watch")).await;
    assert!(page.one(".flash").contains("published in shadow"), "{}", page.text);
    assert_eq!(text(&page), POLICY.split_whitespace().collect::<Vec<_>>().join(" "));
    assert!(page.one(".shadow").contains("would have denied 0 of"), "{}", page.one(".shadow"));
    let published = browser.open(&format!("{}?version=2", path(&work))).await;
    assert!(published.one(".source").contains("\"shadow\""), "{}", published.one(".source"));
    let page = browser.open(&path(&work)).await;
    let page = browser.fill(&page, &Fill::press("Publish in shadow first")).await;
    assert!(page.one(".flash").contains("published in shadow"), "what watches already lifts nothing: {}", page.text);
}

#[tokio::test]
async fn a_draft_that_is_older_than_what_is_restored_is_told_and_goes_when_asked() {
    let site = Site::new().await;
    let work = Work::of(&site.fixture, site.ours()).await;
    let mut browser = site.browser(&site.ours().policy_manager);
    for number in ["60", "90"] {
        let page = browser.open(&path(&work)).await;
        browser.fill(&page, &Fill::press("Publish").with(TEXT, &POLICY.replace("30", number))).await;
    }
    let page = browser.open(&path(&work)).await;
    browser.fill(&page, &Fill::press("Save draft").with(TEXT, &POLICY.replace("30", "77"))).await;
    let old = format!("{}?version=1", path(&work));
    let page = browser.open(&old).await;
    let page = browser.fill(&page, &Fill::press("Restore version 1")).await;
    assert!(page.one(".flash").contains("The draft of before stays"), "{}", page.text);
    assert!(text(&page).contains("77") && page.text.contains("was published after it was begun"));
    let page = browser.open(&old).await;
    let fill = Fill::press("Restore version 1").with("Discard the draft too", &page.attribute("#discard", "value"));
    let page = browser.fill(&page, &fill).await;
    assert!(page.one(".flash").ends_with("it decides the next request."), "{}", page.one(".flash"));
    assert!(text(&page).contains("30") && !page.has("button[formaction$=discard]"));
}

#[tokio::test]
async fn a_call_is_tried_and_made_a_test_without_script_too() {
    let site = Site::new().await;
    let work = Work::of(&site.fixture, site.ours()).await;
    let mut browser = site.browser(&site.ours().policy_manager);
    let page = browser.open(&path(&work)).await;
    let arguments = "{\"name\":\"a\",\"alias\":\"b\",\"version\":\"1\"}";
    let fill = Fill::press("Try this call").with("Tool", "set_model_alias").with("Arguments, as JSON", arguments);
    let page = browser.fill(&page, &fill).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.one(".outcome").contains("Allowed"), "{}", page.one(".outcome"));
    assert!(page.one(".outcome tbody").contains("30"), "{}", page.one(".outcome"));
    assert!(page.has("#panel-try[checked]") && page.one("#arguments").contains("alias"));
    let test = page.attribute("[data-add-test]", "data-add-test");
    assert!(test.contains("set_model_alias"), "{test}");
    let fill = Fill::press("Try this call").with("Tool", "delete_run").with("Arguments, as JSON", "{\"run_id\":\"1\"}");
    let page = browser.fill(&page, &fill).await;
    assert!(page.one(".outcome").contains("default_deny"), "{}", page.one(".outcome"));
    assert_eq!(page.attribute(".outcome", "data-rule"), "/default");
    assert_eq!(page.attribute(".outcome a[data-goto]", "data-line"), "3");
}

#[tokio::test]
async fn the_effect_of_a_text_names_who_loses_what() {
    let site = Site::new().await;
    let work = Work::of(&site.fixture, site.ours()).await;
    let mut browser = site.browser(&site.ours().policy_manager);
    let page = browser.open(&path(&work)).await;
    let text = "{ \"version\": \"1\", \"default\": \"deny\", \"tools\": { \"delete_run\": {} } }";
    let page = browser.fill(&page, &Fill::press("Show the effect").with(TEXT, text)).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text);
    let rows = page.all(".for-effect tbody tr");
    assert!(rows.iter().any(|row| row.contains("delete_run") && row.contains("Gains")), "{rows:?}");
    assert!(rows.iter().any(|row| row.contains("set_model_alias") && row.contains("Loses")), "{rows:?}");
}

#[tokio::test]
async fn a_recorded_call_becomes_a_test_at_the_end_of_the_text() {
    let site = Site::new().await;
    let work = Work::of(&site.fixture, site.ours()).await;
    let mut browser = site.browser(&site.ours().policy_manager);
    let call = browser.open(&format!("/app/ours/calls/{}", work.calls[0])).await;
    let href = call.attribute("a[href*='?test=']", "href");
    let page = browser.open(&href).await;
    assert!(text(&page).contains("\"tests\"") && text(&page).contains("\"max\": 30"), "{}", text(&page));
    let unsaved = browser.open(&path(&work)).await;
    assert!(!text(&unsaved).contains("\"tests\""), "nothing was saved by looking");
}

#[tokio::test]
async fn a_rule_is_pointed_at_in_the_version_that_decided() {
    let site = Site::new().await;
    let work = Work::of(&site.fixture, site.ours()).await;
    let mut browser = site.browser(&site.ours().viewer);
    let page = browser.open(&format!("{}?version=1&at=/tools/set_model_alias/limits/0", path(&work))).await;
    assert_eq!(page.all(".source .marked .number"), ["7"]);
    let page = browser.open(&format!("{}?at=/tools/%3Cb%3E", path(&work))).await;
    assert!(page.one("main .notice").contains("has no member /tools/<b>"));
}

#[tokio::test]
async fn a_new_policy_begins_with_a_text_and_is_published_or_kept_as_a_draft() {
    let site = Site::new().await;
    Work::of(&site.fixture, site.ours()).await;
    let mut browser = site.browser(&site.ours().policy_manager);
    for query in [
        "start=recommended",
        "start=empty",
        "start=suggested",
        "tool=set_model_alias",
        "from=mlflow-mcp&tool=set_model_alias&choice=1",
        "from=mlflow-mcp",
    ] {
        let page = browser.open(&format!("/app/ours/servers/mlflow/policies/new?{query}")).await;
        assert!(text(&page).contains("\"version\": \"1\""), "{query}");
        assert_eq!(page.has(".whys tbody tr"), query == "start=suggested", "{query}");
        let page = browser.fill(&page, &Fill::press("Publish").with("Name", query)).await;
        assert!(page.one(".flash").starts_with("The policy is published"), "{query}: {}", page.text);
    }
    let page = browser.open("/app/ours/servers/mlflow/policies/new").await;
    let page = browser.fill(&page, &Fill::press("Save draft").with("Name", "Half").with(TEXT, "{ not yet")).await;
    assert_eq!((page.h1().as_str(), text(&page).as_str()), ("Half", "{ not yet"));
    assert!(page.one(".page-head").contains("Never published"));
    let page = browser.open("/app/ours/servers/mlflow").await;
    assert!(page.all("#policy-step li").iter().any(|line| line.contains("Half") && line.contains("never published")));
    let page = browser.open("/app/ours/servers/mlflow/policies/new").await;
    let page =
        browser.fill(&page, &Fill::press("Publish in shadow first").with("Name", "Watch").with(TEXT, POLICY)).await;
    assert!(page.h1() == "Watch" && page.one(".flash").contains("in shadow"), "{}", page.text);
}

#[tokio::test]
async fn a_policy_is_renamed_on_its_page() {
    let site = Site::new().await;
    let work = Work::of(&site.fixture, site.ours()).await;
    let mut browser = site.browser(&site.ours().policy_manager);
    let page = browser.open(&path(&work)).await;
    let page = browser.fill(&page, &Fill::press("Rename").with("Name of the policy", "Strict")).await;
    assert_eq!(page.h1(), "Strict");
    let page = browser.fill(&page, &Fill::press("Rename").with("Name of the policy", "")).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.has("#new_name[aria-invalid=true]"));
}

#[tokio::test]
async fn the_scripts_get_the_tools_as_data_that_cannot_leave_its_element() {
    let site = Site::new().await;
    let work = Work::of(&site.fixture, site.ours()).await;
    let page = site.browser(&site.ours().policy_manager).open(&path(&work)).await;
    let data: serde_json::Value = serde_json::from_str(&page.one("#workbench-data")).unwrap();
    let tool = |name: &str| data["tools"].as_array().unwrap().iter().find(|tool| tool["name"] == name).unwrap().clone();
    assert_eq!(tool("set_model_alias")["schema"]["type"], "object");
    assert_eq!(tool("delete_run")["class"], "destructive");
    assert!(tool("get_run")["description"].as_str().unwrap().starts_with("<script>alert(1)"));
    assert!(!page.text.contains("<script>alert"));
    let part = |name: &str| data[name].as_str().unwrap().to_owned();
    assert_eq!(part("checkUrl"), format!("{}/check", path(&work)));
    assert_eq!(part("schemaUrl"), "/policy.schema.json");
}
