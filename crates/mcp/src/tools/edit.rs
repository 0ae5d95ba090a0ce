//! Byte-preserving edits of lists.

use bytes::Bytes;

use super::list::{Item, ToolList};
use super::{ListError, Tool};
use crate::edit::Edits;
use crate::merge::ListPage;
use crate::version::Era;

/// What becomes of a tool in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Keep {
    /// It stays as it is.
    Keep,
    /// It is left out.
    Drop,
    /// It stays under another name; all else of it as it is.
    Rename(String),
}

/// Leaves out or renames tools of a `tools/list` answer. Everything else stays byte for byte, except that in the
/// stateless era a `cacheScope` becomes `"private"`: a list that depends on the caller must not be shared
/// (server/utilities/caching). An answer that is a JSON-RPC error has no tools and stays as it is.
///
/// # Errors
/// When the answer cannot be read without doubt. It must then not be passed on.
pub fn filter_tools_list(
    message: &Bytes,
    era: Era,
    mut keep: impl FnMut(&Tool<'_>) -> Keep,
) -> Result<Bytes, ListError> {
    let list = match ToolList::read(message) {
        Err(ListError::Refused { .. }) => return Ok(message.clone()),
        list => list?,
    };
    let mut edits = Edits::new(list.text);
    if era == Era::Stateless
        && let Some(scope) = &list.cache_scope
        && &list.text[scope.clone()] != r#""private""#
    {
        edits.replace(scope.clone(), r#""private""#.to_owned());
    }
    let kept: Vec<Keep> = list.items.iter().map(|item| keep(&item.tool)).collect();
    edit_items(&mut edits, &list.items, &kept);
    Ok(if edits.is_empty() { message.clone() } else { edits.apply() })
}

/// Takes the wanted tools out of a `tools/list` answer, each as it is but for its name where that was wanted.
///
/// # Errors
/// When the answer is an error or cannot be read without doubt.
pub fn select_tools(bytes: &[u8], mut keep: impl FnMut(&Tool<'_>) -> Keep) -> Result<ListPage, ListError> {
    let list = ToolList::read(bytes)?;
    let mut items = Vec::with_capacity(list.items.len());
    for item in &list.items {
        match keep(&item.tool) {
            Keep::Drop => {}
            Keep::Keep => items.push(Bytes::copy_from_slice(item.tool.raw.as_bytes())),
            Keep::Rename(name) => {
                let mut edits = Edits::new(item.tool.raw);
                let within = item.name_at.start - item.at.start..item.name_at.end - item.at.start;
                edits.replace_with_string(within, &name);
                items.push(edits.apply());
            }
        }
    }
    Ok(ListPage { items, next_cursor: list.next_cursor.map(|cursor| cursor.into_owned()) })
}

/// A dropped tool takes one comma with it: the one before it, or, while nothing is kept yet, the one after it.
fn edit_items(edits: &mut Edits<'_>, items: &[Item<'_>], kept: &[Keep]) {
    let mut any_kept = false;
    for (index, (item, keep)) in items.iter().zip(kept).enumerate() {
        match keep {
            Keep::Drop if any_kept => edits.remove(items[index - 1].at.end..item.at.end),
            Keep::Drop => edits.remove(item.at.start..items.get(index + 1).map_or(item.at.end, |next| next.at.start)),
            Keep::Rename(name) => edits.replace_with_string(item.name_at.clone(), name),
            Keep::Keep => {}
        }
        any_kept |= *keep != Keep::Drop;
    }
}
