//! Redis goes away and comes back.

use std::{collections::BTreeMap, time::Duration};

use bus::{Bus, BusError, Durability, NotRecorded, RedisConfig, SpoolLimit};
use domain::{AccountId, Secret};
use test_support::RedisServer;

use crate::support::{Ids, patient, slug, snapshot, soon};

fn config(redis: &RedisServer, spool: &std::path::Path) -> RedisConfig {
    patient(redis.url()).with_spool(spool.to_owned())
}

/// Takes and acknowledges until every sequence up to `last` came; tells how often each did.
async fn record_all(bus: &Bus, account: AccountId, last: u64) -> BTreeMap<u64, usize> {
    let mut seen = BTreeMap::new();
    let all = async {
        while seen.len() < usize::try_from(last).unwrap() {
            bus.event_ready().await;
            let Ok(taken) = bus.take(&[account], 500).await else { continue };
            for one in &taken {
                *seen.entry(one.envelope.sequence).or_insert(0) += 1;
            }
            let _ = bus.ack(&taken.iter().map(|one| one.ack.clone()).collect::<Vec<_>>()).await;
        }
    };
    soon("all events", all).await;
    seen
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_appended_during_an_outage_all_arrive_after_it() {
    let mut redis = RedisServer::start();
    let folder = tempfile::tempdir().unwrap();
    let gateway_side = Bus::redis(config(&redis, folder.path())).await.unwrap();
    let control_side = Bus::redis(patient(redis.url())).await.unwrap();
    let ids = Ids::new();
    let (account, gateway) = (ids.account(), ids.gateway());
    let mut sequence = 0;
    let mut next = || {
        sequence += 1;
        ids.event(gateway, sequence, account)
    };
    for round in 0..3 {
        for n in 0..60 {
            if n == 20 {
                redis.stop();
            }
            if n == 50 {
                redis.start_again();
            }
            let durability = if n % 7 == 0 { Durability::Durable } else { Durability::Soon };
            let event = next();
            soon("the append", gateway_side.append(&event, durability))
                .await
                .unwrap_or_else(|e| panic!("{round}: {e}"));
        }
    }
    let seen = record_all(&control_side, account, 180).await;
    assert_eq!(seen.keys().copied().collect::<Vec<_>>(), (1..=180).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn order_is_kept_across_an_outage() {
    let mut redis = RedisServer::start();
    let folder = tempfile::tempdir().unwrap();
    let bus = Bus::redis(config(&redis, folder.path())).await.unwrap();
    let ids = Ids::new();
    let (account, gateway) = (ids.account(), ids.gateway());
    redis.stop();
    for n in 1..=700 {
        bus.append(&ids.event(gateway, n, account), Durability::Soon).await.unwrap();
    }
    bus.append(&ids.event(gateway, 701, account), Durability::Durable).await.unwrap();
    redis.start_again();
    for n in 702..=900 {
        bus.append(&ids.event(gateway, n, account), Durability::Soon).await.unwrap();
    }
    let mut order = Vec::new();
    while order.last() != Some(&900) {
        bus.event_ready().await;
        let taken = soon("the events", bus.take(&[account], 500)).await.unwrap();
        order.extend(taken.iter().map(|one| one.envelope.sequence));
        bus.ack(&taken.iter().map(|one| one.ack.clone()).collect::<Vec<_>>()).await.unwrap();
    }
    // A pipeline whose answer was lost is sent again, so an event may come twice, but none overtakes another for good.
    let mut first_seen = Vec::new();
    for sequence in order {
        if !first_seen.contains(&sequence) {
            first_seen.push(sequence);
        }
    }
    assert_eq!(first_seen, (1..=900).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_appended_while_redis_is_silent_all_arrive() {
    let redis = RedisServer::start();
    let folder = tempfile::tempdir().unwrap();
    let hasty = RedisConfig { answer_within: Duration::from_millis(100), ..config(&redis, folder.path()) };
    let gateway_side = Bus::redis(hasty).await.unwrap();
    let control_side = Bus::redis(patient(redis.url())).await.unwrap();
    let ids = Ids::new();
    let (account, gateway) = (ids.account(), ids.gateway());
    redis.freeze();
    for n in 1..=50 {
        let durability = if n == 25 { Durability::Durable } else { Durability::Soon };
        soon("the append", gateway_side.append(&ids.event(gateway, n, account), durability)).await.unwrap();
    }
    redis.thaw();
    // Some come twice: what was sent into the silence, and again from the spool.
    assert_eq!(record_all(&control_side, account, 50).await.len(), 50);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_gateway_spooled_is_sent_by_its_next_start() {
    let mut redis = RedisServer::start();
    let folder = tempfile::tempdir().unwrap();
    let ids = Ids::new();
    let (account, gateway) = (ids.account(), ids.gateway());
    let bus = Bus::redis(config(&redis, folder.path())).await.unwrap();
    redis.stop();
    for n in 1..=40 {
        bus.append(&ids.event(gateway, n, account), Durability::Soon).await.unwrap();
    }
    soon("closing without Redis", bus.close()).await;
    drop(bus);
    redis.start_again();
    let bus = Bus::redis(config(&redis, folder.path())).await.unwrap();
    let in_use = Bus::redis(config(&redis, folder.path())).await.expect_err("one process has the spool");
    assert!(matches!(in_use, BusError::Spool(_)), "{in_use:?}");
    assert_eq!(record_all(&bus, account, 40).await.len(), 40);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_spool_refuses_and_keeps_every_event_it_accepted() {
    let mut redis = RedisServer::start();
    let folder = tempfile::tempdir().unwrap();
    let small = RedisConfig { spool_limit: SpoolLimit { bytes: 256 << 10 }, ..config(&redis, folder.path()) };
    let bus = Bus::redis(small).await.unwrap();
    let ids = Ids::new();
    let (account, gateway) = (ids.account(), ids.gateway());
    redis.stop();
    let mut accepted = 0;
    let refusal = loop {
        assert!(accepted < 10_000, "the bound does not hold");
        match bus.append(&ids.event(gateway, accepted + 1, account), Durability::Soon).await {
            Ok(()) => accepted += 1,
            Err(refusal) => break refusal,
        }
    };
    assert_eq!(refusal, NotRecorded::SpoolFull);
    assert!(accepted > 50, "only {accepted} fitted");
    redis.start_again();
    assert_eq!(record_all(&bus, account, accepted).await.len(), usize::try_from(accepted).unwrap());
    let event = ids.event(gateway, accepted + 1, account);
    let taken_again = async {
        while bus.append(&event, Durability::Durable).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    soon("room in the spool", taken_again).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_spool_an_append_during_an_outage_is_refused_not_lost() {
    let mut redis = RedisServer::start();
    let bus = Bus::redis(patient(redis.url())).await.unwrap();
    let ids = Ids::new();
    let (account, gateway) = (ids.account(), ids.gateway());
    redis.stop();
    let refused = bus.append(&ids.event(gateway, 1, account), Durability::Soon).await;
    assert!(matches!(refused, Err(NotRecorded::Disk(_))), "{refused:?}");
    redis.start_again();
    let event = ids.event(gateway, 1, account);
    let taken = async {
        while bus.append(&event, Durability::Soon).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    soon("the append", taken).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn snapshots_presence_and_notices_work_again_after_an_outage() {
    let mut redis = RedisServer::start();
    let bus = Bus::redis(patient(redis.url())).await.unwrap();
    let mut notices = bus.notices();
    bus.publish(&slug("acme"), &snapshot(1, "before")).await.unwrap();
    redis.stop();
    assert!(matches!(bus.load(&slug("acme")).await, Err(BusError::Away(_))));
    redis.start_again();
    let again = async {
        while bus.publish(&slug("acme"), &snapshot(2, "after")).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    soon("publishing", again).await;
    assert_eq!(bus.published_version(&slug("acme")).await.unwrap(), Some(2));
    let heard = async {
        loop {
            let _ = bus.publish(&slug("acme"), &snapshot(3, "heard")).await;
            match tokio::time::timeout(Duration::from_millis(100), notices.recv()).await {
                Ok(Ok(notice)) if notice.version == Some(3) => return,
                _ => {}
            }
        }
    };
    soon("a notice", heard).await;
}

#[tokio::test]
async fn a_wrong_address_is_told_at_once_and_without_the_password() {
    for url in ["http://localhost", "not a url", "redis://:geheim@", ""] {
        let error = Bus::redis(RedisConfig::new(Secret::new(url.to_owned()))).await.expect_err(url);
        assert!(matches!(error, BusError::Address(_)), "{url}: {error:?}");
        assert!(!error.to_string().contains("geheim"), "{error}");
    }
}

#[tokio::test]
async fn over_tcp_with_a_password() {
    let redis = RedisServer::start();
    let port = redis.open_port("geheim");
    let with = |password: &str| patient(format!("redis://:{password}@127.0.0.1:{port}/0"));
    let bus = Bus::redis(with("geheim")).await.unwrap();
    bus.publish(&slug("acme"), &snapshot(1, "a")).await.unwrap();
    assert_eq!(bus.published_version(&slug("acme")).await.unwrap(), Some(1));
    let error = soon("the refusal", Bus::redis(with("falsch"))).await.expect_err("a wrong password");
    assert!(matches!(error, BusError::Refused(_)), "{error:?}");
    assert!(!error.to_string().contains("falsch"), "{error}");
}

#[tokio::test]
async fn nobody_at_the_address_is_told_after_a_while() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("unix://{}", folder.path().join("nobody.sock").display());
    let config = RedisConfig { connect_within: Duration::from_millis(300), ..RedisConfig::new(Secret::new(url)) };
    let error = soon("the refusal", Bus::redis(config)).await.expect_err("nobody is there");
    assert!(matches!(error, BusError::Away(_)), "{error:?}");
}

#[tokio::test]
async fn an_entry_that_does_not_read_is_moved_aside_and_blocks_nothing() {
    let redis = RedisServer::start();
    let bus = Bus::redis(patient(redis.url())).await.unwrap();
    let ids = Ids::new();
    let (account, gateway) = (ids.account(), ids.gateway());
    let stream = bus::event_stream_key(account);
    let mut look = redis.look();
    redis::cmd("XADD").arg(&stream).arg("*").arg("e").arg("{\"of\":\"the future\"}").query::<()>(&mut look).unwrap();
    redis::cmd("XADD").arg(&stream).arg("*").arg("other").arg("x").query::<()>(&mut look).unwrap();
    bus.append(&ids.event(gateway, 1, account), Durability::Durable).await.unwrap();
    let taken = bus.take(&[account], 10).await.unwrap();
    assert_eq!(taken.iter().map(|one| one.envelope.sequence).collect::<Vec<_>>(), [1]);
    let aside: u64 = redis::cmd("XLEN").arg(format!("{stream}:unread")).query(&mut look).unwrap();
    assert_eq!(aside, 2);
    let left: u64 = redis::cmd("XLEN").arg(&stream).query(&mut look).unwrap();
    assert_eq!(left, 1);
}
