#![doc = include_str!("../README.md")]

mod address;
mod body;
mod connector;
mod dialer;
mod egress;
mod resolver;
mod url;

pub use address::{Reach, reach};
pub use dialer::{Dialer, DialerConfig, DialerError, SendError, Undelivered};
pub use egress::{AddressRefused, Egress, Place, PrivateAddresses};
pub use resolver::Names;
pub use url::{UpstreamUrl, UrlError};
