//! OAuth clients: those that register themselves (RFC 7591), and those that are known by a document at an https URL.
//!
//! All are public clients: none can prove who it is, so nothing is ever allowed to one without asking the person again, and
//! a code goes only where the client said beforehand.

use domain::{Name, Scope, Scopes};
use storage::{AppClient, OAuthClientRow};

use super::redirect::{self, RedirectError, RedirectUri};
use crate::{Accounts, ClientAddress, Error};

/// Most redirect URIs of one client.
const MOST_REDIRECTS: usize = 10;
/// A client that nobody has allowed anything within a day is forgotten.
const UNUSED_S: i64 = 24 * 60 * 60;
/// And one that nobody has allowed anything for longer than any app lives.
const IDLE_S: i64 = 120 * 24 * 60 * 60;
/// More clients than this are not kept; who comes then has to wait until unused ones are forgotten.
const MOST_CLIENTS: u64 = 1_000_000;

/// What a client sends to register.
#[derive(Clone, Debug, Default)]
pub struct RegisterClient {
    /// `client_name`.
    pub name: Option<String>,
    /// `redirect_uris`.
    pub redirect_uris: Vec<String>,
    /// `application_type`: `native` or `web`.
    pub application_type: Option<String>,
    /// `grant_types`.
    pub grant_types: Option<Vec<String>>,
    /// `token_endpoint_auth_method`; whatever is asked for, it becomes a public client (`none`).
    pub token_endpoint_auth_method: Option<String>,
}

/// What was registered, for the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisteredClient {
    /// The new id.
    pub client_id: String,
    /// Its name.
    pub name: Name,
    /// Where codes may be sent.
    pub redirect_uris: Vec<String>,
    /// `native` or `web`.
    pub application_type: String,
    /// Of the grant types asked for, those that there are.
    pub grant_types: Vec<String>,
    /// When, in seconds since the epoch.
    pub issued_at_s: i64,
}

/// A client, as far as it can be known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OAuthClient {
    /// Its id.
    pub client_id: String,
    /// How it names itself; nobody has checked that.
    pub name: Name,
    /// Where codes may be sent.
    pub redirect_uris: Vec<RedirectUri>,
    /// Where it is known from.
    pub kind: ClientKind,
    /// The grant types it registered.
    pub grant_types: Vec<String>,
}

/// Where a client is known from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientKind {
    /// It registered itself: anybody can, under any name.
    Registered,
    /// A document at this host says so: whoever has the host, has the client.
    Document {
        /// The host.
        host: String,
    },
}

/// Why a client is not known or not registered.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// There is no such client, or not any more.
    #[error("this client is not known here; it has to register again")]
    Unknown,
    /// A redirect URI that cannot be taken (`invalid_redirect_uri`).
    #[error(transparent)]
    Redirect(#[from] RedirectError),
    /// Something else in the registration or the document (`invalid_client_metadata`).
    #[error("{0}")]
    Metadata(String),
    /// The document could not be read.
    #[error("the client's metadata document cannot be read: {0}")]
    Document(String),
    /// Too many from this address.
    #[error("too much was asked for from here; try again in {retry_after_s} seconds")]
    Throttled {
        /// How long to wait.
        retry_after_s: i64,
    },
    /// Everything else.
    #[error(transparent)]
    Other(#[from] Error),
}

impl Accounts {
    /// Registers a client.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn register_client(
        &self,
        form: RegisterClient,
        from: &ClientAddress,
    ) -> Result<RegisteredClient, ClientError> {
        if let Some(wait) = self.count_registration(from.ip).await? {
            return Err(ClientError::Throttled { retry_after_s: wait.0 });
        }
        if self.db().oauth_client_count().await.map_err(Error::from)? >= MOST_CLIENTS {
            return Err(ClientError::Throttled { retry_after_s: 3_600 });
        }
        let uris = redirects(&form.redirect_uris)?;
        let now = self.now();
        let row = OAuthClientRow {
            id: format!("client_{}", random_hex(self)),
            name: name_of(form.name.as_deref(), "An MCP client")?,
            redirect_uris: uris.iter().map(|uri| uri.as_str().to_owned()).collect(),
            application_type: application_type(form.application_type.as_deref())?,
            grant_types: grant_types(form.grant_types)?,
            created_at: now,
        };
        self.db().insert_oauth_client(&row).await.map_err(Error::from)?;
        Ok(RegisteredClient {
            client_id: row.id,
            name: row.name,
            redirect_uris: row.redirect_uris,
            application_type: row.application_type,
            grant_types: row.grant_types,
            issued_at_s: now.as_millis().div_euclid(1_000),
        })
    }

    /// The client with this id: one that registered, or the one that the document at this https URL describes, which is
    /// fetched for whoever asks from this address.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn oauth_client(&self, client_id: &str, from: &ClientAddress) -> Result<OAuthClient, ClientError> {
        if client_id.contains(':') {
            return self.client_of_document(client_id, from).await;
        }
        self.registered_client(client_id).await
    }

    /// The client that registered and got this id.
    ///
    /// # Errors
    /// [`ClientError::Unknown`].
    pub async fn registered_client(&self, client_id: &str) -> Result<OAuthClient, ClientError> {
        let row = self.db().oauth_client(client_id).await.map_err(Error::from)?.ok_or(ClientError::Unknown)?;
        Ok(OAuthClient {
            redirect_uris: redirects(&row.redirect_uris)?,
            client_id: row.id,
            name: row.name,
            kind: ClientKind::Registered,
            grant_types: row.grant_types,
        })
    }

    /// Forgets clients that are not used; for a background job.
    pub(crate) async fn forget_clients(&self) -> Result<u64, Error> {
        let now = self.now();
        Ok(self.db().forget_oauth_clients(now.plus_seconds(-UNUSED_S), now.plus_seconds(-IDLE_S)).await?)
    }
}

impl OAuthClient {
    /// The redirect URI that a request asks for.
    ///
    /// # Errors
    /// [`RedirectError`]: then nothing may be sent to it.
    pub fn redirect(&self, asked: Option<&str>) -> Result<RedirectUri, RedirectError> {
        redirect::choose(&self.redirect_uris, asked)
    }

    /// What a request's `scope` comes to: with none asked for, reading and writing. A client that takes refresh tokens gets
    /// one also without `offline_access`, which most do not know.
    #[must_use]
    pub fn scopes(&self, asked: Option<&str>) -> Scopes {
        let asked = asked.map_or(Scopes::NONE, Scopes::parse);
        let about_calls = asked.without(Scope::OfflineAccess);
        let scopes = if about_calls.is_empty() { Scopes::READ_AND_WRITE } else { about_calls };
        let stays = asked.contains(Scope::OfflineAccess) || self.grant_types.iter().any(|one| one == "refresh_token");
        if stays { scopes.with(Scope::OfflineAccess) } else { scopes }
    }

    /// What is kept of it with an app.
    pub(crate) fn kept(&self) -> AppClient {
        let host = match &self.kind {
            ClientKind::Registered => None,
            ClientKind::Document { host } => Some(host.clone()),
        };
        AppClient { id: self.client_id.clone(), name: self.name.clone(), host }
    }
}

pub(super) fn redirects(texts: &[String]) -> Result<Vec<RedirectUri>, ClientError> {
    if texts.is_empty() || texts.len() > MOST_REDIRECTS {
        return Err(ClientError::Metadata(format!("redirect_uris must have 1 to {MOST_REDIRECTS} entries")));
    }
    Ok(texts.iter().map(|text| RedirectUri::parse(text)).collect::<Result<_, _>>()?)
}

pub(super) fn name_of(given: Option<&str>, otherwise: &str) -> Result<Name, ClientError> {
    let text = given.filter(|text| !text.trim().is_empty()).unwrap_or(otherwise);
    Name::parse(text).map_err(|error| ClientError::Metadata(format!("client_name {error}")))
}

fn application_type(given: Option<&str>) -> Result<String, ClientError> {
    match given.unwrap_or("web") {
        known @ ("native" | "web") => Ok(known.to_owned()),
        _ => Err(ClientError::Metadata("application_type must be native or web".to_owned())),
    }
}

/// Of the grant types asked for, those that there are.
pub(super) fn grant_types(given: Option<Vec<String>>) -> Result<Vec<String>, ClientError> {
    let given = given.unwrap_or_else(|| vec!["authorization_code".to_owned()]);
    let known = ["authorization_code", "refresh_token"].into_iter();
    let kept: Vec<String> = known.filter(|known| given.iter().any(|one| one == known)).map(str::to_owned).collect();
    if kept.iter().any(|one| one == "authorization_code") {
        Ok(kept)
    } else {
        Err(ClientError::Metadata("grant_types must have authorization_code".to_owned()))
    }
}

fn random_hex(accounts: &Accounts) -> String {
    domain::hex(&accounts.entropy().bytes::<16>())
}
