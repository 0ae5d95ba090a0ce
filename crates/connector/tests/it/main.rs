//! The connector against a fixture gateway, on real sockets and with real processes.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod child;
mod encrypted;
mod gateway;
mod large;
mod reconnect;
mod restart;
mod rig;
mod sessions;
mod stateless;
mod streams;
mod url;
