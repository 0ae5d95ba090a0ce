//! The account snapshot: all that a gateway has to know of one account, compiled by the control plane, carried with a MAC.
//!
//! Invariant: [`SignedSnapshot::open`] is the only way from carried text to an [`AccountSnapshot`], and it returns none that
//! was not signed under this deployment's key for this very account slug.

use std::{fmt, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use serde::{Deserialize, Serialize};

use crate::{
    AccountId, AccountSlug, AgentId, AppId, ConnectorId, DeploymentKey, Email, GrantId, GrantState, GrantSubject,
    KeyId, Name, PolicyId, Principal, Role, Scopes, Sealed, ServerId, ServerSettings, ServerSlug, SnapshotOAuth,
    TeamId, Timestamp, TokenHash, Transport, UserId, WrappedDataKey,
};

const PURPOSE: &str = "snapshot";
const FORMAT: &str = "s1";

/// All that a gateway has to know of one account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountSnapshot {
    /// The account.
    pub account: AccountId,
    /// Its slug in URLs.
    pub slug: AccountSlug,
    /// Grows with every change; a gateway never goes back.
    pub version: u64,
    /// The key under which the account's sealed values open.
    pub data_key: WrappedDataKey,
    /// People.
    pub members: Vec<SnapshotMember>,
    /// Agents.
    pub agents: Vec<SnapshotAgent>,
    /// Servers, removed ones left out.
    pub servers: Vec<SnapshotServer>,
    /// The published version of every policy that a grant has.
    pub policies: Vec<SnapshotPolicy>,
    /// Grants that are not revoked.
    pub grants: Vec<SnapshotGrant>,
    /// Keys that are not revoked.
    pub keys: Vec<SnapshotKey>,
    /// Apps that are not revoked.
    #[serde(default)]
    pub apps: Vec<SnapshotApp>,
    /// Connector tokens that are not revoked.
    pub connectors: Vec<SnapshotConnector>,
}

/// A person of the account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotMember {
    /// Who.
    pub user: UserId,
    /// For the fact `member.email`.
    pub email: Email,
    /// For the fact `member.role`.
    pub role: Role,
    /// The teams, in the order in which their grants are tried.
    pub teams: Vec<TeamId>,
}

/// An agent of the account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotAgent {
    /// Which.
    pub agent: AgentId,
    /// Its name, for records.
    pub name: Name,
}

/// A server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotServer {
    /// Which.
    pub id: ServerId,
    /// Its slug in URLs.
    pub slug: ServerSlug,
    /// Its name, for people.
    pub name: Name,
    /// How it is reached.
    pub transport: Transport,
    /// Headers added to every request to it.
    pub headers: Vec<SnapshotHeader>,
    /// How it is connected by OAuth, where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oauth: Option<SnapshotOAuth>,
    /// What passes.
    pub settings: ServerSettings,
    /// The tools as last accepted.
    pub tools: Vec<SnapshotTool>,
}

/// A header added to requests to a server; the value is sealed under the account's data key, for [`SnapshotHeader::context`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotHeader {
    /// The header's name, lower case.
    pub name: String,
    /// Its value.
    pub value: Sealed,
}

/// A tool as last accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotTool {
    /// Its name, as the server gives it.
    pub name: Arc<str>,
    /// Its risk class.
    pub class: policy::RiskClass,
    /// SHA-256 of its definition, in base64.
    pub pin: String,
    /// The JSON Schema of its arguments, the JSON text as the server gives it.
    pub input_schema: Option<Arc<str>>,
}

/// The published version of a policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotPolicy {
    /// Which.
    pub id: PolicyId,
    /// Which version.
    pub version: u32,
    /// The document as it was saved.
    pub document: Arc<str>,
}

/// A grant that is not revoked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotGrant {
    /// Which.
    pub id: GrantId,
    /// For the fact `grant.label`.
    pub label: Name,
    /// The server it opens.
    pub server: ServerId,
    /// For whom.
    pub subject: GrantSubject,
    /// None: every call is denied (`no_policy`).
    pub policy: Option<PolicyId>,
    /// Active or suspended.
    pub state: GrantState,
    /// From then on it counts as revoked.
    pub expires_at: Option<Timestamp>,
}

/// A key that is not revoked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotKey {
    /// Which.
    pub id: KeyId,
    /// SHA-256 of its text.
    pub hash: TokenHash,
    /// Who is behind a call made with it.
    pub principal: Principal,
    /// From then on it is refused.
    pub expires_at: Option<Timestamp>,
}

/// An app that is not revoked. An access token is honoured only while its app stands here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotApp {
    /// Which.
    pub id: AppId,
    /// Whom it acts for.
    pub user: UserId,
    /// How its client names itself.
    pub client_name: Name,
    /// What it may do at most.
    pub scopes: Scopes,
    /// The one gateway URL that it may call.
    pub resource: String,
    /// From then on it is refused.
    pub expires_at: Timestamp,
}

/// A connector token that is not revoked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotConnector {
    /// Which.
    pub id: ConnectorId,
    /// SHA-256 of its text.
    pub hash: TokenHash,
    /// The server it may stand for.
    pub server: ServerId,
    /// When it ends, because it was replaced; none: it stands until it is revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<Timestamp>,
}

/// A snapshot as it is carried: `s1.<version>.<MAC>.<JSON>`.
#[derive(Clone, PartialEq, Eq)]
pub struct SignedSnapshot(String);

/// Why a carried snapshot is not one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// Not of the form.
    #[error("not a signed snapshot of format {FORMAT}")]
    Form,
    /// The MAC does not match: damaged, of another deployment, or of another account.
    #[error("the snapshot's signature does not match this deployment and account")]
    Signature,
    /// Signed, but not readable by this version.
    #[error("the signed snapshot does not read: {0}")]
    Content(String),
}

impl SnapshotHeader {
    /// The place a header's value is sealed for.
    #[must_use]
    pub fn context(server: ServerId, name: &str) -> String {
        format!("{server}/header/{name}")
    }
}

impl AccountSnapshot {
    /// Signs the snapshot for carrying.
    ///
    /// # Errors
    /// [`SnapshotError::Content`] when it cannot be written as JSON, which no snapshot read from a database is.
    pub fn sign(&self, key: &DeploymentKey) -> Result<SignedSnapshot, SnapshotError> {
        let json = serde_json::to_string(self).map_err(|e| SnapshotError::Content(e.to_string()))?;
        let mac = STANDARD_NO_PAD.encode(key.mac(PURPOSE, &signed_part(&self.slug, self.version, &json)));
        Ok(SignedSnapshot(format!("{FORMAT}.{}.{mac}.{json}", self.version)))
    }
}

impl SignedSnapshot {
    /// Takes a carried text as it came; nothing is checked before [`SignedSnapshot::open`].
    #[must_use]
    pub fn from_text(text: String) -> Self {
        Self(text)
    }

    /// The text to carry.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The version it claims; believed only once it is opened.
    #[must_use]
    pub fn claimed_version(&self) -> Option<u64> {
        self.0.split('.').nth(1)?.parse().ok()
    }

    /// Verifies and reads it.
    ///
    /// # Errors
    /// [`SnapshotError`].
    pub fn open(&self, slug: &AccountSlug, key: &DeploymentKey) -> Result<AccountSnapshot, SnapshotError> {
        let mut parts = self.0.splitn(4, '.');
        let (Some(FORMAT), Some(version), Some(mac), Some(json)) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(SnapshotError::Form);
        };
        let version: u64 = version.parse().map_err(|_| SnapshotError::Form)?;
        let mac = STANDARD_NO_PAD.decode(mac).map_err(|_| SnapshotError::Form)?;
        if !key.verify_mac(PURPOSE, &signed_part(slug, version, json), &mac) {
            return Err(SnapshotError::Signature);
        }
        let snapshot: AccountSnapshot =
            serde_json::from_str(json).map_err(|e| SnapshotError::Content(e.to_string()))?;
        if snapshot.version != version || &snapshot.slug != slug {
            return Err(SnapshotError::Signature);
        }
        Ok(snapshot)
    }
}

impl fmt::Debug for SignedSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SignedSnapshot(version {:?})", self.claimed_version())
    }
}

fn signed_part(slug: &AccountSlug, version: u64, json: &str) -> Vec<u8> {
    format!("{slug}\n{version}\n{json}").into_bytes()
}
