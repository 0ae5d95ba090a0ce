//! Gateways that reach each other: a connector at one serves callers at all, and several share the work.

use std::sync::{Arc, Mutex};

use connector::{Target, UpstreamUrl};
use domain::{Event, Settlement};
use http::{Method, StatusCode};
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::{
    client::{Client, call},
    fixture::{Fixture, Speaks},
    snapshots::until,
    tunnel::{Running, Tunnelled, connect, connect_to, to_child, to_url, tunnelled},
    world::{Nowhere, OPEN, PATIENCE, World, decided, settled},
};

const TWICE: &str =
    r#"{"version":"1","default":"allow","all_tools":{"limits":[{"counter":"all","window":"hour","max":2}]}}"#;

/// Waits until as many connectors of a server are told of, over all gateways.
async fn told(world: &World, tunnelled: &Tunnelled, many: usize) {
    let account = tunnelled.account.snapshot.account;
    until(|| async {
        let said = world.bus.presence(account, tunnelled.server).await.unwrap();
        said.iter().map(|gateway| gateway.tunnels.len()).sum::<usize>() == many
    })
    .await;
}

async fn connected(world: &World, tunnelled: &Tunnelled, target: Target) -> Running {
    let mut connector = connect(world, tunnelled, &tunnelled.token, target);
    connector.connected().await;
    connector
}

fn client(world: &World, tunnelled: &Tunnelled) -> Client {
    Client::new(world, &tunnelled.account, "/mlflow/mcp", &tunnelled.agent)
}

#[tokio::test]
async fn a_call_passes_through_the_tunnel_of_another_gateway_and_is_judged_where_it_came() {
    let (here, upstream) = (World::start().await, Fixture::start(Speaks::Sessions).await);
    let there = here.beside(|_| {}).await;
    let tunnelled = tunnelled(&here, "acme", TWICE).await;
    let _connector = connected(&there, &tunnelled, to_url(&upstream)).await;
    told(&here, &tunnelled, 1).await;
    let client = client(&here, &tunnelled).initialized().await;
    assert!(client.call("echo", json!({"x": 1})).await.is_ok());
    assert!(client.call("echo", json!({"x": 2})).await.is_ok());
    assert_eq!(client.call("echo", json!({"x": 3})).await.code(), "rate_limited", "counted once, where it came");
    assert_eq!(upstream.calls.load(std::sync::atomic::Ordering::SeqCst), 2);
    let (headers, _) = upstream.last();
    assert!(!headers.keys().any(|name| name.as_str().starts_with("portcullis")), "{headers:?}");
    assert!(!headers.contains_key("authorization"), "the client's credential stays at the gateways");
    let events = here.records(&tunnelled.account, |events| events.iter().filter_map(settled).count() == 2).await;
    assert_eq!(events.iter().filter_map(decided).count(), 3, "decided once each");
    assert!(events.iter().filter_map(settled).all(|s| s.settlement == Settlement::Ok));
}

#[tokio::test]
async fn streams_pass_both_ways_and_a_client_that_does_not_read_slows_only_itself() {
    let (here, upstream) = (World::start().await, Fixture::start(Speaks::Sessions).await);
    let there = here.beside(|_| {}).await;
    let tunnelled = tunnelled(&here, "acme", OPEN).await;
    let _connector = connected(&there, &tunnelled, to_url(&upstream)).await;
    told(&here, &tunnelled, 1).await;
    let client = client(&here, &tunnelled).initialized().await;
    let mut stream = client.open(Method::POST, call(1, "streams", &json!({}))).await;
    assert!(stream.event().await.is_some());
    let mut unread = Vec::new();
    for id in 0..8 {
        unread.push(client.open(Method::POST, call(100 + id, "floods", &json!({}))).await);
    }
    assert!(client.call("big", json!({})).await.is_ok());
    drop(unread);
}

#[tokio::test]
async fn a_client_that_leaves_ends_its_request_behind_the_other_gateway() {
    let (here, upstream) = (World::start().await, Fixture::start(Speaks::Sessions).await);
    let there = here.beside(|_| {}).await;
    let tunnelled = tunnelled(&here, "acme", OPEN).await;
    let _connector = connected(&there, &tunnelled, to_url(&upstream)).await;
    told(&here, &tunnelled, 1).await;
    let client = client(&here, &tunnelled).initialized().await;
    let (held, dropped) = (upstream.held.notified(), upstream.dropped.notified());
    let call = tokio::spawn(async move { client.post(call(1, "holds", &json!({}))).await });
    held.await;
    call.abort();
    tokio::time::timeout(crate::world::PATIENCE, dropped).await.expect("the server is let go in time");
}

#[tokio::test]
async fn without_a_way_between_them_gateways_tell_a_connector_elsewhere_from_none() {
    let (here, upstream) = (World::start().await, Fixture::start(Speaks::Sessions).await);
    let there = here.beside(|config| config.mesh_address = None).await;
    let tunnelled = tunnelled(&here, "acme", TWICE).await;
    let client = client(&here, &tunnelled);
    assert_eq!(client.call("echo", json!({})).await.reason(), "no_connector");
    let _connector = connected(&there, &tunnelled, to_url(&upstream)).await;
    told(&here, &tunnelled, 1).await;
    for _ in 0..3 {
        assert_eq!(client.call("echo", json!({})).await.reason(), "connector_elsewhere", "and is given back");
    }
}

#[tokio::test]
async fn over_redis_a_call_finds_the_connector_too() {
    let redis = test_support::RedisServer::start();
    let (here, there, upstream) =
        (World::on(&redis).await, World::on(&redis).await, Fixture::start(Speaks::Sessions).await);
    let tunnelled = tunnelled(&here, "acme", OPEN).await;
    let _connector = connected(&there, &tunnelled, to_url(&upstream)).await;
    told(&here, &tunnelled, 1).await;
    let client = client(&here, &tunnelled).initialized().await;
    assert!(client.call("echo", json!({})).await.is_ok());
}

#[tokio::test]
async fn several_connectors_share_the_calls_wherever_they_are() {
    let (here, one, two, three) = (
        World::start().await,
        Fixture::start(Speaks::Stateless).await,
        Fixture::start(Speaks::Stateless).await,
        Fixture::start(Speaks::Stateless).await,
    );
    let there = here.beside(|_| {}).await;
    let tunnelled = tunnelled(&here, "acme", OPEN).await;
    let _far = (connected(&there, &tunnelled, to_url(&two)).await, connected(&there, &tunnelled, to_url(&three)).await);
    told(&here, &tunnelled, 2).await;
    let _near = connected(&here, &tunnelled, to_url(&one)).await;
    told(&here, &tunnelled, 3).await;
    // The other gateway says how busy its connectors are when they come; did it say so again, these very calls would count
    // twice for a while.
    there.cancel.cancel();
    let (client, message) = crate::client::stateless_call(client(&here, &tunnelled), "holds", &json!({}));
    let mut calls = Vec::new();
    for number in 0..18 {
        let (client, message) = (client.clone(), message.clone());
        calls.push(tokio::spawn(async move { client.post(message).await }));
        // One after another, so that each choice sees the calls before it.
        until(|| async {
            let begun = |fixture: &Fixture| fixture.calls.load(std::sync::atomic::Ordering::SeqCst);
            begun(&one) + begun(&two) + begun(&three) == number + 1
        })
        .await;
    }
    let shares: Vec<_> = [&one, &two, &three].map(|f| f.calls.load(std::sync::atomic::Ordering::SeqCst)).to_vec();
    assert!(shares.iter().all(|share| (3..=9).contains(share)), "{shares:?}");
    for call in calls {
        call.abort();
    }
}

#[tokio::test]
async fn sessions_are_spread_over_the_connectors() {
    let (here, one, two) =
        (World::start().await, Fixture::start(Speaks::Sessions).await, Fixture::start(Speaks::Sessions).await);
    let tunnelled = tunnelled(&here, "acme", OPEN).await;
    let _both = (connected(&here, &tunnelled, to_url(&one)).await, connected(&here, &tunnelled, to_url(&two)).await);
    let listed = |events: &[Event]| events.iter().filter(|event| matches!(event, Event::Inventory(_))).count() == 2;
    here.records(&tunnelled.account, listed).await;
    for _ in 0..6 {
        let client = client(&here, &tunnelled).initialized().await;
        assert!(client.call("echo", json!({})).await.is_ok());
    }
    let shares = [&one, &two].map(|f| f.calls.load(std::sync::atomic::Ordering::SeqCst));
    assert!(shares.iter().all(|share| *share >= 2), "{shares:?}");
}

#[tokio::test]
async fn what_one_connector_did_not_deliver_the_next_one_gets() {
    let (here, upstream) = (World::start().await, Fixture::start(Speaks::Stateless).await);
    let there = here.beside(|_| {}).await;
    let tunnelled = tunnelled(&here, "acme", TWICE).await;
    let gone = Nowhere::new();
    let dead = || Target::Url(UpstreamUrl::parse(&gone.url()).unwrap());
    let _dead = (connected(&here, &tunnelled, dead()).await, connected(&there, &tunnelled, dead()).await);
    let _alive = connected(&there, &tunnelled, to_url(&upstream)).await;
    told(&here, &tunnelled, 3).await;
    let (client, message) = crate::client::stateless_call(client(&here, &tunnelled), "echo", &json!({}));
    for _ in 0..2 {
        let answer = client.post(message.clone()).await;
        assert!(answer.is_ok(), "{}", answer.text());
    }
    assert_eq!(client.post(message).await.code(), "rate_limited", "each call is counted once, however many were asked");
    assert_eq!(upstream.calls.load(std::sync::atomic::Ordering::SeqCst), 2, "and made once");
}

#[tokio::test]
async fn what_may_have_been_delivered_is_never_sent_again() {
    let (here, upstream) = (World::start().await, Fixture::start(Speaks::Stateless).await);
    let there = here.beside(|_| {}).await;
    let tunnelled = tunnelled(&here, "acme", TWICE).await;
    let far = connected(&there, &tunnelled, to_url(&upstream)).await;
    told(&here, &tunnelled, 1).await;
    let (client, message) = crate::client::stateless_call(client(&here, &tunnelled), "holds", &json!({}));
    let held = upstream.held.notified();
    let waiting = tokio::spawn(async move { client.post(message).await });
    held.await;
    let _second = connected(&here, &tunnelled, to_url(&upstream)).await;
    // The gateway between dies with the call under way, and its connector with it.
    there.gateway.close().await;
    far.stop.cancel();
    let answer = waiting.await.unwrap();
    assert!(answer.json()["error"].is_object(), "{}", answer.text());
    assert_eq!(upstream.calls.load(std::sync::atomic::Ordering::SeqCst), 1);
    let events = here.records(&tunnelled.account, |events| events.iter().filter_map(settled).count() == 1).await;
    let settlement = events.iter().find_map(settled).unwrap().settlement;
    assert!(matches!(settlement, Settlement::Broken | Settlement::Error), "{settlement:?}: it stays counted");
}

/// An address that leads to one gateway or another, as a proxy in front of them does.
struct Switch {
    origin: String,
    leads_to: Arc<Mutex<String>>,
    cut: Arc<Mutex<CancellationToken>>,
}

impl Switch {
    async fn to(world: &World) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let leads_to = Arc::new(Mutex::new(world.origin.trim_start_matches("http://").to_owned()));
        let cut = Arc::new(Mutex::new(CancellationToken::new()));
        let (target, cutting) = (leads_to.clone(), cut.clone());
        tokio::spawn(async move {
            loop {
                let (mut near, _) = listener.accept().await.unwrap();
                let (target, cut) = (target.lock().unwrap().clone(), cutting.lock().unwrap().clone());
                tokio::spawn(async move {
                    let mut far = TcpStream::connect(target).await.unwrap();
                    cut.run_until_cancelled(tokio::io::copy_bidirectional(&mut near, &mut far)).await
                });
            }
        });
        Self { origin, leads_to, cut }
    }

    /// Cuts what is open; what is dialled from now on leads elsewhere.
    fn turn_to(&self, world: &World) {
        *self.leads_to.lock().unwrap() = world.origin.trim_start_matches("http://").to_owned();
        std::mem::take(&mut *self.cut.lock().unwrap()).cancel();
    }
}

#[tokio::test]
async fn a_session_follows_its_connector_from_gateway_to_gateway() {
    let patient = |config: &mut gateway::Config| config.times.connector_back = PATIENCE;
    let here = World::with(patient).await;
    let (there, third) = (here.beside(patient).await, here.beside(patient).await);
    let tunnelled = tunnelled(&here, "acme", OPEN).await;
    let switch = Switch::to(&here).await;
    let mut moving = connect_to(&switch.origin, &tunnelled, &tunnelled.token, to_child());
    moving.connected().await;
    told(&here, &tunnelled, 1).await;
    let at_one = client(&here, &tunnelled).initialized().await;
    let process = at_one.call("echo", json!({})).await.json()["result"]["pid"].clone();
    assert!(process.is_u64());
    // Another connector, which must not be given what belongs to the session.
    let _other = connected(&here, &tunnelled, to_child()).await;
    for gateway in [&there, &third, &here] {
        switch.turn_to(gateway);
        for world in [&here, &there, &third] {
            let mut client = at_one.clone();
            client.url = client.url.replace(&here.origin, &world.origin);
            let answer = client.call("echo", json!({})).await;
            // It may be on its way just now; then nothing was delivered, and the session is still there.
            assert_ne!(answer.status, StatusCode::NOT_FOUND, "{}", answer.text());
        }
        until(|| async { at_one.call("echo", json!({})).await.json()["result"]["pid"] == process }).await;
    }
}

#[tokio::test]
async fn a_server_has_no_more_connectors_than_are_let_in_over_all_gateways() {
    let here = World::with(|config| config.limits.tunnels_per_server = 2).await;
    let (there, upstream) =
        (here.beside(|config| config.limits.tunnels_per_server = 2).await, Fixture::start(Speaks::Sessions).await);
    let tunnelled = tunnelled(&here, "acme", OPEN).await;
    let _two =
        (connected(&here, &tunnelled, to_url(&upstream)).await, connected(&there, &tunnelled, to_url(&upstream)).await);
    told(&here, &tunnelled, 2).await;
    let mut third = connect(&there, &tunnelled, &tunnelled.token, to_url(&upstream));
    assert!(third.says("as many connectors as are let in").await);
}
