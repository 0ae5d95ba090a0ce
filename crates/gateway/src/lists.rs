//! `tools/list` as the caller may see it: decided by the same function as calls, so that what is hidden cannot be called.

use bytes::Bytes;
use domain::ListDenied;
use mcp::{Keep, ListError, Tool};
use policy::Visibility;

use crate::resolve::Place;

/// Which page of a list is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Page {
    First,
    Further,
}

/// How a tool shows to the caller: listed if any of its grants lists it; else as the first grant has it, whose denial a
/// call would be told.
pub(crate) fn visibility(place: &Place, tool: &str) -> Visibility {
    let (class, identity) = (place.server.class_of(tool), place.server.identity_of(tool));
    let mut first = None;
    for grant in &place.grants {
        let compiled = grant.policy.as_ref().and_then(|policy| policy.compiled.as_ref());
        let visibility = match policy::visibility_as(compiled, (tool, identity), class) {
            Visibility::Listed if grant.state != domain::GrantState::Active => Visibility::Denied,
            visibility => visibility,
        };
        if visibility == Visibility::Listed {
            return visibility;
        }
        first.get_or_insert(visibility);
    }
    first.unwrap_or(Visibility::Hidden)
}

/// Whether a tool stays in a list.
pub(crate) fn keep(place: &Place, tool: &str) -> Keep {
    match (visibility(place, tool), place.server.settings.list_denied) {
        (Visibility::Listed, _) | (Visibility::Denied, ListDenied::Show) => Keep::Keep,
        (Visibility::Hidden, _) | (Visibility::Denied, ListDenied::Omit) => Keep::Drop,
    }
}

/// Leaves out what the caller is not to see.
pub(crate) fn filter(place: &Place, era: mcp::Era, message: &Bytes) -> Result<Bytes, ListError> {
    mcp::filter_tools_list(message, era, |tool: &Tool<'_>| keep(place, &tool.name))
}

/// An answer on the server's own stream, whose request is not known here: filtered if it holds a list of tools, as it is
/// if it does not, and nothing if it cannot be read without doubt.
pub(crate) fn resumed(place: &Place, era: mcp::Era, message: &Bytes, facts: &mcp::ResponseFacts<'_>) -> Option<Bytes> {
    if facts.lists_tools() { filter(place, era, message).ok() } else { Some(message.clone()) }
}
