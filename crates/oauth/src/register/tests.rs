use serde_json::{Value, json};

use crate::testing::{ORIGIN, Site};

#[tokio::test]
async fn known_clients_register_as_they_do() {
    let site = Site::new().await;
    for uris in [
        json!([
            "cursor://anysphere.cursor-mcp/oauth/callback",
            "https://www.cursor.com/agents/mcp/oauth/callback",
            "http://localhost:8787/callback"
        ]),
        json!([
            "http://127.0.0.1/",
            "http://127.0.0.1:33418/",
            "https://vscode.dev/redirect",
            "https://insiders.vscode.dev/redirect"
        ]),
        json!(["https://claude.ai/api/mcp/auth_callback"]),
        json!(["https://chatgpt.com/connector/oauth/abc123"]),
    ] {
        let document = json!({
            "client_name": "Some client", "redirect_uris": uris, "token_endpoint_auth_method": "none",
            "grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"], "logo_uri": "https://x.example/y",
        });
        let seen = site.register(&document).await;
        assert_eq!(seen.status.as_u16(), 201, "{}", seen.text);
        let answer = seen.json();
        assert_eq!((&answer["redirect_uris"], &answer["client_name"]), (&uris, &json!("Some client")));
        assert_eq!(answer["token_endpoint_auth_method"], "none");
        assert_eq!(answer["grant_types"], json!(["authorization_code", "refresh_token"]));
        assert!(answer["client_id_issued_at"].is_i64() && answer.get("client_secret").is_none());
        assert_eq!((seen.header("cache-control"), seen.header("access-control-allow-origin")), ("no-store", "*"));
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_registration_is_told_by_its_code() {
    let site = Site::new().await;
    for (document, code) in [
        (json!({"redirect_uris": ["https://good.example/", "http://evil.example/"]}), "invalid_redirect_uri"),
        (json!({"redirect_uris": ["javascript:alert(1)"]}), "invalid_redirect_uri"),
        (json!({}), "invalid_client_metadata"),
        (json!({"redirect_uris": "https://good.example/"}), "invalid_client_metadata"),
        (json!({"redirect_uris": ["https://good.example/"], "response_types": ["token"]}), "invalid_client_metadata"),
        (
            json!({"redirect_uris": ["https://good.example/"], "grant_types": ["client_credentials"]}),
            "invalid_client_metadata",
        ),
        (json!({"redirect_uris": ["https://good.example/"], "client_name": "a\u{202e}b"}), "invalid_client_metadata"),
        (json!([]), "invalid_client_metadata"),
    ] {
        assert_eq!(site.register(&document).await.error(), (400, code.to_owned()), "{document}");
    }
}

#[tokio::test]
async fn one_address_registers_only_so_many() {
    let site = Site::new().await;
    let document = json!({"redirect_uris": ["https://good.example/"]});
    for _ in 0..200 {
        let seen = site.register(&document).await;
        if seen.status.as_u16() == 429 {
            assert_eq!(seen.error().1, "slow_down");
            assert!(seen.header("retry-after").parse::<u32>().is_ok());
            return;
        }
    }
    panic!("two hundred registrations and no end");
}

#[tokio::test]
async fn metadata_is_at_every_place_where_clients_look_and_says_the_same() {
    let site = Site::new().await;
    let mut documents: Vec<Value> = Vec::new();
    for path in [
        "/.well-known/oauth-authorization-server",
        "/.well-known/oauth-authorization-server/ours/mcp",
        "/.well-known/oauth-authorization-server/ours/mlflow/mcp",
        "/.well-known/openid-configuration",
        "/.well-known/openid-configuration/ours/mcp",
    ] {
        let seen = site.ask("GET", path, &[("origin", "https://app.example")], "").await;
        assert_eq!((seen.status.as_u16(), seen.header("access-control-allow-origin")), (200, "*"), "{path}");
        documents.push(seen.json());
    }
    assert!(documents.iter().all(|document| *document == documents[0] && document["issuer"] == ORIGIN));
    let keys = site.ask("GET", "/.well-known/jwks.json", &[], "").await.json();
    let keys = keys["keys"].as_array().unwrap();
    assert!(keys.len() >= 2 && keys.iter().all(|key| key["kid"].is_string() && key.get("d").is_none()), "{keys:?}");
}

#[tokio::test]
async fn programs_in_browsers_may_ask_from_any_page_and_the_consent_page_may_not() {
    let site = Site::new().await;
    let headers = [("origin", "https://app.example"), ("access-control-request-method", "POST")];
    for path in ["/token", "/register", "/revoke", "/.well-known/oauth-authorization-server", "/.well-known/jwks.json"]
    {
        let seen = site.ask("OPTIONS", path, &headers, "").await;
        assert_eq!((seen.status.as_u16(), seen.header("access-control-allow-origin")), (204, "*"), "{path}");
        assert!(seen.header("access-control-allow-headers").contains("authorization"), "{path}");
    }
    let seen = site.ask("OPTIONS", "/authorize", &headers, "").await;
    assert_eq!(seen.header("access-control-allow-origin"), "");
}
