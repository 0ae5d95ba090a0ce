//! A cluster of three nodes: the same suite, accounts on every node, slots that move, a node that falls silent.

use std::time::Duration;

use bus::{Bus, Durability, RedisConfig};
use test_support::RedisCluster;

use crate::{
    both::{Fixture, each_on},
    support::{Ids, patient, slug, snapshot, soon},
};

pub(crate) async fn over_cluster(cluster: &RedisCluster) -> Fixture {
    cluster.clear();
    let folder = tempfile::tempdir().unwrap();
    let bus = Bus::redis(patient(cluster.url()).with_spool(folder.path().to_owned())).await.unwrap();
    Fixture { bus, _redis: None, _folder: folder }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_a_cluster() {
    let cluster = RedisCluster::start();
    each_on(&cluster).await;
    many_accounts_over_all_nodes(&cluster).await;
    slots_move_and_no_event_is_lost(&cluster).await;
    events_of_other_accounts_pass_a_silent_node(&cluster).await;
}

async fn many_accounts_over_all_nodes(cluster: &RedisCluster) {
    let fixture = over_cluster(cluster).await;
    let bus = &fixture.bus;
    let ids = Ids::new();
    let gateway = ids.gateway();
    let accounts: Vec<_> = (0..300).map(|_| ids.account()).collect();
    for (sequence, account) in (1..).zip(&accounts) {
        bus.append(&ids.event(gateway, sequence, *account), Durability::Soon).await.unwrap();
    }
    let mut seen = Vec::new();
    while seen.len() < accounts.len() {
        soon("a wake-up", bus.event_ready()).await;
        let taken = bus.take(&accounts, 1000).await.unwrap();
        bus.ack(&taken.iter().map(|one| one.ack.clone()).collect::<Vec<_>>()).await.unwrap();
        seen.extend(taken.into_iter().map(|one| one.envelope.sequence));
    }
    seen.sort_unstable();
    assert_eq!(seen, (1..=300).collect::<Vec<_>>());
    assert!(bus.take(&accounts, 1000).await.unwrap().is_empty(), "acknowledged at every node");

    let slugs: Vec<_> = (0..100).map(|n| slug(&format!("account-{n}"))).collect();
    for (version, slug) in (1..).zip(&slugs) {
        bus.publish(slug, &snapshot(version, "a")).await.unwrap();
    }
    let versions = bus.versions(&slugs).await.unwrap();
    assert_eq!(versions, (1..=100).map(Some).collect::<Vec<_>>());
    assert!(cluster.sizes().iter().all(|keys| *keys > 10), "{:?}", cluster.sizes());
}

async fn slots_move_and_no_event_is_lost(cluster: &RedisCluster) {
    let fixture = over_cluster(cluster).await;
    let (bus, ids) = (fixture.bus.clone(), Ids::new());
    let (account, other, gateway) = (ids.account(), ids.account(), ids.gateway());
    let writer = tokio::spawn(async move {
        for sequence in 1..=400 {
            let account = if sequence % 2 == 0 { account } else { other };
            bus.append(&ids.event(gateway, sequence, account), Durability::Durable).await.unwrap();
        }
    });
    for _ in 0..6 {
        let stream = bus::event_stream_key(account);
        tokio::task::block_in_place(|| cluster.move_slot(&stream, std::thread::yield_now));
    }
    writer.await.unwrap();
    let mut seen = std::collections::BTreeSet::new();
    let all = async {
        while seen.len() < 400 {
            fixture.bus.event_ready().await;
            let Ok(taken) = fixture.bus.take(&[account, other], 1000).await else { continue };
            let acks: Vec<_> = taken.iter().map(|one| one.ack.clone()).collect();
            seen.extend(taken.into_iter().map(|one| one.envelope.sequence));
            let _ = fixture.bus.ack(&acks).await;
        }
    };
    soon("all events", all).await;
}

/// What is for its accounts waits in the spool, and comes when it is back; the others' does not wait for that.
async fn events_of_other_accounts_pass_a_silent_node(cluster: &RedisCluster) {
    cluster.clear();
    let folder = tempfile::tempdir().unwrap();
    let config = patient(cluster.url()).with_spool(folder.path().to_owned());
    let bus = Bus::redis(RedisConfig { answer_within: Duration::from_millis(300), ..config }).await.unwrap();
    let ids = Ids::new();
    let (silent, gateway) = (ids.account(), ids.gateway());
    let others: Vec<_> = (0..12).map(|_| ids.account()).collect();
    let frozen = cluster.freeze(&bus::event_stream_key(silent));
    for (sequence, account) in (1..).zip(std::iter::once(&silent).chain(&others)) {
        soon("the append", bus.append(&ids.event(gateway, sequence, *account), Durability::Durable)).await.unwrap();
    }
    let some_arrive = async {
        let mut arrived = 0;
        while arrived < 4 {
            arrived = 0;
            for account in &others {
                arrived += bus.take(&[*account], 10).await.map_or(0, |taken| taken.len().min(1));
            }
        }
    };
    soon("events of accounts on other nodes", some_arrive).await;
    drop(frozen);
    for account in std::iter::once(&silent).chain(&others) {
        let arrives = async { while bus.take(&[*account], 10).await.map_or(true, |taken| taken.is_empty()) {} };
        soon("the event of each account", arrives).await;
    }
}
