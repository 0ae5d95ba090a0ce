//! Tunnels, end to end with the real connector: to a local URL, and to a process on standard input and output.

use std::{io::BufRead as _, time::Duration};

use connector::{
    AllowList, ChildCommand, ConnectConfig, ConnectError, ConnectToken, Limits, Report, Target, UpstreamUrl, Waits,
};
use domain::{Entropy, Event, Settlement, Token, TokenKind, Transport};
use http::{Method, Request, StatusCode};
use policy::RiskClass;
use serde_json::{Value, json};
use tokio::{sync::mpsc, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::{
    client::{Client, call},
    fixture::{Fixture, Speaks},
    world::{Account, Holder, Nowhere, PATIENCE, World, settled},
};

const ONCE: &str =
    r#"{"version":"1","default":"allow","all_tools":{"limits":[{"counter":"all","window":"hour","max":1}]}}"#;
const OPEN_BUT_DELETE: &str = r#"{"version":"1","default":"allow","hide":["delete_*"]}"#;

pub struct Tunnelled {
    pub account: Account,
    pub server: domain::ServerId,
    pub agent: Holder,
    pub token: Token,
}

pub async fn tunnelled(world: &World, slug: &str, policy: &str) -> Tunnelled {
    let mut account = world.account(slug);
    let server = account.server("mlflow", Transport::Tunnel, &[("echo", RiskClass::Read)]);
    let token = account.connector(server);
    let agent = account.agent("ci");
    let policy = account.policy(policy);
    account.grant(agent.principal.as_subject(), server, Some(policy));
    world.publish(&account).await;
    Tunnelled { account, server, agent, token }
}

pub struct Running {
    reports: mpsc::UnboundedReceiver<Report>,
    task: JoinHandle<Result<(), ConnectError>>,
    pub stop: CancellationToken,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Running {
    pub async fn connected(&mut self) {
        let waiting = async {
            while let Some(report) = self.reports.recv().await {
                if matches!(report, Report::Connected { .. }) {
                    return;
                }
            }
            panic!("the connector ended");
        };
        tokio::time::timeout(PATIENCE, waiting).await.expect("connected in time");
    }
}

impl Running {
    /// Whether it reports a line with this in it.
    pub async fn says(&mut self, part: &str) -> bool {
        let waiting = async {
            while let Some(report) = self.reports.recv().await {
                if report.to_string().contains(part) {
                    return true;
                }
            }
            false
        };
        tokio::time::timeout(PATIENCE, waiting).await.expect("said in time")
    }
}

pub fn connect(world: &World, tunnelled: &Tunnelled, token: &Token, target: Target) -> Running {
    connect_to(&world.origin, tunnelled, token, target)
}

/// A connector that dials another address than the gateway's own.
pub fn connect_to(origin: &str, tunnelled: &Tunnelled, token: &Token, target: Target) -> Running {
    let token = ConnectToken {
        token: token.clone(),
        origin: origin.to_owned(),
        account: tunnelled.account.slug().clone(),
        server: "mlflow".parse().unwrap(),
    };
    let quick = Waits { first: Duration::from_millis(20), longest: Duration::from_millis(200) };
    let limits = Limits { reconnect: quick, restart: quick, silence: PATIENCE, ..Limits::default() };
    let config =
        ConnectConfig { token: token.into(), target, allow: AllowList::default(), limits, extra_roots_pem: Vec::new() };
    let (say, reports) = mpsc::unbounded_channel();
    let stop = CancellationToken::new();
    let cancel = stop.clone();
    // The system's randomness: two connectors must not be taken for one process.
    let task = tokio::spawn(async move {
        connector::run(config, Entropy::System, cancel, move |report| {
            let _nobody_listens = say.send(report);
        })
        .await
    });
    Running { reports, task, stop }
}

pub fn to_url(fixture: &Fixture) -> Target {
    Target::Url(UpstreamUrl::parse(&fixture.url).unwrap())
}

pub fn to_child() -> Target {
    let program = std::env::current_exe().unwrap().into_os_string();
    let args = ["--exact", "tunnel::fixture_child", "--ignored", "--nocapture", "--quiet"].map(Into::into).to_vec();
    Target::Child(ChildCommand { program, args, env: vec![("FIXTURE_CHILD".into(), "1".into())] })
}

#[test]
#[ignore = "the process that the other tests start"]
fn fixture_child() {
    assert!(std::env::var("FIXTURE_CHILD").is_ok(), "only started by the other tests");
    for line in std::io::stdin().lock().lines() {
        let message: Value = serde_json::from_str(&line.unwrap()).unwrap();
        let (id, pid) = (&message["id"], std::process::id());
        let result = match message["method"].as_str().unwrap_or_default() {
            "initialize" => {
                json!({"protocolVersion": "2025-11-25", "capabilities": {}, "serverInfo": {"name": "child", "version": "3"}})
            }
            "tools/list" => json!({"tools": [{"name": "echo"}, {"name": "delete_all"}]}),
            "tools/call" => {
                json!({"content": [{"type": "text", "text": message["params"]["arguments"].to_string()}], "pid": pid})
            }
            "ping" => json!({}),
            name if id.is_null() || name.is_empty() => continue,
            _ => {
                println!(
                    "{}",
                    json!({"jsonrpc": "2.0", "id": id, "error": {"code": -32601, "message": "no such method"}})
                );
                continue;
            }
        };
        println!("{}", json!({"jsonrpc": "2.0", "id": id, "result": result}));
    }
    std::process::exit(0);
}

#[tokio::test]
async fn a_call_goes_through_the_tunnel_to_a_local_url() {
    let (world, upstream) = (World::start().await, Fixture::start(Speaks::Sessions).await);
    let tunnelled = tunnelled(&world, "acme", OPEN_BUT_DELETE).await;
    let mut connector = connect(&world, &tunnelled, &tunnelled.token, to_url(&upstream));
    connector.connected().await;
    let events =
        world.records(&tunnelled.account, |events| events.iter().any(|e| matches!(e, Event::Inventory(_)))).await;
    let Some(Event::Connector(seen)) = events.first() else { panic!("{events:?}") };
    assert!(seen.connected && seen.server == tunnelled.server);
    let inventory = events.iter().find_map(|event| match event {
        Event::Inventory(inventory) => Some(inventory),
        _ => None,
    });
    let tools = inventory.unwrap().tools.as_ref().unwrap();
    assert_eq!(
        tools.iter().map(|tool| tool.name.as_str()).collect::<Vec<_>>(),
        ["echo", "set_model_alias", "delete_run"]
    );
    assert_eq!(tools[0].definition, crate::fixture::TOOLS[1..].split(", {").next().unwrap());
    let presence = world.bus.presence(tunnelled.account.snapshot.account, tunnelled.server).await.unwrap();
    assert_eq!(presence.iter().map(|gateway| gateway.tunnels.len()).collect::<Vec<_>>(), [1]);

    let client = Client::new(&world, &tunnelled.account, "/mlflow/mcp", &tunnelled.agent).initialized().await;
    assert_eq!(client.list().await, ["echo", "set_model_alias"]);
    let odd = r#"{"jsonrpc":"2.0", "id":1e0,"method":"tools/call","params":{"name":"echo","arguments":{"n":1.50}}}"#;
    assert!(client.post(odd).await.is_ok());
    let (headers, body) = upstream.last();
    assert_eq!(body, odd.as_bytes());
    assert!(!headers.contains_key("authorization"));
    let streamed = client.call("streams", json!({})).await;
    assert!(streamed.text().contains("notifications/progress") && streamed.text().ends_with("\r\n\r\n"));
    assert_eq!(client.send(Method::DELETE, "").await.status, StatusCode::OK);

    drop(connector);
    let gone = |e: &Event| matches!(e, Event::Connector(seen) if !seen.connected);
    world.records(&tunnelled.account, |events| events.iter().any(gone)).await;
    assert_eq!(world.bus.presence(tunnelled.account.snapshot.account, tunnelled.server).await.unwrap(), []);
}

#[tokio::test]
async fn each_session_has_a_process_of_its_own_behind_the_tunnel() {
    let world = World::start().await;
    let tunnelled = tunnelled(&world, "acme", OPEN_BUT_DELETE).await;
    let mut connector = connect(&world, &tunnelled, &tunnelled.token, to_child());
    connector.connected().await;
    let client = || Client::new(&world, &tunnelled.account, "/mlflow/mcp", &tunnelled.agent);
    let (one, two) = (client().initialized().await, client().initialized().await);
    assert_eq!(one.list().await, ["echo"]);
    let pid = |answer: Value| answer["result"]["pid"].as_u64().unwrap();
    let (first, second) =
        (pid(one.call("echo", json!({})).await.json()), pid(two.call("echo", json!({})).await.json()));
    assert_ne!(first, second);
    assert_eq!(pid(one.call("echo", json!({})).await.json()), first);
    let hidden = one.call("delete_all", json!({})).await.json();
    assert_eq!(hidden["error"]["message"], "Unknown tool: delete_all");

    // The account's own URL reaches it as well.
    let all = Client::new(&world, &tunnelled.account, "/mcp", &tunnelled.agent).initialized().await;
    assert_eq!(all.list().await, ["mlflow__echo"]);
    assert!(all.call("mlflow__echo", json!({"a": 1})).await.is_ok());

    // A modern client of a process of the first era is spoken for.
    let meta =
        r#"{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#;
    let discover = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"server/discover","params":{{"_meta":{meta}}}}}"#);
    let modern = client().with("mcp-protocol-version", "2026-07-28").with("mcp-method", "server/discover");
    let answer = modern.post(discover).await;
    assert_eq!((answer.status, &answer.json()["result"]["resultType"]), (StatusCode::OK, &json!("complete")));
}

#[tokio::test]
async fn a_session_outlives_its_tunnel_but_not_its_process() {
    let world = World::start().await;
    let tunnelled = tunnelled(&world, "acme", OPEN_BUT_DELETE).await;
    let mut first = connect(&world, &tunnelled, &tunnelled.token, to_child());
    first.connected().await;
    let client = Client::new(&world, &tunnelled.account, "/mlflow/mcp", &tunnelled.agent).initialized().await;
    let mut second = connect(&world, &tunnelled, &tunnelled.token, to_child());
    second.connected().await;
    for _ in 0..6 {
        assert!(client.call("echo", json!({})).await.is_ok(), "it stays with the process that holds it");
    }
    first.stop.cancel();
    (&mut first.task).await.unwrap().unwrap();
    crate::snapshots::until(|| async { client.call("echo", json!({})).await.status == StatusCode::NOT_FOUND }).await;
    let again = client.without("mcp-session-id").without("mcp-protocol-version").initialized().await;
    assert!(again.call("echo", json!({})).await.is_ok());
}

#[tokio::test]
async fn without_a_connector_a_call_is_not_delivered_and_given_back() {
    let (world, upstream) = (World::start().await, Fixture::start(Speaks::Sessions).await);
    let tunnelled = tunnelled(&world, "acme", ONCE).await;
    let client = Client::new(&world, &tunnelled.account, "/mlflow/mcp", &tunnelled.agent);
    for _ in 0..3 {
        assert_eq!(client.call("echo", json!({})).await.reason(), "no_connector");
    }
    let events = world.records(&tunnelled.account, |events| events.iter().filter_map(settled).count() == 3).await;
    assert!(events.iter().filter_map(settled).all(|s| s.settlement == Settlement::Unreachable));

    // The connector is here, the server behind it is not: the connector says so, and it counts as not delivered.
    let gone = Nowhere::new();
    let target = Target::Url(UpstreamUrl::parse(&gone.url()).unwrap());
    let mut dead = connect(&world, &tunnelled, &tunnelled.token, target);
    dead.connected().await;
    for _ in 0..3 {
        let answer = client.call("echo", json!({})).await.json();
        assert!(answer["error"]["code"].is_i64() && answer["id"] == 7, "{answer}");
    }
    dead.stop.cancel();
    (&mut dead.task).await.unwrap().unwrap();

    let mut alive = connect(&world, &tunnelled, &tunnelled.token, to_url(&upstream));
    alive.connected().await;
    crate::snapshots::until(|| async {
        let client = Client::new(&world, &tunnelled.account, "/mlflow/mcp", &tunnelled.agent);
        let hello = client.post(r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"a","version":"1"}}}"#).await;
        hello.is_ok()
    })
    .await;
    let client = client.initialized().await;
    assert!(client.call("echo", json!({})).await.is_ok());
    assert_eq!(client.call("echo", json!({})).await.code(), "rate_limited");
}

#[tokio::test]
async fn a_wrong_token_is_not_let_in_and_a_revoked_one_is_shown_out() {
    let (world, upstream) = (World::start().await, Fixture::start(Speaks::Sessions).await);
    let mut ours = tunnelled(&world, "acme", OPEN_BUT_DELETE).await;
    let neighbour = tunnelled(&world, "neighbour", OPEN_BUT_DELETE).await;
    let sibling = ours.account.changed().server("sibling", Transport::Tunnel, &[]);
    let siblings = ours.account.connector(sibling);
    world.publish(&ours.account).await;
    for wrong in [Token::new(TokenKind::Connect, &Entropy::System), neighbour.token.clone(), siblings] {
        let mut refused = connect(&world, &ours, &wrong, to_url(&upstream));
        let ended = tokio::time::timeout(PATIENCE, &mut refused.task).await.expect("refused in time").unwrap();
        assert!(matches!(ended, Err(ConnectError::TokenRefused { .. })), "{ended:?}");
        while let Ok(report) = refused.reports.try_recv() {
            assert!(!matches!(report, Report::Connected { .. }), "not even for a moment");
        }
    }
    let mut connector = connect(&world, &ours, &ours.token, to_url(&upstream));
    connector.connected().await;
    let client = Client::new(&world, &ours.account, "/mlflow/mcp", &ours.agent).initialized().await;
    assert!(client.call("echo", json!({})).await.is_ok());
    ours.account.changed().snapshot.connectors.clear();
    world.publish(&ours.account).await;
    let ended = tokio::time::timeout(PATIENCE, &mut connector.task).await.expect("shown out in time").unwrap();
    assert!(matches!(ended, Err(ConnectError::TokenRefused { .. })), "{ended:?}");
    crate::snapshots::until(|| async {
        client.call("echo", json!({})).await.status != StatusCode::OK
            || client.call("echo", json!({})).await.reason() == "no_connector"
    })
    .await;
}

#[tokio::test]
async fn only_servers_behind_tunnels_take_connectors() {
    let (world, upstream) = (World::start().await, Fixture::start(Speaks::Sessions).await);
    let mut acme = world.account("acme");
    let simple = acme.simple(&upstream.url, OPEN_BUT_DELETE);
    let token = acme.connector(simple.server);
    world.publish(&acme).await;
    let dial = |query: &str, token: &str| {
        let mut request = Request::new(bytes::Bytes::new());
        *request.uri_mut() = format!("{}/tunnel?{query}", world.origin).parse().unwrap();
        for (name, value) in [
            ("connection", "upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ("authorization", &format!("Bearer {token}")),
        ] {
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        let dialer = world.dialer.clone();
        async move { dialer.send(request).await.unwrap().status() }
    };
    assert_eq!(dial("server=acme/mlflow", token.expose()).await, StatusCode::CONFLICT);
    for query in
        ["", "server=acme", "server=acme/other", "server=acme/mlflow&server=acme/mlflow", "server=/", "server=../x"]
    {
        assert_eq!(dial(query, token.expose()).await, StatusCode::UNAUTHORIZED, "{query}");
    }
    assert_eq!(dial("server=acme/mlflow", simple.agent.token.expose()).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_long_call_through_the_tunnel_blocks_nothing() {
    let (world, upstream) = (World::start().await, Fixture::start(Speaks::Sessions).await);
    let tunnelled = tunnelled(&world, "acme", OPEN_BUT_DELETE).await;
    let mut connector = connect(&world, &tunnelled, &tunnelled.token, to_url(&upstream));
    connector.connected().await;
    let client = Client::new(&world, &tunnelled.account, "/mlflow/mcp", &tunnelled.agent).initialized().await;
    let (slow, held) = (client.clone(), upstream.held.notified());
    let long = tokio::spawn(async move { slow.post(call(1, "holds", &json!({}))).await });
    held.await;
    assert!(client.post(r#"{"jsonrpc":"2.0","id":2,"method":"ping"}"#).await.is_ok());
    assert!(client.call("big", json!({})).await.is_ok());
    upstream.release.notify_one();
    assert!(long.await.unwrap().is_ok());
}

#[tokio::test]
async fn a_replaced_token_is_let_in_until_its_end_and_shown_out_then() {
    let (world, upstream) = (World::start().await, Fixture::start(Speaks::Sessions).await);
    let mut ours = tunnelled(&world, "acme", OPEN_BUT_DELETE).await;
    ours.account.changed().snapshot.connectors[0].ends_at = Some(world.clock.now().plus_seconds(60));
    let newer = ours.account.connector(ours.server);
    world.publish(&ours.account).await;
    let mut old = connect(&world, &ours, &ours.token, to_url(&upstream));
    old.connected().await;
    let mut new = connect(&world, &ours, &newer, to_url(&upstream));
    new.connected().await;
    world.clock.advance_seconds(60);
    let ended = tokio::time::timeout(PATIENCE, &mut old.task).await.expect("shown out in time").unwrap();
    assert!(matches!(ended, Err(ConnectError::TokenRefused { .. })), "{ended:?}");
    let mut late = connect(&world, &ours, &ours.token, to_url(&upstream));
    let ended = tokio::time::timeout(PATIENCE, &mut late.task).await.expect("refused in time").unwrap();
    assert!(matches!(ended, Err(ConnectError::TokenRefused { .. })), "{ended:?}");
    let client = Client::new(&world, &ours.account, "/mlflow/mcp", &ours.agent).initialized().await;
    assert!(client.call("echo", json!({})).await.is_ok(), "the new one serves");
}

#[tokio::test]
async fn a_process_that_dials_again_and_again_has_one_tunnel() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    let world = World::start().await;
    let tunnelled = tunnelled(&world, "acme", OPEN_BUT_DELETE).await;
    let dial = || async {
        let gateway = world.origin.trim_start_matches("http://");
        let mut stream = tokio::net::TcpStream::connect(gateway).await.unwrap();
        let request = format!(
            "GET /tunnel?server=acme/mlflow HTTP/1.1\r\nhost: {gateway}\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
             sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\nauthorization: Bearer {}\r\n\
             portcullis-instance: {}\r\n\r\n",
            tunnelled.token.expose(),
            "a".repeat(32),
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut head = [0; 12];
        stream.read_exact(&mut head).await.unwrap();
        assert_eq!(&head, b"HTTP/1.1 101");
        stream
    };
    let mut before = dial().await;
    for _ in 0..3 {
        let now = dial().await;
        let mut rest = Vec::new();
        let ended = tokio::time::timeout(PATIENCE, before.read_to_end(&mut rest)).await;
        assert!(ended.is_ok(), "the tunnel before it has ended");
        before = now;
    }
}

#[tokio::test]
async fn a_list_of_any_length_is_no_inventory() {
    let world = World::start().await;
    let tunnelled = tunnelled(&world, "acme", OPEN_BUT_DELETE).await;
    let upstream = crate::scripted::Scripted::start(Speaks::Sessions, json!({"tools": {}}), |method, message| {
        let next = message["params"]["cursor"].as_str().unwrap_or("0").parse::<u32>().ok()? + 1;
        let tool = json!({"name": format!("t{next}"), "inputSchema": {}, "description": "d".repeat(1 << 20)});
        let list = json!({"tools": [tool], "nextCursor": next.to_string()});
        if method == "tools/list" { crate::scripted::result(&list) } else { None }
    })
    .await;
    let target = Target::Url(UpstreamUrl::parse(&upstream.url).unwrap());
    let _connector = connect(&world, &tunnelled, &tunnelled.token, target);
    let inventory = |event: &Event| match event {
        Event::Inventory(inventory) => Some(inventory.tools.is_err()),
        _ => None,
    };
    let events = world.records(&tunnelled.account, |events| events.iter().any(|e| inventory(e).is_some())).await;
    assert!(events.iter().filter_map(inventory).all(|refused| refused), "it is said that the list is too long");
    assert!(upstream.asked("tools/list").len() < 10, "and no more of it is asked for");
}
