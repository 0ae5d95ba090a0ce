//! Many at once: exactly as many pass as the limit says.

use std::sync::Arc;

use domain::Clock;
use policy::Window;
use test_support::RedisServer;

use super::approvals::one_of_a_hundred;
use super::fixture::{charge, ids, patient, sliding};
use crate::{Charge, CounterKey, Counters, GiveBack, Reservation, Reserve, Reserved, Shadow};

const CALLS: usize = 1000;
const ROUNDS: usize = 10;

fn key(round: usize, name: &str, window: Window) -> CounterKey {
    let (account, server) = ids(1);
    CounterKey { account, server, subject: format!("grant:{round}"), counter: name.into(), window, shadow: Shadow::No }
}

/// All calls at once, in turn by the given clients; the reservations of those that passed.
async fn at_once(clients: &[Counters], call: Vec<Charge>) -> Vec<Reservation> {
    let call: Arc<[Charge]> = call.into();
    let mut calls = tokio::task::JoinSet::new();
    for n in 0..CALLS {
        let (counters, call) = (clients[n % clients.len()].clone(), Arc::clone(&call));
        calls.spawn(async move {
            let account = call[0].key.account;
            let reserve = Reserve { account, charges: &call, stream: "events", record: None, approval: None };
            match counters.reserve(reserve).await.unwrap() {
                Reserved::Granted { reservation, .. } => Some(reservation),
                Reserved::Full { .. } | Reserved::NotApproved(_) => None,
            }
        });
    }
    calls.join_all().await.into_iter().flatten().collect()
}

pub(super) async fn thirty_of_a_thousand(clients: &[Counters]) {
    for round in 0..ROUNDS {
        let hour = charge(key(round, "hour", sliding(3600)), "1", "30");
        let day = charge(key(round, "day", sliding(86_400)), "1", "100");
        let passed = at_once(clients, vec![day.clone(), hour.clone()]).await;
        assert_eq!(passed.len(), 30, "round {round}");
        let sums = clients[0].read(&[hour.key.clone(), day.key.clone()]).await.unwrap();
        assert_eq!(sums, [30.into(), 30.into()], "round {round}: refused calls charge nothing");
        for reservation in passed.into_iter().take(10) {
            clients[clients.len() - 1].give_back(reservation, GiveBack::All).await.unwrap();
        }
        assert_eq!(at_once(clients, vec![hour]).await.len(), 10, "round {round}: as many as were given back");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn in_process() {
    let counters = [Counters::memory(Clock::System)];
    thirty_of_a_thousand(&counters).await;
    one_of_a_hundred(&counters).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn durable() {
    let folder = tempfile::tempdir().unwrap();
    let counters = [Counters::durable_with(folder.path(), Clock::System, 16 << 10).unwrap()];
    thirty_of_a_thousand(&counters).await;
    one_of_a_hundred(&counters).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_clients_of_one_redis() {
    let server = RedisServer::start();
    let first = Counters::redis(patient(&server)).await.unwrap();
    let second = Counters::redis(patient(&server)).await.unwrap();
    let counters = [first, second];
    thirty_of_a_thousand(&counters).await;
    one_of_a_hundred(&counters).await;
}
