#![doc = include_str!("../README.md")]

mod answers;
mod authorize;
mod body;
mod client;
mod cors;
mod metadata;
mod oauth;
mod params;
mod register;
mod revoke;
mod shell;
#[cfg(test)]
mod testing;
mod token;

pub use oauth::{Look, Oauth};
