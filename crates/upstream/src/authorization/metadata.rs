//! The two metadata documents: of the protected resource (RFC 9728) and of the authorization server (RFC 8414).

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{AuthorizationError, Rules};
use crate::UpstreamUrl;

/// Most entries taken of a list, and longest entry.
const MOST_ENTRIES: usize = 200;
const MOST_CHARACTERS: usize = 2_000;

/// What of a protected resource's metadata matters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ResourceMetadata {
    pub(super) resource: String,
    pub(super) issuer: String,
    pub(super) scopes: Option<Vec<String>>,
}

/// An authorization server, as far as a connection needs to know it later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorizationServer {
    /// Who it is; credentials are kept by this name.
    pub issuer: String,
    /// Where the person's browser goes.
    pub authorization_endpoint: String,
    /// Where codes and refresh tokens are redeemed.
    pub token_endpoint: String,
    /// Where clients register themselves.
    pub registration_endpoint: Option<String>,
    /// Where tokens are given back.
    pub revocation_endpoint: Option<String>,
    /// Ways of client authentication; empty: it does not say.
    pub auth_methods: Vec<String>,
    /// Whether `offline_access` is a scope there, without which some give no refresh token.
    pub offers_offline_access: bool,
    /// Whether its answers name it (RFC 9207).
    pub names_itself: bool,
    /// Whether a client may be a metadata document.
    pub takes_documents: bool,
}

impl ResourceMetadata {
    pub(super) fn read(document: &Value, server: &UpstreamUrl) -> Result<Self, AuthorizationError> {
        let what = "the protected-resource metadata";
        let resource = text(document, "resource").unwrap_or_default();
        if !covers(&resource, server) {
            return Err(AuthorizationError::Resource { found: crate::exchange::shown(&resource) });
        }
        let issuer = list(document, "authorization_servers").into_iter().flatten().next();
        let words = || "it names no authorization server".to_owned();
        let issuer = issuer.ok_or_else(|| AuthorizationError::Answer { what, words: words() })?;
        Ok(Self { resource, issuer, scopes: list(document, "scopes_supported") })
    }
}

impl AuthorizationServer {
    /// Reads the metadata of `issuer`, which has to be its own name to the letter.
    pub(super) fn read(document: &Value, issuer: &str, rules: &Rules) -> Result<Self, AuthorizationError> {
        let found = text(document, "issuer").unwrap_or_default();
        if found != issuer {
            let found = crate::exchange::shown(&found);
            return Err(AuthorizationError::Issuer { expected: issuer.to_owned(), found });
        }
        let methods = list(document, "code_challenge_methods_supported").unwrap_or_default();
        if !methods.iter().any(|method| method == "S256") {
            return Err(AuthorizationError::NoPkce);
        }
        let needed = |name: &'static str, what| {
            let url = text(document, name);
            let url = url.ok_or(AuthorizationError::Answer { what: "the metadata", words: format!("no {name}") })?;
            rules.address(what, &url).map(|_| url)
        };
        let known = |name: &str| text(document, name).filter(|url| rules.address(METADATA, url).is_ok());
        let flag = |name: &str| document.get(name).and_then(Value::as_bool).unwrap_or_default();
        let scopes = list(document, "scopes_supported").unwrap_or_default();
        Ok(Self {
            issuer: found,
            authorization_endpoint: needed("authorization_endpoint", "authorization endpoint")?,
            token_endpoint: needed("token_endpoint", "token endpoint")?,
            registration_endpoint: known("registration_endpoint"),
            revocation_endpoint: known("revocation_endpoint"),
            auth_methods: list(document, "token_endpoint_auth_methods_supported").unwrap_or_default(),
            offers_offline_access: scopes.iter().any(|scope| scope == "offline_access"),
            names_itself: flag("authorization_response_iss_parameter_supported"),
            takes_documents: flag("client_id_metadata_document_supported"),
        })
    }

    /// The endpoints that a server of 2025-03-26 without metadata has (that revision's basic/authorization §2.3.3).
    pub(super) fn by_convention(origin: &str) -> Self {
        Self {
            issuer: origin.to_owned(),
            authorization_endpoint: format!("{origin}/authorize"),
            token_endpoint: format!("{origin}/token"),
            registration_endpoint: Some(format!("{origin}/register")),
            revocation_endpoint: None,
            auth_methods: Vec::new(),
            offers_offline_access: false,
            names_itself: false,
            takes_documents: false,
        }
    }
}

const METADATA: &str = "address in the metadata";

/// Whether a token for `resource` is meant for the server: the same origin, and the server's path or one above it. Many
/// servers name their origin; RFC 9728 §3.3 wants what the well-known address was made from, which may be either.
#[must_use]
pub fn covers(resource: &str, server: &UpstreamUrl) -> bool {
    let Ok(resource) = UpstreamUrl::parse(resource) else { return false };
    if resource.origin() != server.origin() {
        return false;
    }
    let (own, above) = (path_of(server), path_of(&resource));
    own == above || own.strip_prefix(&above).is_some_and(|rest| rest.starts_with('/'))
}

/// The path without a slash at the end; with the query, which names another resource.
pub(super) fn path_of(url: &UpstreamUrl) -> String {
    let rest = url.as_str().strip_prefix(&url.origin()).unwrap_or_default();
    rest.trim_end_matches('/').to_owned()
}

fn text(document: &Value, name: &str) -> Option<String> {
    let text = document.get(name)?.as_str()?;
    (!text.is_empty() && text.len() <= MOST_CHARACTERS).then(|| text.to_owned())
}

fn list(document: &Value, name: &str) -> Option<Vec<String>> {
    let entries = document.get(name)?.as_array()?.iter().filter_map(Value::as_str);
    Some(entries.filter(|entry| entry.len() <= MOST_CHARACTERS).take(MOST_ENTRIES).map(str::to_owned).collect())
}
