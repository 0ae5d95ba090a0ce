//! Why a server cannot be connected, or stays connected no more; in words for the person who connects it.

use crate::UrlError;

/// Why a step of the authorization failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthorizationError {
    /// No answer, or one that speaks of trouble; another time it may work.
    #[error("{what} could not be asked: {words}")]
    Unreachable {
        /// What was asked.
        what: &'static str,
        /// What went wrong.
        words: String,
    },
    /// Nothing says how to be authorized.
    #[error("the server does not ask for authorization, and says nothing of an authorization server")]
    NotWanted,
    /// The metadata is that of something else (RFC 9728 §3.3).
    #[error("the server says that tokens are for {found}, which is not its own address; so none is asked for")]
    Resource {
        /// The resource that was named.
        found: String,
    },
    /// No authorization server's metadata where it should be.
    #[error("{issuer} has no authorization server metadata that can be read")]
    NoMetadata {
        /// The authorization server.
        issuer: String,
    },
    /// The metadata is another issuer's (RFC 8414 §3.3).
    #[error("the metadata of {expected} is that of another issuer, {found}; so it is not used")]
    Issuer {
        /// Who was asked.
        expected: String,
        /// Who answered.
        found: String,
    },
    /// An address that is not to be dialled.
    #[error("the {what} {problem}")]
    Address {
        /// Whose address.
        what: &'static str,
        /// What is wrong with it.
        problem: UrlError,
    },
    /// Plain text over the network.
    #[error("the {what} must start with https://")]
    PlainText {
        /// Whose address.
        what: &'static str,
    },
    /// It does not say that it supports PKCE with S256, without which no client may go on (OAuth 2.1 §4.1.1).
    #[error("the authorization server does not say that it supports PKCE with S256, so it is not safe to use")]
    NoPkce,
    /// No way to become a client.
    #[error("the authorization server registers no clients by itself: register one there and give its client id here")]
    NoClient,
    /// It does not take us as a client.
    #[error("the authorization server did not register us: {words}")]
    NotRegistered {
        /// Its own words.
        words: String,
    },
    /// It accepts no way of proving who we are that we have.
    #[error("the authorization server wants a way of client authentication that is not supported: {methods}")]
    ClientAuthentication {
        /// The ways that it lists.
        methods: String,
    },
    /// The answer came from another authorization server than was asked (RFC 9207 §2.4).
    #[error("the answer does not come from the authorization server that was asked, so it was thrown away")]
    Mixed,
    /// An answer that makes no sense.
    #[error("{what} answered with something else than was asked for: {words}")]
    Answer {
        /// What was asked.
        what: &'static str,
        /// What is wrong with it.
        words: String,
    },
    /// An OAuth error (RFC 6749 §5.2).
    #[error("the authorization server refused: {code}{}", said(.words))]
    Refused {
        /// The error's code.
        code: String,
        /// Its own words, made safe to show; may be empty.
        words: String,
    },
}

impl AuthorizationError {
    /// Whether asking again with the same refresh token is of no use.
    #[must_use]
    pub fn is_final(&self) -> bool {
        match self {
            Self::Refused { code, .. } => {
                matches!(code.as_str(), "invalid_grant" | "invalid_client" | "unauthorized_client" | "invalid_target")
            }
            _ => false,
        }
    }
}

fn said(words: &str) -> String {
    if words.is_empty() { String::new() } else { format!(" ({words})") }
}
