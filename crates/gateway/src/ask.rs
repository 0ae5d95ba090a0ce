//! A request on its way through the steps: what goes with it, and what is known of it by the time it fails.

use std::sync::Arc;

use http::HeaderMap;
use mcp::{Era, Id, Method};
use tokio::time::Instant;

use crate::{
    failure::Failure,
    pot::Room,
    session::{ClientSession, Named},
    shared::Shared,
};

/// A request that was let in: its head, and what goes with it through every step.
pub(crate) struct Ask<'a> {
    pub shared: &'a Arc<Shared>,
    pub headers: &'a HeaderMap,
    /// When it came in.
    pub arrived: Instant,
    /// Which era it speaks; known once it is read.
    pub era: Era,
    /// Its place among the requests being worked on; whoever streams the answer keeps it until the end.
    pub room: Option<Room>,
    /// Who sent it here.
    pub via: Via,
    /// The session that its header names.
    pub named: Named,
}

/// How a request came to this gateway. Only the listener for other gateways says [`Via::Gateway`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Via {
    /// From a client.
    #[default]
    Client,
    /// Handed on by another gateway, which has looked at its origin.
    Gateway,
}

/// What is known of the request by the time it fails.
#[derive(Debug)]
pub(crate) struct Asked {
    /// None: not read, or not a request.
    pub id: Option<Id<'static>>,
    pub era: Era,
    /// Where it is said who gives tokens for the URL (RFC 9728).
    pub metadata: String,
    /// The request's method, once it is read.
    pub kind: Option<Method>,
    pub pages: Pages,
}

/// Whether a page can be shown to the person behind a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Pages {
    /// Not by the client, as far as is known.
    #[default]
    No,
    /// The client opens pages.
    Opened,
    /// It has opened ours, for this very request.
    WasOpened,
}

impl Ask<'_> {
    /// The session that the request belongs to. In the stateless era there are none, and the header means nothing.
    pub(crate) fn session(&self) -> Result<Option<ClientSession>, Failure> {
        match &self.named {
            _ if self.era == Era::Stateless => Ok(None),
            Named::Nothing => Ok(None),
            Named::Foreign => Err(Failure::ForeignSession),
            Named::Ended => Err(Failure::NoSession),
            Named::Session(known) => Ok(Some((**known).clone())),
        }
    }
}

impl Default for Asked {
    fn default() -> Self {
        Self { id: None, era: Era::Initialize, metadata: String::new(), kind: None, pages: Pages::No }
    }
}
