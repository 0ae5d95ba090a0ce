//! Counters in Redis: one script per reservation, one round trip, the store's clock.
//!
//! A counter is a string at `pcl:{<account>}:c:…` that holds its buckets, at most 17 for a sliding window and one for a
//! calendar window (`window.lua` has the form); it expires a second after the last of them stops counting. All keys of an
//! account have the same hash tag, so a call's limits are on one shard.

use std::{fmt, time::Duration};

use domain::{Clock, Secret};
use policy::{CalendarUnit, Decimal, Window, window::Slot};
use redis::{FromRedisValue, Value};
use redis_kit::{Call, Settings, Store};

use crate::{
    CounterKey, CountersUnavailable, GiveBack, Reservation, Reserve, Reserved, Shadow,
    plan::{self, Entry},
};

pub(crate) mod requests;
mod script;

use script::Scripts;

/// How to reach Redis.
#[derive(Clone, Debug)]
pub struct RedisConfig {
    /// `redis://[user:password@]host[:port][/db]`, `rediss://…` or `unix:///path`; for a cluster, any of its nodes, or several
    /// with a comma between.
    pub url: Secret<String>,
    /// How long the start waits for it.
    pub connect_within: Duration,
    /// How long a reservation may take; then the limits count as unavailable. Short, because a call waits for it; long
    /// enough for a burst of calls on a busy machine.
    pub answer_within: Duration,
}

impl RedisConfig {
    /// The usual: 5 s for the start, 1 s for a reservation.
    #[must_use]
    pub fn new(url: Secret<String>) -> Self {
        Self { url, connect_within: Duration::from_secs(5), answer_within: Duration::from_secs(1) }
    }

    async fn open(&self) -> Result<Store, CountersUnavailable> {
        // A call waits for it: better told at once.
        let settings =
            Settings { connect_within: self.connect_within, answer_within: self.answer_within, reconnects: 1 };
        Ok(Store::open(self.url.expose(), settings).await?)
    }
}

/// A counter as Redis knows it. Unambiguous whatever the subject and the counter are called: the subject's length stands
/// before it.
pub(crate) struct KeyText<'a>(pub &'a CounterKey);

pub(crate) struct RedisCounters {
    store: Store,
    scripts: Scripts,
    /// The clock that decides in place of the store's.
    set_clock: Option<Clock>,
}

impl RedisCounters {
    pub(crate) async fn connect(config: &RedisConfig) -> Result<Self, CountersUnavailable> {
        Ok(Self { store: config.open().await?, scripts: Scripts::with_store_clock(), set_clock: None })
    }

    pub(crate) async fn connect_with_set_clock(
        config: &RedisConfig,
        clock: Clock,
    ) -> Result<Self, CountersUnavailable> {
        Ok(Self { store: config.open().await?, scripts: Scripts::with_set_clock(), set_clock: Some(clock) })
    }

    /// Runs a script, with the time if that is set.
    async fn script<T: FromRedisValue>(&self, mut call: Call<'_>) -> Result<T, CountersUnavailable> {
        if let Some(clock) = &self.set_clock {
            call.arg(clock.now().0);
        }
        Ok(self.store.script(&call).await?)
    }

    /// Removes keys of one account at once.
    pub(crate) async fn remove(&self, keys: &[String]) -> Result<(), CountersUnavailable> {
        match keys.first() {
            None => Ok(()),
            Some(first) => Ok(self.store.run(first, redis::cmd("UNLINK").arg(keys)).await?),
        }
    }

    pub(crate) async fn reserve(&self, reserve: &Reserve<'_>) -> Result<Reserved, CountersUnavailable> {
        let entries = plan::entries(reserve)?;
        if entries.is_empty() && reserve.record.is_none() && reserve.approval.is_none() {
            let reservation = Reservation { account: reserve.account, taken: Vec::new(), used: None };
            return Ok(Reserved::Granted { reservation, shadow_full: Vec::new(), record_stored: false });
        }
        let mut call = self.scripts.reserve.prepare();
        for entry in &entries {
            call.key(KeyText(entry.key));
        }
        if reserve.record.is_some() {
            call.key(reserve.stream);
        }
        if let Some(ask) = &reserve.approval {
            requests::ask_keys(&mut call, reserve.account, ask);
        }
        call.arg(reserve.record.unwrap_or_default());
        call.arg(reserve.approval.as_ref().map(requests::ask_text).unwrap_or_default());
        for entry in &entries {
            entry_args(&mut call, entry);
        }
        let answer: Vec<Value> = self.script(call).await?;
        read_answer(reserve, &entries, answer)
    }

    pub(crate) async fn give_back(&self, reservation: Reservation, what: GiveBack) -> Result<(), CountersUnavailable> {
        let account = reservation.account;
        let (returned, used) = reservation.returns(what);
        if returned.is_empty() && used.is_none() {
            return Ok(());
        }
        let (approval_key, approval) = used.map(|used| requests::given_back(account, &used)).unzip();
        let mut call = self.scripts.give_back.prepare();
        call.arg(approval.unwrap_or_default());
        for taken in &returned {
            call.key(KeyText(&taken.key)).arg(taken.slot.0).text(&taken.amount);
        }
        if let Some(key) = approval_key {
            call.key(key);
        }
        self.script(call).await
    }

    pub(crate) async fn read(&self, keys: &[CounterKey]) -> Result<Vec<Decimal>, CountersUnavailable> {
        let mut sums = Vec::with_capacity(keys.len());
        // One script per account: on a cluster, accounts are on different shards.
        for keys in keys.chunk_by(|a, b| a.account == b.account) {
            let mut call = self.scripts.read.prepare();
            for key in keys {
                let (kind, unit_us) = window_args(key.window);
                call.key(KeyText(key)).arg(kind).arg(unit_us);
            }
            let texts: Vec<String> = self.script(call).await?;
            for text in texts {
                sums.push(text.parse().map_err(|_| not_understood())?);
            }
        }
        Ok(sums)
    }
}

impl fmt::Display for KeyText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let CounterKey { account, server, subject, counter, window, shadow } = self.0;
        let mode = match shadow {
            Shadow::No => 'e',
            Shadow::Yes => 's',
        };
        write!(f, "pcl:{{{account}}}:c:{server}:{mode}:{window}:{}:{subject}:{counter}", subject.len())
    }
}

/// What the script has to know of a window: its kind, and the length of a bucket in microseconds.
fn window_args(window: Window) -> (&'static str, i64) {
    match window {
        Window::Sliding { seconds } => ("s", i64::from(seconds.max(1)) * (1_000_000 / policy::window::SLICES)),
        Window::Calendar(CalendarUnit::Seconds(seconds)) => ("c", i64::from(seconds.max(1)) * 1_000_000),
        Window::Calendar(CalendarUnit::Month) => ("m", 0),
    }
}

fn entry_args(call: &mut Call<'_>, entry: &Entry<'_>) {
    let (kind, unit_us) = window_args(entry.key.window);
    call.arg(kind).arg(unit_us).text(entry.amount).arg(entry.limits.len());
    for limit in &entry.limits {
        let enforced = match limit.enforce {
            crate::Enforce::Yes => "e",
            crate::Enforce::Shadow => "s",
        };
        call.arg(limit.index).arg(enforced).text(limit.max);
    }
}

/// `[0, index, wait]` (wait: microseconds, or nothing), or `[1, approval used up or nothing, bucket or nothing for each
/// counter…, full shadow index…]`, or `[2, …]` as [`requests::standing`] reads it.
fn read_answer(
    reserve: &Reserve<'_>,
    entries: &[Entry<'_>],
    answer: Vec<Value>,
) -> Result<Reserved, CountersUnavailable> {
    let mut answer = answer.into_iter();
    let mut next = || answer.next().ok_or_else(not_understood);
    match number(next()?)? {
        Some(0) => Ok(Reserved::Full { index: position(number(next()?)?)?, retry_after_us: number(next()?)? }),
        Some(1) => {
            let used = requests::used(reserve.approval.as_ref(), next()?)?;
            let mut taken = Vec::with_capacity(entries.len());
            for entry in entries {
                taken.extend(number(next()?)?.map(|slot| entry.taken(Slot(slot))));
            }
            let reservation = Reservation { account: reserve.account, taken, used };
            let mut shadow_full = answer.map(|value| position(number(value)?)).collect::<Result<Vec<_>, _>>()?;
            shadow_full.sort_unstable();
            Ok(Reserved::Granted { reservation, shadow_full, record_stored: reserve.record.is_some() })
        }
        Some(2) => requests::standing(answer.collect()).map(Reserved::NotApproved).ok_or_else(not_understood),
        _ => Err(not_understood()),
    }
}

fn number(value: Value) -> Result<Option<i64>, CountersUnavailable> {
    Option::from_redis_value(value).map_err(|_| not_understood())
}

fn position(number: Option<i64>) -> Result<usize, CountersUnavailable> {
    number.and_then(|number| usize::try_from(number).ok()).ok_or_else(not_understood)
}

fn not_understood() -> CountersUnavailable {
    CountersUnavailable::Refused("the script gave an answer that does not read".to_owned())
}
