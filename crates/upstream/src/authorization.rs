//! The client's side of OAuth towards upstream servers (MCP 2026-07-28 basic/authorization, and what 2025-03-26 did before
//! it): the protocol and nothing else. Who connects, where tokens are kept and when they are renewed is not decided here.
//!
//! Order of use: [`discover`] → [`ClientIdentity`] (given, a metadata document, or [`register`]) → [`AuthorizeRequest::url`]
//! in the person's browser → [`check_issuer`] → [`redeem`] → [`refresh`], as often as needed → [`revoke`].
//!
//! Invariants: nothing is dialled that the egress rule refuses, nor plain `http` where only the public internet is dialled;
//! no redirect is followed; answers are bounded in size and time; no error repeats a secret.

mod challenge;
mod client;
mod discovery;
mod error;
mod fetch;
mod metadata;
mod request;
mod token;

pub use challenge::Challenge;
pub use client::{AuthMethod, ClientIdentity, ClientProfile, Registered, register};
pub use discovery::{Discovered, discover};
pub use error::AuthorizationError;
pub use fetch::Rules;
pub use metadata::{AuthorizationServer, covers};
pub use request::{AuthorizeRequest, Pkce, check_issuer};
pub use token::{Grant, Tokens, redeem, refresh, revoke};
