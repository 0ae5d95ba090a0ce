//! The product's own guards and end-to-end tests, in one binary.

mod deployment;
mod http;
mod layering;
mod one_machine;
mod person;
mod process;
mod separate;
mod upstream_fixture;
