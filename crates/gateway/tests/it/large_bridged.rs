//! Large answers that are edited on their way: between the eras, and on the account's URL. They pass while they are read, too.

use std::sync::{Arc, atomic::Ordering};

use bytes::Bytes;
use domain::Settlement;
use http::{Method, Request};
use hyper::body::Incoming;
use serde_json::{Value, json};

use crate::{
    client::{Client, stateless},
    fixture::Speaks,
    large_answers::{HUNDRED_MB, PIECE, Source, read, read_behind},
    world::{Account, OPEN, PATIENCE, World, settled},
};

/// A way that an answer takes: what the server speaks, whether the client speaks the stateless era, and at which URL.
#[derive(Clone, Copy, Debug)]
struct Way {
    speaks: Speaks,
    modern: bool,
    path: &'static str,
}

const ONE: &str = "/mlflow/mcp";
const ALL: &str = "/mcp";

impl Way {
    /// All on which something is edited.
    fn edited() -> Vec<Self> {
        let ways = [Speaks::Sessions, Speaks::Stateless].into_iter().flat_map(|speaks| {
            [(true, ONE), (false, ONE), (true, ALL), (false, ALL)].map(|(modern, path)| Self { speaks, modern, path })
        });
        ways.filter(|way| way.path == ALL || way.modern != (way.speaks == Speaks::Stateless)).collect()
    }

    fn renames(self) -> bool {
        self.path == ALL
    }
}

struct Scene {
    world: World,
    source: Arc<Source>,
    account: Account,
    client: Client,
    way: Way,
}

impl Scene {
    async fn start(way: Way) -> Self {
        let world = World::with(|config| config.limits.held_bytes = 4 << 20).await;
        let (source, url) = Source::speaking(way.speaks).await;
        let mut account = world.account("acme");
        let simple = account.simple(&url, OPEN);
        world.publish(&account).await;
        let client = Client::new(&world, &account, way.path, &simple.agent);
        let client = if way.modern { client } else { client.initialized().await };
        Self { world, source, account, client, way }
    }

    /// The body and media type of the answer to a call.
    async fn open(&self, arguments: Value, progress: bool) -> (Incoming, String) {
        let tool = if self.way.renames() { "mlflow__echo" } else { "echo" };
        let mut params = json!({"name": tool, "arguments": arguments});
        if progress {
            params["_meta"]["progressToken"] = json!("p");
        }
        let (client, body) = match self.way.modern {
            true => stateless(self.client.clone(), "tools/call", params),
            false => {
                let body = json!({"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params});
                (self.client.clone(), body.to_string())
            }
        };
        let mut request = Request::new(Bytes::from(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = client.url.parse().unwrap();
        *request.headers_mut() = client.headers.clone();
        let answer = tokio::time::timeout(PATIENCE, self.world.dialer.send(request)).await.expect("a head in time");
        let (head, body) = answer.expect("an answer").into_parts();
        (body, head.headers["content-type"].to_str().unwrap().to_owned())
    }

    async fn settlement(&self) -> Settlement {
        let events = self.world.records(&self.account, |events| events.iter().any(|e| settled(e).is_some())).await;
        events.iter().find_map(settled).unwrap().settlement
    }
}

/// The answer in a body: the last message, if it is a stream.
fn message(bytes: &[u8], media_type: &str) -> Value {
    if media_type == "application/json" {
        return serde_json::from_slice(bytes).unwrap();
    }
    let events = mcp::SseParser::default().push(bytes).unwrap();
    let last = events.iter().filter_map(mcp::SseEvent::payload).next_back().expect("a message");
    serde_json::from_slice(last).unwrap()
}

#[tokio::test]
async fn a_large_answer_is_edited_while_it_passes() {
    for way in Way::edited() {
        let scene = Scene::start(way).await;
        for (kind, progress) in [("json", false), ("event", false), ("event", true)] {
            let arguments = json!({"bytes": 1 << 20, "as": kind, "how": "links"});
            let (body, media_type) = scene.open(arguments, progress).await;
            let (bytes, clean) = read(body).await;
            assert!(clean, "{way:?} {kind}");
            let message = message(&bytes, &media_type);
            let uri = |own: &str| if way.renames() { format!("srv.mlflow+{own}") } else { own.to_owned() };
            let result = &message["result"];
            let text = result["content"][1]["text"].as_str().map(str::len);
            assert_eq!((&message["id"], text), (&json!(7), Some(1 << 20)), "{way:?} {kind}");
            let uris = [&result["content"][0]["uri"], &result["content"][2]["uri"]];
            assert_eq!(uris, [&json!(uri("a:1")), &json!(uri("a:2"))], "{way:?} {kind}");
            let complete = way.modern || way.speaks == Speaks::Sessions;
            assert_eq!(result.get("resultType").is_some(), complete, "{way:?} {kind}");
        }
        assert_eq!(scene.settlement().await, Settlement::Ok, "{way:?}");
    }
}

#[tokio::test]
async fn a_hundred_megabytes_are_never_held_on_any_way() {
    for (way, kind) in Way::edited().into_iter().zip(["json", "event", "event", "json", "json", "event"]) {
        let scene = Scene::start(way).await;
        let (body, _) = scene.open(json!({"bytes": HUNDRED_MB, "as": kind}), false).await;
        assert!(read_behind(body, &scene.source).await >= HUNDRED_MB / PIECE * PIECE, "{way:?} {kind}");
    }
}

#[tokio::test]
async fn an_edited_answer_that_turns_out_to_be_none_never_ends_cleanly() {
    for way in Way::edited() {
        for (how, kind) in [("wrong_id", "json"), ("damaged", "event"), ("breaks", "json"), ("tools_late", "event")] {
            let scene = Scene::start(way).await;
            let (body, _) = scene.open(json!({"bytes": 1 << 20, "as": kind, "how": how}), false).await;
            let (bytes, clean) = read(body).await;
            assert!(!clean, "{way:?} {how}: {}", String::from_utf8_lossy(&bytes[bytes.len().saturating_sub(200)..]));
            assert_eq!(scene.settlement().await, Settlement::Broken, "{way:?} {how}");
        }
    }
}

#[tokio::test]
async fn a_client_that_leaves_is_not_written_for() {
    for way in Way::edited().into_iter().filter(|way| way.modern) {
        let scene = Scene::start(way).await;
        let (body, _) = scene.open(json!({"bytes": HUNDRED_MB, "as": "json"}), false).await;
        drop(body);
        assert_eq!(scene.settlement().await, Settlement::Cancelled, "{way:?}");
        assert!(scene.source.written.load(Ordering::SeqCst) < HUNDRED_MB, "{way:?}");
    }
}
