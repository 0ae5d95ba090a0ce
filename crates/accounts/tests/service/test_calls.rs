//! Test calls against a gateway of the tests' own, which knows the keys that the snapshot carries and no others.

use accounts::{
    Accounts, Config, Error, KeyWish, NewGrant, NewSubject, NewTestCall, PolicyEdit, Rule, TestCall, TestOutcome,
    Wiring,
};
use axum::{
    Json, Router,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response},
    routing::post,
};
use bus::Bus;
use domain::{AccountSlug, DeploymentKey, Principal, Token, TokenKind};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use upstream::{Dialer, DialerConfig, Egress};

use crate::support::{Work, to_agent};

#[derive(Clone)]
struct FakeGateway {
    bus: Bus,
    key: DeploymentKey,
}

impl FakeGateway {
    /// Who a key belongs to, by the published snapshot.
    async fn principal(&self, account: &AccountSlug, headers: &HeaderMap) -> Option<Principal> {
        let bearer = headers.get("authorization")?.to_str().ok()?.strip_prefix("Bearer ")?;
        let hash = Token::parse(TokenKind::Key, bearer).ok()?.hash();
        let snapshot = self.bus.load(account).await.ok()??.open(account, &self.key).ok()?;
        snapshot.keys.iter().find(|k| k.hash == hash).map(|k| k.principal)
    }
}

async fn answer(
    State(gateway): State<FakeGateway>,
    Path((account, _server)): Path<(String, String)>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Response {
    let account = account.parse().expect("a slug");
    let Some(principal) = gateway.principal(&account, &headers).await else {
        return StatusCode::UNAUTHORIZED.into_response();
    };
    let tool = body["params"]["name"].as_str().unwrap_or_default();
    let result = match body["method"].as_str().unwrap_or_default() {
        "server/discover" => json!({"resultType": "complete", "supportedVersions": ["2026-07-28"], "capabilities": {}}),
        "tools/call" if tool == "set_model_alias" => {
            json!({"resultType": "complete", "content": [{"type": "text", "text": format!("{principal:?} {}", body["params"]["arguments"])}]})
        }
        _ => {
            json!({"resultType": "complete", "isError": true, "content": [{"type": "text", "text": "[POLICY DENIED] no"}],
            "_meta": {"dev.portcullis/decision": {"outcome": "deny", "code": "default_deny", "rule": "/default"}}})
        }
    };
    Json(json!({"jsonrpc": "2.0", "id": body["id"], "result": result})).into_response()
}

/// The fixture's accounts, with a gateway to call, and a rule that would refuse a tenant its address.
async fn with_gateway(work: &Work) -> Accounts {
    let gateway = FakeGateway { bus: work.fixture.bus.clone(), key: work.fixture.key.clone() };
    let router = Router::new().route("/{account}/{server}/mcp", post(answer)).with_state(gateway);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let internal_gateway = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move { axum::serve(listener, router).await });
    Accounts::new(Wiring {
        db: work.fixture.test.db.clone(),
        bus: work.fixture.bus.clone(),
        counters: work.fixture.counters.clone(),
        dialer: Dialer::new(DialerConfig::new(Egress::PUBLIC_ONLY)).expect("a dialer"),
        key: work.fixture.key.clone(),
        clock: work.fixture.clock.clone(),
        entropy: work.fixture.entropy.clone(),
        config: Config {
            gateway_origin: "https://gateway.example".to_owned(),
            internal_gateway,
            issuer: "https://gateway.example".to_owned(),
            client_documents: accounts::ClientDocuments::Public,
            retention: accounts::Retention::default(),
        },
    })
}

fn allowed(work: &Work) -> NewTestCall {
    let what = TestCall::Tool { name: "set_model_alias".to_owned(), arguments: r#"{"alias":"a"}"#.to_owned() };
    NewTestCall { server: work.ours.server.id, grant: Some(work.ours.grant.id), what }
}

#[tokio::test]
async fn a_test_call_goes_through_the_gateway_with_a_key_of_two_minutes() {
    let work = Work::new().await;
    let (accounts, owner) = (with_gateway(&work).await, &work.fixture.ours.owner.caller);
    work.fixture.clock.advance_seconds(1);
    let result = accounts.test_call(owner, &allowed(&work)).await.expect("made");
    assert_eq!(result.answer.outcome, TestOutcome::Passed);
    assert_eq!(result.answer.text, format!("Agent({}) {{\"alias\":\"a\"}}", work.fixture.ours.agent));
    assert_eq!(result.gateway_url, "https://gateway.example/ours/mlflow/mcp");
    assert!(
        result.request.contains("\"set_model_alias\"") && !result.request.contains("pcl_key_"),
        "{}",
        result.request
    );

    let now = work.fixture.clock.now();
    let snapshot = work.snapshot().await;
    let short: Vec<_> = snapshot.keys.iter().filter(|k| k.expires_at == Some(now.plus_seconds(120))).collect();
    assert_eq!(short.len(), 1);
    let keys = accounts.agent(owner, work.fixture.ours.agent).await.expect("the agent").keys;
    assert!(keys.iter().all(|k| k.id != short[0].id), "it stands in no list");
    let events = accounts.admin_events(owner).await.expect("asked");
    assert_eq!(events[0].action, "test_call.made");
}

#[tokio::test]
async fn the_denied_variant_picks_a_tool_that_the_policy_denies() {
    let work = Work::new().await;
    let (accounts, owner) = (with_gateway(&work).await, &work.fixture.ours.owner.caller);
    let denied = NewTestCall { what: TestCall::Denied, ..allowed(&work) };
    let result = accounts.test_call(owner, &denied).await.expect("made");
    assert_eq!(result.tool, "delete_run");
    let TestOutcome::Denied { code, rule, .. } = result.answer.outcome else { panic!("{:?}", result.answer) };
    assert_eq!((code.as_str(), rule.as_str()), ("default_deny", "/default"));

    let open = PolicyEdit {
        based_on: 1,
        revision: 0,
        document: r#"{"version":"1","default":"allow"}"#.to_owned(),
        note: String::new(),
    };
    accounts.publish_policy(owner, work.ours.policy, &open).await.expect("saved");
    assert!(matches!(accounts.test_call(owner, &denied).await, Err(Error::Rule(Rule::NothingDenied))));
    accounts.attach_policy(owner, work.ours.grant.id, None).await.expect("detached");
    assert_eq!(
        accounts.test_call(owner, &denied).await.expect("made").tool,
        "set_model_alias",
        "without a policy all is denied"
    );
}

#[tokio::test]
async fn everybody_calls_as_themselves_and_agents_are_for_admins() {
    let work = Work::new().await;
    let (accounts, ours) = (with_gateway(&work).await, &work.fixture.ours);
    let as_agent = allowed(&work);
    let as_self = NewTestCall { grant: None, ..allowed(&work) };
    let refused = accounts.test_call(&ours.viewer.caller, &as_agent).await;
    assert!(matches!(refused, Err(Error::NotAllowed { .. })), "{refused:?}");
    let refused = accounts.test_call(&ours.viewer.caller, &as_self).await;
    assert!(matches!(refused, Err(Error::Rule(Rule::NoGrant))), "{refused:?}");

    let form = NewGrant {
        subject: NewSubject::Team(ours.team),
        key: KeyWish::None,
        ..to_agent(&work.fixture, work.ours.server.id, Some(work.ours.policy))
    };
    let team = accounts.create_grant(&ours.owner.caller, &form).await.expect("a grant").id;
    let result = accounts.test_call(&ours.viewer.caller, &as_self).await.expect("through the team");
    assert!(result.answer.text.starts_with(&format!("Member({})", ours.viewer.visitor.user)), "{}", result.answer.text);
    let others = NewTestCall { grant: Some(team), ..allowed(&work) };
    assert!(matches!(accounts.test_call(&ours.owner.caller, &others).await, Err(Error::Rule(Rule::OthersGrant))));
}

#[tokio::test]
async fn what_cannot_be_sent_is_told_at_its_field_and_what_fails_is_a_result() {
    let work = Work::new().await;
    let owner = &work.fixture.ours.owner.caller;
    for (name, arguments, field) in [("", "", "tool"), ("x", "[1]", "arguments"), ("x", "{", "arguments")] {
        let what = TestCall::Tool { name: name.to_owned(), arguments: arguments.to_owned() };
        let refused = work.fixture.accounts.test_call(owner, &NewTestCall { what, ..allowed(&work) }).await;
        let Err(Error::Invalid(faults)) = refused else { panic!("{refused:?}") };
        assert_eq!(faults[0].field, field);
    }
    // The fixture's own configuration names a gateway that is not there.
    let result = work.fixture.accounts.test_call(owner, &allowed(&work)).await.expect("a result");
    assert!(matches!(result.answer.outcome, TestOutcome::Failed { .. }), "{:?}", result.answer);
    assert!(result.request.is_empty());
}
