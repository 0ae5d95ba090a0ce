#![doc = include_str!("../README.md")]

mod account;
mod judge;
mod large;
mod limits;
mod load;
mod process;
mod reserve;
mod servers;
mod silence;
mod table;

use std::{env, net::SocketAddr, time::Duration};

use anyhow::{Context as _, bail};
use domain::{DeploymentKey, Entropy};
use tokio::net::TcpListener;

use crate::{
    load::Target,
    process::{Process, free_port, wait_for},
    table::Row,
};

/// Interleaved rounds; the medians are printed.
const ROUNDS: usize = 5;
/// How long each way is loaded in each round.
const RUN: Duration = Duration::from_secs(4);
const WARM_UP: Duration = Duration::from_secs(1);
const CONNECTIONS: usize = 64;

/// A way a call can take, and the process whose cost is told.
struct Way {
    name: &'static str,
    target: Target,
    process: Process,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args: Vec<String> = env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["upstream", address] => servers::upstream(TcpListener::bind(address).await?).await,
        ["large", address] => large::upstream(TcpListener::bind(address).await?).await,
        ["hop", address, upstream] => servers::hop(TcpListener::bind(address).await?, upstream.parse()?).await,
        [portcullis] => {
            compare(portcullis).await?;
            streams(portcullis).await
        }
        ["streams", portcullis] => streams(portcullis).await,
        _ => bail!("usage: bench [streams] PORTCULLIS-BINARY"),
    }
}

/// A private Redis.
async fn start_redis() -> anyhow::Result<(Process, SocketAddr)> {
    let address = free_port()?;
    let port = address.port().to_string();
    let args = ["--port", &port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
    let redis = Process::start("redis-server", &args, &[])?;
    wait_for(address).await?;
    Ok((redis, address))
}

/// A gateway, and where it is.
async fn start_gateway(
    portcullis: &str,
    redis_url: &str,
    key: &DeploymentKey,
) -> anyhow::Result<(Process, SocketAddr)> {
    let gateway = free_port()?;
    let spool = env::temp_dir().join(format!("portcullis-bench-{}-{}", std::process::id(), gateway.port()));
    let spool = spool.to_str().context("the temporary folder's name is text")?;
    let process = Process::start(
        portcullis,
        &["gateway", "--listen", &gateway.to_string(), "--spool", spool, "--allow-private-upstreams"],
        &[
            ("PORTCULLIS_KEY", &key.expose()),
            ("REDIS_URL", redis_url),
            ("PORTCULLIS_GATEWAY_ORIGIN", &format!("http://{gateway}")),
        ],
    )?;
    wait_for(gateway).await?;
    Ok((process, gateway))
}

/// What large answers, idle streams and half-open connections cost a gateway that does nothing else.
async fn streams(portcullis: &str) -> anyhow::Result<()> {
    limits::raise_open_files();
    let (_redis, redis) = start_redis().await?;
    let redis_url = format!("redis://{redis}");
    let (this, key) = (env::current_exe()?, DeploymentKey::new(&Entropy::System));
    let (small, large) = (free_port()?, free_port()?);
    let servers = [("upstream", format!("http://{small}/mcp")), ("large", format!("http://{large}/mcp"))];
    let keys = account::publish(&redis_url, &key, &servers).await?;
    let _small = Process::start(&this, &["upstream", &small.to_string()], &[])?;
    let _large = Process::start(&this, &["large", &large.to_string()], &[])?;
    for address in [small, large] {
        wait_for(address).await?;
    }
    println!();
    let (gateway, address) = start_gateway(portcullis, &redis_url, &key).await?;
    large::measure(&gateway, address, &keys).await?;
    // Each on a gateway whose memory nothing has grown before.
    drop(gateway);
    for kind in [silence::Kind::Get, silence::Kind::Listen] {
        let (gateway, address) = start_gateway(portcullis, &redis_url, &key).await?;
        silence::idle_streams(&gateway, address, &keys, kind).await?;
    }
    let (_gateway, address) = start_gateway(portcullis, &redis_url, &key).await?;
    silence::half_open(address, &keys).await
}

async fn compare(portcullis: &str) -> anyhow::Result<()> {
    let (redis, redis_address) = start_redis().await?;
    let redis_url = format!("redis://{redis_address}");
    let ways = start_ways(portcullis, &redis_url).await?;
    let mut rows: Vec<Row> = ways.iter().map(|way| Row::new(way.name)).collect();
    for round in 0..=ROUNDS {
        for (way, row) in ways.iter().zip(&mut rows) {
            if round == 0 {
                load::run(&way.target, CONNECTIONS, WARM_UP).await.with_context(|| way.name)?;
                continue;
            }
            let (redis_before, before) = (redis.cpu_us()?, way.process.cpu_us()?);
            let measured = load::run(&way.target, CONNECTIONS, RUN).await.with_context(|| way.name)?;
            let (cpu, redis_cpu) = (way.process.cpu_us()? - before, redis.cpu_us()? - redis_before);
            row.add(&measured, cpu, redis_cpu, way.process.resident_mb()?);
        }
    }
    print!("{}", table::render(&rows, CONNECTIONS, ROUNDS));
    let (judged, trips) = (judge::micros_per_call()?, reserve::round_trips(redis_address).await?);
    println!("\njudging a call under 200 rules, 40 tools: {judged:.2} µs");
    println!("reserving 5 limits with the record: {trips:.2} round trips");
    Ok(())
}

async fn start_ways(portcullis: &str, redis_url: &str) -> anyhow::Result<Vec<Way>> {
    let this = env::current_exe()?;
    let (upstream, hop) = (free_port()?, free_port()?);
    let key = DeploymentKey::new(&Entropy::System);
    let keys = account::publish(redis_url, &key, &[("upstream", format!("http://{upstream}/mcp"))]).await?;
    let token = keys.into_iter().next().context("a key")?;
    let [upstream_text, hop_text] = [upstream, hop].map(|a| a.to_string());

    let upstream_process = Process::start(&this, &["upstream", &upstream_text], &[])?;
    let hop_process = Process::start(&this, &["hop", &hop_text, &upstream_text], &[])?;
    for address in [upstream, hop] {
        wait_for(address).await?;
    }
    let (gateway_process, gateway) = start_gateway(portcullis, redis_url, &key).await?;
    let way =
        |name, address, path, process| Way { name, target: Target { address, path, key: token.clone() }, process };
    Ok(vec![
        way("upstream, direct", upstream, "/mcp", upstream_process),
        way("pass-through hop", hop, "/mcp", hop_process),
        way("portcullis gateway", gateway, "/bench/upstream/mcp", gateway_process),
    ])
}
