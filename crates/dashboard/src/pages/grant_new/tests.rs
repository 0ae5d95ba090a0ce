use http::StatusCode;

use crate::testing::{Fill, Site, Work};

const NEW: &str = "/app/ours/servers/mlflow/grants/new";

#[tokio::test]
async fn a_new_agent_gets_a_key_and_a_team_uses_its_own() {
    let site = Site::new().await;
    Work::of(&site.fixture, site.ours()).await;
    let mut browser = site.browser(&site.ours().owner);
    let page = browser.open(NEW).await;
    let fill = Fill::press("Create grant").with("A new agent", "new_agent").with("Name of the agent", "support-bot");
    let page = browser.fill(&page, &fill).await;
    assert!(page.all(".copy > code")[1].starts_with("pcl_key_"), "{}", page.text);
    let page = browser.open(&format!("{NEW}?team=data")).await;
    assert!(page.has("#subject-team[checked]"));
    let page = browser.fill(&page, &Fill::press("Create grant")).await;
    assert!(page.one("main .notice").contains("Each member of the team uses it with a client that logs in as them"));
    assert!(!page.text.contains("pcl_key_"));
}

#[tokio::test]
async fn what_is_wrong_is_told_and_what_was_typed_stays() {
    let site = Site::new().await;
    let work = Work::of(&site.fixture, site.ours()).await;
    let mut browser = site.browser(&site.ours().owner);
    let post = format!("subject=new_agent&agent_name=&label=L&policy={}", work.policy);
    let page = browser.post_once("/app/ours/servers/mlflow/grants", &post).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.has("#agent_name[aria-invalid=true]") && page.has("#subject-new_agent[checked]"), "{}", page.text);
    assert_eq!(page.attribute("#label", "value"), "L");
    let agent = site.ours().agent;
    let page = browser
        .post_once("/app/ours/servers/mlflow/grants", &format!("subject=agent&agent={agent}&policy={}", work.policy))
        .await;
    assert!(page.one(".summary").contains("a grant on this server already"), "{}", page.one(".summary"));
    let page = browser.post_once("/app/ours/servers/mlflow/grants", "subject=team&team=nope&policy=x").await;
    assert!(page.has("#team[aria-invalid=true]") && page.has("#policy[aria-invalid=true]"));
}

#[tokio::test]
async fn with_one_server_there_is_nothing_to_choose() {
    let site = Site::new().await;
    let mut browser = site.browser(&site.ours().owner);
    assert!(browser.open("/app/ours/grants/new").await.has(".empty"));
    Work::of(&site.fixture, site.ours()).await;
    let answer = browser.open_once("/app/ours/grants/new?team=data").await;
    assert_eq!(answer.header("location"), format!("{NEW}?team=data"));
}
