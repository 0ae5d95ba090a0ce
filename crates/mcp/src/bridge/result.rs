//! Answers of servers.

use bytes::Bytes;

use super::object::Object;
use crate::edit::Edits;
use crate::id::Id;
use crate::method::Method;

/// What a result has in the stateless era only.
pub(crate) const STATELESS_RESULT: &[&str] = &["resultType", "ttlMs", "cacheScope"];
/// What a result gets there: that it is complete, and what must be said of keeping it.
const ADDED: [(&str, &str); 3] = [("resultType", r#""complete""#), ("ttlMs", "0"), ("cacheScope", r#""private""#)];

/// An answer of a server of the `initialize` era, for a client of the other: it is complete, and, where that era wants
/// it said (server/utilities/caching), not to be kept. An error stays as it is.
#[must_use]
pub fn completed(message: &Bytes, method: Method) -> Option<Bytes> {
    let text = std::str::from_utf8(message).ok()?;
    let Some(result) = Object::whole(text)?.inside(text, "result") else { return Some(message.clone()) };
    let mut edits = Edits::new(text);
    result.put(&mut edits, added_to_result(method));
    Some(edits.apply())
}

/// An answer of a server of the stateless era, for a client of the other. An error stays as it is.
#[must_use]
pub fn plain(message: &Bytes) -> Option<Bytes> {
    let text = std::str::from_utf8(message).ok()?;
    let Some(result) = Object::whole(text)?.inside(text, "result") else { return Some(message.clone()) };
    let mut edits = Edits::new(text);
    result.remove(text, &mut edits, |key| STATELESS_RESULT.contains(&key));
    Some(edits.apply())
}

/// The same message under another id.
#[must_use]
pub fn with_id(message: &Bytes, id: &Id<'_>) -> Option<Bytes> {
    let text = std::str::from_utf8(message).ok()?;
    let mut edits = Edits::new(text);
    Object::whole(text)?.put(&mut edits, &[("id", id.raw())]);
    Some(edits.apply())
}

/// The same error under another code.
#[must_use]
pub fn with_code(message: &Bytes, code: i64) -> Option<Bytes> {
    let text = std::str::from_utf8(message).ok()?;
    let mut edits = Edits::new(text);
    Object::whole(text)?.inside(text, "error")?.put(&mut edits, &[("code", &code.to_string())]);
    Some(edits.apply())
}

/// The members that an answer to this method gets in the stateless era.
pub(crate) fn added_to_result(method: Method) -> &'static [(&'static str, &'static str)] {
    if is_cacheable(method) { &ADDED } else { &ADDED[..1] }
}

/// Whether an error names a resource in its data, as one about a resource that does not exist does (2026-07-28
/// server/resources "Error Handling").
#[must_use]
pub fn error_names_uri(message: &[u8]) -> bool {
    let named = || {
        let text = std::str::from_utf8(message).ok()?;
        Object::whole(text)?.inside(text, "error")?.inside(text, "data")?.value("uri")
    };
    named().is_some()
}

/// Whose results must carry `ttlMs` and `cacheScope` (2026-07-28 schema `CacheableResult`).
fn is_cacheable(method: Method) -> bool {
    matches!(
        method,
        Method::Discover
            | Method::ToolsList
            | Method::PromptsList
            | Method::ResourcesList
            | Method::ResourcesTemplatesList
            | Method::ResourcesRead
    )
}

#[cfg(test)]
mod tests;
