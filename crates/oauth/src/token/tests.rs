use crate::testing::{REDIRECT, Site, VERIFIER};

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

#[tokio::test]
async fn a_code_becomes_tokens_once_and_a_refresh_token_the_next_ones() {
    let site = Site::new().await;
    let client = site.client().await;
    let code = site.code(&site.fixture.ours.viewer, &client).await;
    let issued = site.exchange(&code, &client).await;
    assert_eq!(issued.status.as_u16(), 200, "{}", issued.text);
    assert_eq!((issued.header("cache-control"), issued.header("content-type")), ("no-store", "application/json"));
    assert_eq!(issued.header("access-control-allow-origin"), "*");
    let answer = issued.json();
    assert_eq!((&answer["token_type"], &answer["expires_in"]), (&"Bearer".into(), &600.into()));
    assert_eq!(answer["access_token"].as_str().unwrap().split('.').count(), 3);
    assert_eq!(answer["scope"], "mcp:read mcp:write offline_access");
    let refresh = answer["refresh_token"].as_str().unwrap();
    let next = site
        .form("/token", &[("grant_type", "refresh_token"), ("refresh_token", refresh), ("client_id", &client)])
        .await;
    assert_eq!(next.status.as_u16(), 200, "{}", next.text);
    assert_ne!(next.json()["refresh_token"], answer["refresh_token"]);
    assert_eq!(site.exchange(&code, &client).await.error(), (400, "invalid_grant".to_owned()), "once");
}

#[tokio::test]
async fn who_is_not_the_one_the_code_was_given_to_gets_nothing() {
    let site = Site::new().await;
    let (client, other) = (site.client().await, site.client().await);
    for (name, value, error) in [
        ("client_id", other.as_str(), "invalid_grant"),
        ("redirect_uri", "http://localhost:1/other", "invalid_grant"),
        ("code_verifier", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXX", "invalid_grant"),
        ("resource", "https://gateway.example/ours/mlflow/mcp", "invalid_target"),
        ("code", "pcl_code_x", "invalid_grant"),
        ("grant_type", "password", "unsupported_grant_type"),
        ("grant_type", "", "invalid_request"),
        ("code_verifier", "", "invalid_request"),
        ("client_id", "", "invalid_request"),
        ("code", "", "invalid_request"),
    ] {
        let code = site.code(&site.fixture.ours.viewer, &client).await;
        let good = [
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("client_id", client.as_str()),
            ("redirect_uri", REDIRECT),
            ("code_verifier", VERIFIER),
            ("resource", "https://gateway.example/ours/mcp"),
        ];
        let fields = good.map(|(of, given)| if of == name { (of, value) } else { (of, given) });
        assert_eq!(site.form("/token", &fields).await.error(), (400, error.to_owned()), "{name}={value}");
    }
}

#[tokio::test]
async fn a_client_that_is_not_known_is_told_to_register_again() {
    let site = Site::new().await;
    let client = site.client().await;
    let code = site.code(&site.fixture.ours.viewer, &client).await;
    let unknown = site.exchange(&code, "client_nobody").await;
    assert_eq!(unknown.error(), (401, "invalid_client".to_owned()));
    let basic = ("authorization", "Basic Y2xpZW50X25vYm9keTo=");
    let seen = site
        .ask(
            "POST",
            "/token",
            &[FORM, basic],
            &format!("grant_type=authorization_code&code={code}&code_verifier={VERIFIER}"),
        )
        .await;
    assert_eq!(
        (seen.error(), seen.header("www-authenticate")),
        ((401, "invalid_client".to_owned()), "Basic realm=\"portcullis\"")
    );
    assert_eq!(site.exchange(&code, &client).await.status.as_u16(), 200, "and the code still stands");
}

#[tokio::test]
async fn what_cannot_be_read_is_refused() {
    let site = Site::new().await;
    let twice = site.ask("POST", "/token", &[FORM], "grant_type=refresh_token&grant_type=authorization_code").await;
    assert_eq!(twice.error(), (400, "invalid_request".to_owned()));
    let json = site.ask("POST", "/token", &[("content-type", "application/json")], "{}").await;
    assert_eq!(json.error(), (400, "invalid_request".to_owned()));
    let large = site.ask("POST", "/token", &[FORM], &format!("x={}", "a".repeat(70_000))).await;
    assert_eq!(large.error(), (400, "invalid_request".to_owned()));
    assert_eq!(site.ask("GET", "/token", &[], "").await.status.as_u16(), 405);
}

#[tokio::test]
async fn a_token_that_is_given_back_ends_the_app_and_the_answer_tells_nothing() {
    let site = Site::new().await;
    let (client, other) = (site.client().await, site.client().await);
    let code = site.code(&site.fixture.ours.viewer, &client).await;
    let refresh = site.exchange(&code, &client).await.json()["refresh_token"].as_str().unwrap().to_owned();
    for (token, from) in [("nonsense", client.as_str()), (refresh.as_str(), other.as_str())] {
        let seen = site.form("/revoke", &[("token", token), ("client_id", from)]).await;
        assert_eq!((seen.status.as_u16(), seen.text.as_str()), (200, ""));
    }
    let apps = site.fixture.accounts.apps(&site.fixture.ours.viewer.caller).await.unwrap();
    assert_eq!(apps.len(), 1, "another client cannot end it");
    let seen = site.form("/revoke", &[("token", &refresh), ("client_id", &client)]).await;
    assert_eq!((seen.status.as_u16(), seen.text.as_str()), (200, ""));
    assert!(site.fixture.accounts.apps(&site.fixture.ours.viewer.caller).await.unwrap().is_empty());
    let fields = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str()), ("client_id", client.as_str())];
    assert_eq!(site.form("/token", &fields).await.error(), (400, "invalid_grant".to_owned()));
    assert_eq!(site.form("/revoke", &[("client_id", &client)]).await.error(), (400, "invalid_request".to_owned()));
}
