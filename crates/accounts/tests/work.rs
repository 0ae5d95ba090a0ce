//! The use cases about servers, policies, grants and calls, on a real Postgres.

#![expect(clippy::expect_used, reason = "a test may fail by panicking")]

#[path = "work/calls.rs"]
mod calls;
#[path = "work/grants.rs"]
mod grants;
#[path = "work/neighbours.rs"]
mod neighbours;
#[path = "work/policies.rs"]
mod policies;
#[path = "work/roles.rs"]
mod roles;
#[path = "work/servers.rs"]
mod servers;
#[path = "work/support.rs"]
mod support;
#[path = "work/test_calls.rs"]
mod test_calls;
#[path = "work/tools.rs"]
mod tools;
