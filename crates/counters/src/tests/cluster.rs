//! A cluster of three nodes: one suite, calls by the hundred, and slots that move meanwhile.

use std::{
    collections::HashSet,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use domain::Secret;
use test_support::RedisCluster;

use super::{
    approvals, calendar, concurrent, decimals,
    fixture::{Fixture, charge, ids, patiently, sliding},
    limits, model, refunds, shadow, vectors,
};
use crate::{CounterKey, Counters, CountersUnavailable, RedisConfig, Reserve, Reserved, Shadow};

/// A cluster and the accounts used up on it.
pub(crate) struct Cluster {
    servers: RedisCluster,
    accounts: AtomicU64,
}

impl Cluster {
    /// An account of its own; nothing is left of what others counted.
    pub(crate) async fn fixture(&self) -> Fixture {
        self.servers.clear();
        let n = self.accounts.fetch_add(1, Ordering::Relaxed);
        Fixture::on(self.servers.url(), 1000 + n).await
    }
}

fn key(n: u64) -> CounterKey {
    let (account, server) = ids(n);
    let subject = "grant:g1".to_owned();
    CounterKey { account, server, subject, counter: "c".into(), window: sliding(86_400), shadow: Shadow::No }
}

async fn reserve(counters: &Counters, n: u64, max: u64) -> Result<Reserved, CountersUnavailable> {
    let charges = [charge(key(n), "1", &max.to_string())];
    let stream = format!("pcl:{{{}}}:events", key(n).account);
    let record = Some(b"{}".as_slice());
    let reserve = Reserve { account: key(n).account, charges: &charges, stream: &stream, record, approval: None };
    counters.reserve(reserve).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_suite() {
    let cluster = Cluster { servers: RedisCluster::start(), accounts: AtomicU64::new(0) };
    approvals::on_a_cluster(&cluster).await;
    calendar::on_a_cluster(&cluster).await;
    decimals::on_a_cluster(&cluster).await;
    limits::on_a_cluster(&cluster).await;
    model::on_a_cluster(&cluster).await;
    refunds::on_a_cluster(&cluster).await;
    shadow::on_a_cluster(&cluster).await;

    let client = || Counters::redis(patiently(cluster.servers.url_of_all()));
    let clients = [client().await.unwrap(), client().await.unwrap()];
    concurrent::thirty_of_a_thousand(&clients).await;
    approvals::one_of_a_hundred(&clients).await;

    accounts_are_on_every_node(&cluster.servers).await;
    slots_move_and_nothing_is_lost_or_counted_twice(&cluster.servers).await;
    one_node_is_silent_and_the_others_go_on(&cluster.servers).await;
    let url = cluster.servers.url();
    tokio::task::spawn_blocking(move || vectors::all_pass_on_redis(&patiently(url))).await.unwrap();
}

async fn accounts_are_on_every_node(servers: &RedisCluster) {
    servers.clear();
    let counters = Counters::redis(patiently(servers.url())).await.unwrap();
    for n in 0..60 {
        assert!(matches!(reserve(&counters, n, 9).await, Ok(Reserved::Granted { record_stored: true, .. })));
    }
    let sizes = servers.sizes();
    assert!(sizes.iter().all(|keys| *keys >= 10) && sizes.iter().sum::<u64>() == 120, "{sizes:?}");
    // Of all accounts at once, each asked at its node.
    let keys: Vec<CounterKey> = (0..60).map(key).collect();
    assert!(counters.read(&keys).await.unwrap().iter().all(|sum| *sum == 1.into()));
}

/// Redirections in every form: the map is old, the slot is on the move, some keys are here and some are there.
async fn slots_move_and_nothing_is_lost_or_counted_twice(servers: &RedisCluster) {
    const CALLS: u64 = 300;
    servers.clear();
    let counters = Counters::redis(patiently(servers.url())).await.unwrap();
    let callers: Vec<_> = (0..4_u64)
        .map(|n| {
            let counters = counters.clone();
            tokio::spawn(async move {
                let mut granted = HashSet::new();
                for call in 0..CALLS {
                    match reserve(&counters, n, CALLS).await {
                        Ok(Reserved::Granted { .. }) => granted.insert(call),
                        Ok(other) => panic!("{other:?}"),
                        // On the move and not to be had in time: told, not done.
                        Err(CountersUnavailable::Away(_)) => false,
                        Err(other) => panic!("{other:?}"),
                    };
                }
                granted.len() as u64
            })
        })
        .collect();
    for round in 0..8 {
        let tag = format!("pcl:{{{}}}:x", key(round % 4).account);
        tokio::task::block_in_place(|| servers.move_slot(&tag, std::thread::yield_now));
        tokio::task::yield_now().await;
    }
    for (n, caller) in (0..).zip(callers) {
        let granted = caller.await.unwrap();
        let counted = counters.read(&[key(n)]).await.unwrap();
        assert_eq!(counted, [granted.into()], "every granted call is counted once, the others not at all");
        assert!(granted > CALLS / 2, "{granted}: calls go on while slots move");
    }
}

/// Its accounts are unavailable, told in time; when it is back, so are they, and nothing is forgotten.
async fn one_node_is_silent_and_the_others_go_on(servers: &RedisCluster) {
    servers.clear();
    let hasty = RedisConfig { answer_within: Duration::from_secs(1), ..patiently(servers.url()) };
    let (hasty, calm) =
        (Counters::redis(hasty).await.unwrap(), Counters::redis(patiently(servers.url())).await.unwrap());
    for n in 0..30 {
        assert!(matches!(reserve(&calm, n, 9).await, Ok(Reserved::Granted { .. })));
    }
    let frozen = servers.freeze(&crate::redis::KeyText(&key(0)).to_string());
    let (mut away, mut granted) = (Vec::new(), 0);
    for n in 0..30 {
        match reserve(&hasty, n, 9).await {
            Ok(Reserved::Granted { .. }) => granted += 1,
            Err(CountersUnavailable::Away(_)) => away.push(n),
            other => panic!("{other:?}"),
        }
    }
    drop(frozen);
    assert!(away.contains(&0) && granted >= 10 && away.len() >= 3, "{granted} granted, away: {away:?}");
    for n in 0..30 {
        assert!(matches!(reserve(&calm, n, 9).await, Ok(Reserved::Granted { .. })), "{n}");
        let counted = calm.read(&[key(n)]).await.unwrap().remove(0);
        // What a silent node was sent it may have done late.
        let most = if away.contains(&n) { 2..=3_u64 } else { 3..=3 };
        assert!(most.map(Into::into).any(|sum: policy::Decimal| sum == counted), "{n}: {counted}");
    }
}

#[tokio::test]
async fn several_hosts_have_to_be_a_cluster() {
    let server = test_support::RedisServer::start();
    let port = server.open_port("geheim");
    let url = format!("redis://:geheim@127.0.0.1:{port},127.0.0.1:{port}");
    let error = Counters::redis(RedisConfig::new(Secret::new(url))).await.expect_err("two stores");
    assert!(matches!(&error, CountersUnavailable::Address(why) if why.contains("no cluster")), "{error:?}");
}
