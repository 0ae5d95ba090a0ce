#![doc = include_str!("../README.md")]

mod bus;
mod error;
mod event;
mod memory;
mod notice;
mod presence;
mod redis;
mod spool;

pub use bus::Bus;
pub use error::{BusError, NotRecorded};
pub use event::{Ack, Durability, EVENT_FIELD, Taken, event_stream_key};
pub use notice::Notice;
pub use presence::{Presence, TunnelPresence};
pub use redis::RedisConfig;
pub use spool::{SpoolError, SpoolLimit, SpoolOpenError};
