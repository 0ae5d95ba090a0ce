//! Redis goes away: limits are unavailable, never forgotten and never open.

use std::time::Duration;

use domain::Secret;
use test_support::RedisServer;

use super::fixture::{charge, ids, patient, sliding};
use crate::{Charge, CounterKey, Counters, CountersUnavailable, RedisConfig, Reserve, Reserved, Shadow};

/// No test waits longer than this for anything, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(90);

fn call() -> [Charge; 1] {
    let (account, server) = ids(1);
    let subject = "grant:g1".to_owned();
    let window = sliding(3600);
    [charge(CounterKey { account, server, subject, counter: "c".into(), window, shadow: Shadow::No }, "1", "3")]
}

async fn reserve(counters: &Counters) -> Result<Reserved, CountersUnavailable> {
    let call = call();
    counters
        .reserve(Reserve { account: ids(1).0, charges: &call, stream: "events", record: None, approval: None })
        .await
}

/// Asks until Redis answers again.
async fn answered(counters: &Counters) -> Reserved {
    let again = async {
        loop {
            match reserve(counters).await {
                Ok(answer) => return answer,
                Err(_) => tokio::task::yield_now().await,
            }
        }
    };
    tokio::time::timeout(PATIENCE, again).await.expect("it answers again")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_is_told_and_survived_and_nothing_is_forgotten() {
    let mut server = RedisServer::start();
    let counters = Counters::redis(patient(&server)).await.unwrap();
    assert!(matches!(reserve(&counters).await, Ok(Reserved::Granted { .. })));
    server.stop();
    for _ in 0..5 {
        let refused = reserve(&counters).await;
        assert!(matches!(refused, Err(CountersUnavailable::Away(_))), "{refused:?}");
    }
    server.start_again();
    assert!(matches!(answered(&counters).await, Reserved::Granted { .. }));
    assert!(matches!(reserve(&counters).await, Ok(Reserved::Granted { .. })));
    assert!(matches!(reserve(&counters).await, Ok(Reserved::Full { .. })), "the one before the outage counts");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_redis_counts_as_away_and_what_it_did_late_stays_counted() {
    let server = RedisServer::start();
    // Long enough that what is asked for has left, on a machine that stands still for a while.
    let hasty = RedisConfig { answer_within: Duration::from_secs(5), ..patient(&server) };
    let (hasty, calm) = (Counters::redis(hasty).await.unwrap(), Counters::redis(patient(&server)).await.unwrap());
    assert!(matches!(reserve(&calm).await, Ok(Reserved::Granted { .. })), "now the store knows the script");
    server.freeze();
    let refused = reserve(&hasty).await;
    assert!(matches!(refused, Err(CountersUnavailable::Away(_))), "{refused:?}");
    server.thaw();
    let late = async {
        while calm.read(&[call()[0].key.clone()]).await.unwrap() != [2.into()] {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, late).await.expect("the late reservation is counted");
}

#[tokio::test]
async fn scripts_that_the_store_forgot_are_loaded_again() {
    let server = RedisServer::start();
    let counters = Counters::redis(patient(&server)).await.unwrap();
    for round in 0..3 {
        assert!(matches!(reserve(&counters).await, Ok(Reserved::Granted { .. })), "{round}");
        redis::cmd("SCRIPT").arg("FLUSH").exec(&mut server.look()).unwrap();
    }
    assert!(matches!(reserve(&counters).await, Ok(Reserved::Full { .. })));
}

#[tokio::test]
async fn a_store_that_refuses_is_told_and_closed() {
    let server = RedisServer::start();
    let counters = Counters::redis(patient(&server)).await.unwrap();
    redis::cmd("CONFIG").arg("SET").arg("maxmemory").arg("1").exec(&mut server.look()).unwrap();
    let refused = reserve(&counters).await;
    assert!(matches!(refused, Err(CountersUnavailable::Refused(_))), "{refused:?}");
}

#[tokio::test]
async fn over_tcp_with_a_password() {
    let server = RedisServer::start();
    let port = server.open_port("geheim");
    let with = |password: &str| RedisConfig {
        url: Secret::new(format!("redis://:{password}@127.0.0.1:{port}/0")),
        ..patient(&server)
    };
    let counters = Counters::redis(with("geheim")).await.unwrap();
    assert!(matches!(reserve(&counters).await, Ok(Reserved::Granted { .. })));
    let error = Counters::redis(with("falsch")).await.expect_err("a wrong password");
    assert!(matches!(error, CountersUnavailable::Refused(_)), "{error:?}");
    assert!(!error.to_string().contains("falsch"), "{error}");
}

#[tokio::test]
async fn a_wrong_address_is_told_at_once_and_without_the_password() {
    for url in ["http://localhost", "not a url", "redis://:geheim@", ""] {
        let error = Counters::redis(RedisConfig::new(Secret::new(url.to_owned()))).await.expect_err(url);
        assert!(matches!(error, CountersUnavailable::Address(_)), "{url}: {error:?}");
        assert!(!error.to_string().contains("geheim"), "{error}");
    }
    let folder = tempfile::tempdir().unwrap();
    let url = format!("unix://{}", folder.path().join("nobody.sock").display());
    let config = RedisConfig { connect_within: Duration::from_millis(200), ..RedisConfig::new(Secret::new(url)) };
    assert!(matches!(Counters::redis(config).await, Err(CountersUnavailable::Away(_))));
}
