//! The vectors of the language, in every store that gateways use.

use std::path::Path;

use domain::Entropy;
use policy::{
    simulation::Ledger,
    vectors::{self, Outcome},
};
use test_support::RedisServer;

use super::fixture::patient;
use crate::{RedisConfig, ledger::CountersLedger};

fn all_pass_on(ledger: &mut dyn Ledger) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../policy/tests/vectors");
    let mut passed = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let report = vectors::run_file_with(&text, ledger).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        for test in report.tests {
            match test.outcome {
                Outcome::Pass => passed += 1,
                Outcome::Fail(why) => panic!("{}: {}: {why}", path.display(), test.name),
            }
        }
    }
    assert!(passed >= 80, "only {passed}: the folder of vectors was not found whole");
}

/// On one that is not asked what it holds.
pub(super) fn all_pass_on_redis(config: &RedisConfig) {
    let mut ledger = CountersLedger::redis(config, Entropy::seeded(1)).unwrap();
    all_pass_on(&mut ledger);
    assert_eq!(ledger.failure(), None);
}

#[test]
fn in_process() {
    let mut ledger = CountersLedger::memory(Entropy::seeded(1)).unwrap();
    all_pass_on(&mut ledger);
    assert_eq!(ledger.failure(), None);
}

#[test]
fn on_redis_and_nothing_is_left_there() {
    let server = RedisServer::start();
    let real = "pcl:{acc_real}:c:x";
    redis::cmd("SET").arg(real).arg("1").exec(&mut server.look()).unwrap();
    all_pass_on_redis(&patient(&server));
    let left: Vec<String> = redis::cmd("KEYS").arg("*").query(&mut server.look()).unwrap();
    assert_eq!(left, [real]);
}

#[test]
fn a_store_that_went_away_is_told() {
    let mut server = RedisServer::start();
    let mut ledger = CountersLedger::redis(&patient(&server), Entropy::seeded(1)).unwrap();
    server.stop();
    let text = r#"{"version":"1","default":"deny","tools":{"t":{"limits":[{"window":"day","max":1}]}},
        "tests":[{"name":"one","calls":[{"at":0,"tool":"t","expect":"allow"}]}]}"#;
    let report = vectors::run_file_with(text, &mut ledger).unwrap();
    assert!(matches!(report.tests[0].outcome, Outcome::Fail(_)));
    assert!(ledger.failure().is_some());
}
