//! The product's own guards and end-to-end tests, in one binary.

#![expect(clippy::expect_used, reason = "a test may fail by panicking")]

mod app;
mod approvals;
mod burst;
mod copies;
mod deployment;
mod documents;
mod http;
mod killed;
mod large;
mod layering;
mod mesh;
mod modules;
mod oauth;
mod one_machine;
mod person;
mod process;
mod protocol;
mod separate;
mod upstream_fixture;
