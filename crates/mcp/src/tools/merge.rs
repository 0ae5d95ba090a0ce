//! One list out of several servers' lists, and a cursor that remembers each server's own.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use bytes::Bytes;

use super::edit::Keep;
use super::list::ToolList;
use super::{ListError, Tool};
use crate::answer::{push_result_type, result_response};
use crate::edit::Edits;
use crate::id::Id;
use crate::json::push_quoted;
use crate::version::Era;

/// The kept tools of one page of one server.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ToolsPage {
    /// Each tool's definition, renamed where that was wanted, otherwise as it was.
    pub tools: Vec<Bytes>,
    /// The server's cursor for the next page. An empty string is a cursor too.
    pub next_cursor: Option<String>,
}

/// Takes the wanted tools out of a `tools/list` answer.
///
/// # Errors
/// When the answer is an error or cannot be read without doubt.
pub fn select_tools(bytes: &[u8], mut keep: impl FnMut(&Tool<'_>) -> Keep) -> Result<ToolsPage, ListError> {
    let list = ToolList::read(bytes)?;
    let mut tools = Vec::with_capacity(list.items.len());
    for item in &list.items {
        match keep(&item.tool) {
            Keep::Drop => {}
            Keep::Keep => tools.push(Bytes::copy_from_slice(item.tool.raw.as_bytes())),
            Keep::Rename(name) => {
                let mut edits = Edits::new(item.tool.raw);
                let within = item.name_at.start - item.at.start..item.name_at.end - item.at.start;
                edits.replace_with_string(within, &name);
                tools.push(edits.apply());
            }
        }
    }
    Ok(ToolsPage { tools, next_cursor: list.next_cursor.map(|cursor| cursor.into_owned()) })
}

/// The answer to a `tools/list` that asks several servers at once. In the stateless era it must not be cached at all:
/// it depends on the caller, and on which servers could be reached.
pub fn merge_tools_lists(id: &Id<'_>, era: Era, pages: &[ToolsPage], next_cursor: Option<&str>) -> Bytes {
    let tools = pages.iter().flat_map(|page| &page.tools);
    let size: usize = tools.clone().map(|tool| tool.len() + 1).sum();
    let mut result = String::with_capacity(size + 128);
    result.push('{');
    push_result_type(&mut result, era);
    result.push_str(r#""tools":["#);
    for (index, tool) in tools.enumerate() {
        if index > 0 {
            result.push(',');
        }
        result.push_str(&String::from_utf8_lossy(tool));
    }
    result.push(']');
    if let Some(cursor) = next_cursor {
        result.push_str(r#","nextCursor":"#);
        push_quoted(&mut result, cursor);
    }
    if era == Era::Stateless {
        result.push_str(r#","ttlMs":0,"cacheScope":"private""#);
    }
    result.push('}');
    result_response(id, &result)
}

/// A cursor over several servers: each server that has more, with its own cursor. Opaque to clients, and neither secret
/// nor signed: whoever reads one back asks only servers that the caller is granted anyway.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MergedCursor(Vec<(String, String)>);

/// A cursor that is none of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the cursor is not one that was handed out here")]
pub struct CursorError;

impl MergedCursor {
    /// The cursor after these pages: none if no server has more. Servers are named by their slug.
    pub fn after<'a>(pages: impl IntoIterator<Item = (&'a str, &'a ToolsPage)>) -> Option<Self> {
        let more: Vec<_> = pages
            .into_iter()
            .filter_map(|(server, page)| Some((server.to_owned(), page.next_cursor.clone()?)))
            .collect();
        (!more.is_empty()).then_some(MergedCursor(more))
    }

    /// The servers that have more, with their own cursors.
    pub fn servers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(server, cursor)| (server.as_str(), cursor.as_str()))
    }

    /// The text for `nextCursor`.
    pub fn encode(&self) -> String {
        let pairs: Vec<_> = self.servers().map(|(server, cursor)| serde_json::json!([server, cursor])).collect();
        BASE64_URL_SAFE_NO_PAD.encode(serde_json::Value::Array(pairs).to_string())
    }

    /// Reads a cursor that a client sent back.
    ///
    /// # Errors
    /// When it is not one that [`MergedCursor::encode`] made.
    pub fn decode(text: &str) -> Result<Self, CursorError> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| CursorError)?;
        serde_json::from_slice(&bytes).map(MergedCursor).map_err(|_| CursorError)
    }
}
