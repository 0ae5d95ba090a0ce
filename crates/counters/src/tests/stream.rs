//! On Redis the intent record goes with the reservation; elsewhere the caller is told to append it.

use domain::Clock;
use test_support::RedisServer;

use super::approvals::Names;
use super::fixture::{charge, ids, patient, sliding};
use crate::{Answered, ApprovalAnswer, CounterKey, Counters, CountersUnavailable, Reserve, Reserved, Shadow};

fn key() -> CounterKey {
    let (account, server) = ids(1);
    let subject = "grant:g1".to_owned();
    CounterKey { account, server, subject, counter: "c".into(), window: sliding(3600), shadow: Shadow::No }
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

/// A store that may write no more refuses before anything is done.
#[tokio::test]
async fn without_memory_left_nothing_is_charged_and_the_approval_stands() {
    let server = RedisServer::start();
    let counters = Counters::redis(patient(&server)).await.unwrap();
    let (account, ask) = (key().account, Names::new(1).ask());
    let call = [charge(key(), "1", "2")];
    let reserve = Reserve { account, charges: &call, stream: "events", record: None, approval: Some(ask) };
    assert!(matches!(counters.reserve(reserve).await.unwrap(), Reserved::NotApproved(_)));
    let approved = counters.answer_approval(account, ask.binding, ask.id, ApprovalAnswer::Approved).await;
    assert_eq!(approved.unwrap(), Answered::Done);
    let mut look = server.look();
    let mut limit = |bytes: u32| redis::cmd("CONFIG").arg("SET").arg("maxmemory").arg(bytes).exec(&mut look).unwrap();
    limit(1);
    let refused = counters.reserve(reserve).await;
    assert!(matches!(refused, Err(CountersUnavailable::Refused(_))), "{refused:?}");
    limit(0);
    assert_eq!(counters.read(&[key()]).await.unwrap(), [0.into()]);
    assert!(matches!(counters.reserve(reserve).await.unwrap(), Reserved::Granted { .. }));
}

#[tokio::test]
async fn in_process_the_caller_appends() {
    let counters = Counters::memory(Clock::System);
    let call = [charge(key(), "1", "2")];
    let reserve =
        Reserve { account: key().account, charges: &call, stream: "events", record: Some(b"{}"), approval: None };
    assert!(!stored(&counters.reserve(reserve).await.unwrap()));
}
