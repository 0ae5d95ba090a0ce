//! Connections on which nothing happens: streams that are open, and requests that never come.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context as _, ensure};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::{
    load::{self, Target},
    process::Process,
    table::median,
};

const STREAMS: usize = 2_000;
const HALF_OPEN: usize = 5_000;
/// Light, as of a machine that is not full: what is looked for is a delay, not a lack of processors.
const GOOD_CONNECTIONS: usize = 8;
const RUN: Duration = Duration::from_secs(3);
const ROUNDS: usize = 7;
const PATIENCE: Duration = Duration::from_secs(30);

/// Which kind of stream.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// The server's own stream (2025-11-25).
    Get,
    /// A subscription (2026-07-28).
    Listen,
}

/// Prints what an idle stream costs the gateway in memory.
pub async fn idle_streams(gateway: &Process, address: SocketAddr, keys: &[String], kind: Kind) -> anyhow::Result<()> {
    // The first loads the account.
    let _first = open(address, keys.first().context("a key")?, kind).await?;
    let before = gateway.resident_mb()?;
    let mut streams = Vec::with_capacity(STREAMS);
    for number in 0..STREAMS {
        streams.push(open(address, &keys[number % keys.len()], kind).await?);
    }
    let more = gateway.resident_mb()? - before;
    let name = match kind {
        Kind::Get => "streams opened by GET",
        Kind::Listen => "subscriptions",
    };
    println!("{STREAMS} idle {name}: {:.1} KB each", more * 1024.0 / STREAMS as f64);
    Ok(())
}

/// Opens a stream and reads its first event.
async fn open(address: SocketAddr, key: &str, kind: Kind) -> anyhow::Result<TcpStream> {
    let mut stream = TcpStream::connect(address).await?;
    let common = format!("Host: {address}\r\nAuthorization: Bearer {key}\r\n");
    let request = match kind {
        Kind::Get => format!("GET /bench/large/mcp HTTP/1.1\r\n{common}Accept: text/event-stream\r\n\r\n"),
        Kind::Listen => {
            let body = r#"{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","params":{"notifications":{"toolsListChanged":true},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}"#;
            format!(
                "POST /bench/large/mcp HTTP/1.1\r\n{common}Accept: application/json, text/event-stream\r\nContent-Type: application/json\r\nMcp-Protocol-Version: 2026-07-28\r\nMcp-Method: subscriptions/listen\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            )
        }
    };
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    while !answer.windows(4).any(|bytes| bytes == b"\n\n\r\n") {
        let read = timeout(PATIENCE, stream.read_buf(&mut answer)).await.context("a stream opens in time")??;
        ensure!(read > 0, "no stream: {}", String::from_utf8_lossy(&answer));
    }
    ensure!(answer.starts_with(b"HTTP/1.1 200"), "no stream: {}", String::from_utf8_lossy(&answer));
    Ok(stream)
}

/// Prints a good client's p99 beside half-open connections, against the same without, in turn.
pub async fn half_open(address: SocketAddr, keys: &[String]) -> anyhow::Result<()> {
    let target = Target { address, path: "/bench/upstream/mcp", key: keys.first().context("a key")?.clone() };
    load::run(&target, GOOD_CONNECTIONS, Duration::from_secs(1)).await?;
    let (mut alone, mut beside) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        alone.push(load::run(&target, GOOD_CONNECTIONS, RUN).await?.quantile_ms(0.99));
        let mut waiting = Vec::with_capacity(HALF_OPEN);
        for _ in 0..HALF_OPEN {
            let mut stream = TcpStream::connect(address).await?;
            stream.write_all(b"POST /bench/upstream/mcp HTTP/1.1\r\nHost: x\r\nX-Slow: ").await?;
            waiting.push(stream);
        }
        beside.push(load::run(&target, GOOD_CONNECTIONS, RUN).await?.quantile_ms(0.99));
    }
    let ratios: Vec<f64> = beside.iter().zip(&alone).map(|(beside, alone)| beside / alone).collect();
    println!(
        "{HALF_OPEN} half-open connections: a good client's p99 {:.2} ms, {:.2} ms without; ratio {:.2}, in {ROUNDS} rounds {:.2} to {:.2}",
        median(&beside),
        median(&alone),
        median(&ratios),
        ratios.iter().copied().fold(f64::INFINITY, f64::min),
        ratios.iter().copied().fold(0.0, f64::max),
    );
    Ok(())
}
