#![doc = include_str!("../README.md")]

mod address;
mod cluster;
mod error;
mod node;
mod script;
mod slots;
mod store;

pub use error::StoreError;
pub use script::{Call, Script};
pub use store::{Publish, Settings, Store};
