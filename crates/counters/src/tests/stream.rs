//! On Redis the intent record goes with the reservation; elsewhere the caller is told to append it.

use domain::Clock;
use test_support::RedisServer;

use super::fixture::{Fixture, charge, ids, patient, sliding};
use crate::{CounterKey, Counters, Reserve, Reserved, Shadow};

fn key() -> CounterKey {
    let (account, server) = ids(1);
    let subject = "grant:g1".to_owned();
    CounterKey { account, server, subject, counter: "c".into(), window: sliding(60), shadow: Shadow::No }
}

fn stored(reserved: &Reserved) -> bool {
    matches!(reserved, Reserved::Granted { record_stored: true, .. })
}

#[tokio::test]
async fn the_record_is_stored_when_the_call_is_granted_and_only_then() {
    let server = RedisServer::start();
    let counters = Counters::redis(patient(&server)).await.unwrap();
    let account = key().account;
    let stream = format!("pcl:{{{account}}}:events");
    let call = [charge(key(), "1", "2")];
    let record: &[u8] = b"{\"with\":\"\xc3\xa4 \\u0000\"}\r\n\0";
    let reserve = Reserve { account, charges: &call, stream: &stream, record: Some(record), approval: None };
    assert!(stored(&counters.reserve(reserve).await.unwrap()));
    assert!(!stored(&counters.reserve(Reserve { record: None, ..reserve }).await.unwrap()));
    assert!(matches!(counters.reserve(reserve).await.unwrap(), Reserved::Full { index: 0, .. }));
    assert!(stored(&counters.reserve(Reserve { charges: &[], ..reserve }).await.unwrap()), "nothing to charge");
    let mut look = server.look();
    let entries: redis::streams::StreamRangeReply =
        redis::cmd("XRANGE").arg(&stream).arg("-").arg("+").query(&mut look).unwrap();
    let records: Vec<Vec<u8>> = entries.ids.iter().map(|entry| entry.get("e").unwrap()).collect();
    assert_eq!(records, [record, record]);
}

#[tokio::test]
async fn in_process_the_caller_appends() {
    let counters = Counters::memory(Clock::System);
    let call = [charge(key(), "1", "2")];
    let reserve =
        Reserve { account: key().account, charges: &call, stream: "events", record: Some(b"{}"), approval: None };
    assert!(!stored(&counters.reserve(reserve).await.unwrap()));
}

#[tokio::test]
async fn a_counter_takes_at_most_seventeen_fields_and_goes_by_itself() {
    let f = Fixture::redis().await;
    let call = [charge(f.key("c", sliding(60)), "1", "1000000")];
    for n in 0..500 {
        f.at(f64::from(n) * 1.7);
        f.granted(&call).await;
    }
    let fields = f.sum(&call[0].key).await;
    assert!(fields.parse::<u64>().unwrap() < 40);

    let server = RedisServer::start();
    let counters = Counters::redis(patient(&server)).await.unwrap();
    let call = [charge(key(), "1", "9")];
    let reserve = Reserve { account: key().account, charges: &call, stream: "events", record: None, approval: None };
    counters.reserve(reserve).await.unwrap();
    let mut look = server.look();
    let keys: Vec<String> = redis::cmd("KEYS").arg("*").query(&mut look).unwrap();
    assert_eq!(keys.len(), 1, "{keys:?}");
    assert!(keys[0].starts_with(&format!("pcl:{{{}}}:c:", key().account)), "{keys:?}");
    let left_ms: i64 = redis::cmd("PTTL").arg(&keys[0]).query(&mut look).unwrap();
    assert!((1..=64_750 + 1_000).contains(&left_ms), "{left_ms}");
}
