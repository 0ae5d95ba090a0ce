#![doc = include_str!("../README.md")]

#[macro_use]
pub mod statements;

mod accounts;
mod admin_events;
mod agents;
mod approvals;
mod apps;
mod calls;
pub mod cluster;
mod connectors;
mod db;
mod error;
mod grants;
mod invites;
mod keys;
mod members;
mod names;
mod oauth_clients;
mod outbox;
mod policies;
mod read;
mod retention;
mod scope;
mod servers;
mod sessions;
mod teams;
mod throttle;
mod tools;
mod tx;
mod upstream_connections;
mod users;

pub use accounts::{AccountRow, AccountVersion, NewAccountRow};
pub use admin_events::{AdminEventRow, NewAdminEvent};
pub use agents::AgentRow;
pub use approvals::{AnswerKind, AnswerRow, AnswerState, ApprovalRow, NewAnswer, WaitingAnswer};
pub use apps::{AppClient, AppRow, CodeRow, NewApp, NewCode, NewRefreshToken, RefreshRow};
pub use calls::{CallEnd, CallPlace, CallQuery, CallRow, PastCall, PastCalls, ServerUse, ShadowCount, WouldDenyFilter};
pub use connectors::{ConnectorRow, NewConnectorRow};
pub use db::{Db, PoolSize};
pub use error::{Constraint, OpenError, StorageError};
pub use grants::{GrantRow, NewGrantRow};
pub use invites::{FoundInvite, InviteRow, NewInviteRow};
pub use keys::{KeyPurpose, KeyRow, NewKeyRow};
pub use members::{MemberRow, MembershipRow};
pub use oauth_clients::OAuthClientRow;
pub use outbox::WaitingSnapshot;
pub use policies::{DraftRow, NewDraft, NewPolicyRow, NewVersion, PolicyRow, VersionRow};
pub use scope::AccountScope;
pub use servers::{Freshness, InventoryNote, NewServerRow, ServerChange, ServerRow, ServerSeen};
pub use sessions::{FoundSession, NewSessionRow, SessionRow};
pub use teams::{TeamMemberRow, TeamRow};
pub use throttle::Attempts;
pub use tools::{Acceptance, PutTool, ToolRow};
pub use tx::{JobTx, PersonTx, Tx};
pub use upstream_connections::{
    ClientColumns, ConnectionFailure, ConnectionRow, DueConnection, FlowRow, NewTokens, UpstreamClientRow,
    UpstreamOAuthRow,
};
pub use users::{NewUserRow, UserRow};

/// The files with SQL texts; see [`statements`].
const FILES_WITH_STATEMENTS: &[(&str, &[(&str, &str)])] = &[
    ("accounts.rs", accounts::STATEMENTS),
    ("admin_events.rs", admin_events::STATEMENTS),
    ("agents.rs", agents::STATEMENTS),
    ("apps.rs", apps::STATEMENTS),
    ("apps/codes.rs", apps::CODE_STATEMENTS),
    ("apps/refresh.rs", apps::REFRESH_STATEMENTS),
    ("approvals.rs", approvals::STATEMENTS),
    ("approvals/write.rs", approvals::WRITE_STATEMENTS),
    ("calls.rs", calls::STATEMENTS),
    ("calls/past.rs", calls::PAST_STATEMENTS),
    ("connectors.rs", connectors::STATEMENTS),
    ("db.rs", db::STATEMENTS),
    ("grants.rs", grants::STATEMENTS),
    ("invites.rs", invites::STATEMENTS),
    ("keys.rs", keys::STATEMENTS),
    ("members.rs", members::STATEMENTS),
    ("names.rs", names::STATEMENTS),
    ("oauth_clients.rs", oauth_clients::STATEMENTS),
    ("outbox.rs", outbox::STATEMENTS),
    ("policies.rs", policies::STATEMENTS),
    ("policies/drafts.rs", policies::DRAFT_STATEMENTS),
    ("retention.rs", retention::STATEMENTS),
    ("servers.rs", servers::STATEMENTS),
    ("servers/seen.rs", servers::SEEN_STATEMENTS),
    ("sessions.rs", sessions::STATEMENTS),
    ("teams.rs", teams::STATEMENTS),
    ("throttle.rs", throttle::STATEMENTS),
    ("tools.rs", tools::STATEMENTS),
    ("upstream_connections.rs", upstream_connections::STATEMENTS),
    ("upstream_connections/change.rs", upstream_connections::CHANGE_STATEMENTS),
    ("upstream_connections/flows.rs", upstream_connections::FLOW_STATEMENTS),
    ("upstream_connections/settings.rs", upstream_connections::SETTINGS_STATEMENTS),
    ("users.rs", users::STATEMENTS),
];
