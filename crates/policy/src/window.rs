//! How long a limit looks back, and the pure counting behind every counter (POLICY.md §4).
//!
//! [`Ring`] is the count of one counter. The in-process counters keep one per identity, the test runner does, and a
//! store's script is to give the same answers.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Timestamp;

mod ring;

pub use ring::{Full, Ring, Slot};

/// A sliding window is cut into this many parts; one more is counted, so that no interval of its length escapes.
pub const SLICES: i64 = 16;
/// One sixteenth of a second, in microseconds.
const SLICE_US: i64 = 1_000_000 / SLICES;
/// Monday, 1970-01-05T00:00:00Z: where calendar periods of whole seconds are counted from, which puts days at 00:00 UTC
/// and weeks at ISO Monday.
const FIRST_MONDAY_US: i64 = 4 * 86_400 * 1_000_000;

/// Over what time a limit counts. Two windows are equal exactly when their counts are: `minute` is 60 seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Window {
    /// The last so many seconds (and up to one sixteenth more).
    Sliding {
        /// 1 to 2,678,400.
        seconds: u32,
    },
    /// The current period of the calendar, UTC.
    Calendar(CalendarUnit),
}

/// What a calendar window's periods are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CalendarUnit {
    /// Periods of so many seconds, counted from Monday 1970-01-05 00:00 UTC.
    Seconds(u32),
    /// From the first of a month to the next.
    Month,
}

impl Window {
    /// The bucket that `now` falls into.
    pub fn bucket(self, now: Timestamp) -> i64 {
        match self {
            Self::Sliding { seconds } => now.0.div_euclid(slice_us(seconds)),
            Self::Calendar(CalendarUnit::Seconds(seconds)) => {
                now.0.saturating_sub(FIRST_MONDAY_US).div_euclid(period_us(seconds))
            }
            Self::Calendar(CalendarUnit::Month) => now.month(),
        }
    }

    /// The first moment at which a bucket no longer counts.
    pub fn forgotten_at(self, bucket: i64) -> Timestamp {
        match self {
            Self::Sliding { seconds } => Timestamp(bucket.saturating_add(SLICES + 1).saturating_mul(slice_us(seconds))),
            Self::Calendar(CalendarUnit::Seconds(seconds)) => {
                let start = bucket.saturating_add(1).saturating_mul(period_us(seconds));
                Timestamp(start.saturating_add(FIRST_MONDAY_US))
            }
            Self::Calendar(CalendarUnit::Month) => Timestamp::start_of_month(bucket.saturating_add(1)),
        }
    }

    /// The oldest bucket that still counts while `bucket` is the current one.
    pub fn oldest_counted(self, bucket: i64) -> i64 {
        match self {
            Self::Sliding { .. } => bucket.saturating_sub(SLICES),
            Self::Calendar(_) => bucket,
        }
    }

    /// The longest time a count has to be kept after its last use, in microseconds.
    pub fn retention_us(self) -> i64 {
        match self {
            Self::Sliding { seconds } => (SLICES + 1) * slice_us(seconds),
            Self::Calendar(CalendarUnit::Seconds(seconds)) => period_us(seconds),
            Self::Calendar(CalendarUnit::Month) => period_us(31 * 86_400),
        }
    }

    /// For people, after "30 per": `minute`, `90 s`, `month`.
    pub(crate) fn in_words(self) -> String {
        let seconds = match self {
            Self::Calendar(CalendarUnit::Month) => return "month".to_owned(),
            Self::Sliding { seconds } | Self::Calendar(CalendarUnit::Seconds(seconds)) => seconds,
        };
        match seconds {
            1 => "second".to_owned(),
            60 => "minute".to_owned(),
            3_600 => "hour".to_owned(),
            86_400 => "day".to_owned(),
            604_800 => "week".to_owned(),
            2_678_400 => "31 days".to_owned(),
            other => format!("{other} s"),
        }
    }
}

/// The window's part of a counter's identity: `sliding-60`, `calendar-86400`, `calendar-month`.
impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sliding { seconds } => write!(f, "sliding-{seconds}"),
            Self::Calendar(CalendarUnit::Seconds(seconds)) => write!(f, "calendar-{seconds}"),
            Self::Calendar(CalendarUnit::Month) => f.write_str("calendar-month"),
        }
    }
}

/// A sixteenth of the window: a whole number of microseconds for any whole number of seconds.
fn slice_us(seconds: u32) -> i64 {
    i64::from(seconds.max(1)) * SLICE_US
}

fn period_us(seconds: u32) -> i64 {
    i64::from(seconds.max(1)) * 1_000_000
}

#[cfg(test)]
mod tests;
