#![doc = include_str!("../README.md")]
#![expect(clippy::expect_used, reason = "only tests use this crate, and a test may fail by panicking")]

#[cfg(feature = "authorization")]
mod authorization;
#[cfg(feature = "database")]
mod database;
#[cfg(feature = "redis")]
mod faults;
#[cfg(feature = "fixture")]
mod fixture;
mod folder;
#[cfg(feature = "redis")]
mod redis;

#[cfg(feature = "authorization")]
pub use authorization::{Authorization, CANARY, Knobs, Resource};
#[cfg(feature = "database")]
pub use database::{Cluster, TestDb, cluster};
use domain::{Clock, Entropy, Timestamp};
#[cfg(feature = "redis")]
pub use faults::{Faults, FaultyLink};
#[cfg(feature = "fixture")]
pub use fixture::{Fixture, PASSWORD, Person, Tenant, from_here};
pub use folder::TempFolder;
#[cfg(feature = "redis")]
pub use redis::{Frozen, RedisCluster, RedisServer};

/// 2026-01-05 12:00:00 UTC, a Monday: when tests take place.
pub const NOON: Timestamp = Timestamp(1_767_614_400_000_000);

/// Where repeatable randomness starts.
pub const SEED: u64 = 0x0070_6f72_7463_756c;

/// A clock that stands at [`NOON`] until it is moved.
#[must_use]
pub fn clock() -> Clock {
    Clock::fixed(NOON)
}

/// Repeatable randomness.
#[must_use]
pub fn entropy() -> Entropy {
    Entropy::seeded(SEED)
}
