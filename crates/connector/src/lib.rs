#![doc = include_str!("../README.md")]

mod allow;
mod answer;
mod config;
mod dial;
mod error;
mod forward;
mod message;
mod report;
mod run;
mod serve;
mod stdio;
mod token;
mod waits;
mod wire;

pub use allow::{AllowList, Allowed, AllowedError, NotAllowed};
pub use config::{ChildCommand, ConnectConfig, Limits, Target, Waits};
pub use domain::{ConnectToken, ConnectTokenError};
pub use error::ConnectError;
pub use report::Report;
pub use run::run;
pub use token::TokenSource;
pub use upstream::UpstreamUrl;
