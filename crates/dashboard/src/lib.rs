#![doc = include_str!("../README.md")]

mod assets;
mod dashboard;
mod diff;
mod error_page;
mod exact;
mod form;
mod page;
mod pages;
mod routes;
mod session;
mod shell;
mod show;
mod slug;
mod snippets;
mod source;
#[cfg(test)]
mod testing;
mod words;

pub use assets::address as asset;
pub use dashboard::Dashboard;
pub use error_page::error_page;
pub use routes::{Route, Who};
