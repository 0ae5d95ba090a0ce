//! Why nothing could be counted.

use redis_kit::StoreError;

/// The counters could not do it. The caller fails closed (or as the limit's `on_unavailable` says): whether a reservation
/// was made is unknown, and if it was, it stays counted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CountersUnavailable {
    /// The Redis address is not usable.
    #[error(
        "the Redis address is not usable ({0}); expected redis://[user:password@]host[:port][/db], rediss://… or unix:///path"
    )]
    Address(String),
    /// Redis cannot be reached, or did not answer in time.
    #[error("Redis cannot be reached: {0}")]
    Away(String),
    /// Redis answered with an error.
    #[error("Redis refused: {0}")]
    Refused(String),
    /// The journal on disk cannot be written.
    #[error("the counters' journal cannot be written: {0}")]
    Disk(String),
    /// The request cannot be right: a charge of another account, or of a negative amount. Nothing was counted.
    #[error("the charges cannot be right: {0}")]
    Invalid(&'static str),
}

impl From<StoreError> for CountersUnavailable {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Address(why) => Self::Address(why),
            StoreError::Away(why) => Self::Away(why),
            StoreError::Refused(why) => Self::Refused(why),
        }
    }
}
