//! Large answers on every way, through real processes: none of them holds any.

use std::{convert::Infallible, io::BufRead as _, io::Write as _, net::SocketAddr};

use anyhow::{Context as _, ensure};
use axum::{
    Router,
    body::{Body, Bytes},
    http::{HeaderMap, Response, StatusCode},
    routing::post,
};
use futures_util::{StreamExt as _, future::try_join_all, stream};
use serde_json::{Value, json};

use crate::{
    http::Http,
    killed::Way,
    person::Person,
    process::{Folder, PORTCULLIS, Running, free_address},
};

const OPEN: &str = r#"{"version":"1","default":"allow"}"#;
const PIECE: usize = 64 << 10;
/// The text of one answer.
const BYTES: usize = 400 * PIECE;
const READERS: usize = 4;
/// Less than the answers that are read at a time, more than what buffers take.
const MOST_MB: f64 = 60.0;

/// An upstream of either era, in this process.
async fn upstream() -> anyhow::Result<SocketAddr> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let router = Router::new().route("/mcp", post(legacy)).route("/modern", post(modern));
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(address)
}

async fn legacy(body: Bytes) -> Response<Body> {
    answer(&body, false)
}

async fn modern(headers: HeaderMap, body: Bytes) -> Response<Body> {
    match headers.get("mcp-protocol-version").is_some_and(|version| version == "2026-07-28") {
        true => answer(&body, true),
        false => status(StatusCode::BAD_REQUEST),
    }
}

fn answer(body: &[u8], modern: bool) -> Response<Body> {
    let Ok(message) = serde_json::from_slice::<Value>(body) else { return status(StatusCode::BAD_REQUEST) };
    let Some(id) = message.get("id") else { return status(StatusCode::ACCEPTED) };
    if message["method"] != "tools/call" {
        let text = json!({"jsonrpc": "2.0", "id": id, "result": greeting(&message, modern)}).to_string();
        return whole("application/json", Body::from(text));
    }
    let events = message["params"]["arguments"]["as"] == "event";
    let (open, close) = if events { ("data: ", "\n\n") } else { ("", "") };
    let (before, after) = around(id);
    let pieces = std::iter::once(Bytes::from(format!("{open}{before}")))
        .chain(std::iter::repeat_n(Bytes::from(vec![b'x'; PIECE]), BYTES / PIECE))
        .chain(std::iter::once(Bytes::from(format!("{after}{close}"))));
    let media_type = if events { "text/event-stream" } else { "application/json" };
    whole(media_type, Body::from_stream(stream::iter(pieces).map(Ok::<_, Infallible>)))
}

fn greeting(message: &Value, modern: bool) -> Value {
    match message["method"].as_str().unwrap_or_default() {
        "initialize" => json!({"protocolVersion": "2025-11-25", "capabilities": {"tools": {}},
            "serverInfo": {"name": "large", "version": "1"}}),
        "server/discover" if modern => json!({"resultType": "complete", "supportedVersions": ["2026-07-28"],
            "capabilities": {"tools": {}}, "ttlMs": 0, "cacheScope": "private"}),
        _ => json!({"resultType": "complete", "ttlMs": 0, "cacheScope": "private",
            "tools": [{"name": "large", "inputSchema": {"type": "object"}}]}),
    }
}

/// What stands before and after the large text.
fn around(id: &Value) -> (String, &'static str) {
    (format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"content":[{{"type":"text","text":""#), r#""}]}}"#)
}

fn whole(media_type: &str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    response.headers_mut().insert("content-type", media_type.parse().expect("a media type"));
    response
}

fn status(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// Not a test: the same server as a program on standard input and output.
#[test]
#[ignore = "run by the test here as a process of its own"]
fn program() {
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        let Ok(message) = serde_json::from_str::<Value>(&line) else { continue };
        let Some(id) = message.get("id") else { continue };
        let line = if message["method"] == "tools/call" {
            let (before, after) = around(id);
            format!("{before}{}{after}", "x".repeat(BYTES))
        } else {
            json!({"jsonrpc": "2.0", "id": id, "result": greeting(&message, false)}).to_string()
        };
        writeln!(out, "{line}").and_then(|()| out.flush()).expect("somebody reads");
    }
}

/// What a process has more at the most while several clients read large answers on a way.
async fn growth(process: &Running, http: &Http, way: &Way, kind: &str) -> anyhow::Result<f64> {
    let before = process.peak_mb()?;
    let reading = (0..READERS).map(|_| async {
        let request = way.request(http, json!({"as": kind})).await?;
        let read = http.length(request).await?;
        ensure!(read > BYTES, "{way:?} {kind}: {read} bytes");
        anyhow::Ok(())
    });
    try_join_all(reading).await?;
    Ok(process.peak_mb()? - before)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_process_holds_large_answers_on_any_way() -> anyhow::Result<()> {
    let (folder, listen) = (Folder::new("large")?, free_address()?.to_string());
    let data = folder.path().join("data").display().to_string();
    let gateway = Running::start(PORTCULLIS, &["up", "--data", &data, "--listen", &listen], &[])?;
    gateway.line_with("Portcullis is up")?;
    let origin = format!("http://{listen}");
    let (person, http, address) = (Person::sign_up(&origin, "acme").await?, Http::new(), upstream().await?);
    person.register_http("legacy", &format!("http://{address}/mcp")).await?;
    person.register_http("modern", &format!("http://{address}/modern")).await?;
    let token = person.register_tunnel("program").await?;
    let mut keys = Vec::new();
    for slug in ["legacy", "modern", "program"] {
        person.save_policy(slug, OPEN).await?;
        keys.push(person.grant_agent(slug, &format!("{slug}-agent")).await?);
    }
    let [legacy, modern, program] = keys.as_slice() else { anyhow::bail!("three keys") };
    let ways = Way::all(&origin, &[("legacy", legacy), ("modern", modern)], "large");
    for (way, kind) in ways.iter().zip(["json", "event"].into_iter().cycle()) {
        let growth = growth(&gateway, &http, way, kind).await?;
        ensure!(growth < MOST_MB, "{way:?} {kind}: {growth:.0} MB");
    }
    let this = std::env::current_exe()?;
    let this = this.to_str().context("a path of text")?;
    let args = ["connect", &token, "--", this, "--exact", "large::program", "--ignored", "--nocapture"];
    let connector = Running::start(PORTCULLIS, &args, &[])?;
    connector.line_with("connected to")?;
    for way in Way::all(&origin, &[("program", program)], "large") {
        for process in [&connector, &gateway] {
            let growth = growth(process, &http, &way, "json").await?;
            ensure!(growth < MOST_MB, "{way:?}: {growth:.0} MB");
        }
    }
    Ok(())
}
