//! The load: a fixed number of keep-alive connections, each sending the next call when the last one is answered.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{Request, client::conn::http1, header};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// Where the load goes.
#[derive(Clone, Debug)]
pub struct Target {
    pub address: SocketAddr,
    pub path: &'static str,
    pub key: String,
}

/// What one run measured.
#[derive(Debug)]
pub struct Measured {
    pub calls: usize,
    pub seconds: f64,
    /// Sorted, microseconds.
    latencies_us: Vec<u32>,
}

impl Measured {
    pub fn per_second(&self) -> f64 {
        self.calls as f64 / self.seconds
    }

    /// Milliseconds at this share (0 to 1) of the calls.
    pub fn quantile_ms(&self, share: f64) -> f64 {
        let at = ((self.latencies_us.len() as f64 * share) as usize).min(self.latencies_us.len().saturating_sub(1));
        self.latencies_us.get(at).map_or(0.0, |us| f64::from(*us) / 1000.0)
    }
}

/// Runs the load for that long.
pub async fn run(target: &Target, connections: usize, length: Duration) -> anyhow::Result<Measured> {
    let start = Instant::now();
    let tasks: Vec<_> =
        (0..connections).map(|_| tokio::spawn(one_connection(target.clone(), start + length))).collect();
    let mut latencies_us = Vec::new();
    for task in tasks {
        latencies_us.extend(task.await??);
    }
    let seconds = start.elapsed().as_secs_f64();
    latencies_us.sort_unstable();
    Ok(Measured { calls: latencies_us.len(), seconds, latencies_us })
}

async fn one_connection(target: Target, end: Instant) -> anyhow::Result<Vec<u32>> {
    let stream = TcpStream::connect(target.address).await.context("connect")?;
    stream.set_nodelay(true)?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let driver = tokio::spawn(connection);
    let mut latencies_us = Vec::new();
    let mut id = 0u64;
    while Instant::now() < end {
        id += 1;
        let started = Instant::now();
        let answer = sender.send_request(request(&target, id)?).await?;
        ensure!(answer.status().is_success(), "{} answered {}", target.address, answer.status());
        let body = answer.into_body().collect().await?.to_bytes();
        latencies_us.push(u32::try_from(started.elapsed().as_micros()).unwrap_or(u32::MAX));
        ensure!(body.len() > 1024, "{} did not pass the call: {}", target.address, String::from_utf8_lossy(&body));
    }
    driver.abort();
    Ok(latencies_us)
}

fn request(target: &Target, id: u64) -> anyhow::Result<Request<Full<Bytes>>> {
    let body = format!(
        r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"get_run","arguments":{{"run_id":"3619e6f35d1c4b79a50d6eb30216f6a1"}}}}}}"#
    );
    Ok(Request::post(target.path)
        .header(header::HOST, target.address.to_string())
        .header(header::AUTHORIZATION, format!("Bearer {}", target.key))
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::ACCEPT, "application/json, text/event-stream")
        .body(Full::from(body))?)
}
