//! Registering, changing and removing servers.

use accounts::{Error, NewServer, NewServerProbe, NewTransport, ServerEdit, StepOutcome};
use axum::{Json, Router, http::HeaderMap, response::IntoResponse as _, routing::post};
use domain::{ConnectToken, Secret, ServerSettings, SnapshotHeader, Transport};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::support::{Work, tunnel};

const CANARY: &str = "canary-5f1d7c";

/// A small MCP server at a URL, which wants to see its credential.
async fn upstream() -> String {
    let answer = |headers: HeaderMap, Json(body): Json<Value>| async move {
        if headers.get("authorization").is_none_or(|v| v != format!("Bearer {CANARY}").as_str()) {
            return (axum::http::StatusCode::UNAUTHORIZED, "who are you?").into_response();
        }
        let result = match body["method"].as_str().unwrap_or_default() {
            "initialize" => {
                json!({"protocolVersion": "2025-11-25", "capabilities": {}, "serverInfo": {"name": "fixture", "version": "1"}})
            }
            "tools/list" => json!({"tools": [{"name": "delete_all", "inputSchema": {"type": "object"}}]}),
            _ => return (axum::http::StatusCode::BAD_REQUEST, "?").into_response(),
        };
        Json(json!({"jsonrpc": "2.0", "id": body["id"], "result": result})).into_response()
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/mcp", post(answer))).await });
    format!("http://{address}/mcp")
}

fn by_url(url: &str) -> NewServer {
    let headers = vec![("Authorization".to_owned(), Secret::new(format!("Bearer {CANARY}")))];
    NewServer { transport: NewTransport::Http { url: url.to_owned() }, headers, kind: None, ..tunnel("by-url") }
}

#[tokio::test]
async fn a_server_behind_a_tunnel_comes_with_what_its_connector_is_started_with() {
    let work = Work::new().await;
    let owner = &work.fixture.ours.owner.caller;
    let connect = work.ours.server.connect.as_ref().expect("a token");
    let text = connect.token.to_string();
    let read: ConnectToken = text.parse().expect("it reads back");
    assert_eq!(
        (read.origin.as_str(), read.account.as_str(), read.server.as_str()),
        ("https://gateway.example", "ours", "mlflow")
    );
    let snapshot = work.snapshot().await;
    assert_eq!(snapshot.connectors.len(), 1);
    assert_eq!(snapshot.connectors[0].hash, connect.token.token.hash());

    let accounts = &work.fixture.accounts;
    let another = accounts.new_connector(owner, work.ours.server.id).await.expect("another");
    assert_eq!(work.snapshot().await.connectors.len(), 2);
    accounts.revoke_connector(owner, work.ours.server.id, connect.id).await.expect("revoked");
    let left = work.snapshot().await.connectors;
    assert_eq!(left.iter().map(|c| c.id).collect::<Vec<_>>(), [another.id]);
    assert!(matches!(accounts.revoke_connector(owner, work.ours.server.id, connect.id).await, Err(Error::NotFound)));
}

#[tokio::test]
async fn a_server_by_url_is_looked_at_and_its_credential_goes_sealed() {
    let work = Work::new().await;
    let (accounts, owner) = (&work.fixture.accounts, &work.fixture.ours.owner.caller);
    let url = upstream().await;
    let created = accounts.register_server(owner, &by_url(&url)).await.expect("registered");
    assert!(created.connect.is_none());
    let view = accounts.server(owner, &created.slug).await.expect("there");
    assert_eq!(view.tools_error, None);
    assert_eq!(view.tools[0].name, "delete_all");
    assert_eq!(view.tools[0].class, policy::RiskClass::Destructive);
    assert_eq!(view.header_names, ["authorization"]);
    assert_eq!(view.gateway_url, "https://gateway.example/ours/by-url/mcp");
    assert_eq!(view.account_gateway_url, "https://gateway.example/ours/mcp");

    let signed = work.fixture.bus.load(&work.fixture.ours.slug).await.expect("asked").expect("published");
    for shown in [signed.as_str().to_owned(), format!("{view:?}"), format!("{:?}", by_url(&url))] {
        assert!(!shown.contains(CANARY), "the credential shows in {shown}");
    }
    let snapshot = work.snapshot().await;
    let server = snapshot.servers.iter().find(|s| s.id == created.id).expect("in the snapshot");
    let key = work.fixture.key.open_data_key(snapshot.account, &snapshot.data_key).expect("opens");
    let header = &server.headers[0];
    let opened =
        key.open(&SnapshotHeader::context(server.id, &header.name), &header.value).expect("opens at its place");
    assert_eq!(opened, format!("Bearer {CANARY}").into_bytes());
    let events = accounts.admin_events(owner).await.expect("asked");
    assert!(!format!("{events:?}").contains(CANARY));
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_registered_all_the_same_and_says_why() {
    let work = Work::new().await;
    let (accounts, owner) = (&work.fixture.accounts, &work.fixture.ours.owner.caller);
    // Nobody listens there, and no other test is given it by chance.
    let created = accounts.register_server(owner, &by_url("http://127.0.0.1:1/mcp")).await.expect("registered");
    let view = accounts.server(owner, &created.slug).await.expect("there");
    assert!(view.tools_error.expect("an error").starts_with("Reach the address: "));
}

#[tokio::test]
async fn a_probe_says_what_answers_while_the_form_is_open() {
    let work = Work::new().await;
    let (accounts, owner) = (&work.fixture.accounts, &work.fixture.ours.owner.caller);
    let url = upstream().await;
    let form = NewServerProbe { url: url.clone(), headers: Vec::new() };
    let probe = accounts.probe(owner, &form).await.expect("probed");
    let Some(StepOutcome::Failed { words, upstream_words }) = probe.failed().map(|s| &s.outcome) else {
        panic!("{probe:?}")
    };
    assert!(words.contains("credentials"), "{words}");
    assert_eq!(upstream_words.as_deref(), Some("who are you?"));

    let headers = vec![("authorization".to_owned(), Secret::new(format!("Bearer {CANARY}")))];
    let probe = accounts.probe(owner, &NewServerProbe { url, headers }).await.expect("probed");
    assert_eq!((probe.failed(), probe.tools.len()), (None, 1));
    let refused = NewServerProbe { url: "http://169.254.169.254/latest".to_owned(), headers: Vec::new() };
    assert!(matches!(accounts.probe(owner, &refused).await, Err(Error::Invalid(_))));
}

#[tokio::test]
async fn faults_are_told_at_their_fields() {
    let work = Work::new().await;
    let (accounts, owner) = (&work.fixture.accounts, &work.fixture.ours.owner.caller);
    let Err(Error::Invalid(faults)) = accounts.register_server(owner, &tunnel("mlflow")).await else { panic!("taken") };
    assert_eq!(faults[0].field, "slug");
    let form = NewServer { name: " ".to_owned(), ..tunnel("under_score") };
    let Err(Error::Invalid(faults)) = accounts.register_server(owner, &form).await else { panic!("refused") };
    assert_eq!(faults.iter().map(|f| f.field).collect::<Vec<_>>(), ["name", "slug"]);
}

#[tokio::test]
async fn a_change_is_published_and_headers_stay_unless_new_ones_are_given() {
    let work = Work::new().await;
    let (accounts, owner) = (&work.fixture.accounts, &work.fixture.ours.owner.caller);
    let url = upstream().await;
    let created = accounts.register_server(owner, &by_url(&url)).await.expect("registered");
    let settings = ServerSettings { list_denied: domain::ListDenied::Omit, ..ServerSettings::default() };
    let edit =
        ServerEdit { name: "Renamed".to_owned(), url: format!("{url}?x=1"), headers: None, settings: settings.clone() };
    accounts.update_server(owner, created.id, &edit).await.expect("changed");
    let snapshot = work.snapshot().await;
    let server = snapshot.servers.iter().find(|s| s.id == created.id).expect("there");
    assert_eq!((server.name.as_str(), &server.settings, server.headers.len()), ("Renamed", &settings, 1));
    assert_eq!(server.transport, Transport::Http { url: format!("{url}?x=1") });
    let edit = ServerEdit { headers: Some(Vec::new()), ..edit };
    accounts.update_server(owner, created.id, &edit).await.expect("changed");
    assert!(work.snapshot().await.servers.iter().all(|s| s.headers.is_empty()));
}

#[tokio::test]
async fn a_stored_credential_is_not_sent_to_another_address() {
    let work = Work::new().await;
    let (accounts, owner) = (&work.fixture.accounts, &work.fixture.ours.owner.caller);
    let created = accounts.register_server(owner, &by_url(&upstream().await)).await.expect("registered");
    let elsewhere = upstream().await;
    let settings = ServerSettings::default();
    let edit = ServerEdit { name: "x".to_owned(), url: elsewhere.clone(), headers: None, settings };
    let Err(Error::Invalid(faults)) = accounts.update_server(owner, created.id, &edit).await else { panic!("refused") };
    assert_eq!(faults[0].field, "headers");
    let fresh = vec![("x-key".to_owned(), Secret::new("fresh".to_owned()))];
    accounts
        .update_server(owner, created.id, &ServerEdit { headers: Some(fresh), ..edit })
        .await
        .expect("entered again");
    let snapshot = work.snapshot().await;
    let server = snapshot.servers.iter().find(|s| s.id == created.id).expect("there");
    assert_eq!(server.transport, Transport::Http { url: elsewhere });
    assert_eq!(server.headers.iter().map(|h| h.name.as_str()).collect::<Vec<_>>(), ["x-key"]);
}

#[tokio::test]
async fn a_removed_server_takes_its_grants_and_connectors_with_it() {
    let work = Work::new().await;
    let (accounts, owner) = (&work.fixture.accounts, &work.fixture.ours.owner.caller);
    accounts.remove_server(owner, work.ours.server.id).await.expect("removed");
    let snapshot = work.snapshot().await;
    assert!(snapshot.servers.is_empty() && snapshot.grants.is_empty() && snapshot.connectors.is_empty());
    assert!(snapshot.policies.is_empty());
    assert!(accounts.list_servers(owner).await.expect("asked").is_empty());
    assert!(accounts.list_grants(owner, None).await.expect("asked").is_empty());
    accounts.register_server(owner, &tunnel("mlflow")).await.expect("the slug is free again");
    let neighbour = accounts.list_servers(&work.fixture.neighbour.owner.caller).await.expect("asked");
    assert_eq!(neighbour.len(), 1);
}
