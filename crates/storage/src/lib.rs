#![doc = include_str!("../README.md")]

#[macro_use]
pub mod statements;

mod accounts;
mod admin_events;
mod agents;
mod calls;
pub mod cluster;
mod db;
mod error;
mod invites;
mod keys;
mod members;
mod outbox;
mod read;
mod scope;
mod sessions;
mod teams;
mod throttle;
mod tx;
mod users;

pub use accounts::{AccountRow, NewAccountRow};
pub use admin_events::{AdminEventRow, NewAdminEvent};
pub use agents::AgentRow;
pub use calls::{CallEnd, CallPlace, CallQuery, CallRow, ServerUse};
pub use db::{Db, PoolSize};
pub use error::{Constraint, OpenError, StorageError};
pub use invites::{FoundInvite, InviteRow, NewInviteRow};
pub use keys::{KeyPurpose, KeyRow, NewKeyRow};
pub use members::{MemberRow, MembershipRow};
pub use outbox::WaitingSnapshot;
pub use scope::AccountScope;
pub use sessions::{FoundSession, NewSessionRow, SessionRow};
pub use teams::{TeamMemberRow, TeamRow};
pub use throttle::Attempts;
pub use tx::{JobTx, PersonTx, Tx};
pub use users::{NewUserRow, UserRow};

/// The files with SQL texts; see [`statements`].
const FILES_WITH_STATEMENTS: &[(&str, &[(&str, &str)])] = &[
    ("accounts.rs", accounts::STATEMENTS),
    ("admin_events.rs", admin_events::STATEMENTS),
    ("agents.rs", agents::STATEMENTS),
    ("calls.rs", calls::STATEMENTS),
    ("db.rs", db::STATEMENTS),
    ("invites.rs", invites::STATEMENTS),
    ("keys.rs", keys::STATEMENTS),
    ("members.rs", members::STATEMENTS),
    ("outbox.rs", outbox::STATEMENTS),
    ("sessions.rs", sessions::STATEMENTS),
    ("teams.rs", teams::STATEMENTS),
    ("throttle.rs", throttle::STATEMENTS),
    ("users.rs", users::STATEMENTS),
];
