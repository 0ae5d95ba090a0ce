#![doc = include_str!("../README.md")]

pub mod access_token;
mod approval;
mod clock;
mod connect_token;
mod email;
mod ids;
mod principal;
mod record;
mod role;
mod scope;
mod sealed;
mod secret;
mod server;
mod slug;
mod snapshot;
mod text;
mod token;
pub mod tunnel;
mod upstream_connection;

pub use access_token::{AccessClaims, AccessTokenError, AccessTokens};
pub use approval::{ApprovalAsked, ApprovalBinding, BoundCall};
pub use clock::{Clock, Entropy, Timestamp};
pub use connect_token::{ConnectToken, ConnectTokenError};
pub use email::{Email, EmailError};
pub use ids::{
    AccountId, AgentId, AppId, ApprovalId, CallId, ConnectionId, ConnectorId, DecisionId, GatewayId, GrantId, IdError,
    InviteId, KeyId, PolicyId, ServerId, SessionId, TeamId, UserId,
};
pub use principal::{Credential, GrantState, GrantSubject, Principal};
pub use record::{
    CallDecided, CallSettled, Client, ConnectorSeen, Event, EventEnvelope, Inventory, InventoryTool,
    MOST_ARGUMENT_KEYS, MOST_RECORDED_CHARS, Outcome, Settlement, WouldDeny,
};
pub use role::{Permission, Role, RoleError};
pub use scope::{Scope, Scopes};
pub use sealed::{DataKey, DeploymentKey, KeyError, SealError, Sealed, WrappedDataKey};
pub use secret::Secret;
pub use server::{Access, DriftSetting, ListDenied, ServerSettings, Transport};
pub use slug::{AccountSlug, ServerSlug, SlugError, TeamSlug};
pub use snapshot::{
    AccountSnapshot, SignedSnapshot, SnapshotAgent, SnapshotApp, SnapshotConnector, SnapshotError, SnapshotGrant,
    SnapshotHeader, SnapshotKey, SnapshotMember, SnapshotPolicy, SnapshotServer, SnapshotTool,
};
pub use text::{Name, NameError, hex};
pub use token::{Token, TokenError, TokenHash, TokenKind};
pub use upstream_connection::{ConnectionRefused, Sharing, SharingError, SnapshotConnection, SnapshotOAuth};
