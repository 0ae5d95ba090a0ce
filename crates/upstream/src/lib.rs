#![doc = include_str!("../README.md")]

mod address;
pub mod authorization;
mod body;
mod connector;
mod conversation;
mod dialer;
mod egress;
mod events;
mod exchange;
mod probe;
mod resolver;
mod url;

pub use address::{Reach, reach};
pub use conversation::{Conversation, Failed, Limits, Target};
pub use dialer::{Dialer, DialerConfig, DialerError, SendError, Undelivered, tls_config};
pub use egress::{AddressRefused, Egress, Place, PrivateAddresses};
pub use events::events_endpoint;
pub use exchange::{Exchange, Failure, Reached};
pub use probe::{Probe, Step, StepName, StepOutcome, probe};
pub use resolver::Names;
pub use url::{UpstreamUrl, UrlError};
