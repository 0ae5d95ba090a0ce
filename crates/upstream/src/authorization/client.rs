//! Who we are to an authorization server: a client that was given, a metadata document of ours, or one registered there.

use std::{fmt, str::FromStr};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use domain::Secret;
use http::HeaderValue;
use serde_json::{Value, json};
use url::form_urlencoded;

use super::{AuthorizationError, AuthorizationServer, Rules};
use crate::{Exchange, UpstreamUrl};

const REGISTRATION: &str = "the registration endpoint";
/// Longest client id or secret taken from an answer.
const MOST_CHARACTERS: usize = 4_000;

/// How a client proves who it is at the token endpoint (RFC 7591 §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthMethod {
    /// A public client: it does not.
    None,
    /// The secret in an `Authorization` header.
    Basic,
    /// The secret in the form.
    Post,
}

/// Not a way of client authentication that we have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a supported way of client authentication: {0:?}")]
pub struct AuthMethodError(String);

/// A client at one authorization server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientIdentity {
    /// The client id.
    pub id: String,
    /// Its secret, if it has one.
    pub secret: Option<Secret<String>>,
    /// How it authenticates.
    pub method: AuthMethod,
}

/// A form with what proves who sends it.
pub(super) struct SignedForm {
    pub(super) body: String,
    pub(super) authorization: Option<HeaderValue>,
}

/// What a client says of itself.
#[derive(Clone, Debug)]
pub struct ClientProfile {
    /// Its name, for the person who consents.
    pub name: String,
    /// Its home page.
    pub uri: String,
    /// Where answers go.
    pub redirect_uri: String,
}

/// A client that registered itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registered {
    /// The client.
    pub client: ClientIdentity,
    /// When its secret ends, in seconds since the epoch; none: never.
    pub secret_expires_at: Option<i64>,
}

impl AuthMethod {
    /// The protocol's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Basic => "client_secret_basic",
            Self::Post => "client_secret_post",
        }
    }

    /// The way that suits a client with or without a secret, by what the server lists; where it lists nothing, the
    /// protocol's default (RFC 8414 §2: `client_secret_basic`).
    fn suiting(server: &AuthorizationServer, has_secret: bool) -> Result<Self, AuthorizationError> {
        let methods = &server.auth_methods;
        let lists = |method: Self| methods.iter().any(|listed| listed == method.as_str());
        match has_secret {
            false => Ok(Self::None),
            true if methods.is_empty() || lists(Self::Basic) => Ok(Self::Basic),
            true if lists(Self::Post) => Ok(Self::Post),
            true if lists(Self::None) => Ok(Self::None),
            true => Err(AuthorizationError::ClientAuthentication { methods: methods.join(", ") }),
        }
    }
}

impl FromStr for AuthMethod {
    type Err = AuthMethodError;
    fn from_str(text: &str) -> Result<Self, AuthMethodError> {
        let known = [Self::None, Self::Basic, Self::Post].into_iter().find(|method| method.as_str() == text);
        known.ok_or_else(|| AuthMethodError(text.to_owned()))
    }
}

impl fmt::Display for AuthMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl ClientIdentity {
    /// A client that somebody registered and typed in here.
    ///
    /// # Errors
    /// [`AuthorizationError::ClientAuthentication`].
    pub fn given(
        server: &AuthorizationServer,
        id: String,
        secret: Option<Secret<String>>,
    ) -> Result<Self, AuthorizationError> {
        let method = AuthMethod::suiting(server, secret.is_some())?;
        Ok(Self { id, secret, method })
    }

    /// A client that is a metadata document at `url` (MCP 2026-07-28 "Client ID Metadata Documents").
    #[must_use]
    pub fn document(url: String) -> Self {
        Self { id: url, secret: None, method: AuthMethod::None }
    }

    /// The form with what proves who we are.
    pub(super) fn signed(&self, pairs: &[(&str, &str)]) -> SignedForm {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(pairs);
        let secret = self.secret.as_ref().map_or("", |secret| secret.expose().as_str());
        let authorization = match self.method {
            AuthMethod::Basic => basic(&self.id, secret),
            AuthMethod::Post => {
                form.append_pair("client_id", &self.id).append_pair("client_secret", secret);
                None
            }
            AuthMethod::None => {
                form.append_pair("client_id", &self.id);
                None
            }
        };
        SignedForm { body: form.finish(), authorization }
    }
}

impl ClientProfile {
    /// The document that a client id names, when it is a URL.
    #[must_use]
    pub fn document(&self, client_id: &str) -> Value {
        let mut document = self.metadata(AuthMethod::None);
        document["client_id"] = json!(client_id);
        document
    }

    fn metadata(&self, method: AuthMethod) -> Value {
        json!({
            "client_name": self.name,
            "client_uri": self.uri,
            "redirect_uris": [self.redirect_uri],
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "token_endpoint_auth_method": method.as_str(),
            "application_type": if self.is_local() { "native" } else { "web" },
        })
    }

    /// On a person's own machine (MCP 2026-07-28 "Application Type and Redirect URI Constraints").
    fn is_local(&self) -> bool {
        UpstreamUrl::parse(&self.redirect_uri).is_ok_and(|url| {
            let named = url.domain().is_some_and(|name| name == "localhost" || name.ends_with(".localhost"));
            named || url.address().is_some_and(|address| address.is_loopback())
        })
    }
}

/// Registers a client (RFC 7591).
///
/// # Errors
/// [`AuthorizationError`].
pub async fn register<E: Exchange>(
    via: &E,
    rules: &Rules,
    server: &AuthorizationServer,
    profile: &ClientProfile,
) -> Result<Registered, AuthorizationError> {
    let endpoint = server.registration_endpoint.as_deref().ok_or(AuthorizationError::NoClient)?;
    let only_public = !server.auth_methods.is_empty()
        && ![AuthMethod::Basic, AuthMethod::Post].iter().any(|m| server.auth_methods.iter().any(|l| l == m.as_str()));
    let wished = AuthMethod::suiting(server, !only_public)?;
    let answer = rules.json(via, REGISTRATION, endpoint, &profile.metadata(wished)).await?;
    let told = match answer.object(REGISTRATION) {
        Ok(told) => told,
        Err(AuthorizationError::Refused { code, words }) => {
            let words = if words.is_empty() { code } else { words };
            return Err(AuthorizationError::NotRegistered { words });
        }
        Err(AuthorizationError::Unreachable { words, .. }) if !answer.status.is_server_error() => {
            return Err(AuthorizationError::NotRegistered { words });
        }
        Err(other) => return Err(other),
    };
    read(server, &told)
}

fn read(server: &AuthorizationServer, told: &Value) -> Result<Registered, AuthorizationError> {
    let text = |name: &str| {
        let text = told.get(name)?.as_str()?;
        (!text.is_empty() && text.len() <= MOST_CHARACTERS).then(|| text.to_owned())
    };
    let words = || "no client_id".to_owned();
    let id = text("client_id").ok_or_else(|| AuthorizationError::Answer { what: REGISTRATION, words: words() })?;
    let secret = text("client_secret").map(Secret::new);
    let method = match text("token_endpoint_auth_method") {
        Some(method) => method.parse().map_err(|_| AuthorizationError::ClientAuthentication { methods: method })?,
        None => AuthMethod::suiting(server, secret.is_some())?,
    };
    let ends = told.get("client_secret_expires_at").and_then(Value::as_i64).filter(|at| *at > 0);
    Ok(Registered { client: ClientIdentity { id, secret, method }, secret_expires_at: ends })
}

/// Both parts form-encoded first (RFC 6749 §2.3.1).
fn basic(id: &str, secret: &str) -> Option<HeaderValue> {
    let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = STANDARD.encode(format!("{}:{}", encoded(id), encoded(secret)));
    let mut value = HeaderValue::from_str(&format!("Basic {pair}")).ok()?;
    value.set_sensitive(true);
    Some(value)
}
