//! Results of 100 MB: the upstream that has them, and what they cost the gateway in memory.

use std::{convert::Infallible, net::SocketAddr, time::Instant};

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use futures_util::{StreamExt as _, future::try_join_all, stream};
use http_body_util::{BodyExt as _, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::{
    Method, Request, Response,
    body::{Frame, Incoming},
    client::conn::http1 as client,
    header,
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

use crate::{process::Process, servers::id};

const BYTES: usize = 100_000_000;
const PIECE: usize = 64 << 10;
const READERS: usize = 4;
const MB: f64 = 1_048_576.0;

type Body = UnsyncBoxBody<Bytes, Infallible>;

/// A server of the stateless era. It answers a call with a result of 100 MB, as one event if `event` stands in it, and
/// whoever listens with a stream that says nothing more once it is open.
pub async fn upstream(listener: TcpListener) -> anyhow::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let service = service_fn(|request: Request<Incoming>| async move {
            let method = request.method().clone();
            let body = request.into_body().collect().await?.to_bytes();
            Ok::<_, hyper::Error>(answer(&method, &body))
        });
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

fn answer(method: &Method, body: &[u8]) -> Response<Body> {
    let text = String::from_utf8_lossy(body);
    if method == Method::GET || text.contains("subscriptions/listen") {
        let ack = format!(
            "data: {{\"jsonrpc\":\"2.0\",\"method\":\"notifications/subscriptions/acknowledged\",\"params\":{{\"notifications\":{{\"toolsListChanged\":true}},\"_meta\":{{\"io.modelcontextprotocol/subscriptionId\":{}}}}}}}\n\n",
            id(body)
        );
        let first = if method == Method::GET { Bytes::from(": open\n\n") } else { Bytes::from(ack) };
        let open = stream::once(async { first }).chain(stream::pending());
        return response("text/event-stream", StreamBody::new(open.map(|b| Ok(Frame::data(b)))).boxed_unsync());
    }
    if text.contains("server/discover") {
        let message = format!(
            r#"{{"jsonrpc":"2.0","id":{},"result":{{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{{}},"ttlMs":0,"cacheScope":"private"}}}}"#,
            id(body)
        );
        return response("application/json", Full::from(message).boxed_unsync());
    }
    let message = format!(r#"{{"jsonrpc":"2.0","id":{},"result":{{"content":[{{"type":"text","text":""#, id(body));
    let event = text.contains(r#""as":"event""#);
    let (open, close) = if event { ("data: ", "\n\n") } else { ("", "") };
    let pieces = std::iter::once(Bytes::from(format!("{open}{message}")))
        .chain(std::iter::repeat_n(Bytes::from(vec![b'x'; PIECE]), BYTES / PIECE))
        .chain(std::iter::once(Bytes::from(format!("\"}}]}}}}{close}"))));
    let body = StreamBody::new(stream::iter(pieces.map(|piece| Ok(Frame::data(piece))))).boxed_unsync();
    response(if event { "text/event-stream" } else { "application/json" }, body)
}

fn response(media_type: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(media_type));
    response
}

/// Prints how much more memory the gateway has while clients read such results.
pub async fn measure(gateway: &Process, address: SocketAddr, keys: &[String]) -> anyhow::Result<()> {
    let key = keys.first().context("a key")?;
    // What the first call of all brings in is not the answers' cost.
    read(address, key, "json").await?;
    for (kind, name) in [("json", "as JSON"), ("event", "as one event")] {
        let before = gateway.resident_mb()?;
        let started = Instant::now();
        let reading = try_join_all((0..READERS).map(|_| read(address, key, kind)));
        let (peak, read) = peak_while(gateway, reading).await?;
        let seconds = started.elapsed().as_secs_f64();
        let bytes: usize = read?.iter().sum();
        ensure!(bytes >= READERS * (BYTES / PIECE * PIECE), "an answer is not whole");
        println!(
            "{READERS} × 100 MB {name}: {:+.1} MB resident at the most, {:.0} MB/s",
            peak - before,
            bytes as f64 / MB / seconds
        );
    }
    Ok(())
}

/// The most memory that a process has until something is done.
async fn peak_while<T>(process: &Process, work: impl Future<Output = T>) -> anyhow::Result<(f64, T)> {
    let mut work = std::pin::pin!(work);
    let mut peak = process.resident_mb()?;
    let mut tick = tokio::time::interval(std::time::Duration::from_millis(10));
    loop {
        tokio::select! {
            done = work.as_mut() => return Ok((peak, done)),
            _ = tick.tick() => peak = peak.max(process.resident_mb()?),
        }
    }
}

/// Reads one result; its length.
async fn read(address: SocketAddr, key: &str, kind: &str) -> anyhow::Result<usize> {
    let stream = TcpStream::connect(address).await?;
    let (mut sender, connection) = client::handshake(TokioIo::new(stream)).await?;
    let driver = tokio::spawn(connection);
    let body = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"get_run","arguments":{{"as":"{kind}"}}}}}}"#
    );
    let request = Request::post("/bench/large/mcp")
        .header(header::HOST, address.to_string())
        .header(header::AUTHORIZATION, format!("Bearer {key}"))
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::ACCEPT, "application/json, text/event-stream")
        .body(Full::<Bytes>::from(body))?;
    let mut body = sender.send_request(request).await?.into_body();
    let mut bytes = 0;
    while let Some(frame) = body.frame().await {
        bytes += frame?.into_data().map_or(0, |data| data.len());
    }
    driver.abort();
    Ok(bytes)
}
