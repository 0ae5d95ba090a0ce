#![doc = include_str!("../README.md")]

mod accounts;
mod admin_events;
mod agents;
mod caller;
mod change;
mod error;
mod invites;
mod keys;
mod members;
mod passwords;
mod people;
mod publisher;
mod sessions;
mod snapshot;
mod teams;
mod throttle;

pub use accounts::{Accounts, Config, Wiring};
pub use agents::AgentView;
pub use caller::{Caller, ClientAddress, Visitor};
pub use error::{Error, Fault, Rule};
pub use invites::{CreatedInvite, Invitation, NewPerson};
pub use keys::{CreatedKey, NewKey};
pub use members::MemberView;
pub use people::{SignUp, SignUpError, SignedIn};
pub use sessions::{LogIn, LogInError, LoggedIn, SessionView};
pub use storage::{AdminEventRow, InviteRow, KeyRow, TeamMemberRow, TeamRow};
pub use teams::{NewTeam, TeamView};
