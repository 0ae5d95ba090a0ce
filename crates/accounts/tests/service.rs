//! The use cases about servers, policies, grants and calls, on a real Postgres.

#![expect(clippy::expect_used, reason = "a test may fail by panicking")]

#[path = "service/app_ends.rs"]
mod app_ends;
#[path = "service/app_tokens.rs"]
mod app_tokens;
#[path = "service/approvals.rs"]
mod approvals;
#[path = "service/apps.rs"]
mod apps;
#[path = "service/calls.rs"]
mod calls;
#[path = "service/client_documents.rs"]
mod client_documents;
#[path = "service/drafts.rs"]
mod drafts;
#[path = "service/effects.rs"]
mod effects;
#[path = "service/grants.rs"]
mod grants;
#[path = "service/neighbours.rs"]
mod neighbours;
#[path = "service/policies.rs"]
mod policies;
#[path = "service/recorded.rs"]
mod recorded;
#[path = "service/roles.rs"]
mod roles;
#[path = "service/roles_oauth.rs"]
mod roles_oauth;
#[path = "service/servers.rs"]
mod servers;
#[path = "service/suggestions.rs"]
mod suggestions;
#[path = "service/support.rs"]
mod support;
#[path = "service/test_calls.rs"]
mod test_calls;
#[path = "service/tools.rs"]
mod tools;
#[path = "service/try_calls.rs"]
mod try_calls;
#[path = "service/upstream_connections.rs"]
mod upstream_connections;
#[path = "service/workbench_walls.rs"]
mod workbench_walls;
