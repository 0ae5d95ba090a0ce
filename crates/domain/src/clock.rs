//! Time and randomness as parameters. The system's own are made once, in the binary.

use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

/// A point in time: microseconds since the Unix epoch, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

/// Where the time comes from.
#[derive(Clone, Debug)]
pub enum Clock {
    /// The machine's wall clock.
    System,
    /// A clock that stands still until it is moved; for tests.
    Fixed(Arc<Mutex<Timestamp>>),
}

/// Where random bytes come from.
#[derive(Clone, Debug)]
pub enum Entropy {
    /// The operating system's generator, through the crypto library.
    System,
    /// A repeatable sequence; for tests only, never secret.
    Seeded(Arc<Mutex<u64>>),
}

impl Timestamp {
    /// As `time`'s type, for formatting and for the database. Saturates at the ends of its range (years ±9999).
    #[must_use]
    pub fn to_datetime(self) -> time::OffsetDateTime {
        time::OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000)
            .unwrap_or(time::OffsetDateTime::UNIX_EPOCH)
    }

    /// From `time`'s type, cut to microseconds.
    #[must_use]
    pub fn from_datetime(at: time::OffsetDateTime) -> Self {
        Self(i64::try_from(at.unix_timestamp_nanos() / 1_000).unwrap_or(i64::MAX))
    }

    /// This much later; saturating.
    #[must_use]
    pub fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(1_000_000)))
    }

    /// Whole milliseconds since the epoch, rounded down.
    #[must_use]
    pub fn as_millis(self) -> i64 {
        self.0.div_euclid(1_000)
    }
}

impl From<Timestamp> for policy::Timestamp {
    fn from(at: Timestamp) -> Self {
        Self(at.0)
    }
}

impl Clock {
    /// A clock that stands at `at`.
    #[must_use]
    pub fn fixed(at: Timestamp) -> Self {
        Self::Fixed(Arc::new(Mutex::new(at)))
    }

    /// The time now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match self {
            Self::System => system_now(),
            Self::Fixed(at) => *at.lock().unwrap_or_else(PoisonError::into_inner),
        }
    }

    /// Moves a fixed clock on; the system's clock cannot be moved and is left as it is.
    pub fn advance_seconds(&self, seconds: i64) {
        if let Self::Fixed(at) = self {
            let mut at = at.lock().unwrap_or_else(PoisonError::into_inner);
            *at = at.plus_seconds(seconds);
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place the wall clock is read")]
fn system_now() -> Timestamp {
    Timestamp::from_datetime(time::OffsetDateTime::now_utc())
}

impl Entropy {
    /// A repeatable sequence starting from `seed`; for tests.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self::Seeded(Arc::new(Mutex::new(seed)))
    }

    /// Fills `bytes` with random bytes.
    ///
    /// # Panics
    /// When the operating system gives no randomness: nothing safe can be done without it.
    #[expect(clippy::disallowed_methods, reason = "the one place randomness is taken from the system")]
    #[expect(clippy::expect_used, reason = "a process that cannot make secrets must not go on")]
    pub fn fill(&self, bytes: &mut [u8]) {
        match self {
            Self::System => aws_lc_rs::rand::fill(bytes).expect("the operating system gives random bytes"),
            Self::Seeded(state) => {
                let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
                for byte in bytes {
                    *byte = splitmix(&mut state);
                }
            }
        }
    }

    /// `N` random bytes.
    #[must_use]
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut out = [0; N];
        self.fill(&mut out);
        out
    }
}

fn splitmix(state: &mut u64) -> u8 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    (z ^ (z >> 31)).to_le_bytes()[0]
}
