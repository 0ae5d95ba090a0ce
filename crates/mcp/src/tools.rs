//! `tools/list` answers: reading, filtering, selecting.
//!
//! Invariant: a list that cannot be read without doubt is an error, never passed on; and whatever is kept is passed on
//! byte for byte.

mod edit;
mod list;

use std::borrow::Cow;

use crate::read::ReadError;

pub use edit::{Keep, filter_tools_list, select_tools};
pub use list::tools_of;

/// A tool as its server describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tool<'a> {
    /// Every byte of its definition: what a pin is taken of.
    pub raw: &'a str,
    /// Its name, unescaped.
    pub name: Cow<'a, str>,
    /// `title`, else the annotations' title.
    pub title: Option<Cow<'a, str>>,
    /// `description`, unescaped.
    pub description: Option<Cow<'a, str>>,
    /// The raw JSON of `inputSchema`.
    pub input_schema: Option<&'a str>,
    /// The raw JSON of `outputSchema`.
    pub output_schema: Option<&'a str>,
    /// `annotations`.
    pub annotations: Annotations,
}

/// A server's hints about a tool, untrusted. What is absent has the defaults of the specification: not read-only,
/// destructive, not idempotent, open world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Annotations {
    /// It changes nothing.
    pub read_only_hint: Option<bool>,
    /// What it changes may be lost.
    pub destructive_hint: Option<bool>,
    /// Repeating a call changes nothing more.
    pub idempotent_hint: Option<bool>,
    /// It reaches beyond a closed set of things.
    pub open_world_hint: Option<bool>,
}

/// Why a list cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ListError {
    /// Not strict JSON, or not a JSON-RPC response.
    #[error("a tools list that cannot be read: {0}")]
    Unreadable(#[from] ReadError),
    /// The upstream answered with a JSON-RPC error.
    #[error("the server answered with error {code}")]
    Refused {
        /// The error's code.
        code: i64,
    },
    /// A response, but its result is no list of tools.
    #[error("a tools list that cannot be read: {0}")]
    Malformed(&'static str),
}

#[cfg(test)]
mod tests;
