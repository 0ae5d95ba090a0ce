//! The gateway over real sockets: fixture upstreams of both eras, in-process bus and counters, hand-made snapshots.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail by panicking")]

mod account_url;
mod account_url_lists;
mod account_url_routes;
mod account_url_slow;
mod account_url_streams;
mod approvals;
mod apps;
mod arguments;
mod attacks;
mod by_url;
mod calls;
mod checklist;
mod client;
mod credential;
mod eras;
mod events_server;
mod failures;
mod fixture;
mod greetings;
mod homes;
mod http_sse;
mod large_answers;
mod large_bridged;
mod limits;
mod list_changed;
mod listening;
mod lists;
mod long_greetings;
mod mesh;
mod moved;
mod proofs;
mod records;
mod redis_server;
mod refusals;
mod rounds_across;
mod scripted;
mod sessions;
mod snapshots;
mod streams;
mod time_limits;
mod tunnel;
mod tunnel_flow;
mod world;
