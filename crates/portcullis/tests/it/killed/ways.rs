//! The same on every way that a call can take: at a server's URL and the account's, in one era and between them, and
//! through another gateway.

use anyhow::ensure;
use futures_util::future::join_all;
use http_body_util::Full;
use hyper::{Request, header};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::{OPEN, Scene, reasons, upstream};
use crate::{
    deployment::Deployment,
    http::Http,
    person::Person,
    process::{PATIENCE, PORTCULLIS, Running, free_address},
};

const META: &str = "io.modelcontextprotocol";

/// Who calls what, and how.
#[derive(Clone, Debug)]
pub struct Way {
    pub url: String,
    pub key: String,
    pub tool: String,
    /// In the stateless era.
    pub modern: bool,
}

type Callers = Vec<JoinHandle<anyhow::Result<Value>>>;

impl Way {
    /// All ways to servers with these slugs at a gateway, each with its key.
    pub fn all(gateway: &str, servers: &[(&str, &str)], tool: &str) -> Vec<Self> {
        let ways = servers.iter().flat_map(|(server, key)| {
            [false, true].into_iter().flat_map(move |modern| {
                let own = (format!("{gateway}/acme/{server}/mcp"), tool.to_owned());
                let all = (format!("{gateway}/acme/mcp"), format!("{server}__{tool}"));
                [own, all].map(|(url, tool)| Self { url, key: (*key).to_owned(), tool, modern })
            })
        });
        ways.collect()
    }

    /// A request for a call. In the era with sessions it opens one first.
    pub async fn request(&self, http: &Http, arguments: Value) -> anyhow::Result<Request<Full<bytes::Bytes>>> {
        let mut params = json!({"name": self.tool, "arguments": arguments});
        let mut request = Request::post(&self.url)
            .header(header::AUTHORIZATION, format!("Bearer {}", self.key))
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ACCEPT, "application/json, text/event-stream");
        if self.modern {
            params["_meta"] =
                json!({format!("{META}/protocolVersion"): "2026-07-28", format!("{META}/clientCapabilities"): {}});
            request = request
                .header("Mcp-Protocol-Version", "2026-07-28")
                .header("Mcp-Method", "tools/call")
                .header("Mcp-Name", &self.tool);
        } else {
            let hello = json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
                "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "waiter", "version": "1"}}});
            let answer = http.mcp(&self.url, &self.key, None, &hello).await?;
            ensure!(answer.status.is_success(), "{answer:?}");
            if let Some(session) = answer.headers.get("mcp-session-id") {
                request = request.header("Mcp-Session-Id", session);
            }
            request = request.header("Mcp-Protocol-Version", "2025-11-25");
        }
        let message = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
        Ok(request.body(Full::from(message.to_string()))?)
    }

    fn call(&self, http: &Http, caller: usize) -> JoinHandle<anyhow::Result<Value>> {
        let (way, http) = (self.clone(), http.clone());
        tokio::spawn(async move {
            let request = way.request(&http, json!({"caller": caller})).await?;
            http.send(request).await?.json_rpc()
        })
    }
}

/// A caller on each way, all of whom the server has. `from`: the number of the first.
fn callers(http: &Http, ways: &[Way], server: &Running, from: usize) -> anyhow::Result<Callers> {
    let callers = ways.iter().enumerate().map(|(at, way)| way.call(http, from + at)).collect();
    for caller in from..from + ways.len() {
        server.line_with(&format!("waiting {caller}."))?;
    }
    Ok(callers)
}

/// That everyone is told of a failure, and of which.
async fn told(callers: Callers, expected: &str) -> anyhow::Result<()> {
    let reasons = reasons(callers).await?;
    ensure!(reasons.iter().all(|reason| reason == expected), "{reasons:?}");
    Ok(())
}

impl Scene {
    /// All ways to the server that is killed, in either of its eras.
    async fn ways(&self) -> anyhow::Result<Vec<Way>> {
        let mut servers = Vec::new();
        for (slug, path) in [("waits", "mcp"), ("modern", "modern")] {
            self.person.register_http(slug, &format!("http://{}/{path}", self.upstream_address)).await?;
            self.person.save_policy(slug, OPEN).await?;
            servers.push((slug, self.person.grant_agent(slug, &format!("{slug}-agent")).await?));
        }
        let servers: Vec<(&str, &str)> = servers.iter().map(|(slug, key)| (*slug, key.as_str())).collect();
        Ok(Way::all(&format!("http://{}", self.listen), &servers, "wait"))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_on_every_way_of_a_killed_upstream_or_gateway_are_told() -> anyhow::Result<()> {
    let mut scene = Scene::start("killed-ways").await?;
    let ways = scene.ways().await?;
    let waiting = callers(&scene.http, &ways, &scene.upstream, 0)?;
    scene.upstream.signal("KILL")?;
    told(waiting, "upstream_broken").await?;
    scene.upstream.wait()?;
    scene.upstream = upstream(scene.upstream_address)?;
    let waiting = callers(&scene.http, &ways, &scene.upstream, 100)?;
    scene.gateway.signal("KILL")?;
    let answers = tokio::time::timeout(PATIENCE, join_all(waiting)).await?;
    ensure!(answers.iter().all(|answer| matches!(answer, Ok(Err(_)))), "{answers:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_on_every_way_of_an_upstream_that_stands_still_are_told() -> anyhow::Result<()> {
    let scene = Scene::patient("stopped-ways", "15").await?;
    let ways = scene.ways().await?;
    let waiting = callers(&scene.http, &ways, &scene.upstream, 0)?;
    scene.upstream.signal("STOP")?;
    // One that comes now is told as well; what it speaks is known by now.
    let late: Callers = ways.iter().filter(|way| way.modern).map(|way| way.call(&scene.http, 100)).collect();
    told(waiting, "upstream_timeout").await?;
    let late = reasons(late).await?;
    ensure!(late.iter().all(|reason| reason.starts_with("upstream_")), "{late:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_through_another_gateway_that_stands_still_or_is_killed_are_told() -> anyhow::Result<()> {
    let deployment = Deployment::start("killed-mesh").await?;
    let address = free_address()?;
    let (server, http) = (upstream(address)?, Http::new());
    let person = Person::sign_up(&deployment.origin, "acme").await?;
    let token = person.register_tunnel("waits").await?;
    person.save_policy("waits", OPEN).await?;
    let key = person.grant_agent("waits", "waiter").await?;
    let url = format!("http://{address}/mcp");
    let connector = Running::start(PORTCULLIS, &["connect", &token, "--url", &url, "--allow", "127.0.0.0/8"], &[])?;
    connector.line_with("connected to")?;
    let ways = Way::all(&deployment.gateways[1], &[("waits", &key)], "wait");
    reached(&http, &ways).await?;
    // One that stands still closes nothing: pings tell.
    let waiting = callers(&http, &ways, &server, 0)?;
    deployment.gateway_process(0).signal("STOP")?;
    told(waiting, "upstream_broken").await?;
    deployment.gateway_process(0).signal("CONT")?;
    reached(&http, &ways).await?;
    let waiting = callers(&http, &ways, &server, 100)?;
    deployment.gateway_process(0).signal("KILL")?;
    told(waiting, "upstream_broken").await
}

/// Calls something that answers until it does: gateways hear of connectors a moment later.
async fn reached(http: &Http, ways: &[Way]) -> anyhow::Result<()> {
    for way in ways {
        let way = Way { tool: way.tool.replace("wait", "other").replacen("others__", "waits__", 1), ..way.clone() };
        let answers = async {
            loop {
                let answer = match way.request(http, json!({})).await {
                    Ok(request) => http.send(request).await?.json_rpc()?,
                    Err(_) => continue,
                };
                if answer["result"]["content"].is_array() {
                    return anyhow::Ok(());
                }
            }
        };
        tokio::time::timeout(PATIENCE, answers).await??;
    }
    Ok(())
}
