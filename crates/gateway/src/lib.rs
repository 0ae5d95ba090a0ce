#![doc = include_str!("../README.md")]

mod account;
mod aggregate;
mod authenticate;
mod background;
mod config;
mod decide;
mod failure;
mod forward;
mod gateway;
mod guard;
mod link;
mod lists;
mod methods;
mod one;
mod page;
mod peer;
mod read;
mod records;
mod refused;
mod relay;
mod rescue;
mod resolve;
mod rounds;
mod routes;
mod schemas;
mod seen;
mod session;
mod settle;
mod snapshots;
mod stack;
mod streams;
mod tunnel;
mod words;

pub use config::{Config, Hosts, Limits, Loopback, Times};
pub use gateway::{Gateway, GatewayParts};
