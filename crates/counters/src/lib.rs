#![doc = include_str!("../README.md")]

mod approval;
mod charge;
mod counters;
mod durable;
mod error;
pub mod ledger;
mod memory;
mod payer;
mod plan;
mod redis;

#[cfg(test)]
mod tests;

pub use approval::{Answered, ApprovalAnswer, ApprovalStanding, ApprovalState, AskApproval, MAX_OPEN_REQUESTS};
pub use charge::{Charge, CounterKey, Enforce, GiveBack, Reservation, Reserve, Reserved, Shadow};
pub use counters::Counters;
pub use error::CountersUnavailable;
pub use payer::{Payer, charges};
pub use redis::RedisConfig;
