//! A store whose connections are held up, cut and reset at random: what was not answered may have been done, now or later.
//! Even so no approval passes twice, no limit is exceeded, and nothing is left that nobody could answer.

use std::{collections::HashMap, sync::Arc};

use domain::{ApprovalId, Entropy};
use policy::Decimal;
use test_support::{Faults, FaultyLink, RedisServer};

use super::{
    approvals::Names,
    fixture::{charge, ids, patient, patiently, sliding},
};
use crate::{Answered, ApprovalAnswer, AskApproval, Charge, CounterKey, Counters, GiveBack, Reserve, Reserved, Shadow};

const MAX: u64 = 25;
const STEPS: usize = 60;

/// What the callers were told, by approval: how often a call passed, and how often it was given back.
#[derive(Default, Debug)]
struct Told {
    passed: HashMap<Option<ApprovalId>, u64>,
    given_back: HashMap<Option<ApprovalId>, u64>,
    unknown: u64,
}

fn limits() -> [Charge; 2] {
    let (account, server) = ids(1);
    ["a", "b"].map(|counter| {
        let subject = "grant:g1".to_owned();
        let window = sliding(3600);
        let key = CounterKey { account, server, subject, counter: counter.into(), window, shadow: Shadow::No };
        charge(key, "1", &MAX.to_string())
    })
}

async fn reserve(counters: &Counters, approval: Option<AskApproval>) -> Option<Reserved> {
    let charges = limits();
    let reserve = Reserve { account: ids(1).0, charges: &charges, stream: "events", record: None, approval };
    counters.reserve(reserve).await.ok()
}

/// One gateway's calls, and a person who answers whatever is pending.
async fn calls(counters: Counters, person: Counters, asks: Arc<[AskApproval]>, seed: u64) -> Told {
    let (entropy, names, mut told) = (Entropy::seeded(seed), Names::new(seed), Told::default());
    for _ in 0..STEPS {
        let [which, fate] = entropy.bytes::<2>();
        let ask = asks.get(usize::from(which) % (asks.len() + 1));
        let ask = ask.map(|ask| AskApproval { id: names.approval(), ..*ask });
        match reserve(&counters, ask).await {
            Some(Reserved::Granted { reservation, .. }) => {
                let approval = reservation.approval();
                assert_eq!(approval.is_some(), ask.is_some());
                *told.passed.entry(approval).or_default() += 1;
                if fate < 100 {
                    *told.given_back.entry(approval).or_default() += 1;
                    let given = counters.give_back(reservation, GiveBack::All).await;
                    told.unknown += u64::from(given.is_err());
                }
            }
            Some(Reserved::NotApproved(standing)) => {
                if let (Some(id), Some(ask), 0..128) = (standing.id, ask, fate) {
                    let answered = person.answer_approval(ids(1).0, ask.binding, id, ApprovalAnswer::Approved).await;
                    answered.unwrap();
                }
            }
            Some(Reserved::Full { .. }) => {}
            None => told.unknown += 1,
        }
    }
    told
}

async fn history(server: &RedisServer, seed: u64) -> (Told, u64) {
    redis::cmd("FLUSHALL").exec(&mut server.look()).unwrap();
    let person = Counters::redis(patient(server)).await.unwrap();
    let names = Names::new(1000 + seed);
    let asks: Arc<[AskApproval]> = (0..3).map(|_| AskApproval { stands_seconds: 3600, ..names.ask() }).collect();
    let (mut links, mut callers) = (Vec::new(), tokio::task::JoinSet::new());
    for gateway in 0..3 {
        let path = server.url().trim_start_matches("unix://").to_owned();
        let link = FaultyLink::to(&path, seed * 10 + gateway).await;
        let counters = Counters::redis(patiently(link.url())).await.unwrap();
        link.behave(Faults::Random { delayed: 150, fatal: 60 });
        callers.spawn(calls(counters, person.clone(), Arc::clone(&asks), seed * 10 + gateway));
        links.push(link);
    }
    let mut all = Told::default();
    for told in callers.join_all().await {
        for (approval, passed) in told.passed {
            *all.passed.entry(approval).or_default() += passed;
        }
        for (approval, given) in told.given_back {
            *all.given_back.entry(approval).or_default() += given;
        }
        all.unknown += told.unknown;
    }
    let mut ended = 0;
    for link in links {
        ended += link.ended();
        link.close().await;
    }
    // What was not answered has been done by now, or never will be: the store has read it before it reads this.
    person.read(&limits().map(|limit| limit.key)).await.unwrap();
    check(&person, &all, seed).await;
    can_go_on(&person, &asks, seed).await;
    (all, ended)
}

async fn check(person: &Counters, told: &Told, seed: u64) {
    let given = |approval: &Option<ApprovalId>| told.given_back.get(approval).copied().unwrap_or_default();
    for (approval, passed) in told.passed.iter().filter(|(approval, _)| approval.is_some()) {
        let most = 1 + given(approval);
        assert!(*passed <= most, "seed {seed}: {approval:?} passed {passed} times, given back {}", given(approval));
    }
    let sums = person.read(&limits().map(|limit| limit.key)).await.unwrap();
    assert_eq!(sums[0], sums[1], "seed {seed}: all or nothing");
    let sure = told.passed.values().sum::<u64>() - told.given_back.values().sum::<u64>();
    assert!(
        sums[0] >= Decimal::from(sure),
        "seed {seed}: {} counted of {sure}: more was given back than taken",
        sums[0]
    );
    assert!(sums[0] <= Decimal::from(MAX), "seed {seed}: {}", sums[0]);
}

/// Whatever was left half done, a person can answer what a caller is told.
async fn can_go_on(person: &Counters, asks: &[AskApproval], seed: u64) {
    for ask in asks {
        for step in 0..3 {
            match reserve(person, Some(*ask)).await.expect("its own link has no faults") {
                Reserved::NotApproved(standing) => {
                    let id = standing.id.expect("few are open");
                    let answered = person.answer_approval(ids(1).0, ask.binding, id, ApprovalAnswer::Approved).await;
                    assert_eq!(answered.unwrap(), Answered::Done, "seed {seed}");
                    assert_ne!(step, 2, "seed {seed}: approved, and told otherwise");
                }
                Reserved::Granted { .. } | Reserved::Full { .. } => break,
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_passes_twice_and_nothing_is_stuck() {
    let server = RedisServer::start();
    let (mut passed, mut unknown, mut ended, mut approved) = (0, 0, 0, 0);
    for seed in 1..=8 {
        let (told, cut) = history(&server, seed).await;
        passed += told.passed.values().sum::<u64>();
        approved += told.passed.keys().flatten().count();
        unknown += told.unknown;
        ended += cut;
    }
    assert!(passed > 100 && approved > 30 && unknown > 20 && ended > 20, "{passed} {approved} {unknown} {ended}");
}
