//! What the protocol asks of a gateway, item by item, in the order of docs/protocol.md: each test has its item's name. Items
//! that another file here proves are not proved again; the page says which test does.

mod frames;
mod legacy;
mod middle;
mod modern;
mod status;
mod strict;

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::{
    client::{Client, stateless},
    fixture::{Fixture, Speaks},
    world::{Account, OPEN, PATIENCE, Simple, World, decided},
};

/// Both gateway URLs of one server, and what its tool `echo` is called there.
const URLS: [(&str, &str); 2] = [("/mlflow/mcp", "echo"), ("/mcp", "mlflow__echo")];

/// A gateway, a server behind it, and somebody who may call everything there.
struct Stage {
    world: World,
    upstream: Arc<Fixture>,
    acme: Account,
    simple: Simple,
}

impl Stage {
    async fn new(speaks: Speaks) -> Self {
        Self::with(speaks, OPEN, |_| {}).await
    }

    async fn with(speaks: Speaks, policy: &str, change: impl FnOnce(&mut gateway::Config)) -> Self {
        let (world, upstream) = (World::with(change).await, Fixture::start(speaks).await);
        let mut acme = world.account("acme");
        let simple = acme.simple(&upstream.url, policy);
        world.publish(&acme).await;
        Self { world, upstream, acme, simple }
    }

    /// A client that has not said anything yet.
    fn client(&self, path: &str) -> Client {
        Client::new(&self.world, &self.acme, path, &self.simple.agent)
    }

    /// Forgets what the server was sent so far.
    fn clear(&self) {
        self.upstream.seen.lock().unwrap().clear();
    }

    /// How many messages the server was sent.
    fn sent(&self) -> usize {
        self.upstream.seen.lock().unwrap().len()
    }

    /// The codes of so many refusals, in order, once they are recorded; nothing else is.
    async fn refusals(&self, count: usize) -> Vec<String> {
        let events = self.world.records(&self.acme, |events| events.len() >= count).await;
        let refusals = events.iter().filter_map(decided).filter(|record| record.outcome == domain::Outcome::Refused);
        refusals.map(|record| record.code.clone().unwrap_or_default()).collect()
    }

    /// Sends bytes as they are and gives the status and the whole answer; the request has to end the connection.
    async fn raw(&self, request: &[u8]) -> (u16, String) {
        let address = self.world.origin.trim_start_matches("http://");
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        stream.write_all(request).await.unwrap();
        let mut answer = Vec::new();
        let reading = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer));
        reading.await.expect("the whole answer in time").unwrap();
        let text = String::from_utf8_lossy(&answer).into_owned();
        let status = text.split(' ').nth(1).and_then(|status| status.parse().ok());
        (status.unwrap_or_else(|| panic!("no status: {text}")), text)
    }

    /// A POST with exactly these lines between the request line and the body's length.
    async fn raw_post(&self, path: &str, lines: &[String], body: &[u8]) -> (u16, String) {
        let host = self.world.origin.trim_start_matches("http://");
        let key = self.simple.agent.token.expose();
        let mut request = format!(
            "POST /acme{path} HTTP/1.1\r\nHost: {host}\r\nauthorization: Bearer {key}\r\nconnection: close\r\ncontent-length: {}\r\n",
            body.len()
        );
        for line in lines {
            request.push_str(line);
            request.push_str("\r\n");
        }
        request.push_str("\r\n");
        self.raw(&[request.as_bytes(), body].concat()).await
    }
}

/// A request of the first era.
fn ask(method: &str, params: &Value) -> String {
    json!({"jsonrpc": "2.0", "id": 7, "method": method, "params": params}).to_string()
}

/// A message of the stateless era that calls a tool, without its headers.
fn modern_call(tool: &str) -> String {
    let params = json!({"name": tool, "arguments": {}});
    stateless_message("tools/call", params)
}

fn stateless_message(method: &str, mut params: Value) -> String {
    params["_meta"] = json!({"io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {}});
    ask(method, &params)
}

/// A request in either era, and the client that has its headers.
fn in_era(client: Client, speaks: Speaks, method: &str, params: Value) -> (Client, String) {
    match speaks {
        Speaks::Sessions => (client, ask(method, &params)),
        Speaks::Stateless => stateless(client, method, params),
    }
}

/// A client that has introduced itself, where its era wants that.
async fn ready(client: Client, speaks: Speaks) -> Client {
    match speaks {
        Speaks::Sessions => client.initialized().await,
        Speaks::Stateless => client,
    }
}
