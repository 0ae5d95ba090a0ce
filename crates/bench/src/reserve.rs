//! What reserving costs the network: round trips for a call with five limits, counted by Redis itself.

use std::{net::SocketAddr, sync::Arc};

use anyhow::{Context as _, ensure};
use counters::{Charge, CounterKey, Counters, Enforce, RedisConfig, Reserve, Reserved, Shadow};
use domain::{AccountId, Clock, Entropy, Secret, ServerId};
use policy::{Decimal, Refund, Window};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

const CALLS: u64 = 1000;

/// Round trips for one reservation of five limits together with its record. Calls go one after the other, so what Redis reads
/// at once is one request.
pub async fn round_trips(redis: SocketAddr) -> anyhow::Result<f64> {
    let counters = Counters::redis(RedisConfig::new(Secret::new(format!("redis://{redis}")))).await?;
    let (clock, entropy) = (Clock::System, Entropy::System);
    let (account, server) = (AccountId::new(&clock, &entropy), ServerId::new(&clock, &entropy));
    let charges: Vec<Charge> = [1, 60, 3600, 86_400, 604_800].map(|seconds| charge(account, server, seconds)).into();
    let stream = format!("bench:{{{account}}}");
    // The script is loaded by the first.
    reserve(&counters, account, &stream, &charges).await?;
    let before = reads(redis).await?;
    for _ in 0..CALLS {
        reserve(&counters, account, &stream, &charges).await?;
    }
    let read = reads(redis).await?.saturating_sub(before).saturating_sub(1);
    counters.close().await;
    Ok(read as f64 / CALLS as f64)
}

async fn reserve(counters: &Counters, account: AccountId, stream: &str, charges: &[Charge]) -> anyhow::Result<()> {
    let reserve = Reserve { account, charges, stream, record: Some(b"{}"), approval: None };
    let reserved = counters.reserve(reserve).await?;
    ensure!(matches!(reserved, Reserved::Granted { record_stored: true, .. }), "{reserved:?}");
    Ok(())
}

fn charge(account: AccountId, server: ServerId, seconds: u32) -> Charge {
    let key = CounterKey {
        account,
        server,
        subject: "server".to_owned(),
        counter: Arc::from(format!("every_{seconds}_s")),
        window: Window::Sliding { seconds },
        shadow: Shadow::No,
    };
    let max = Decimal::from(1_000_000_u64);
    Charge { key, amount: Decimal::ONE, max, refund: Refund::Undelivered, enforce: Enforce::Yes }
}

/// How often Redis has read from a client's socket so far; asking is one more.
async fn reads(redis: SocketAddr) -> anyhow::Result<u64> {
    let mut stream = TcpStream::connect(redis).await?;
    stream.write_all(b"INFO stats\r\nQUIT\r\n").await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    let text = String::from_utf8_lossy(&answer);
    let line = text.lines().find_map(|line| line.strip_prefix("total_reads_processed:"));
    Ok(line.context("total_reads_processed: Redis 6 or later")?.trim().parse()?)
}
