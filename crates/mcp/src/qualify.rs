//! One URL that stands for several servers: how the things of a server are named there, and the messages rewritten so.
//!
//! Invariant: a rewritten message differs from the one that came in the names it was asked to change and in nothing else.

mod name;
mod rules;
mod uri;

use std::borrow::Cow;

use bytes::Bytes;

use crate::edit::Edits;
use crate::fault::Finding;
use crate::json::{DEPTH_CEILING, Kind, Raw, Rigour, Scanner};
use crate::merge::ListKind;
use crate::method::Method;
use crate::read::{ReadError, text_of};

pub(crate) use rules::{Rule, of as rule_of};

pub use name::{qualified_name, qualified_task, split_qualified, split_qualified_task};
pub use uri::{qualified_uri, split_qualified_uri};

/// What a place in a message names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NameKind {
    /// A tool, by its name.
    Tool,
    /// A prompt, by its name.
    Prompt,
    /// A resource or a template of resources, by its URI.
    Uri,
    /// A task, by its id.
    Task,
    /// A request of the server's, by its JSON-RPC id.
    Request,
    /// The progress of a request of the server's, by its token.
    Progress,
}

/// A name where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name<'a> {
    /// What it names.
    pub kind: NameKind,
    /// The unescaped text of a string; the JSON itself of a number.
    pub text: Cow<'a, str>,
    /// The JSON as it stands there.
    pub raw: &'a str,
}

/// What a name becomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NewName {
    /// It stays.
    Same,
    /// A string.
    Text(String),
    /// This JSON, which must be one string or number.
    Raw(String),
}

/// Which message it is, and so where names stand in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// A server's answer to a request with this method.
    Answer(Method),
    /// A server's own request or notification.
    FromServer(Method),
    /// A client's request or notification.
    FromClient(Method),
    /// A client's answer to a request of the server's.
    ClientAnswer,
}

/// Rewrites the names in a message; what has none is given back as it is, not even copied.
///
/// # Errors
/// When the message's brackets and strings cannot be made out.
pub fn rename_in(message: &Bytes, part: Part, rename: impl FnMut(&Name<'_>) -> NewName) -> Result<Bytes, ReadError> {
    let Some(rule) = rules::of(part) else { return Ok(message.clone()) };
    rewritten(message, rule, rename)
}

/// Rewrites the names in one entry of a list.
///
/// # Errors
/// When the entry's brackets and strings cannot be made out.
pub fn rename_item(item: &Bytes, kind: ListKind, rename: impl FnMut(&Name<'_>) -> NewName) -> Result<Bytes, ReadError> {
    rewritten(item, rules::of_item(kind), rename)
}

/// Rewrites the names that a rule finds.
pub(crate) fn rewritten(
    bytes: &Bytes,
    rule: &'static Rule,
    mut rename: impl FnMut(&Name<'_>) -> NewName,
) -> Result<Bytes, ReadError> {
    let found = find(bytes, rule).map_err(|Finding { fault, offset }| ReadError { fault, offset, id: None })?;
    let (text, found) = found;
    let mut edits = Edits::new(text);
    for (kind, value) in found {
        let text = match value.kind {
            Kind::String => value.as_string().unwrap_or_default(),
            Kind::Number if matches!(kind, NameKind::Request | NameKind::Progress) => Cow::Borrowed(value.text),
            _ => continue,
        };
        match rename(&Name { kind, text, raw: value.text }) {
            NewName::Same => {}
            NewName::Text(text) => edits.replace_with_string(value.range(), &text),
            NewName::Raw(raw) => edits.replace(value.range(), raw),
        }
    }
    Ok(if edits.is_empty() { bytes.clone() } else { edits.apply() })
}

type Found<'a> = Vec<(NameKind, Raw<'a>)>;

fn find<'a>(bytes: &'a [u8], rule: &'static Rule) -> Result<(&'a str, Found<'a>), Finding> {
    let text = text_of(bytes, usize::MAX)?;
    let mut scanner = Scanner::new(text, Rigour::Lenient, DEPTH_CEILING);
    let mut found = Vec::new();
    visit(&mut scanner, rule, &mut found)?;
    scanner.end()?;
    Ok((text, found))
}

/// Reads exactly one value and notes the names in it.
fn visit<'a>(scanner: &mut Scanner<'a>, rule: &'static Rule, found: &mut Found<'a>) -> Result<(), Finding> {
    match (rule, scanner.peek()?) {
        (Rule::Name(kind), _) => found.push((*kind, scanner.value()?)),
        (Rule::In(members), Kind::Object) => {
            scanner.object(&[], |scanner, key| match members.iter().find(|(name, _)| *name == key) {
                Some((_, rule)) => visit(scanner, rule, found),
                None => scanner.value().map(drop),
            })?;
        }
        (Rule::Each(rule), Kind::Array) => {
            scanner.array(|scanner| visit(scanner, rule, found))?;
        }
        (Rule::Each(rule), Kind::Object) => visit(scanner, rule, found)?,
        (Rule::Typed(variants), Kind::Object) => typed(scanner, variants, found)?,
        _ => drop(scanner.value()?),
    }
    Ok(())
}

/// An object whose `type` says what its members mean. The type may come last, so the object is read twice.
fn typed<'a>(
    scanner: &mut Scanner<'a>,
    variants: &'static [(&'static str, Rule)],
    found: &mut Found<'a>,
) -> Result<(), Finding> {
    let mut again = scanner.clone();
    let mut kind = None;
    scanner.object(&[], |scanner, key| {
        let value = scanner.value()?;
        if key == "type" {
            kind = value.as_string();
        }
        Ok(())
    })?;
    match variants
        .iter()
        .find(|(name, _)| kind.as_deref() == Some(*name))
        .or(variants.iter().find(|(name, _)| name.is_empty()))
    {
        Some((_, rule)) => visit(&mut again, rule, found),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
