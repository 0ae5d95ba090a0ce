//! Counters in Redis: one script per reservation, one round trip, the store's clock.
//!
//! A counter is a string at `pcl:{<account>}:c:…` that holds its buckets, at most 17 for a sliding window and one for a
//! calendar window (`window.lua` has the form); it expires a second after the last of them stops counting. All keys of an
//! account have the same hash tag, so a call's limits are on one shard.

use std::time::Duration;

use domain::Secret;
use policy::{CalendarUnit, Decimal, Window, window::Slot};
use redis::{FromRedisValue as _, ScriptInvocation, Value};

use crate::{
    CounterKey, CountersUnavailable, GiveBack, Reservation, Reserve, Reserved, Shadow,
    plan::{self, Entry},
};

mod connection;
mod script;

use connection::Connection;
use script::Scripts;

/// How to reach Redis.
#[derive(Clone, Debug)]
pub struct RedisConfig {
    /// `redis://[user:password@]host[:port][/db]`, `rediss://…` or `unix:///path`.
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
}

pub(crate) struct RedisCounters {
    connection: Connection,
    scripts: Scripts,
}

impl RedisCounters {
    pub(crate) async fn connect(config: &RedisConfig) -> Result<Self, CountersUnavailable> {
        Ok(Self { connection: Connection::open(config).await?, scripts: Scripts::with_store_clock() })
    }

    #[cfg(test)]
    pub(crate) async fn connect_with_set_clock(config: &RedisConfig) -> Result<Self, CountersUnavailable> {
        Ok(Self { connection: Connection::open(config).await?, scripts: Scripts::with_set_clock() })
    }

    pub(crate) async fn reserve(&self, reserve: &Reserve<'_>) -> Result<Reserved, CountersUnavailable> {
        let entries = plan::entries(reserve)?;
        if entries.is_empty() && reserve.record.is_none() {
            let reservation = Reservation { account: reserve.account, taken: Vec::new() };
            return Ok(Reserved::Granted { reservation, shadow_full: Vec::new(), record_stored: false });
        }
        let mut call = self.scripts.reserve.prepare_invoke();
        for entry in &entries {
            call.key(key_text(entry.key));
        }
        if reserve.record.is_some() {
            call.key(reserve.stream);
        }
        call.arg(reserve.record.unwrap_or_default());
        for entry in &entries {
            entry_args(&mut call, entry);
        }
        let answer: Vec<Value> = self.connection.script(&call).await?;
        read_answer(reserve, &entries, answer)
    }

    pub(crate) async fn give_back(&self, reservation: Reservation, what: GiveBack) -> Result<(), CountersUnavailable> {
        let returned = reservation.returns(what);
        if returned.is_empty() {
            return Ok(());
        }
        let mut call = self.scripts.give_back.prepare_invoke();
        for taken in &returned {
            call.key(key_text(&taken.key)).arg(taken.slot.0).arg(taken.amount.to_string());
        }
        self.connection.script(&call).await
    }

    pub(crate) async fn read(&self, keys: &[CounterKey]) -> Result<Vec<Decimal>, CountersUnavailable> {
        let mut sums = Vec::with_capacity(keys.len());
        // One script per account: on a cluster, accounts are on different shards.
        for keys in keys.chunk_by(|a, b| a.account == b.account) {
            let mut call = self.scripts.read.prepare_invoke();
            for key in keys {
                let (kind, unit_us) = window_args(key.window);
                call.key(key_text(key)).arg(kind).arg(unit_us);
            }
            let texts: Vec<String> = self.connection.script(&call).await?;
            for text in texts {
                sums.push(text.parse().map_err(|_| not_understood())?);
            }
        }
        Ok(sums)
    }
}

/// Unambiguous whatever the subject and the counter are called: the subject's length stands before it.
fn key_text(key: &CounterKey) -> String {
    let CounterKey { account, server, subject, counter, window, shadow } = key;
    let mode = match shadow {
        Shadow::No => 'e',
        Shadow::Yes => 's',
    };
    format!("pcl:{{{account}}}:c:{server}:{mode}:{window}:{}:{subject}:{counter}", subject.len())
}

/// What the script has to know of a window: its kind, and the length of a bucket in microseconds.
fn window_args(window: Window) -> (&'static str, i64) {
    match window {
        Window::Sliding { seconds } => ("s", i64::from(seconds.max(1)) * (1_000_000 / policy::window::SLICES)),
        Window::Calendar(CalendarUnit::Seconds(seconds)) => ("c", i64::from(seconds.max(1)) * 1_000_000),
        Window::Calendar(CalendarUnit::Month) => ("m", 0),
    }
}

fn entry_args(call: &mut ScriptInvocation<'_>, entry: &Entry<'_>) {
    let (kind, unit_us) = window_args(entry.key.window);
    call.arg(kind).arg(unit_us).arg(entry.amount.to_string()).arg(entry.limits.len());
    for limit in &entry.limits {
        let enforced = match limit.enforce {
            crate::Enforce::Yes => "e",
            crate::Enforce::Shadow => "s",
        };
        call.arg(limit.index).arg(enforced).arg(limit.max.to_string());
    }
}

/// `[0, index, wait]` (wait: microseconds, or nothing), or `[1, bucket or nothing for each counter…, full shadow index…]`.
fn read_answer(
    reserve: &Reserve<'_>,
    entries: &[Entry<'_>],
    answer: Vec<Value>,
) -> Result<Reserved, CountersUnavailable> {
    let mut numbers = Vec::with_capacity(answer.len());
    for value in answer {
        numbers.push(Option::<i64>::from_redis_value(value).map_err(|_| not_understood())?);
    }
    let position = |number: &Option<i64>| number.and_then(|n| usize::try_from(n).ok()).ok_or_else(not_understood);
    match numbers.as_slice() {
        [Some(0), index, wait] => Ok(Reserved::Full { index: position(index)?, retry_after_us: *wait }),
        [Some(1), rest @ ..] => {
            let (slots, shadow) = rest.split_at_checked(entries.len()).ok_or_else(not_understood)?;
            let charged =
                entries.iter().zip(slots).filter_map(|(entry, slot)| slot.map(|slot| entry.taken(Slot(slot))));
            let reservation = Reservation { account: reserve.account, taken: charged.collect() };
            let mut shadow_full = shadow.iter().map(position).collect::<Result<Vec<_>, _>>()?;
            shadow_full.sort_unstable();
            Ok(Reserved::Granted { reservation, shadow_full, record_stored: reserve.record.is_some() })
        }
        _ => Err(not_understood()),
    }
}

fn not_understood() -> CountersUnavailable {
    CountersUnavailable::Refused("the script gave an answer that does not read".to_owned())
}
