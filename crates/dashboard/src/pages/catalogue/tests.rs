use http::StatusCode;

use crate::testing::{Site, Work};

#[tokio::test]
async fn every_known_tool_has_its_page_with_a_policy_to_copy() {
    let site = Site::new().await;
    let mut browser = site.anonymous();
    let page = browser.open("/catalogue").await;
    assert_eq!(page.all(".tile").len(), catalogue::servers().len());
    for known in catalogue::servers() {
        let page = browser.open(&format!("/catalogue/{}", known.slug)).await;
        assert!(known.tools.iter().all(|tool| page.has(&format!("a[href='/catalogue/{}/{}']", known.slug, tool.name))));
        for tool in &known.tools {
            assert_ne!(tool.name, "use", "the address of a tool of that name is taken");
            let page = browser.open(&format!("/catalogue/{}/{}", known.slug, tool.name)).await;
            assert_eq!((page.status, page.h1()), (StatusCode::OK, tool.name.clone()));
            assert!(
                page.has(&format!(".badge.{}", tool.class)) && page.all(".copy pre")[0].contains("\"version\": \"1\"")
            );
        }
    }
    for gone in ["/catalogue/nope", "/catalogue/mlflow-mcp/nope", "/catalogue/mlflow-mcp/%2e%2e"] {
        assert_eq!(browser.open_once(gone).await.status, StatusCode::NOT_FOUND, "{gone}");
    }
}

#[tokio::test]
async fn a_recommended_policy_goes_to_ones_own_server() {
    let site = Site::new().await;
    let asked = "/catalogue/mlflow-mcp/use?tool=set_model_alias&choice=0";
    let answer = site.anonymous().open_once(asked).await;
    assert!(answer.header("location").starts_with("/login?next=%2Fcatalogue"), "{}", answer.header("location"));
    let mut browser = site.browser(&site.ours().owner);
    let page = browser.open(asked).await;
    assert!(page.has("a[href='/app/ours/servers/new?kind=mlflow-mcp']"));
    Work::of(&site.fixture, site.ours()).await;
    let page = browser.open(asked).await;
    assert_eq!((page.h1().as_str(), page.attribute("#name", "value").as_str()), ("New policy", "set_model_alias"));
    assert!(page.one("#document").contains("set_model_alias_rate"));
    assert_eq!(browser.open_once("/catalogue/mlflow-mcp/use?tool=nope").await.status, StatusCode::NOT_FOUND);
    let viewer = site.browser(&site.ours().viewer).open(asked).await;
    assert!(viewer.one("main").contains("no account in which you may write policies"));
}
