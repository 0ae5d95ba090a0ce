//! The use cases about people, on a real Postgres.

#![expect(clippy::expect_used, reason = "a test may fail by panicking")]

#[path = "people/invites.rs"]
mod invites;
#[path = "people/keys.rs"]
mod keys;
#[path = "people/members.rs"]
mod members;
#[path = "people/neighbours.rs"]
mod neighbours;
#[path = "people/roles.rs"]
mod roles;
#[path = "people/sessions.rs"]
mod sessions;
#[path = "people/sign_up.rs"]
mod sign_up;
#[path = "people/snapshots.rs"]
mod snapshots;
#[path = "people/teams.rs"]
mod teams;
