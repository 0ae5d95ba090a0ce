//! A back end, its clock, and short ways to say what is asked of it.

use std::{sync::Arc, time::Duration};

use domain::{AccountId, Clock, Entropy, Secret, ServerId, Timestamp};
use policy::{Decimal, Refund, Window};
use tempfile::TempDir;
use test_support::RedisServer;

use crate::{Charge, CounterKey, Counters, Enforce, GiveBack, RedisConfig, Reservation, Reserve, Reserved, Shadow};

/// 2026-01-01T00:00:00Z, a Thursday.
pub(crate) const START_US: i64 = 1_767_225_600_000_000;
pub(crate) const SECOND_US: i64 = 1_000_000;

pub(crate) struct Fixture {
    pub(crate) counters: Counters,
    pub(crate) account: AccountId,
    pub(crate) server: ServerId,
    clock: Clock,
    /// Where the back end is, for as long as the fixture is.
    kept: Kept,
}

enum Kept {
    Nothing,
    Folder(#[expect(dead_code, reason = "kept for its drop")] TempDir),
    Server(RedisServer),
}

impl Fixture {
    pub(crate) fn memory() -> Self {
        let clock = Clock::fixed(Timestamp(START_US));
        Self::new(Counters::memory(clock.clone()), clock, Kept::Nothing)
    }

    pub(crate) fn durable() -> Self {
        let clock = Clock::fixed(Timestamp(START_US));
        let folder = tempfile::tempdir().unwrap();
        // So short a journal is replaced again and again while the suite runs.
        let counters = Counters::durable_with(folder.path(), clock.clone(), 4096).unwrap();
        Self::new(counters, clock, Kept::Folder(folder))
    }

    pub(crate) async fn redis() -> Self {
        let server = RedisServer::start();
        let clock = Clock::fixed(Timestamp(START_US));
        let counters = Counters::redis_with_clock(&patient(&server), clock.clone()).await.unwrap();
        Self::new(counters, clock, Kept::Server(server))
    }

    /// On a cluster, on the `n`th account.
    pub(crate) async fn on(url: String, n: u64) -> Self {
        let clock = Clock::fixed(Timestamp(START_US));
        let counters = Counters::redis_with_clock(&patiently(url), clock.clone()).await.unwrap();
        let (account, server) = ids(n);
        Self { account, server, ..Self::new(counters, clock, Kept::Nothing) }
    }

    fn new(counters: Counters, clock: Clock, kept: Kept) -> Self {
        let (account, server) = ids(1);
        Self { counters, account, server, clock, kept }
    }

    /// Behind the back of the counters.
    pub(crate) fn look(&self) -> redis::Connection {
        match &self.kept {
            Kept::Server(server) => server.look(),
            Kept::Nothing | Kept::Folder(_) => panic!("only Redis can be looked at"),
        }
    }

    /// Sets the clock to so many microseconds since the epoch.
    pub(crate) fn set_us(&self, at: i64) {
        match &self.clock {
            Clock::Fixed(now) => *now.lock().unwrap() = Timestamp(at),
            Clock::System => unreachable!("fixtures have fixed clocks"),
        }
    }

    /// Sets the clock to so many seconds after the start.
    pub(crate) fn at(&self, seconds: f64) {
        #[expect(clippy::cast_possible_truncation, reason = "tests use seconds with a few digits")]
        self.set_us(START_US + (seconds * 1e6).round() as i64);
    }

    pub(crate) fn key(&self, counter: &str, window: Window) -> CounterKey {
        CounterKey {
            account: self.account,
            server: self.server,
            subject: "grant:g1".to_owned(),
            counter: Arc::from(counter),
            window,
            shadow: Shadow::No,
        }
    }

    /// One of `max` in `window`, of the counter `c`.
    pub(crate) fn one_of(&self, max: u64, window: Window) -> Charge {
        charge(self.key("c", window), "1", &max.to_string())
    }

    pub(crate) async fn reserve(&self, charges: &[Charge]) -> Reserved {
        self.counters
            .reserve(Reserve { account: self.account, charges, stream: "events", record: None, approval: None })
            .await
            .unwrap()
    }

    pub(crate) async fn granted(&self, charges: &[Charge]) -> Reservation {
        match self.reserve(charges).await {
            Reserved::Granted { reservation, .. } => reservation,
            other => panic!("granted was expected, not {other:?}"),
        }
    }

    /// The index of the first full limit and the wait.
    pub(crate) async fn full(&self, charges: &[Charge]) -> (usize, Option<i64>) {
        match self.reserve(charges).await {
            Reserved::Full { index, retry_after_us } => (index, retry_after_us),
            other => panic!("full was expected, not {other:?}"),
        }
    }

    pub(crate) async fn give_back(&self, reservation: Reservation, what: GiveBack) {
        self.counters.give_back(reservation, what).await.unwrap();
    }

    pub(crate) async fn sum(&self, key: &CounterKey) -> String {
        self.counters.read(std::slice::from_ref(key)).await.unwrap()[0].to_string()
    }
}

pub(crate) const fn sliding(seconds: u32) -> Window {
    Window::Sliding { seconds }
}

pub(crate) fn charge(key: CounterKey, amount: &str, max: &str) -> Charge {
    let number = |text: &str| -> Decimal { text.parse().unwrap() };
    Charge { key, amount: number(amount), max: number(max), refund: Refund::Undelivered, enforce: Enforce::Yes }
}

/// An account and a server of its own for each `n`.
pub(crate) fn ids(n: u64) -> (AccountId, ServerId) {
    let (clock, entropy) = (Clock::fixed(Timestamp(START_US)), Entropy::seeded(n));
    (AccountId::new(&clock, &entropy), ServerId::new(&clock, &entropy))
}

/// Patient, because tests share their machine.
pub(crate) fn patient(server: &RedisServer) -> RedisConfig {
    patiently(server.url())
}

pub(crate) fn patiently(url: String) -> RedisConfig {
    let config = RedisConfig::new(Secret::new(url));
    let (connect_within, answer_within) = (Duration::from_secs(90), Duration::from_secs(30));
    RedisConfig { connect_within, answer_within, ..config }
}
