//! The part that a person's browser carries: the authorization request and whose answer it is.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{Entropy, Secret};

use super::{AuthorizationError, AuthorizationServer};

/// The proof that whoever redeems a code is who asked for it (RFC 7636, S256).
#[derive(Clone, PartialEq, Eq)]
pub struct Pkce(Secret<String>);

/// An authorization request.
#[derive(Clone, Copy, Debug)]
pub struct AuthorizeRequest<'a> {
    /// Who is asked.
    pub server: &'a AuthorizationServer,
    /// Who asks.
    pub client_id: &'a str,
    /// Where the answer goes.
    pub redirect_uri: &'a str,
    /// What the token is for.
    pub resource: &'a str,
    /// What is asked for; none: what the authorization server gives by itself.
    pub scope: Option<&'a str>,
    /// Comes back with the answer.
    pub state: &'a str,
    /// The proof to come.
    pub pkce: &'a Pkce,
}

impl Pkce {
    /// A new verifier.
    #[must_use]
    pub fn new(entropy: &Entropy) -> Self {
        Self(Secret::new(URL_SAFE_NO_PAD.encode(entropy.bytes::<32>())))
    }

    /// One that was kept.
    #[must_use]
    pub fn of(verifier: String) -> Self {
        Self(Secret::new(verifier))
    }

    /// The verifier, to be kept or redeemed.
    #[must_use]
    pub fn verifier(&self) -> &str {
        self.0.expose()
    }

    fn challenge(&self) -> String {
        URL_SAFE_NO_PAD.encode(digest(&SHA256, self.verifier().as_bytes()))
    }
}

impl fmt::Debug for Pkce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pkce")
    }
}

impl AuthorizeRequest<'_> {
    /// The address to send the browser to.
    ///
    /// # Errors
    /// [`AuthorizationError::Answer`] when the endpoint is no URL.
    pub fn url(&self) -> Result<String, AuthorizationError> {
        let unread = |error: url::ParseError| AuthorizationError::Answer {
            what: "the authorization server",
            words: error.to_string(),
        };
        let mut url = url::Url::parse(&self.server.authorization_endpoint).map_err(unread)?;
        let mut query = url.query_pairs_mut();
        query
            .append_pair("response_type", "code")
            .append_pair("client_id", self.client_id)
            .append_pair("redirect_uri", self.redirect_uri)
            .append_pair("code_challenge", &self.pkce.challenge())
            .append_pair("code_challenge_method", "S256")
            .append_pair("state", self.state)
            .append_pair("resource", self.resource);
        if let Some(scope) = self.scope {
            query.append_pair("scope", scope);
            // OpenID Connect Core §11: offline access is only given with consent.
            if scope.split(' ').any(|one| one == "offline_access") {
                query.append_pair("prompt", "consent");
            }
        }
        drop(query);
        Ok(url.into())
    }
}

/// Whether an answer comes from the authorization server that was asked: compared letter by letter, whether it announced
/// that it names itself or not (MCP 2026-07-28 "Authorization Response Validation", RFC 9207 §2.4). To be asked before
/// anything else of the answer is used or shown.
///
/// # Errors
/// [`AuthorizationError::Mixed`].
pub fn check_issuer(server: &AuthorizationServer, iss: Option<&str>) -> Result<(), AuthorizationError> {
    match iss {
        Some(iss) if iss == server.issuer => Ok(()),
        None if !server.names_itself => Ok(()),
        _ => Err(AuthorizationError::Mixed),
    }
}
