//! What a server that wants OAuth is shown, and what callers are told when there is nothing to show.

use domain::{Event, GrantSubject, Principal, Sharing, SnapshotConnection, SnapshotOAuth, Transport, UserId};
use http::StatusCode;
use policy::RiskClass;
use serde_json::json;

use crate::{
    client::{Client, stateless},
    fixture::{Fixture, Speaks},
    snapshots::until,
    world::{Account, Holder, OPEN, SEED, World},
};

const PAGE: &str = "https://gateway.example/app/acme/servers/mlflow/connect";

pub fn connect(acme: &mut Account, sharing: Sharing, connections: &[(Option<UserId>, u64, &str)]) {
    let connection = |(user, generation, token): &(Option<UserId>, u64, &str)| {
        let id = acme.connection(*user);
        let context = SnapshotConnection::context(id, *generation);
        let access_token = acme.seal(&context, token);
        SnapshotConnection { id, user: *user, generation: *generation, access_token }
    };
    let connections = connections.iter().map(connection).collect();
    acme.snapshot.servers[0].oauth = Some(SnapshotOAuth { sharing, connect_url: PAGE.to_owned(), connections });
}

fn user(principal: Principal) -> UserId {
    match principal {
        Principal::Member(user) => user,
        Principal::Agent(_) => panic!("a member"),
    }
}

#[tokio::test]
async fn the_servers_connection_is_shown_and_its_newest_token_at_once() {
    let (world, upstream) = (World::start().await, Fixture::start(Speaks::Sessions).await);
    let mut acme = world.account("acme");
    let simple = acme.simple(&upstream.url, OPEN);
    connect(&mut acme, Sharing::Server, &[(None, 1, "first")]);
    world.publish(&acme).await;
    let client = Client::new(&world, &acme, "/mlflow/mcp", &simple.agent).initialized().await;
    assert!(client.call("echo", json!({})).await.is_ok());
    assert_eq!(upstream.last().0["authorization"], "Bearer first");

    connect(acme.changed(), Sharing::Server, &[(None, 2, "second")]);
    world.publish(&acme).await;
    until(|| async {
        assert!(client.call("echo", json!({})).await.is_ok());
        upstream.last().0["authorization"] == "Bearer second"
    })
    .await;
}

#[tokio::test]
async fn without_a_connection_nothing_is_sent_and_the_caller_is_told_where_to_connect() {
    let (world, upstream) = (World::start().await, Fixture::start(Speaks::Sessions).await);
    let mut acme = world.account("acme");
    let simple = acme.simple(&upstream.url, OPEN);
    connect(&mut acme, Sharing::Server, &[]);
    world.publish(&acme).await;
    let client = Client::new(&world, &acme, "/mlflow/mcp", &simple.agent);
    let told = client.call("echo", json!({})).await;
    assert_eq!((told.status, &told.json()["result"]["isError"]), (StatusCode::OK, &json!(true)), "{}", told.text());
    assert!(told.text().contains(PAGE), "{}", told.text());
    assert_eq!(upstream.seen.lock().unwrap().len(), 0);
}

#[tokio::test]
async fn a_members_call_goes_out_with_their_own_connection_and_nobody_elses_does() {
    let (world, upstream) = (World::start().await, Fixture::start(Speaks::Sessions).await);
    let mut acme = world.account("acme");
    let policy = acme.policy(OPEN);
    let server = acme.server("mlflow", Transport::Http { url: upstream.url.clone() }, &[("echo", RiskClass::Read)]);
    let (ann, bob) = (acme.member("ann@acme.example", vec![]), acme.member("bob@acme.example", vec![]));
    let agent = acme.agent("ci");
    for holder in [&ann, &bob, &agent] {
        let subject = match holder.principal {
            Principal::Member(user) => GrantSubject::Member(user),
            Principal::Agent(agent) => GrantSubject::Agent(agent),
        };
        acme.grant(subject, server, Some(policy));
    }
    connect(&mut acme, Sharing::Member, &[(Some(user(ann.principal)), 1, "ann-token")]);
    world.publish(&acme).await;
    for (holder, words) in [(&bob, PAGE), (&agent, "an agent does not have")] {
        let told = Client::new(&world, &acme, "/mlflow/mcp", holder).call("echo", json!({})).await;
        assert!(told.json()["result"]["isError"] == true && told.text().contains(words), "{}", told.text());
    }
    assert_eq!(upstream.seen.lock().unwrap().len(), 0);
    let client = Client::new(&world, &acme, "/mlflow/mcp", &ann).initialized().await;
    assert!(client.call("echo", json!({})).await.is_ok());
    assert_eq!(upstream.last().0["authorization"], "Bearer ann-token");

    // The account's URL does the same.
    let told = Client::new(&world, &acme, "/mcp", &bob).initialized().await.call("mlflow__echo", json!({})).await;
    assert!(told.text().contains(PAGE), "{}", told.text());
}

/// Ann, who has not connected her own account with the server.
async fn unconnected(world: &World, upstream: &Fixture, policy: &str) -> (Account, Holder) {
    let mut acme = world.account("acme");
    let policy = acme.policy(policy);
    let server = acme.server("mlflow", Transport::Http { url: upstream.url.clone() }, &[("echo", RiskClass::Read)]);
    let ann = acme.member("ann@acme.example", vec![]);
    acme.grant(GrantSubject::Member(user(ann.principal)), server, Some(policy));
    connect(&mut acme, Sharing::Member, &[]);
    world.publish(&acme).await;
    (acme, ann)
}

/// A call by a client that opens pages for its person, with what else it says.
fn asking(client: Client, tool: &str, more: serde_json::Value) -> (Client, String) {
    let mut params = json!({"name": tool, "arguments": {"x": 1.0}, "_meta": {
        "io.modelcontextprotocol/clientCapabilities": {"elicitation": {"form": {}, "url": {}}}}});
    params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    stateless(client, "tools/call", params)
}

/// On both URLs, towards servers of both eras.
#[tokio::test]
async fn a_client_that_opens_pages_is_given_ours_once_and_the_server_hears_nothing_of_it() {
    for (speaks, path, tool) in [
        (Speaks::Stateless, "/mlflow/mcp", "echo"),
        (Speaks::Stateless, "/mcp", "mlflow__echo"),
        (Speaks::Sessions, "/mlflow/mcp", "echo"),
        (Speaks::Sessions, "/mcp", "mlflow__echo"),
    ] {
        let (world, upstream) = (World::start().await, Fixture::start(speaks).await);
        let (mut acme, ann) = unconnected(&world, &upstream, OPEN).await;
        let client = Client::new(&world, &acme, path, &ann);
        let (first, call) = asking(client.clone(), tool, json!({}));
        let asked = first.post(call).await.json()["result"].clone();
        assert_eq!(asked["resultType"], "input_required", "{path}: {asked}");
        let (key, question) = asked["inputRequests"].as_object().unwrap().iter().next().unwrap();
        assert_eq!((&question["method"], &question["params"]["mode"]), (&json!("elicitation/create"), &json!("url")));
        let page = format!("{PAGE}?for={}", user(ann.principal));
        assert_eq!(question["params"]["url"], page);

        let mut back = json!({"requestState": asked["requestState"], "inputResponses": {}});
        back["inputResponses"][key] = json!({"action": "accept"});
        let (again, call) = asking(client.clone(), tool, back.clone());
        let told = again.post(call.clone()).await;
        assert!(told.json()["result"]["isError"] == true && told.text().contains(&page), "{path}: {}", told.text());
        let called = |upstream: &Fixture| upstream.calls.load(std::sync::atomic::Ordering::SeqCst);
        assert_eq!(called(&upstream), 0);

        connect(acme.changed(), Sharing::Member, &[(Some(user(ann.principal)), 1, "ann-token")]);
        world.publish(&acme).await;
        until(|| async { again.post(call.clone()).await.is_ok() }).await;
        let seen = upstream.seen.lock().unwrap();
        let calls: Vec<_> = seen.iter().filter(|seen| seen.headers.contains_key("authorization")).collect();
        assert!(calls.iter().all(|seen| seen.headers["authorization"] == "Bearer ann-token"));
        let bodies: Vec<_> = calls.iter().map(|seen| String::from_utf8_lossy(&seen.body).into_owned()).collect();
        let body = bodies.iter().find(|body| body.contains("tools/call")).expect("the call");
        assert!(!body.contains("requestState") && !body.contains("inputResponses"), "{path}: {body}");
        assert!(body.contains(r#"{"x":1.0}"#), "the arguments are as they were sent: {body}");
    }
}

#[tokio::test]
async fn who_opens_no_pages_is_told_in_words_and_a_denied_call_asks_for_nothing() {
    let (world, upstream) = (World::start().await, Fixture::start(Speaks::Stateless).await);
    let (acme, ann) = unconnected(&world, &upstream, OPEN).await;
    let client = Client::new(&world, &acme, "/mlflow/mcp", &ann);
    for capabilities in [json!({}), json!({"elicitation": {}}), json!({"elicitation": {"form": {}}, "x": "url"})] {
        let meta = json!({"_meta": {"io.modelcontextprotocol/clientCapabilities": capabilities}});
        let (client, call) = asking(client.clone(), "echo", meta);
        let told = client.post(call).await;
        assert!(told.json()["result"]["isError"] == true && told.text().contains(PAGE), "{}", told.text());
    }

    let world = World::start().await;
    let (acme, ann) = unconnected(&world, &upstream, SEED).await;
    let (client, call) = asking(Client::new(&world, &acme, "/mlflow/mcp", &ann), "echo", json!({}));
    assert_eq!(client.post(call).await.code(), "default_deny");
}

#[tokio::test]
async fn a_refused_token_is_told_once_and_never_reads_as_the_servers_own_refusal() {
    let world = World::start().await;
    let mut acme = world.account("acme");
    let locked = locked().await;
    let simple = acme.simple(&locked, OPEN);
    connect(&mut acme, Sharing::Server, &[(None, 3, "stale")]);
    world.publish(&acme).await;
    let client = Client::new(&world, &acme, "/mlflow/mcp", &simple.agent);
    for _ in 0..3 {
        let told = client.call("echo", json!({})).await;
        assert_eq!((told.status, &told.json()["result"]["isError"]), (StatusCode::OK, &json!(true)));
        assert!(told.text().contains("it is being renewed") && told.text().contains(PAGE), "{}", told.text());
        assert!(!told.headers.contains_key("www-authenticate"));
    }
    let is_settled = |events: &[Event]| events.iter().filter(|e| matches!(e, Event::Settled(_))).count() == 3;
    let events = world.records(&acme, is_settled).await;
    let refused: Vec<_> = events
        .iter()
        .filter_map(|e| if let Event::ConnectionRefused(refused) = e { Some(refused) } else { None })
        .collect();
    assert_eq!(refused.len(), 1, "{events:?}");
    assert_eq!((refused[0].generation, &refused[0].needs), (3, &None));
}

#[tokio::test]
async fn a_token_that_is_refused_where_a_stream_is_opened_is_told_as_well() {
    for over_events in [false, true] {
        let world = World::start().await;
        let mut acme = world.account("acme");
        let simple = acme.simple(&streamless(over_events).await, OPEN);
        connect(&mut acme, Sharing::Server, &[(None, 3, "stale")]);
        world.publish(&acme).await;
        let client = Client::new(&world, &acme, "/mcp", &simple.agent).initialized().await;
        let _stream = client.with("accept", "text/event-stream").open(http::Method::GET, "").await;
        world.records(&acme, |events| events.iter().any(|e| matches!(e, Event::ConnectionRefused(_)))).await;
    }
}

/// A server that takes the token for messages and not for its stream; or that has nothing but a stream.
async fn streamless(over_events: bool) -> String {
    let message = move |axum::Json(message): axum::Json<serde_json::Value>| async move {
        if over_events {
            return (StatusCode::METHOD_NOT_ALLOWED, axum::Json(json!({})));
        }
        let result = json!({"protocolVersion": "2025-11-25", "capabilities": {"tools": {}},
            "serverInfo": {"name": "streamless", "version": "1"}});
        match message["method"].as_str() {
            Some("initialize") => {
                (StatusCode::OK, axum::Json(json!({"jsonrpc": "2.0", "id": message["id"], "result": result})))
            }
            _ => (StatusCode::ACCEPTED, axum::Json(json!({}))),
        }
    };
    let stream = || async { StatusCode::UNAUTHORIZED };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/mcp", listener.local_addr().unwrap());
    let router = axum::Router::new().route("/mcp", axum::routing::post(message).get(stream));
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

/// A server that takes no token.
async fn locked() -> String {
    let refuse =
        || async { (StatusCode::UNAUTHORIZED, [("www-authenticate", "Bearer error=\"invalid_token\"")], "no") };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/mcp", listener.local_addr().unwrap());
    let router = axum::Router::new().fallback(refuse);
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}
