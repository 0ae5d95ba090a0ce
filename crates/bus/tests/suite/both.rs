//! One suite for both back ends, and for a cluster.

use std::time::Duration;

use bus::{Bus, Durability, Notice, Presence, TunnelPresence};
use domain::Clock;
use tempfile::TempDir;
use test_support::{RedisCluster, RedisServer};

use crate::support::{Ids, patient, slug, snapshot, soon};

/// A back end and what it stands on.
pub(crate) struct Fixture {
    pub(crate) bus: Bus,
    pub(crate) _redis: Option<RedisServer>,
    pub(crate) _folder: TempDir,
}

fn in_process() -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let bus = Bus::memory(folder.path(), Clock::System).unwrap();
    Fixture { bus, _redis: None, _folder: folder }
}

async fn over_redis() -> Fixture {
    let redis = RedisServer::start();
    let folder = tempfile::tempdir().unwrap();
    let bus = Bus::redis(patient(redis.url()).with_spool(folder.path().to_owned())).await.unwrap();
    Fixture { bus, _redis: Some(redis), _folder: folder }
}

macro_rules! on_both {
    ($($name:ident)*) => {
        mod memory {
            $(#[tokio::test] async fn $name() { super::$name(&super::in_process().bus).await; })*
        }
        mod redis {
            $(#[tokio::test] async fn $name() { super::$name(&super::over_redis().await.bus).await; })*
        }
        /// One after the other: a cluster takes seconds to start.
        pub(crate) async fn each_on(cluster: &RedisCluster) {
            $($name(&crate::cluster::over_cluster(cluster).await.bus).await;)*
        }
    };
}

on_both! {
    a_snapshot_is_loaded_as_it_was_published
    a_publication_never_goes_back
    versions_come_in_the_order_asked_for
    a_withdrawn_snapshot_is_gone
    notices_tell_slug_and_version
    events_come_again_until_they_are_acknowledged
    only_the_accounts_asked_for_are_taken
    durable_and_soon_both_arrive_in_order
    many_writers_and_a_recorder_at_once
    a_recorder_is_woken
    presence_is_of_all_gateways_and_ends
    presence_is_taken_back
    gateways_are_found_until_they_are_silent
    a_forgotten_account_leaves_nothing
    after_closing_nothing_is_taken
}

async fn a_snapshot_is_loaded_as_it_was_published(bus: &Bus) {
    assert_eq!(bus.load(&slug("acme")).await.unwrap(), None);
    assert_eq!(bus.published_version(&slug("acme")).await.unwrap(), None);
    let published = snapshot(7, "grüße \u{0} \n");
    bus.publish(&slug("acme"), &published).await.unwrap();
    assert_eq!(bus.load(&slug("acme")).await.unwrap().unwrap().as_str(), published.as_str());
    assert_eq!(bus.published_version(&slug("acme")).await.unwrap(), Some(7));
    assert_eq!(bus.load(&slug("neighbour")).await.unwrap(), None);
}

async fn a_publication_never_goes_back(bus: &Bus) {
    let acme = slug("acme");
    for (version, content, expected) in [
        (9, "nine", "nine"),
        (10, "ten", "ten"),
        (9, "late", "ten"),
        (10, "ten, signed anew", "ten, signed anew"),
        (u64::MAX - 1, "far", "far"),
        (u64::MAX, "farthest", "farthest"),
        (u64::MAX - 1, "late", "farthest"),
        (2, "very late", "farthest"),
    ] {
        bus.publish(&acme, &snapshot(version, content)).await.unwrap();
        let now = bus.load(&acme).await.unwrap().unwrap();
        assert!(now.as_str().contains(&format!("\"{expected}\"")), "after {version} {content}: {}", now.as_str());
    }
}

async fn versions_come_in_the_order_asked_for(bus: &Bus) {
    bus.publish(&slug("one"), &snapshot(1, "a")).await.unwrap();
    bus.publish(&slug("max"), &snapshot(u64::MAX, "b")).await.unwrap();
    let asked = [slug("max"), slug("nobody"), slug("one")];
    assert_eq!(bus.versions(&asked).await.unwrap(), [Some(u64::MAX), None, Some(1)]);
    assert_eq!(bus.versions(&[]).await.unwrap(), []);
}

async fn a_withdrawn_snapshot_is_gone(bus: &Bus) {
    bus.publish(&slug("acme"), &snapshot(5, "a")).await.unwrap();
    bus.withdraw(&slug("acme")).await.unwrap();
    assert_eq!(bus.load(&slug("acme")).await.unwrap(), None);
    assert_eq!(bus.versions(&[slug("acme")]).await.unwrap(), [None]);
    bus.publish(&slug("acme"), &snapshot(1, "another account's")).await.unwrap();
    assert_eq!(bus.published_version(&slug("acme")).await.unwrap(), Some(1));
}

async fn notices_tell_slug_and_version(bus: &Bus) {
    let heard = slug("heard");
    let mut notices = bus.notices();
    // A listener over Redis hears only what is said once it listens: say it until it is heard.
    let first = soon("a notice", async {
        loop {
            bus.publish(&heard, &snapshot(3, "a")).await.unwrap();
            match tokio::time::timeout(Duration::from_millis(100), notices.recv()).await {
                Ok(Ok(notice)) if notice.slug == heard => return notice,
                _ => {}
            }
        }
    });
    assert_eq!(first.await, Notice { slug: heard.clone(), version: Some(3) });
    bus.publish(&heard, &snapshot(2, "late")).await.unwrap();
    bus.withdraw(&heard).await.unwrap();
    let withdrawn = soon("the withdrawal", async {
        loop {
            let notice = notices.recv().await.unwrap();
            assert_ne!(notice.version, Some(2), "an older version was announced");
            if notice.slug == heard && notice.version.is_none() {
                return notice;
            }
        }
    });
    assert_eq!(withdrawn.await.slug, heard);
}

async fn events_come_again_until_they_are_acknowledged(bus: &Bus) {
    let ids = Ids::new();
    let (account, gateway) = (ids.account(), ids.gateway());
    let sent: Vec<_> = (1..=5).map(|n| ids.event(gateway, n, account)).collect();
    for event in &sent {
        bus.append(event, Durability::Durable).await.unwrap();
    }
    let first = bus.take(&[account], 100).await.unwrap();
    assert_eq!(first.iter().map(|t| t.envelope.clone()).collect::<Vec<_>>(), sent);
    assert_eq!(bus.take(&[account], 100).await.unwrap().len(), 5, "taking is not acknowledging");
    let acks: Vec<_> = first[..2].iter().map(|t| t.ack.clone()).collect();
    bus.ack(&acks).await.unwrap();
    bus.ack(&acks).await.unwrap();
    let rest = bus.take(&[account], 100).await.unwrap();
    assert_eq!(rest.iter().map(|t| t.envelope.sequence).collect::<Vec<_>>(), [3, 4, 5]);
}

async fn only_the_accounts_asked_for_are_taken(bus: &Bus) {
    let ids = Ids::new();
    let (ours, neighbour, gateway) = (ids.account(), ids.account(), ids.gateway());
    for n in 1..=4 {
        let account = if n % 2 == 0 { ours } else { neighbour };
        bus.append(&ids.event(gateway, n, account), Durability::Durable).await.unwrap();
    }
    let taken = bus.take(&[ours], 100).await.unwrap();
    assert_eq!(taken.iter().map(|t| t.envelope.sequence).collect::<Vec<_>>(), [2, 4]);
    bus.ack(&taken.iter().map(|t| t.ack.clone()).collect::<Vec<_>>()).await.unwrap();
    assert_eq!(bus.take(&[ours], 100).await.unwrap().len(), 0);
    assert_eq!(bus.take(&[ours, neighbour], 100).await.unwrap().len(), 2);
    assert_eq!(bus.take(&[], 100).await.unwrap().len(), 0);
}

async fn durable_and_soon_both_arrive_in_order(bus: &Bus) {
    let ids = Ids::new();
    let (account, gateway) = (ids.account(), ids.gateway());
    for n in 1..=1000 {
        let durability = if n % 10 == 0 { Durability::Durable } else { Durability::Soon };
        bus.append(&ids.event(gateway, n, account), durability).await.unwrap();
    }
    let mut sequences = Vec::new();
    while sequences.len() < 1000 {
        let taken = soon("the events", bus.take(&[account], 300)).await.unwrap();
        sequences.extend(taken.iter().map(|t| t.envelope.sequence));
        bus.ack(&taken.iter().map(|t| t.ack.clone()).collect::<Vec<_>>()).await.unwrap();
    }
    assert_eq!(sequences, (1..=1000).collect::<Vec<_>>());
}

async fn many_writers_and_a_recorder_at_once(bus: &Bus) {
    const EACH: u64 = 150;
    let ids = Ids::new();
    let accounts = [ids.account(), ids.account(), ids.account()];
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..6 {
        let (gateway, account) = (ids.gateway(), accounts[writer % 3]);
        let events: Vec<_> = (1..=EACH).map(|n| ids.event(gateway, n, account)).collect();
        let bus = bus.clone();
        writers.spawn(async move {
            for event in &events {
                let durability = if event.sequence % 9 == 0 { Durability::Durable } else { Durability::Soon };
                bus.append(event, durability).await.unwrap();
            }
        });
    }
    let mut next = std::collections::BTreeMap::new();
    let mut recorded = 0;
    let recorder = async {
        while recorded < 6 * EACH {
            bus.event_ready().await;
            let taken = bus.take(&accounts, 40).await.unwrap();
            for one in &taken {
                let expected = next.entry(one.envelope.gateway).or_insert(1);
                assert_eq!(one.envelope.sequence, *expected, "each gateway's events in their order, once");
                *expected += 1;
                recorded += 1;
            }
            bus.ack(&taken.into_iter().map(|one| one.ack).collect::<Vec<_>>()).await.unwrap();
        }
    };
    soon("all events", recorder).await;
    writers.join_all().await;
    assert_eq!(bus.take(&accounts, 10).await.unwrap().len(), 0);
}

async fn a_recorder_is_woken(bus: &Bus) {
    let ids = Ids::new();
    let (account, gateway) = (ids.account(), ids.gateway());
    for n in 1..=3 {
        let recorder = async {
            loop {
                bus.event_ready().await;
                let taken = bus.take(&[account], 10).await.unwrap();
                if !taken.is_empty() {
                    bus.ack(&[taken[0].ack.clone()]).await.unwrap();
                    return taken[0].envelope.sequence;
                }
            }
        };
        let event = ids.event(gateway, n, account);
        let (woken, appended) = tokio::join!(soon("the wake-up", recorder), bus.append(&event, Durability::Soon));
        appended.unwrap();
        assert_eq!(woken, n);
    }
    // A recorder that took but could not store is woken again without a new event.
    bus.append(&ids.event(gateway, 4, account), Durability::Durable).await.unwrap();
    bus.event_ready().await;
    soon("waking again", bus.event_ready()).await;
}

fn says(ids: &Ids, gateway: domain::GatewayId, abouts: &[&str]) -> Presence {
    let tunnel = |about: &&str| TunnelPresence {
        connector: ids.connector(),
        instance: format!("{:032x}", about.len()),
        about: (*about).to_owned(),
        in_flight: 3,
    };
    Presence { gateway, mesh: Some("10.0.0.1:7000".to_owned()), tunnels: abouts.iter().map(tunnel).collect() }
}

async fn presence_is_of_all_gateways_and_ends(bus: &Bus) {
    let ids = Ids::new();
    let (account, server, a, b) = (ids.account(), ids.server(), ids.gateway(), ids.gateway());
    let (long, first) = (Duration::from_secs(60), says(&ids, a, &["first", "one"]));
    assert_eq!(bus.presence(account, server).await.unwrap(), []);
    bus.set_presence(account, server, &first, long).await.unwrap();
    let second = says(&ids, b, &["second"]);
    bus.set_presence(account, server, &second, Duration::from_millis(80)).await.unwrap();
    let both = bus.presence(account, server).await.unwrap();
    // b's saying may be over already, and within one millisecond nobody speaks last.
    let wanted = both.contains(&first) && both.iter().all(|said| *said == first || *said == second);
    assert!(wanted, "{both:?}");
    let ended = async {
        while bus.presence(account, server).await.unwrap() != [first.clone()] {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    soon("the end of b's saying", ended).await;
    assert_eq!(bus.presence(account, ids.server()).await.unwrap(), []);
    assert_eq!(bus.presence(ids.account(), server).await.unwrap(), []);
}

async fn presence_is_taken_back(bus: &Bus) {
    let ids = Ids::new();
    let (account, server, a, b) = (ids.account(), ids.server(), ids.gateway(), ids.gateway());
    let long = Duration::from_secs(60);
    let one = says(&ids, a, &["one"]);
    bus.set_presence(account, server, &one, long).await.unwrap();
    bus.set_presence(account, server, &says(&ids, b, &["four"; 4]), long).await.unwrap();
    let tunnels: usize = bus.presence(account, server).await.unwrap().iter().map(|p| p.tunnels.len()).sum();
    assert_eq!(tunnels, 5);
    bus.set_presence(account, server, &says(&ids, b, &[]), long).await.unwrap();
    assert_eq!(bus.presence(account, server).await.unwrap(), [one]);
    bus.set_presence(account, server, &says(&ids, a, &[]), long).await.unwrap();
    assert_eq!(bus.presence(account, server).await.unwrap(), []);
}

async fn gateways_are_found_until_they_are_silent(bus: &Bus) {
    let ids = Ids::new();
    let (a, b, long) = (ids.gateway(), ids.gateway(), Duration::from_secs(60));
    assert_eq!(bus.gateway(a).await.unwrap(), None);
    bus.set_gateway(a, Some("10.0.0.1:7000"), long).await.unwrap();
    bus.set_gateway(b, Some("[fd00::1]:7000"), Duration::from_millis(40)).await.unwrap();
    assert_eq!(bus.gateway(a).await.unwrap().as_deref(), Some("10.0.0.1:7000"));
    let silent = async {
        while bus.gateway(b).await.unwrap().is_some() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    soon("the end of b's saying", silent).await;
    bus.set_gateway(a, None, long).await.unwrap();
    assert_eq!(bus.gateway(a).await.unwrap(), None);
}

async fn a_forgotten_account_leaves_nothing(bus: &Bus) {
    let ids = Ids::new();
    let (gone, stays, gateway) = (ids.account(), ids.account(), ids.gateway());
    bus.append(&ids.event(gateway, 1, gone), Durability::Durable).await.unwrap();
    bus.append(&ids.event(gateway, 2, stays), Durability::Durable).await.unwrap();
    bus.forget_account(gone).await.unwrap();
    let left = bus.take(&[gone, stays], 10).await.unwrap();
    assert_eq!(left.iter().map(|t| t.envelope.sequence).collect::<Vec<_>>(), [2]);
}

async fn after_closing_nothing_is_taken(bus: &Bus) {
    let ids = Ids::new();
    let event = ids.event(ids.gateway(), 1, ids.account());
    bus.append(&event, Durability::Soon).await.unwrap();
    soon("closing", bus.close()).await;
    assert_eq!(bus.append(&event, Durability::Soon).await, Err(bus::NotRecorded::Closed));
    soon("closing again", bus.close()).await;
}
