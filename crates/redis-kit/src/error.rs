//! Why a store did not do it.

/// What went wrong, in words that name no password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The address is not one of a Redis.
    #[error(
        "the Redis address is not usable ({0}); expected redis://[user:password@]host[:port][/db], rediss://… or unix:///path"
    )]
    Address(String),
    /// It cannot be reached, or did not answer in time; whether it did what was asked is unknown.
    #[error("Redis cannot be reached: {0}")]
    Away(String),
    /// It answered with an error, and did nothing.
    #[error("Redis refused: {0}")]
    Refused(String),
}

impl From<redis::RedisError> for StoreError {
    fn from(error: redis::RedisError) -> Self {
        use redis::{ErrorKind, ServerErrorKind};
        match error.kind() {
            ErrorKind::InvalidClientConfig => Self::Address(error.to_string()),
            // A store that is still reading its own files, or looking for its primary, will be there in a while.
            ErrorKind::Io
            | ErrorKind::Client
            | ErrorKind::Server(
                ServerErrorKind::BusyLoading
                | ServerErrorKind::MasterDown
                | ServerErrorKind::ClusterDown
                | ServerErrorKind::ReadOnly
                | ServerErrorKind::TryAgain
                | ServerErrorKind::Moved
                | ServerErrorKind::Ask,
            ) => Self::Away(error.to_string()),
            _ => Self::Refused(error.to_string()),
        }
    }
}
