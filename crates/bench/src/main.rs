#![doc = include_str!("../README.md")]

mod account;
mod judge;
mod load;
mod process;
mod reserve;
mod servers;
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
        ["hop", address, upstream] => servers::hop(TcpListener::bind(address).await?, upstream.parse()?).await,
        [portcullis] => compare(portcullis).await,
        _ => bail!("usage: bench PORTCULLIS-BINARY"),
    }
}

async fn compare(portcullis: &str) -> anyhow::Result<()> {
    let redis_port = free_port()?.port();
    let redis_url = format!("redis://127.0.0.1:{redis_port}");
    let redis = Process::start(
        "redis-server",
        &["--port", &redis_port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"],
        &[],
    )?;
    let redis_address = SocketAddr::from(([127, 0, 0, 1], redis_port));
    wait_for(redis_address).await?;
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
    let (upstream, hop, gateway) = (free_port()?, free_port()?, free_port()?);
    let key = DeploymentKey::new(&Entropy::System);
    let token = account::publish(redis_url, &key, format!("http://{upstream}/mcp")).await?;
    let spool = env::temp_dir().join(format!("portcullis-bench-{}", std::process::id()));
    let spool = spool.to_str().context("the temporary folder's name is text")?;
    let [upstream_text, hop_text, gateway_text] = [upstream, hop, gateway].map(|a| a.to_string());

    let upstream_process = Process::start(&this, &["upstream", &upstream_text], &[])?;
    let hop_process = Process::start(&this, &["hop", &hop_text, &upstream_text], &[])?;
    let gateway_process = Process::start(
        portcullis,
        &["gateway", "--listen", &gateway_text, "--spool", spool, "--allow-private-upstreams"],
        &[
            ("PORTCULLIS_KEY", &key.expose()),
            ("REDIS_URL", redis_url),
            ("PORTCULLIS_GATEWAY_ORIGIN", &format!("http://{gateway_text}")),
        ],
    )?;
    for address in [upstream, hop, gateway] {
        wait_for(address).await?;
    }
    let way =
        |name, address, path, process| Way { name, target: Target { address, path, key: token.clone() }, process };
    Ok(vec![
        way("upstream, direct", upstream, "/mcp", upstream_process),
        way("pass-through hop", hop, "/mcp", hop_process),
        way("portcullis gateway", gateway, "/bench/upstream/mcp", gateway_process),
    ])
}
