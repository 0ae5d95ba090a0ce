//! Names of a server's things as a client of the account's URL sees them.

use bytes::Bytes;
use domain::ServerSlug;
use mcp::Method;

use crate::failure::UpstreamFailure;

/// Under which names a server's things are known to the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Names {
    /// The server's own.
    Own,
    /// Qualified by the server's slug.
    #[expect(dead_code, reason = "the account's URL renames with it")]
    Of(ServerSlug),
}

impl Names {
    /// An answer to a request of this method.
    pub(crate) fn answer(&self, _method: Method, message: Bytes) -> Result<Bytes, UpstreamFailure> {
        match self {
            Self::Own | Self::Of(_) => Ok(message),
        }
    }

    /// A notification of the server's.
    pub(crate) fn notification(&self, _method: Method, message: Bytes) -> Result<Bytes, UpstreamFailure> {
        match self {
            Self::Own | Self::Of(_) => Ok(message),
        }
    }
}
