//! A call's way through: what is forwarded, and what is denied.

use bytes::Bytes;
use http::{Method, StatusCode};
use serde_json::json;

use crate::{
    client::{Client, stateless_call},
    fixture::{Fixture, Speaks},
    world::{OPEN, World},
};

const MIXED: &str = r#"{"version":"1","default":"deny","hide":["delete_*"],
    "tools":{"echo":{},"set_model_alias":{"deny_if":[{"conditions":[{"path":"args.alias","op":"eq","value":"prod"}],"on_deny":"Not prod."}]},
    "drop_all":{"action":"deny","reason":"Never."}}}"#;

#[tokio::test]
async fn what_was_judged_is_what_is_sent() {
    let (world, upstream) = (World::start().await, Fixture::start(Speaks::Sessions).await);
    let mut acme = world.account("acme");
    let simple = acme.simple(&upstream.url, OPEN);
    acme.header(simple.server, "x-upstream-key", "s3cret");
    world.publish(&acme).await;
    let client = Client::new(&world, &acme, "/mlflow/mcp", &simple.agent).initialized().await;

    let odd = br#" { "params":{"x-extra":[1.0,12345678901234567890,1E5],"arguments":{"b":1e0,"a":"\u00e9\ud83d\ude00"},"name":"echo"},
        "method" : "tools/call", "unknown":null,"id":"\u0041-1", "jsonrpc":"2.0" } "#;
    let client = client.with("cookie", "c=1").with("x-other", "1").with("traceparent", "00-a-b-01");
    let answer = client.post(Bytes::from_static(odd)).await;
    assert!(answer.is_ok(), "{}", answer.text());
    assert_eq!(answer.headers["x-request-id"].len(), 16);
    assert!(answer.text().starts_with(r#"{"jsonrpc":"2.0","id":"A-1","result":"#), "{}", answer.text());

    let (headers, body) = upstream.last();
    assert_eq!(body, &odd[..], "every byte as it was judged");
    for never in ["authorization", "cookie", "origin", "x-other", "x-forwarded-for"] {
        assert!(!headers.contains_key(never), "{never}");
    }
    assert_eq!(headers["x-upstream-key"], "s3cret");
    assert_eq!(headers["traceparent"], "00-a-b-01");
    assert_eq!(headers["accept-encoding"], "identity");
    assert_eq!(headers["host"], upstream.url[7..].trim_end_matches("/mcp"));
    assert_eq!(headers["mcp-session-id"], "up-0");
}

#[tokio::test]
async fn denials_are_results_that_a_model_can_read() {
    let (world, upstream) = (World::start().await, Fixture::start(Speaks::Sessions).await);
    let mut acme = world.account("acme");
    let simple = acme.simple(&upstream.url, MIXED);
    world.publish(&acme).await;
    let client = Client::new(&world, &acme, "/mlflow/mcp", &simple.agent).initialized().await;

    let denied = client.call("drop_all", json!({})).await;
    assert_eq!(denied.status, StatusCode::OK);
    let decision = denied.decision();
    assert_eq!((&decision["code"], &decision["rule"]), (&json!("denied"), &json!("/tools/drop_all/action")));
    assert!(decision["id"].as_str().unwrap().starts_with("dec_"));
    let json = denied.json();
    assert_eq!(json["result"]["content"][0]["text"], "[POLICY DENIED] Never.");
    assert_eq!(json["result"].get("resultType"), None, "the era has none");

    let argument = client.call("set_model_alias", json!({"alias": "prod"})).await;
    assert_eq!(argument.code(), "argument_denied");
    assert_eq!(argument.decision()["rule"], "/tools/set_model_alias/deny_if/0");

    // What is hidden and what does not exist are answered alike, whatever the default.
    let unknown = client.call("other", json!({})).await;
    assert_eq!(unknown.json()["error"], json!({"code": -32602, "message": "Unknown tool: other"}));
    let hidden = client.call("delete_run", json!({})).await;
    assert_eq!(hidden.json()["error"], json!({"code": -32602, "message": "Unknown tool: delete_run"}));

    assert_eq!(upstream.calls(), 0);
    assert!(client.call("set_model_alias", json!({"alias": "test"})).await.is_ok());
    assert_eq!(upstream.calls(), 1);
}

#[tokio::test]
async fn the_stateless_era_is_served_on_the_same_url() {
    let (world, upstream) = (World::start().await, Fixture::start(Speaks::Stateless).await);
    let mut acme = world.account("acme");
    let simple = acme.simple(&upstream.url, MIXED);
    world.publish(&acme).await;
    let client = Client::new(&world, &acme, "/mlflow/mcp", &simple.agent);

    let (modern, message) = stateless_call(client.clone(), "echo", &json!({"a": 1.0}));
    let answer = modern.with("mcp-param-x", "1").post(message.clone()).await;
    assert!(answer.is_ok(), "{}", answer.text());
    let (headers, body) = upstream.last();
    assert_eq!(body, message.as_bytes());
    assert_eq!(
        (&headers["mcp-method"], &headers["mcp-name"]),
        (&"tools/call".parse().unwrap(), &"echo".parse().unwrap())
    );
    assert_eq!(headers["mcp-param-x"], "1");

    let (modern, message) = stateless_call(client.clone(), "drop_all", &json!({}));
    let denied = modern.post(message).await;
    assert_eq!(denied.json()["result"]["resultType"], "complete");
    assert_eq!(denied.code(), "denied");

    // A client of the first era is greeted in the server's name.
    let hello = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"a","version":"1"}}}"#;
    let answer = client.post(hello).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.json()["result"]["protocolVersion"], "2025-11-25");
}

#[tokio::test]
async fn a_client_of_both_eras_finds_a_server_of_the_first_in_either() {
    let (world, upstream) = (World::start().await, Fixture::start(Speaks::Sessions).await);
    let mut acme = world.account("acme");
    let simple = acme.simple(&upstream.url, OPEN);
    world.publish(&acme).await;
    let client = Client::new(&world, &acme, "/mlflow/mcp", &simple.agent);
    let meta =
        r#"{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#;
    let discover = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"server/discover","params":{{"_meta":{meta}}}}}"#);
    let modern = client.clone().with("mcp-protocol-version", "2026-07-28").with("mcp-method", "server/discover");
    let answer = modern.post(discover).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert_eq!(answer.json()["id"], 1);
    assert!(client.initialized().await.call("echo", json!({})).await.is_ok());
}

#[tokio::test]
async fn a_key_opens_its_own_account_only() {
    let (world, upstream) = (World::start().await, Fixture::start(Speaks::Sessions).await);
    let (mut ours, mut neighbour) = (world.account("acme"), world.account("neighbour"));
    let own = ours.simple(&upstream.url, OPEN);
    let other = neighbour.simple(&upstream.url, OPEN);
    world.publish(&ours).await;
    world.publish(&neighbour).await;

    let message = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    let bare = Client::new(&world, &ours, "/mlflow/mcp", &own.agent);
    let nobody = bare.clone().without("authorization").post(message).await;
    assert_eq!(nobody.status, StatusCode::UNAUTHORIZED);
    let metadata = |account: &str| {
        let origin = &world.origin;
        format!(
            "scope=\"mcp:read mcp:write\", resource_metadata=\"{origin}/.well-known/oauth-protected-resource/{account}/mlflow/mcp\""
        )
    };
    assert_eq!(nobody.headers["www-authenticate"], format!("Bearer {}", metadata("acme")));

    let foreign = Client::new(&world, &ours, "/mlflow/mcp", &other.agent).post(message).await;
    let invented = bare.clone().with("authorization", "Bearer pcl_key_x").post(message).await;
    let mut elsewhere = bare.clone();
    elsewhere.url = elsewhere.url.replace("acme", "no-such-account");
    let absent = elsewhere.post(message).await;
    for (refused, account) in [(&foreign, "acme"), (&invented, "acme"), (&absent, "no-such-account")] {
        assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
        assert_eq!(refused.body, foreign.body);
        let challenge = format!("Bearer error=\"invalid_token\", {}", metadata(account));
        assert_eq!(refused.headers["www-authenticate"], challenge);
    }
    assert_eq!(upstream.seen.lock().unwrap().len(), 0);
}

#[tokio::test]
async fn a_server_without_a_grant_is_one_that_does_not_exist() {
    let (world, upstream) = (World::start().await, Fixture::start(Speaks::Sessions).await);
    let mut acme = world.account("acme");
    let simple = acme.simple(&upstream.url, OPEN);
    acme.server("secret", domain::Transport::Http { url: upstream.url.clone() }, &[]);
    let lapsed = acme.agent("lapsed");
    let policy = simple.policy;
    let grant = acme.grant(lapsed.principal.as_subject(), simple.server, Some(policy));
    acme.grant_mut(grant).expires_at = Some(world.clock.now());
    world.publish(&acme).await;

    let ask = |path: &str, holder| {
        let client = Client::new(&world, &acme, path, holder);
        async move { client.post(r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#).await }
    };
    let secret = ask("/secret/mcp", &simple.agent).await;
    assert_eq!(secret.status, StatusCode::NOT_FOUND);
    for path in ["/nothing/mcp", "/UPPER/mcp", "/%2e%2e/mcp", "/a%2Fb/mcp"] {
        let answer = ask(path, &simple.agent).await;
        assert_eq!((answer.status, answer.body), (secret.status, secret.body.clone()), "{path}");
    }
    let expired = ask("/mlflow/mcp", &lapsed).await;
    assert_eq!((expired.status, expired.body), (secret.status, secret.body));
}

#[tokio::test]
async fn an_expired_key_is_no_key() {
    let (world, upstream) = (World::start().await, Fixture::start(Speaks::Sessions).await);
    let mut acme = world.account("acme");
    let simple = acme.simple(&upstream.url, OPEN);
    acme.snapshot.keys[0].expires_at = Some(world.clock.now().plus_seconds(60));
    world.publish(&acme).await;
    let client = Client::new(&world, &acme, "/mlflow/mcp", &simple.agent).initialized().await;
    assert!(client.call("echo", json!({})).await.is_ok());
    world.clock.advance_seconds(60);
    assert_eq!(client.call("echo", json!({})).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_team_grant_works_through_each_members_own_key_in_the_teams_order() {
    let (world, upstream) = (World::start().await, Fixture::start(Speaks::Sessions).await);
    let mut acme = world.account("acme");
    let simple = acme.simple(&upstream.url, OPEN);
    let (first, second) = (acme.team(), acme.team());
    let member = acme.member("a@example.com", vec![first, second]);
    let outsider = acme.member("b@example.com", vec![]);
    let strict =
        acme.policy(r#"{"version":"1","default":"deny","tools":{"echo":{"action":"deny","reason":"First says no."}}}"#);
    let lenient = acme.policy(r#"{"version":"1","default":"deny","tools":{"echo":{}}}"#);
    acme.grant(domain::GrantSubject::Team(first), simple.server, Some(strict));
    acme.grant(domain::GrantSubject::Team(second), simple.server, Some(lenient));
    world.publish(&acme).await;

    let client = Client::new(&world, &acme, "/mlflow/mcp", &member).initialized().await;
    assert!(client.call("echo", json!({})).await.is_ok(), "the first grant that allows is charged");
    assert_eq!(client.call("set_model_alias", json!({})).await.code(), "default_deny");
    let stranger = Client::new(&world, &acme, "/mlflow/mcp", &outsider);
    assert_eq!(stranger.post(r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#).await.status, StatusCode::NOT_FOUND);

    // A grant of one's own goes before the teams'.
    let own =
        acme.policy(r#"{"version":"1","default":"deny","tools":{"echo":{"action":"deny","reason":"Own says no."}}}"#);
    acme.grant(member.principal.as_subject(), simple.server, Some(own));
    acme.changed();
    world.publish(&acme).await;
    crate::snapshots::until(|| async {
        let answer = client.call("echo", json!({})).await.json();
        answer["result"]["content"][0]["text"] == "[POLICY DENIED] Own says no."
    })
    .await;
}

#[tokio::test]
async fn no_policy_and_a_suspended_grant_deny() {
    let (world, upstream) = (World::start().await, Fixture::start(Speaks::Sessions).await);
    let mut acme = world.account("acme");
    let simple = acme.simple(&upstream.url, OPEN);
    let (bare, paused) = (acme.agent("bare"), acme.agent("paused"));
    acme.grant(bare.principal.as_subject(), simple.server, None);
    let grant = acme.grant(paused.principal.as_subject(), simple.server, Some(simple.policy));
    acme.grant_mut(grant).state = domain::GrantState::Suspended;
    world.publish(&acme).await;

    let client = Client::new(&world, &acme, "/mlflow/mcp", &bare).initialized().await;
    assert_eq!(client.call("echo", json!({})).await.code(), "no_policy");
    let client = Client::new(&world, &acme, "/mlflow/mcp", &paused).initialized().await;
    assert_eq!(client.call("echo", json!({})).await.code(), "grant_suspended");
    let read = client.post(r#"{"jsonrpc":"2.0","id":1,"method":"resources/list"}"#).await;
    assert_eq!(read.reason(), "grant_suspended");
    assert_eq!(upstream.calls(), 0);
}

#[tokio::test]
async fn a_browser_is_shown_how_to_connect() {
    let world = World::start().await;
    let acme = world.account("acme");
    let mut acme = acme;
    let agent = acme.agent("x");
    for path in ["/mcp", "/mlflow/mcp"] {
        let browser = Client::new(&world, &acme, path, &agent).without("authorization").with("accept", "text/html,*/*");
        let page = browser.send(Method::GET, "").await;
        assert_eq!(page.status, StatusCode::OK);
        assert_eq!(page.headers["content-type"], "text/html; charset=utf-8");
        assert!(page.headers["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'"));
        for word in ["Claude Code", "Cursor", "VS Code", "Inspector", "curl", &format!("{}/acme{path}", world.origin)] {
            assert!(page.text().contains(word), "{word}");
        }
    }
}
