use http::StatusCode;

use crate::testing::{Fill, Site, Work};

#[tokio::test]
async fn a_grant_is_suspended_resumed_and_revoked_from_where_one_stands() {
    let site = Site::new().await;
    Work::of(&site.fixture, site.ours()).await;
    let mut browser = site.browser(&site.ours().admin);
    let page = browser.open("/app/ours/grants?server=mlflow").await;
    assert!(page.one("tbody tr").starts_with("ci-runner agent MLflow"), "{}", page.one("tbody tr"));
    assert!(page.has("td[data-label=\"Last used\"] time"));
    let page = browser.fill(&page, &Fill::press("Suspend the grant of ci-runner on MLflow")).await;
    assert_eq!(
        (page.path.as_str(), page.one(".badge.suspended").as_str()),
        ("/app/ours/grants?server=mlflow", "‖Suspended")
    );
    let page = browser.fill(&page, &Fill::press("Resume the grant of ci-runner on MLflow")).await;
    assert!(page.has(".badge.active"));
    let page = browser.fill(&page, &Fill::press("Revoke")).await;
    assert!(page.one(".flash").starts_with("The grant is revoked") && page.has(".empty"));
}

#[tokio::test]
async fn a_policy_manager_attaches_and_gives_nothing() {
    let site = Site::new().await;
    let work = Work::of(&site.fixture, site.ours()).await;
    let mut browser = site.browser(&site.ours().policy_manager);
    let page = browser.open("/app/ours/grants").await;
    assert!(page.has("select[name=policy]") && !page.has("form[action$=suspend]") && !page.has("form[action$=revoke]"));
    let page = browser.fill(&page, &Fill::press("Save the policy of ci-runner on MLflow")).await;
    assert_eq!(page.one(".flash"), "The grant has another policy now.");
    let answer = browser.post_once(&format!("/app/ours/grants/{}/revoke", work.grant), "").await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert_eq!(browser.open_once("/app/ours/servers/mlflow/grants/new").await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn the_way_back_never_leaves_the_account() {
    let site = Site::new().await;
    let work = Work::of(&site.fixture, site.ours()).await;
    let mut browser = site.browser(&site.ours().admin);
    let mut act = async |action: &str, next: &str| {
        let path = format!("/app/ours/grants/{}/{action}", work.grant);
        browser.post_once(&path, &format!("next={next}")).await.header("location").to_owned()
    };
    assert_eq!(act("suspend", "/app/ours/servers/mlflow").await, "/app/ours/servers/mlflow");
    assert_eq!(act("resume", "//evil.example/app/ours/").await, "/app/ours/grants");
    assert_eq!(act("suspend", "/app/neighbour/grants").await, "/app/ours/grants");
    assert_eq!(act("resume", "/app/oursevil").await, "/app/ours/grants");
}

#[tokio::test]
async fn filters_show_what_was_asked_for() {
    let site = Site::new().await;
    Work::of(&site.fixture, site.ours()).await;
    let mut browser = site.browser(&site.ours().viewer);
    for (query, found) in
        [("", 1), ("?state=active", 1), ("?state=suspended", 0), ("?server=other", 0), ("?state=odd", 0)]
    {
        let page = browser.open(&format!("/app/ours/grants{query}")).await;
        assert_eq!(page.all("tbody tr").len(), found, "{query}");
    }
}
