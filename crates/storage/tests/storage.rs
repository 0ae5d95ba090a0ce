//! `storage` on a real Postgres: its schema, its walls, its private cluster.

#![expect(clippy::expect_used, reason = "a test may fail by panicking")]

#[path = "storage/approvals.rs"]
mod approvals;
#[path = "storage/cluster.rs"]
mod cluster;
#[path = "storage/oauth.rs"]
mod oauth;
#[path = "storage/pool.rs"]
mod pool;
#[path = "storage/schema.rs"]
mod schema;
#[path = "storage/support.rs"]
mod support;
#[path = "storage/upstreams.rs"]
mod upstreams;
#[path = "storage/walls.rs"]
mod walls;
