#![doc = include_str!("../README.md")]

mod classify;
mod facts;
mod known;
mod recommend;
mod words;

pub use classify::{Classification, Confidence, Evidence, classify};
pub use facts::{Annotations, Parameter, ToolFacts};
pub use known::{EnvironmentHint, KnownServer, KnownTool, RunHint, SuggestedTransport, recognise, server, servers};
pub use recommend::{Recommendation, for_server as recommend_for_server, for_tool as recommend_for_tool};
