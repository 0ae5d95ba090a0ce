//! Access tokens of apps at the gateway's door, and the scopes behind it.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use domain::{
    AccessClaims, AccessTokens, AppId, DeploymentKey, Entropy, GrantSubject, Principal, Scope, Scopes, SnapshotApp,
    UserId,
};
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    client::{Client, call, stateless},
    fixture::{Fixture, Speaks},
    world::{Account, OPEN, Simple, World, decided},
};

/// An account with a member who has a grant and allowed an app to act for them at one URL.
struct Stage {
    world: World,
    upstream: Arc<Fixture>,
    acme: Account,
    simple: Simple,
    claims: AccessClaims,
}

impl Stage {
    /// The app's URL ends with this path behind the account.
    async fn new(path: &str, scopes: Scopes) -> Self {
        Self::at(Speaks::Sessions, path, scopes).await
    }

    async fn at(speaks: Speaks, path: &str, scopes: Scopes) -> Self {
        let world = World::with(|config| config.times.keep_alive = Duration::from_millis(200)).await;
        let upstream = Fixture::start(speaks).await;
        let mut acme = world.account("acme");
        let simple = acme.simple(&upstream.url, OPEN);
        let Principal::Member(user) = acme.member("ann@acme.example", Vec::new()).principal else { panic!("a member") };
        acme.grant(GrantSubject::Member(user), simple.server, Some(simple.policy));
        let now = world.clock.now();
        let claims = AccessClaims {
            account: acme.snapshot.account,
            app: AppId::new(&world.clock, &world.entropy),
            user,
            client_id: "client_1".to_owned(),
            resource: format!("{}/acme{path}", world.origin),
            scopes,
            issued_at: now,
            expires_at: now.plus_seconds(600),
            id: "1".to_owned(),
        };
        acme.snapshot.apps.push(SnapshotApp {
            id: claims.app,
            user,
            client_name: domain::Name::parse("A client").unwrap(),
            scopes,
            resource: claims.resource.clone(),
            expires_at: now.plus_seconds(86_400),
        });
        world.publish(&acme).await;
        Self { world, upstream, acme, simple, claims }
    }

    fn minted(&self, claims: &AccessClaims) -> String {
        AccessTokens::new(&self.world.key, &self.world.origin).mint(claims)
    }

    fn client(&self, path: &str, token: &str) -> Client {
        Client::new(&self.world, &self.acme, path, &self.simple.agent).with("authorization", &format!("Bearer {token}"))
    }

    /// Whether a token lets in; what a server makes of a ping without a session is its own affair.
    async fn opens(&self, path: &str, token: &str) -> bool {
        let answer = self.client(path, token).post(r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#).await;
        answer.status != StatusCode::UNAUTHORIZED
    }
}

#[tokio::test]
async fn an_apps_token_calls_as_its_person_and_is_named_in_the_record() {
    let stage = Stage::new("/mlflow/mcp", Scopes::READ_AND_WRITE).await;
    let client = stage.client("/mlflow/mcp", &stage.minted(&stage.claims)).initialized().await;
    assert!(client.list().await.contains(&"set_model_alias".to_owned()));
    assert!(client.call("set_model_alias", json!({})).await.is_ok());
    let events = stage.world.records(&stage.acme, |events| events.iter().any(|e| decided(e).is_some())).await;
    let record = events.iter().find_map(decided).unwrap();
    assert_eq!((record.app, record.key), (Some(stage.claims.app), None));
    assert_eq!(record.principal, Some(Principal::Member(stage.claims.user)));
    let seen = stage.upstream.seen.lock().unwrap();
    assert!(seen.iter().all(|request| !request.headers.contains_key("authorization")), "the token stays with us");
}

#[tokio::test]
async fn a_token_opens_its_own_url_and_no_other() {
    let server = Stage::new("/mlflow/mcp", Scopes::READ_AND_WRITE).await;
    let token = server.minted(&server.claims);
    assert!(server.opens("/mlflow/mcp", &token).await);
    assert!(!server.opens("/mcp", &token).await, "a server's token at the account's URL");

    let account = Stage::new("/mcp", Scopes::READ_AND_WRITE).await;
    let token = account.minted(&account.claims);
    assert!(account.opens("/mcp", &token).await);
    assert!(!account.opens("/mlflow/mcp", &token).await, "and the other way");
}

#[tokio::test]
async fn tokens_that_open_nothing_are_all_answered_alike() {
    let mut stage = Stage::new("/mlflow/mcp", Scopes::READ_AND_WRITE).await;
    let claims = stage.claims.clone();
    let now = stage.world.clock.now();
    let other_deployment = AccessTokens::new(&DeploymentKey::new(&Entropy::seeded(99)), &stage.world.origin);
    let other_issuer = AccessTokens::new(&stage.world.key, "https://evil.example");
    let mut neighbour = stage.world.account("neighbour");
    let theirs = AccessClaims { account: neighbour.snapshot.account, ..claims.clone() };
    neighbour.simple(&stage.upstream.url, OPEN);
    stage.world.publish(&neighbour).await;
    let stranger = UserId::new(&stage.world.clock, &stage.world.entropy);
    let no_app = AppId::new(&stage.world.clock, &stage.world.entropy);
    let good = stage.minted(&claims);
    let mut tokens = vec![
        ("another deployment", other_deployment.mint(&claims)),
        ("another issuer", other_issuer.mint(&claims)),
        ("expired", stage.minted(&AccessClaims { expires_at: now.plus_seconds(-60), ..claims.clone() })),
        ("an app that is not there", stage.minted(&AccessClaims { app: no_app, ..claims.clone() })),
        ("another account", stage.minted(&theirs)),
        ("another person", stage.minted(&AccessClaims { user: stranger, ..claims.clone() })),
        ("cut", good[..good.len() - 4].to_owned()),
        ("dots", "a.b.c".to_owned()),
    ];
    let (head, rest) = good.split_once('.').unwrap();
    tokens.push(("unsigned", format!("eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0.{}.", rest.split('.').next().unwrap())));
    tokens.push(("its head twice", format!("{head}.{head}.{rest}")));
    assert!(stage.opens("/mlflow/mcp", &good).await);
    let mut answers = Vec::new();
    for (what, token) in tokens {
        let message = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
        let answer = stage.client("/mlflow/mcp", &token).post(message).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{what}");
        answers.push((answer.headers["www-authenticate"].clone(), answer.body));
    }
    answers.dedup();
    assert_eq!(answers.len(), 1);

    stage.acme.changed().snapshot.members.retain(|member| member.user != claims.user);
    stage.world.publish(&stage.acme).await;
    crate::snapshots::until(|| async { !stage.opens("/mlflow/mcp", &good).await }).await;
}

#[tokio::test]
async fn a_reader_is_asked_for_more_before_it_changes_anything() {
    let stage = Stage::new("/mlflow/mcp", Scopes::READ).await;
    let client = stage.client("/mlflow/mcp", &stage.minted(&stage.claims)).initialized().await;
    assert!(client.list().await.contains(&"set_model_alias".to_owned()), "what could be allowed is seen");
    assert!(client.call("echo", json!({})).await.is_ok());
    for tool in ["set_model_alias", "delete_run", "a-tool-that-nobody-knows"] {
        let refused = client.call(tool, json!({})).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{tool}");
        let challenge = format!(
            "Bearer error=\"insufficient_scope\", scope=\"mcp:read mcp:write\", resource_metadata=\"{}/.well-known/oauth-protected-resource/acme/mlflow/mcp\"",
            stage.world.origin
        );
        assert_eq!(refused.headers["www-authenticate"], challenge);
        assert_eq!(refused.json()["error"]["data"]["reason"], "insufficient_scope");
    }
    let refused = |events: &[domain::Event]| {
        events.iter().filter_map(decided).filter(|call| call.code.as_deref() == Some("insufficient_scope")).count()
    };
    let events = stage.world.records(&stage.acme, |events| refused(events) == 3).await;
    let tools: Vec<_> = events.iter().filter_map(decided).filter_map(|call| call.tool.clone()).collect();
    assert!(tools.contains(&"delete_run".to_owned()));
    let calls = |tool: &str| call(7, tool, &json!({}));
    let seen = stage.upstream.seen.lock().unwrap();
    let forwarded = |tool: &str| seen.iter().any(|request| request.body == calls(tool).as_bytes());
    assert!(forwarded("echo") && !forwarded("set_model_alias") && !forwarded("delete_run"));
}

#[tokio::test]
async fn an_app_has_the_fewer_of_its_own_and_its_tokens_scopes() {
    let stage = Stage::new("/mlflow/mcp", Scopes::READ).await;
    let wide = AccessClaims { scopes: Scopes::READ.with(Scope::Write), ..stage.claims.clone() };
    let client = stage.client("/mlflow/mcp", &stage.minted(&wide)).initialized().await;
    assert_eq!(client.call("set_model_alias", json!({})).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn what_policy_denies_needs_no_more_scopes() {
    let mut stage = Stage::new("/mlflow/mcp", Scopes::READ).await;
    stage.acme.new_version(stage.simple.policy, r#"{"version":"1","default":"deny","hide":["delete_run"]}"#);
    stage.acme.changed();
    stage.world.publish(&stage.acme).await;
    let client = stage.client("/mlflow/mcp", &stage.minted(&stage.claims)).initialized().await;
    crate::snapshots::until(|| async { client.call("set_model_alias", json!({})).await.status == StatusCode::OK })
        .await;
    let hidden = client.call("delete_run", json!({})).await;
    let unknown = client.call("delete_ruin", json!({})).await;
    assert_eq!(hidden.status, unknown.status);
    assert_eq!(hidden.text().replace("delete_run", "delete_ruin"), unknown.text(), "a hidden tool does not exist");
}

#[tokio::test]
async fn a_revoked_app_is_refused_and_its_streams_end() {
    let mut stage = Stage::new("/mlflow/mcp", Scopes::READ_AND_WRITE).await;
    let token = stage.minted(&stage.claims);
    let client = stage.client("/mlflow/mcp", &token).initialized().await;
    let mut stream = client.clone().with("accept", "text/event-stream").open(Method::GET, Bytes::new()).await;
    assert_eq!(stream.status, StatusCode::OK);
    stage.acme.changed().snapshot.apps.clear();
    stage.world.publish(&stage.acme).await;
    assert_eq!(stream.event().await, None);
    assert!(!stage.opens("/mlflow/mcp", &token).await);
}

/// On both URLs, by GET and by subscription, towards a server of either era.
#[tokio::test]
async fn a_stream_ends_with_the_token_that_opened_it_and_not_before() {
    for (path, modern, speaks) in [
        ("/mlflow/mcp", false, Speaks::Sessions),
        ("/mlflow/mcp", false, Speaks::Stateless),
        ("/mlflow/mcp", true, Speaks::Sessions),
        ("/mlflow/mcp", true, Speaks::Stateless),
        ("/mcp", false, Speaks::Sessions),
        ("/mcp", true, Speaks::Stateless),
    ] {
        let mut stage = Stage::at(speaks, path, Scopes::READ_AND_WRITE).await;
        let client = stage.client(path, &stage.minted(&stage.claims));
        let mut stream = if modern {
            let wanted = json!({"notifications": {"toolsListChanged": true}});
            let (client, message) = stateless(client, "subscriptions/listen", wanted);
            let mut stream = client.open(Method::POST, message).await;
            assert_eq!(stream.event().await.unwrap()["method"], "notifications/subscriptions/acknowledged");
            stream
        } else {
            client.initialized().await.with("accept", "text/event-stream").open(Method::GET, Bytes::new()).await
        };
        stage.world.clock.advance_seconds(599);
        stage.acme.new_version(stage.simple.policy, r#"{"version":"1","default":"deny"}"#);
        stage.acme.changed();
        stage.world.publish(&stage.acme).await;
        let told = stream.event().await.unwrap();
        assert_eq!(told["method"], "notifications/tools/list_changed", "{path} {modern} {speaks:?}");
        stage.world.clock.advance_seconds(2);
        let end = stream.event().await;
        if modern {
            assert_eq!(end.unwrap()["id"], 7, "{path} {speaks:?}: the subscription is answered");
            assert_eq!(stream.event().await, None, "{path} {speaks:?}");
        } else {
            assert_eq!(end, None, "{path} {speaks:?}");
        }
        let now = stage.world.clock.now();
        let next = AccessClaims { issued_at: now, expires_at: now.plus_seconds(600), ..stage.claims.clone() };
        assert!(stage.opens(path, &stage.minted(&next)).await, "its app goes on with the next one");
    }
}

#[tokio::test]
async fn who_gives_tokens_is_told_for_any_url_and_to_any_page() {
    let world = World::with(|config| config.issuer = "https://control.example".to_owned()).await;
    let acme = world.account("acme");
    let agent = world.account("other").agent("x");
    let ask = async |path: &str, method: Method| {
        let mut client = Client::new(&world, &acme, "", &agent).without("authorization");
        client.url = format!("{}/.well-known/oauth-protected-resource{path}", world.origin);
        client.with("origin", "https://a-page.example").send(method, Bytes::new()).await
    };
    for path in ["", "/acme/mcp", "/acme/mlflow/mcp", "/no-such-account/mcp"] {
        let answer = ask(path, Method::GET).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        assert_eq!(answer.headers["access-control-allow-origin"], "*");
        let document: Value = answer.json();
        assert_eq!(document["resource"], format!("{}{path}", world.origin));
        assert_eq!(document["authorization_servers"], json!(["https://control.example"]));
        assert_eq!(document["scopes_supported"], json!(["mcp:read", "mcp:write"]));
        assert_eq!(document["bearer_methods_supported"], json!(["header"]));
        assert_eq!(ask(path, Method::OPTIONS).await.status, StatusCode::NO_CONTENT);
    }
    for path in ["/ACME/mcp", "/acme/ml_flow/mcp", "/acme", "/a/b/c/mcp"] {
        assert_eq!(ask(path, Method::GET).await.status, StatusCode::NOT_FOUND, "{path}");
    }
}
