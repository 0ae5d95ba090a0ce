//! Generated concurrent histories over three gateways whose connection to the store is delayed, cut and reset at random.
//!
//! A call whose reservation got no answer is not made, but may have been charged: that errs on the safe side, and is not
//! given back. So the counts are at least what the upstream saw, and never more than a limit allows.

use std::sync::Arc;

use bus::Bus;
use counters::{CounterKey, Counters, Shadow};
use domain::{Clock, Entropy, GrantId, ServerId, Transport};
use futures_util::future::join_all;
use policy::{Decimal, RiskClass, Window};
use serde_json::{Value, json};
use test_support::{Faults, FaultyLink, RedisServer};

use super::{generate::Chance, upstream::Upstream};
use crate::{
    client::Client,
    redis_server::{patient_bus, patient_counters},
    snapshots::until,
    world::{Account, Holder, Nowhere, Parts, World},
};

const GATEWAYS: usize = 3;
const HISTORIES: usize = 1_000;
const AT_ONCE: usize = 8;
/// Of a thousand pieces on a connection to the store.
const FAULTS: Faults = Faults::Random { delayed: 60, fatal: 40 };

/// Three gateways on one Redis, each over a bad link of its own, and counters that look at the store directly.
struct Stage {
    worlds: Vec<World>,
    links: Vec<FaultyLink>,
    upstream: Arc<Upstream>,
    /// An address that nothing listens on.
    gone: Nowhere,
    direct: Counters,
    plain: Bus,
    _redis: RedisServer,
}

/// One history: limits, and calls that all come at the same time.
struct History {
    name: String,
    attempts: usize,
    successes: usize,
    amount: usize,
    calls: Vec<Planned>,
}

#[derive(Clone, Copy)]
struct Planned {
    gateway: usize,
    to: To,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum To {
    Success,
    IsError,
    /// A server that is not there: nothing is delivered.
    Nowhere,
}

/// What the callers were told, added up.
#[derive(Debug, Default)]
struct Told {
    done: usize,
    failed: usize,
    denied: usize,
    not_counted: usize,
    not_delivered: usize,
}

impl Stage {
    async fn start() -> Self {
        let redis = RedisServer::start();
        let (mut worlds, mut links) = (Vec::new(), Vec::new());
        for number in 0..GATEWAYS {
            let link = FaultyLink::to(&redis.socket_path(), 77 + number as u64).await;
            let dir = Arc::new(tempfile::tempdir().unwrap());
            let url = domain::Secret::new(link.url());
            let bus = Bus::redis(patient_bus(url.clone()).with_spool(dir.path().join("spool"))).await.unwrap();
            let counters = Counters::redis(patient_counters(url)).await.unwrap();
            let parts = Parts { dir, clock: Clock::System, entropy: Entropy::System, bus, counters };
            worlds.push(World::of(parts, |_| {}).await);
            links.push(link);
        }
        let url = domain::Secret::new(redis.url());
        Self {
            worlds,
            links,
            upstream: Upstream::start(&["pay"], 1).await,
            gone: Nowhere::new(),
            direct: Counters::redis(patient_counters(url.clone())).await.unwrap(),
            plain: Bus::redis(patient_bus(url)).await.unwrap(),
            _redis: redis,
        }
    }

    fn behave(&self, faults: Faults) {
        self.links.iter().for_each(|link| link.behave(faults));
    }

    async fn run(&self, history: &History) -> Told {
        let world = &self.worlds[0];
        let mut acme = world.account(&history.name);
        let servers = [("there", self.upstream.url.clone()), ("gone", self.gone.url())]
            .map(|(name, url)| acme.server(name, Transport::Http { url }, &[("pay", RiskClass::Write)]));
        let agent = acme.agent("ci-runner");
        let policy = acme.policy(&history.policy());
        let grants = servers.map(|server| acme.grant(agent.principal.as_subject(), server, Some(policy)));
        let signed = acme.snapshot.sign(&world.key).unwrap();
        until(|| async { self.plain.publish(&acme.snapshot.slug, &signed).await.is_ok() }).await;

        let told = self.calls(history, &acme, &agent).await;
        let seen = self.upstream.calls("pay", &history.name);
        history.check(&told, seen, &self.counts(&acme, (servers[0], grants[0])).await);
        history.check_nowhere(&self.counts(&acme, (servers[1], grants[1])).await);
        told
    }

    async fn calls(&self, history: &History, acme: &Account, agent: &Holder) -> Told {
        let calls = history.calls.iter().map(|planned| {
            let server = if planned.to == To::Nowhere { "gone" } else { "there" };
            let client = Client::new(&self.worlds[planned.gateway], acme, &format!("/{server}/mcp"), agent);
            let outcome = if planned.to == To::IsError { "is_error" } else { "ok" };
            let arguments = json!({"history": history.name, "outcome": outcome, "amount": 1.25});
            async move { client.with("mcp-protocol-version", "2025-11-25").call("pay", arguments).await.json() }
        });
        let mut told = Told::default();
        for answer in join_all(calls).await {
            told.add(&answer);
        }
        told
    }

    /// What counts in each counter of a server, read from the store itself.
    async fn counts(&self, acme: &Account, (server, grant): (ServerId, GrantId)) -> [Decimal; 3] {
        let key = |counter: &str| CounterKey {
            account: acme.snapshot.account,
            server,
            subject: format!("grant:{grant}"),
            counter: counter.into(),
            window: Window::Sliding { seconds: 7 * 86_400 },
            shadow: Shadow::No,
        };
        let keys = ["attempts", "successes", "amount"].map(key);
        let read = self.direct.read(&keys).await.expect("its own link has no faults");
        read.try_into().expect("three counters")
    }
}

impl Told {
    fn join(&mut self, other: &Self) {
        self.done += other.done;
        self.failed += other.failed;
        self.denied += other.denied;
        self.not_counted += other.not_counted;
        self.not_delivered += other.not_delivered;
    }

    fn add(&mut self, answer: &Value) {
        let decision = &answer["result"]["_meta"]["dev.portcullis/decision"];
        match decision["code"].as_str() {
            Some("rate_limited") => self.denied += 1,
            Some("counter_unavailable") => self.not_counted += 1,
            Some(other) => panic!("denied for another reason, {other}: {answer}"),
            None if answer["result"]["isError"] == true => self.failed += 1,
            None if answer.get("result").is_some() => self.done += 1,
            None => self.not_delivered += 1,
        }
    }
}

impl History {
    fn new(number: usize, chance: &Chance) -> Self {
        let to = |chance: &Chance| *chance.pick(&[To::Success, To::Success, To::IsError, To::Nowhere]);
        let calls = (0..8 + chance.below(25)).map(|_| Planned { gateway: chance.below(GATEWAYS), to: to(chance) });
        Self {
            calls: calls.collect(),
            name: format!("history-{number}"),
            attempts: 1 + chance.below(20),
            successes: 1 + chance.below(20),
            amount: 2 + chance.below(25),
        }
    }

    /// What callers were told, what the upstream saw and what the store counts fit together.
    fn check(&self, told: &Told, seen: usize, [attempts, successes, amount]: &[Decimal; 3]) {
        let name = &self.name;
        let whole = |count: usize| Decimal::from(count as u64);
        // No limit is exceeded: neither by what the upstream saw nor in the store.
        assert!(seen <= self.attempts, "{name}: {seen} calls passed a limit of {}", self.attempts);
        assert!(told.done <= self.successes, "{name}: {} successes, limit {}", told.done, self.successes);
        assert!(seen * 125 <= self.amount * 100, "{name}: {seen} calls of 1.25 passed a cap of {}", self.amount);
        assert!(
            *attempts <= whole(self.attempts) && *successes <= whole(self.successes),
            "{name}: {attempts} {successes}"
        );
        assert!(*amount <= whole(self.amount), "{name}: {amount}");
        // All or nothing: what counts attempts and what counts amounts was charged by the same calls.
        let charged = (0..=self.calls.len()).find(|count| *attempts == whole(*count)).expect("a whole number of calls");
        assert_eq!(*amount, quarters(charged), "{name}: {charged} calls were charged");
        // Whatever passed is charged, and no more was given back than had been taken.
        assert!(charged >= seen, "{name}: {seen} calls passed, {charged} were charged");
        assert!(
            successes <= attempts && *successes >= whole(told.done),
            "{name}: {successes} of {attempts}, {}",
            told.done
        );
        assert!(told.done + told.failed <= seen, "{name}: told {} + {}, seen {seen}", told.done, told.failed);
    }

    /// Nothing was delivered: what was given back was given back to all counts alike, and no more than had been taken.
    fn check_nowhere(&self, [attempts, successes, amount]: &[Decimal; 3]) {
        let planned = self.calls.iter().filter(|call| call.to == To::Nowhere).count();
        let left = (0..=planned).find(|count| *attempts == Decimal::from(*count as u64));
        let left = left.unwrap_or_else(|| panic!("{}: {attempts} left of {planned} calls", self.name));
        assert_eq!((successes, amount), (attempts, &quarters(left)), "{}: {left} calls are left", self.name);
    }

    /// Three limits on different counts; a week, of which nothing ends meanwhile.
    fn policy(&self) -> String {
        let Self { attempts, successes, amount, .. } = self;
        json!({"version": "1", "default": "deny", "tools": {"pay": {"limits": [
            {"counter": "attempts", "window": "week", "max": attempts},
            {"counter": "successes", "window": "week", "max": successes, "count": "successes"},
        ]}}, "all_tools": {"limits": [{"counter": "amount", "window": "week", "max": amount, "amount": "args.amount"}]}})
        .to_string()
    }
}

/// The amount of so many calls.
fn quarters(calls: usize) -> Decimal {
    Decimal::parse(&format!("{}e-2", calls * 125)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_limit_is_exceeded_over_three_gateways_and_a_bad_network() {
    let stage = Stage::start().await;
    let chance = Chance::new(31);
    stage.behave(FAULTS);
    let histories: Vec<History> = (0..HISTORIES).map(|number| History::new(number, &chance)).collect();
    let mut all = Told::default();
    for some in histories.chunks(AT_ONCE) {
        let told = join_all(some.iter().map(|history| stage.run(history))).await;
        told.iter().for_each(|told| all.join(told));
    }
    let ended: u64 = stage.links.iter().map(FaultyLink::ended).sum();
    println!("{HISTORIES} histories, {ended} connections ended by faults; {all:?}");
    assert!(ended > 500, "only {ended} connections were ended");
    let enough =
        [all.done, all.failed, all.denied, all.not_counted, all.not_delivered].iter().all(|count| *count > 500);
    assert!(enough, "one kind of answer is too rare to show anything: {all:?}");
}
