//! What can go wrong on the bus.

use redis_kit::StoreError;

use crate::spool::{SpoolError, SpoolOpenError};

/// Why the bus could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum BusError {
    /// The address is not one of a Redis.
    #[error(
        "the Redis address is not usable ({0}); expected redis://[user:password@]host[:port][/db], rediss://… or unix:///path"
    )]
    Address(String),
    /// The store cannot be reached, or did not answer in time; whether it did what was asked is unknown.
    #[error("Redis cannot be reached: {0}")]
    Away(String),
    /// The store answered with an error.
    #[error("Redis refused: {0}")]
    Refused(String),
    /// The spool cannot be opened.
    #[error(transparent)]
    Spool(#[from] SpoolOpenError),
    /// The event queue on disk cannot be read.
    #[error("the event queue cannot be read: {0}")]
    Queue(#[from] std::io::Error),
}

/// Why an event was not taken. The caller must treat it as not recorded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotRecorded {
    /// The bounded spool is full: what it holds has to be fetched first.
    #[error("the event spool is full")]
    SpoolFull,
    /// The spool's disk failed.
    #[error("the event spool's disk failed: {0}")]
    Disk(String),
    /// The bus is closed.
    #[error("the bus is closed")]
    Closed,
    /// The event cannot be written as JSON.
    #[error("the event cannot be written: {0}")]
    Unwritable(String),
}

impl From<SpoolError> for NotRecorded {
    fn from(error: SpoolError) -> Self {
        match error {
            SpoolError::Full => Self::SpoolFull,
            SpoolError::Disk(why) => Self::Disk(why),
            SpoolError::Closed => Self::Closed,
        }
    }
}

impl From<StoreError> for BusError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Address(why) => Self::Address(why),
            StoreError::Away(why) => Self::Away(why),
            StoreError::Refused(why) => Self::Refused(why),
        }
    }
}
