//! What dies or falls silent in the middle of calls: every waiting caller gets an answer, or a closed connection when it is
//! the gateway itself, and afterwards everything goes on.

mod ways;

use std::{future::pending, net::SocketAddr, time::Instant};

use anyhow::{Context as _, ensure};
use axum::{
    Json, Router,
    http::{HeaderMap, StatusCode},
    response::IntoResponse,
    routing::post,
};
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

pub use ways::Way;

use crate::{
    http::Http,
    person::Person,
    process::{Folder, PATIENCE, PORTCULLIS, Running, free_address, wait_for},
};

const OPEN: &str = r#"{"version":"1","default":"allow"}"#;
/// Callers that wait at the same time.
const CALLERS: usize = 20;
/// The gateway's own limit of silence, in seconds: an answer that says `upstream_broken` did not need it.
const SILENCE: &str = "600";
/// Tells the test's own program where to be an upstream.
const WHERE: &str = "PORTCULLIS_TEST_UPSTREAM";

/// Not a test: the process that is killed, an MCP server that never answers a call of `wait`.
#[test]
#[ignore = "run by the tests here as a process of its own"]
fn upstream_process() {
    let Ok(address) = std::env::var(WHERE) else { return };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind(address).await.expect("its address");
        let router = Router::new().route("/mcp", post(answer)).route("/modern", post(modern));
        axum::serve(listener, router).await.expect("it serves");
    });
}

async fn answer(Json(message): Json<Value>) -> impl IntoResponse {
    let Some(id) = message.get("id").cloned() else { return StatusCode::ACCEPTED.into_response() };
    let result = match message["method"].as_str().unwrap_or_default() {
        "initialize" => json!({"protocolVersion": "2025-11-25", "capabilities": {"tools": {}},
            "serverInfo": {"name": "waits", "version": "1"}}),
        "tools/list" => json!({"tools": [{"name": "wait", "inputSchema": {"type": "object"}}]}),
        _ if message["params"]["name"] == "wait" => {
            println!("waiting {}.", message["params"]["arguments"]["caller"]);
            pending::<Value>().await
        }
        _ => json!({"content": []}),
    };
    Json(json!({"jsonrpc": "2.0", "id": id, "result": result})).into_response()
}

/// The same server in the stateless era only.
async fn modern(headers: HeaderMap, Json(message): Json<Value>) -> impl IntoResponse {
    if headers.get("mcp-protocol-version").is_none_or(|version| version != "2026-07-28") {
        return StatusCode::BAD_REQUEST.into_response();
    }
    let result = match message["method"].as_str().unwrap_or_default() {
        "server/discover" => json!({"resultType": "complete", "supportedVersions": ["2026-07-28"],
            "capabilities": {"tools": {}}, "ttlMs": 0, "cacheScope": "private"}),
        "tools/list" => json!({"resultType": "complete", "ttlMs": 0, "cacheScope": "private",
            "tools": [{"name": "wait", "inputSchema": {"type": "object"}}]}),
        _ if message["params"]["name"] == "wait" => {
            println!("waiting {}.", message["params"]["arguments"]["caller"]);
            pending::<Value>().await
        }
        _ => json!({"resultType": "complete", "content": []}),
    };
    Json(json!({"jsonrpc": "2.0", "id": message["id"], "result": result})).into_response()
}

fn upstream(address: SocketAddr) -> anyhow::Result<Running> {
    let this = std::env::current_exe()?;
    let this = this.to_str().context("a path of text")?;
    let args = ["--exact", "killed::upstream_process", "--ignored", "--nocapture"];
    let running = Running::start(this, &args, &[(WHERE, &address.to_string())])?;
    wait_for(address)?;
    Ok(running)
}

struct Scene {
    folder: Folder,
    listen: String,
    gateway: Running,
    person: Person,
    upstream_address: SocketAddr,
    upstream: Running,
    http: Http,
}

fn up(folder: &Folder, listen: &str, silence: &str) -> anyhow::Result<Running> {
    let data = folder.path().join("data").display().to_string();
    let args = ["up", "--data", &data, "--listen", listen, "--answer-silence", silence];
    let running = Running::start(PORTCULLIS, &args, &[])?;
    running.line_with("Portcullis is up")?;
    Ok(running)
}

impl Scene {
    async fn start(name: &str) -> anyhow::Result<Self> {
        Self::patient(name, SILENCE).await
    }

    /// With a limit of silence, in seconds.
    async fn patient(name: &str, silence: &str) -> anyhow::Result<Self> {
        let (folder, listen) = (Folder::new(name)?, free_address()?.to_string());
        let gateway = up(&folder, &listen, silence)?;
        let person = Person::sign_up(&format!("http://{listen}"), "acme").await?;
        let upstream_address = free_address()?;
        let upstream = upstream(upstream_address)?;
        Ok(Self { folder, listen, gateway, person, upstream_address, upstream, http: Http::new() })
    }

    fn mcp(&self) -> String {
        format!("http://{}/mcp", self.upstream_address)
    }

    /// The URL of a server and an agent's key for it.
    async fn granted(&self, server: &str) -> anyhow::Result<(String, String)> {
        self.person.save_policy(server, OPEN).await?;
        let key = self.person.grant_agent(server, "waiter").await?;
        Ok((format!("http://{}/acme/{server}/mcp", self.listen), key))
    }

    /// Callers that wait for the upstream, each of which it has.
    fn callers(&self, url: &str, key: &str, round: usize) -> anyhow::Result<Vec<JoinHandle<anyhow::Result<Value>>>> {
        let callers = (0..CALLERS).map(|caller| {
            let (http, url, key) = (self.http.clone(), url.to_owned(), key.to_owned());
            let caller = round * CALLERS + caller;
            tokio::spawn(async move { http.call(&url, &key, "wait", json!({"caller": caller})).await })
        });
        let callers: Vec<_> = callers.collect();
        for caller in 0..CALLERS {
            self.upstream.line_with(&format!("waiting {}.", round * CALLERS + caller))?;
        }
        Ok(callers)
    }

    /// Calls something until nobody listens there, as far as the gateway knows: at first it may take a connection that it has
    /// kept, and learn only then that this one broke as well.
    async fn is_unreachable(&self, url: &str, key: &str) -> anyhow::Result<()> {
        let start = Instant::now();
        loop {
            let answer = self.http.call(url, key, "other", json!({})).await?;
            match answer["error"]["data"]["reason"].as_str() {
                Some("upstream_unreachable") => return Ok(()),
                Some("upstream_broken") if start.elapsed() < PATIENCE => {}
                _ => anyhow::bail!("{answer}"),
            }
        }
    }

    async fn works(&self, url: &str, key: &str) -> anyhow::Result<()> {
        let answer = self.http.call(url, key, "other", json!({})).await?;
        ensure!(answer["result"]["content"].is_array(), "{answer}");
        Ok(())
    }
}

/// What every caller was told.
async fn reasons(callers: Vec<JoinHandle<anyhow::Result<Value>>>) -> anyhow::Result<Vec<String>> {
    let answers =
        tokio::time::timeout(PATIENCE, join_all(callers)).await.context("every caller is answered in time")?;
    answers
        .into_iter()
        .map(|answer| {
            let answer = answer??;
            Ok(answer["error"]["data"]["reason"].as_str().with_context(|| format!("a reason: {answer}"))?.to_owned())
        })
        .collect()
}

fn all(reasons: &[String], expected: &str) -> anyhow::Result<()> {
    ensure!(reasons.len() == CALLERS && reasons.iter().all(|reason| reason == expected), "{reasons:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_of_a_killed_upstream_are_answered() -> anyhow::Result<()> {
    let mut scene = Scene::start("killed-upstream").await?;
    scene.person.register_http("waits", &scene.mcp()).await?;
    let (url, key) = scene.granted("waits").await?;
    for round in 0..2 {
        let callers = scene.callers(&url, &key, round)?;
        scene.upstream.signal("KILL")?;
        all(&reasons(callers).await?, "upstream_broken")?;
        scene.upstream.wait()?;
        scene.is_unreachable(&url, &key).await?;
        scene.upstream = upstream(scene.upstream_address)?;
        scene.works(&url, &key).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_through_a_killed_or_silent_connector_are_answered() -> anyhow::Result<()> {
    let scene = Scene::start("killed-connector").await?;
    let token = scene.person.register_tunnel("waits").await?;
    let connect = || -> anyhow::Result<Running> {
        let connector = Running::start(PORTCULLIS, &["connect", &token, "--url", &scene.mcp()], &[])?;
        connector.line_with("connected")?;
        Ok(connector)
    };
    let connector = connect()?;
    let (url, key) = scene.granted("waits").await?;
    let callers = scene.callers(&url, &key, 0)?;
    connector.kill()?;
    all(&reasons(callers).await?, "upstream_broken")?;
    // One that is frozen says nothing and closes nothing: pings tell.
    let connector = connect()?;
    scene.works(&url, &key).await?;
    let callers = scene.callers(&url, &key, 1)?;
    connector.signal("STOP")?;
    all(&reasons(callers).await?, "upstream_broken")?;
    connector.kill()?;
    let _connector = connect()?;
    scene.works(&url, &key).await
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_of_a_killed_gateway_see_a_closed_connection() -> anyhow::Result<()> {
    let mut scene = Scene::start("killed-gateway").await?;
    scene.person.register_http("waits", &scene.mcp()).await?;
    let (url, key) = scene.granted("waits").await?;
    let callers = scene.callers(&url, &key, 0)?;
    scene.gateway.signal("KILL")?;
    let answers = tokio::time::timeout(PATIENCE, join_all(callers)).await.context("every caller is told in time")?;
    ensure!(answers.iter().all(|answer| matches!(answer, Ok(Err(_)))), "{answers:?}");
    scene.gateway.wait()?;
    scene.gateway = up(&scene.folder, &scene.listen, SILENCE)?;
    scene.works(&url, &key).await
}
