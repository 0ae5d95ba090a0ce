use accounts::{AuthorizeRequest, CodeChallenge, ExchangeCode, RegisterClient};
use http::StatusCode;
use test_support::{Person, from_here};

use super::*;
use crate::testing::{Fill, Site};

/// RFC 7636 appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const REDIRECT: &str = "http://localhost:8787/callback";

/// An app of this person, allowed to do this.
async fn connect(site: &Site, person: &Person, scopes: Scopes) -> AppId {
    let accounts = &site.fixture.accounts;
    let form = RegisterClient {
        name: Some("Claude".to_owned()),
        redirect_uris: vec![REDIRECT.to_owned()],
        grant_types: Some(vec!["authorization_code".to_owned(), "refresh_token".to_owned()]),
        ..RegisterClient::default()
    };
    let client = accounts.register_client(form, &from_here()).await.unwrap();
    let client = accounts.registered_client(&client.client_id).await.unwrap();
    let url = format!("https://gateway.example/{}/mcp", person.caller.slug());
    let request = AuthorizeRequest {
        redirect: client.redirect(Some(REDIRECT)).unwrap(),
        scopes: client.scopes(None),
        client: client.clone(),
        resource: accounts.resource(&url).unwrap(),
        challenge: CodeChallenge::parse(Some(CHALLENGE), Some("S256")).unwrap(),
    };
    let code = accounts.allow_app(&person.visitor, &request, scopes).await.unwrap();
    let exchange = ExchangeCode {
        code: code.expose().to_owned(),
        client_id: client.client_id,
        redirect_uri: Some(REDIRECT.to_owned()),
        code_verifier: VERIFIER.to_owned(),
        resource: None,
    };
    accounts.exchange_code(&exchange).await.unwrap();
    accounts.apps(&person.caller).await.unwrap()[0].id
}

#[tokio::test]
async fn ones_own_apps_are_listed_and_disconnected() {
    let site = Site::new().await;
    let viewer = &site.ours().viewer;
    let mut browser = site.browser(viewer);
    let page = browser.open("/app/ours/apps").await;
    assert_eq!(page.one(".empty h2"), "No app acts for you");
    connect(&site, viewer, Scopes::READ).await;
    connect(&site, &site.ours().owner, Scopes::READ_AND_WRITE).await;
    let page = browser.open("/app/ours/apps").await;
    assert_eq!(page.all("td[data-label=May]"), ["look"], "another member's app is not the viewer's to see");
    assert_eq!(page.all("td[data-label='Last used']"), ["never"]);
    let row = page.one("tbody th");
    assert!(
        row.starts_with("Claude")
            && row.contains("registered itself")
            && row.ends_with("https://gateway.example/ours/mcp"),
        "{row}"
    );
    let page = browser.fill(&page, &Fill::press("Disconnect Claude")).await;
    assert_eq!(page.one(".flash"), "The app is disconnected.");
    assert!(page.has(".empty"));
}

#[tokio::test]
async fn who_manages_members_sees_and_ends_everybodys() {
    let site = Site::new().await;
    let app = connect(&site, &site.ours().viewer, Scopes::READ_AND_WRITE).await;
    let mut browser = site.browser(&site.ours().admin);
    let page = browser.open("/app/ours/apps").await;
    assert!(page.has(".empty"), "none of their own");
    assert_eq!(page.all("td[data-label='Acts for']"), ["viewer@ours.example"]);
    assert_eq!(page.all("td[data-label=May]"), ["look and change things"]);
    let path = format!("/app/ours/apps/{app}/revoke");
    let mut policy_manager = site.browser(&site.ours().policy_manager);
    assert_eq!(policy_manager.post_once(&path, "").await.status, StatusCode::NOT_FOUND);
    let mut neighbour = site.browser(&site.fixture.neighbour.owner);
    let stolen = path.replace("/ours/", "/neighbour/");
    for path in [&path, &stolen] {
        assert_eq!(neighbour.post_once(path, "").await.status, StatusCode::NOT_FOUND, "{path}");
    }
    assert!(!browser.fill(&page, &Fill::press("Disconnect Claude")).await.has("table"));
}
