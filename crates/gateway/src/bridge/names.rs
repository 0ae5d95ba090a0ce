//! Names of a server's things as a client of the account's URL sees them.

use bytes::Bytes;
use domain::ServerSlug;
use mcp::{Method, Part};

use crate::{aggregate::names::outgoing, failure::UpstreamFailure};

/// Under which names a server's things are known to the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Names {
    /// The server's own.
    Own,
    /// Qualified by the server's slug.
    Of(ServerSlug),
}

impl Names {
    /// An answer to a request of this method.
    pub(crate) fn answer(&self, method: Method, message: Bytes) -> Result<Bytes, UpstreamFailure> {
        self.named(Part::Answer(method), message)
    }

    /// A notification or a question of the server's.
    pub(crate) fn notification(&self, method: Method, message: Bytes) -> Result<Bytes, UpstreamFailure> {
        self.named(Part::FromServer(method), message)
    }

    fn named(&self, part: Part, message: Bytes) -> Result<Bytes, UpstreamFailure> {
        match self {
            Self::Own => Ok(message),
            Self::Of(server) => outgoing(server, part, &message),
        }
    }
}
