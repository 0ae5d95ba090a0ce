use http::StatusCode;

use crate::testing::{Fill, POLICY, Site, Work};

#[tokio::test]
async fn from_an_empty_account_to_url_and_key_in_three_buttons() {
    let site = Site::new().await;
    let mut browser = site.browser(&site.ours().owner);
    let page = browser.open("/app/ours/servers/new").await;
    let page = browser.fill(&page, &Fill::press("Register")).await;
    assert_eq!((page.h1().as_str(), page.header("cache-control")), ("MLflow", "no-store"));
    let line = page.one("#connect .copy code");
    assert!(line.starts_with("portcullis connect pcl_connect_") && line.ends_with(" -- uvx mlflow-mcp"), "{line}");
    assert_eq!(page.attribute("[data-address]", "data-address"), "/app/ours/servers/mlflow");
    let page = browser.fill(&page, &Fill::press("Save policy").with("Policy, as JSON", POLICY)).await;
    assert!(!page.text.contains("pcl_connect_"), "the line is shown once");
    let page = browser.fill(&page, &Fill::press("Create grant")).await;
    assert_eq!(page.header("cache-control"), "no-store");
    let copied = page.all(".copy > code");
    assert_eq!(copied[0], "https://gateway.example/ours/mlflow/mcp");
    assert!(copied[1].starts_with("pcl_key_"), "{copied:?}");
    let texts = page.all(".tab-panel pre");
    assert!(texts.len() == 6 && texts.iter().all(|text| text.contains(&copied[1])));
    let page = browser.open("/app/ours/grants").await;
    assert!(!page.text.contains("pcl_key_"));
    assert!(page.one("tbody th").starts_with("owner@ours.example"));
}

#[tokio::test]
async fn what_is_wrong_stands_at_its_input_and_what_was_typed_stays() {
    let site = Site::new().await;
    let mut browser = site.browser(&site.ours().owner);
    let form = "kind=other&name=&slug=No+Slug&transport=http&url=ftp%3A%2F%2Fx&header_name=host&header_value=v";
    let page = browser.post_once("/app/ours/servers/new", form).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    for id in ["name", "slug", "url", "headers"] {
        assert!(page.has(&format!("#{id}[aria-invalid=true]")), "{id}");
    }
    assert_eq!(
        (page.attribute("#slug", "value").as_str(), page.attribute("#url", "value").as_str()),
        ("No Slug", "ftp://x")
    );
    assert!(page.has("#transport-http[checked]") && page.has("#kind-other[checked]"));
    assert_eq!(page.attribute("#header-name-0", "value"), "host");
}

#[tokio::test]
async fn a_taken_name_is_told_and_the_known_server_is_not_offered_first_again() {
    let site = Site::new().await;
    Work::of(&site.fixture, site.ours()).await;
    let mut browser = site.browser(&site.ours().owner);
    let page = browser.open("/app/ours/servers/new").await;
    assert!(page.has("#kind-other[checked]"));
    let page = browser.open("/app/ours/servers/new?kind=mlflow").await;
    assert!(page.has("#kind-mlflow[checked]") && page.has("#transport-http[checked]"));
    let page = browser.fill(&page, &Fill::press("Register")).await;
    assert!(page.has("#slug[aria-invalid=true]"), "{}", page.text);
}

#[tokio::test]
async fn a_probe_says_which_step_failed_with_and_without_script() {
    let site = Site::new().await;
    let mut browser = site.browser(&site.ours().owner);
    // Port 9 of this machine: nothing listens there.
    let form =
        "kind=other&name=X&slug=x&transport=http&url=http%3A%2F%2F127.0.0.1%3A9%2Fmcp&header_name=&header_value=";
    let part = browser.post_once("/app/ours/servers/new/probe", form).await;
    assert!(part.text.contains("Reach the address") && part.text.contains("Failed") && !part.text.contains("<html"));
    let page = browser.post_once("/app/ours/servers/new/test", form).await;
    assert!(page.one("#probe").contains("Reach the address"));
    assert_eq!(page.attribute("#url", "value"), "http://127.0.0.1:9/mcp");
    let part = browser.post_once("/app/ours/servers/new/probe", &form.replace("http%3A", "ftp%3A")).await;
    assert!(part.text.contains("The URL"), "{}", part.text);
}
