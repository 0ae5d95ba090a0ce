//! What counts nothing any more goes by itself, and what is left is as small as promised.

use domain::AccountId;
use policy::{CalendarUnit, Window};
use redis::Connection;
use test_support::RedisServer;

use super::{
    approvals::Names,
    fixture::{Fixture, START_US, charge, ids, patient, sliding},
};
use crate::{Charge, CounterKey, Counters, Reserve, Reserved, Shadow};

/// What Redis says of the time that a key has which is not there.
const GONE: i64 = -2;
/// The most that the README promises for a counter of whole numbers on Redis, in bytes.
const COUNTER_BYTES: usize = 640;

fn key(counter: &str, window: Window) -> CounterKey {
    let (account, server) = ids(1);
    let subject = format!("grant:{}", Names::new(1).grant());
    CounterKey { account, server, subject, counter: counter.into(), window, shadow: Shadow::No }
}

async fn fill(f: &Fixture, name: &str, window: Window) {
    for n in 0..2000 {
        f.granted(&[charge(f.key(&format!("{name} {n}"), window), "1", "1")]).await;
    }
}

/// A part is swept at the latest when it holds twice what the last sweep left, so what is filled in here after a step of the
/// clock is enough for one, whenever the snapshots of a store on disk have swept before.
async fn forgotten(f: &Fixture) {
    fill(f, "minute", sliding(60)).await;
    fill(f, "day", Window::Calendar(CalendarUnit::Seconds(86_400))).await;
    let names = Names::new(1);
    for _ in 0..1000 {
        f.state_of(names.ask()).await;
    }
    assert_eq!(f.counters.held(), 5000);
    f.set_us(START_US + 100_000_000);
    for name in ["again", "and again", "and once more"] {
        fill(f, name, sliding(60)).await;
    }
    assert_eq!(f.counters.held(), 8000, "the minutes and the requests are gone");
    f.set_us(START_US + 2 * 86_400_000_000);
    for name in ["later", "and later", "later still", "much later", "and at last"] {
        fill(f, name, sliding(60)).await;
    }
    assert_eq!(f.counters.held(), 10_000, "everything before is gone");
}

#[tokio::test]
async fn in_process() {
    forgotten(&Fixture::memory()).await;
}

#[tokio::test]
async fn durable() {
    forgotten(&Fixture::durable()).await;
}

async fn charged(counters: &Counters, call: &[Charge]) {
    let reserve = Reserve { account: ids(1).0, charges: call, stream: "events", record: None, approval: None };
    assert!(matches!(counters.reserve(reserve).await.unwrap(), Reserved::Granted { .. }));
}

fn ask(look: &mut Connection, command: &str, key: &str) -> i64 {
    let mut words = command.split(' ');
    let mut command = redis::cmd(words.next().unwrap());
    words.for_each(|word| {
        command.arg(word);
    });
    command.arg(key).query(look).unwrap()
}

fn keys(look: &mut Connection, account: AccountId) -> Vec<String> {
    redis::cmd("KEYS").arg(format!("pcl:{{{account}}}:*")).query(look).unwrap()
}

#[tokio::test]
async fn on_redis_each_key_goes_when_it_counts_no_more() {
    const DAY_MS: i64 = 86_400_000;
    let server = RedisServer::start();
    let counters = Counters::redis(patient(&server)).await.unwrap();
    let mut look = server.look();
    for (window, most_ms) in [
        (sliding(1), 1_063 + 1_001),
        (sliding(60), 63_750 + 1_001),
        (sliding(2_678_400), 2_845_800_000 + 1_001),
        (Window::Calendar(CalendarUnit::Seconds(86_400)), DAY_MS + 1_001),
        (Window::Calendar(CalendarUnit::Seconds(604_800)), 7 * DAY_MS + 1_001),
        (Window::Calendar(CalendarUnit::Month), 31 * DAY_MS + 1_001),
    ] {
        let key = key("c", window);
        let mut left_ms = GONE;
        // On a machine that stands still meanwhile, what counts for a second may have gone already.
        while left_ms == GONE {
            charged(&counters, &[charge(key.clone(), "1", "99")]).await;
            charged(&counters, &[charge(key.clone(), "1", "99")]).await;
            left_ms = ask(&mut look, "PTTL", &crate::redis::KeyText(&key).to_string());
        }
        assert!((1..=most_ms).contains(&left_ms), "{window}: {left_ms}");
    }
}

#[tokio::test]
async fn on_redis_requests_go_when_they_are_over() {
    let server = RedisServer::start();
    let counters = Counters::redis(patient(&server)).await.unwrap();
    let (names, account) = (Names::new(1), ids(1).0);
    for stands_seconds in [5_000, 500] {
        let grant = Names::new(2).grant();
        let ask = crate::AskApproval { grant, stands_seconds, ..names.ask() };
        let reserve = Reserve { account, charges: &[], stream: "events", record: None, approval: Some(ask) };
        counters.reserve(reserve).await.unwrap();
    }
    let mut look = server.look();
    let keys = keys(&mut look, account);
    let mut left_ms: Vec<i64> = keys.iter().map(|key| ask(&mut look, "PTTL", key)).collect();
    left_ms.sort_unstable();
    // A machine that stands still takes some of it.
    let fits = |(left_ms, most_seconds): (&i64, i64)| {
        (most_seconds * 1_000 - 400_000..=most_seconds * 1_000 + 1_001).contains(left_ms)
    };
    let all_fit = left_ms.len() == 3 && left_ms.iter().zip([500, 5_000, 5_000]).all(fits);
    assert!(all_fit, "{left_ms:?} {keys:?}: two requests, and the set of those that wait");
}

/// The most that the README promises for a request and its place among those that wait, in bytes.
const REQUEST_BYTES: i64 = 300 + 230;

#[tokio::test]
async fn a_request_is_as_small_as_promised_on_redis() {
    let f = Fixture::redis().await;
    let (names, mut look) = (Names::new(1), f.look());
    let grant = names.grant();
    for _ in 0..100 {
        f.state_of(crate::AskApproval { grant, ..names.ask() }).await;
    }
    let keys = keys(&mut look, f.account);
    // Of all members: their sizes vary by chance, and of the few that are looked at otherwise may be the largest.
    let usage = |key: &String| {
        let mut command = redis::cmd("MEMORY");
        command.arg("USAGE").arg(key).arg("SAMPLES").arg(0).query::<i64>(&mut look).unwrap()
    };
    let bytes: i64 = keys.iter().map(usage).sum();
    assert!(keys.len() == 101 && bytes <= 100 * REQUEST_BYTES, "{bytes}");
}

/// All 17 buckets in use, each with seven digits.
#[tokio::test]
async fn a_counter_is_as_small_as_promised_on_redis() {
    let f = Fixture::redis().await;
    let key = key("set_model_alias_rate", sliding(2_678_400));
    for n in 0..60 {
        f.set_us(START_US + n * 60_000_000_000);
        f.granted(&[charge(key.clone(), "1234567", "999999999999")]).await;
    }
    let mut look = f.look();
    let text = crate::redis::KeyText(&key).to_string();
    let value: String = redis::cmd("GET").arg(&text).query(&mut look).unwrap();
    assert!((14..=16).contains(&value.matches(':').count()), "its buckets are in use: {value}");
    let bytes = usize::try_from(ask(&mut look, "MEMORY USAGE", &text)).unwrap();
    assert!(bytes <= COUNTER_BYTES, "{bytes}");
}
