#![doc = include_str!("../README.md")]

mod charge;
mod counters;
mod durable;
mod error;
mod memory;
mod plan;
mod redis;

#[cfg(test)]
mod tests;

pub use charge::{Charge, CounterKey, Enforce, GiveBack, Reservation, Reserve, Reserved, Shadow};
pub use counters::Counters;
pub use error::CountersUnavailable;
pub use redis::RedisConfig;
