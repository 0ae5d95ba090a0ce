//! One list out of several servers' lists, and a cursor that remembers each server's own.

mod cursor;

use bytes::Bytes;

use crate::answer::{push_result_type, result_response};
use crate::fault::{Fault, Finding};
use crate::id::Id;
use crate::json::{Kind, Rigour, Scanner, push_quoted};
use crate::method::Method;
use crate::read::{ReadError, text_of};
use crate::response::{ResponseKind, response_facts};
use crate::tools::ListError;
use crate::version::Era;

pub use cursor::{CursorError, MergedCursor};

/// Nesting of a list with its schemas; what common parsers stop at.
const LIST_DEPTH: usize = 128;

/// A list that servers have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ListKind {
    /// `tools/list`.
    Tools,
    /// `prompts/list`.
    Prompts,
    /// `resources/list`.
    Resources,
    /// `resources/templates/list`.
    Templates,
    /// `tasks/list` (2025-11-25).
    Tasks,
}

impl ListKind {
    /// The list that a method asks for, if it asks for one.
    pub fn of(method: Method) -> Option<Self> {
        Some(match method {
            Method::ToolsList => ListKind::Tools,
            Method::PromptsList => ListKind::Prompts,
            Method::ResourcesList => ListKind::Resources,
            Method::ResourcesTemplatesList => ListKind::Templates,
            Method::TasksList => ListKind::Tasks,
            _ => return None,
        })
    }

    /// The method that asks for it.
    pub fn method(self) -> Method {
        match self {
            ListKind::Tools => Method::ToolsList,
            ListKind::Prompts => Method::PromptsList,
            ListKind::Resources => Method::ResourcesList,
            ListKind::Templates => Method::ResourcesTemplatesList,
            ListKind::Tasks => Method::TasksList,
        }
    }

    /// The member of the result that holds it.
    pub fn member(self) -> &'static str {
        match self {
            ListKind::Tools => "tools",
            ListKind::Prompts => "prompts",
            ListKind::Resources => "resources",
            ListKind::Templates => "resourceTemplates",
            ListKind::Tasks => "tasks",
        }
    }
}

/// Entries of one page of one server.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ListPage {
    /// Each entry's JSON.
    pub items: Vec<Bytes>,
    /// The server's cursor for the next page. An empty string is a cursor too.
    pub next_cursor: Option<String>,
}

/// The entries of a list other than that of tools, each as it is. Every one is whole, correct JSON, so that no server can
/// break the list that its entries are put into.
///
/// # Errors
/// When the answer is an error, cannot be read, or holds no such list.
pub fn items_of(bytes: &[u8], kind: ListKind) -> Result<ListPage, ListError> {
    if let ResponseKind::Error { code } = response_facts(bytes)?.kind {
        return Err(ListError::Refused { code });
    }
    let unreadable = |Finding { fault, offset }: Finding| ReadError { fault, offset, id: None };
    let (found, page) = scan(bytes, kind).map_err(unreadable)?;
    if found { Ok(page) } else { Err(ListError::Malformed("the result has no such list")) }
}

fn scan(bytes: &[u8], kind: ListKind) -> Result<(bool, ListPage), Finding> {
    let text = text_of(bytes, usize::MAX)?;
    let (mut page, mut found) = (ListPage::default(), false);
    let mut scanner = Scanner::new(text, Rigour::Strict, LIST_DEPTH);
    scanner.object(&[], |scanner, key| {
        if key != "result" || scanner.peek()? != Kind::Object {
            return scanner.value().map(drop);
        }
        scanner.object(&[], |scanner, key| {
            if key == kind.member() && scanner.peek()? == Kind::Array {
                found = true;
                return items(scanner, &mut page.items);
            }
            let value = scanner.value()?;
            if key == "nextCursor" {
                page.next_cursor = value.as_string().map(|cursor| cursor.into_owned());
            }
            Ok(())
        })?;
        Ok(())
    })?;
    scanner.end()?;
    // Which of two equal keys a client takes is its own affair here: nothing is judged by these lists.
    match scanner.take_noted() {
        Some(Finding { fault: Fault::DuplicateKey { .. }, .. }) | None => Ok((found, page)),
        Some(finding) => Err(finding),
    }
}

fn items(scanner: &mut Scanner<'_>, items: &mut Vec<Bytes>) -> Result<(), Finding> {
    scanner.array(|scanner| {
        let item = scanner.value()?;
        if item.kind == Kind::Object {
            items.push(Bytes::copy_from_slice(item.text.as_bytes()));
        }
        Ok(())
    })?;
    Ok(())
}

/// The answer to a list request that asks several servers at once. In the stateless era it must not be cached at all: it
/// depends on the caller, and on which servers could be reached.
pub fn merge_lists<'p>(
    id: &Id<'_>,
    era: Era,
    kind: ListKind,
    pages: impl IntoIterator<Item = &'p ListPage>,
    next_cursor: Option<&str>,
) -> Bytes {
    let items: Vec<&Bytes> = pages.into_iter().flat_map(|page| &page.items).collect();
    let size: usize = items.iter().map(|item| item.len() + 1).sum();
    let mut result = String::with_capacity(size + 128);
    result.push('{');
    push_result_type(&mut result, era);
    push_quoted(&mut result, kind.member());
    result.push_str(":[");
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            result.push(',');
        }
        result.push_str(&String::from_utf8_lossy(item));
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

#[cfg(test)]
mod tests;
