//! Paths of conditions and amounts: into the arguments, or to a fact about the call (POLICY.md §1).

use std::fmt;

use crate::json::{self, Value};

#[cfg(test)]
mod tests;

/// A path and the text it was read from.
#[derive(Clone, Debug)]
pub(crate) struct Path {
    text: Box<str>,
    pub(crate) root: Root,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Root {
    Arguments(Vec<Segment>),
    Fact(Fact),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Segment {
    Key(Box<str>),
    Index(usize),
    /// `[*]`
    Each,
}

/// Something known about the call besides its arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fact {
    GrantLabel,
    MemberEmail,
    MemberRole,
    ClientName,
    ClientVersion,
    ClientIp,
    SessionId,
    ToolClass,
    TimeHour,
    TimeWeekday,
}

/// What a wildcard means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Quantifier {
    /// Under `require`: every element, and none is fine.
    Every,
    /// Under `deny_if` and `approve_if`.
    Any,
}

/// With what they are.
const FACTS: [(&str, Fact, &str); 10] = [
    ("grant.label", Fact::GrantLabel, "The grant's label."),
    ("member.email", Fact::MemberEmail, "The mail address of the person who calls."),
    ("member.role", Fact::MemberRole, "Their role in the account."),
    ("client.name", Fact::ClientName, "The client's name, as it says."),
    ("client.version", Fact::ClientVersion, "The client's version, as it says."),
    ("client.ip", Fact::ClientIp, "The address that the call comes from."),
    ("session.id", Fact::SessionId, "The session."),
    ("tool.class", Fact::ToolClass, "The tool's risk class."),
    ("time.hour", Fact::TimeHour, "The hour, 0 to 23, UTC."),
    ("time.weekday", Fact::TimeWeekday, "`mon` to `sun`, UTC."),
];

/// A regular expression that every path into the arguments matches; the reader is stricter.
pub(crate) const SHAPE: &str = r"^args[.\[]";

/// The paths that are facts, and what they are.
pub(crate) fn facts() -> impl Iterator<Item = (&'static str, &'static str)> {
    FACTS.into_iter().map(|(name, _, text)| (name, text))
}

impl Path {
    /// Reads a path; the error says what is allowed.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let known = FACTS.iter().find(|(name, ..)| *name == text);
        let root = match (known, text.strip_prefix("args")) {
            (Some((_, fact, _)), _) => Root::Fact(*fact),
            (None, Some(rest)) if rest.starts_with(['.', '[']) => Root::Arguments(segments(rest)?),
            _ => return Err(format!("a path under `args.`, or one of {}", FACTS.map(|(name, ..)| name).join(", "))),
        };
        Ok(Self { text: text.into(), root })
    }

    /// The part below `args`, for a path into the arguments.
    pub(crate) fn segments(&self) -> Option<&[Segment]> {
        match &self.root {
            Root::Arguments(segments) => Some(segments),
            Root::Fact(_) => None,
        }
    }

    pub(crate) fn has_wildcard(&self) -> bool {
        self.segments().is_some_and(|segments| segments.contains(&Segment::Each))
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Whether what lies at the end of a path passes a test. A path that leads nowhere ends at `None`, once, however many
/// wildcards follow; an empty array has no ends at all.
pub(crate) fn holds<'v, 't>(
    value: Option<&'v Value<'t>>,
    segments: &[Segment],
    quantifier: Quantifier,
    test: &impl Fn(Option<&'v Value<'t>>) -> bool,
) -> bool {
    let (Some(value), Some((first, rest))) = (value, segments.split_first()) else { return test(value) };
    match (first, value) {
        (Segment::Key(key), _) => holds(value.member(key), rest, quantifier, test),
        (Segment::Index(index), Value::Array(items)) => {
            holds(items.get(*index).map(|item| &item.value), rest, quantifier, test)
        }
        (Segment::Each, Value::Array(items)) => {
            let mut ends = items.iter().map(|item| holds(Some(&item.value), rest, quantifier, test));
            match quantifier {
                Quantifier::Every => ends.all(|end| end),
                Quantifier::Any => ends.any(|end| end),
            }
        }
        _ => test(None),
    }
}

fn segments(mut rest: &str) -> Result<Vec<Segment>, String> {
    let mut segments = Vec::new();
    while !rest.is_empty() {
        let (segment, after) = match rest.strip_prefix('.') {
            Some(name) => bare_key(name)?,
            None => bracket(rest)?,
        };
        segments.push(segment);
        rest = after;
    }
    Ok(segments)
}

const BARE: &str = "a key after each `.`; one that is empty or has spaces or any of . [ ] \" * is written [\"…\"]";
const BRACKET: &str = "an index `[0]`, a wildcard `[*]` or a quoted key `[\"odd.key\"]`";

fn bare_key(text: &str) -> Result<(Segment, &str), String> {
    let end = text.find(['.', '[']).unwrap_or(text.len());
    let (key, after) = text.split_at(end);
    let odd = |c: char| matches!(c, ']' | '"' | '*') || c.is_whitespace() || c.is_control();
    if key.is_empty() || key.contains(odd) {
        return Err(BARE.to_owned());
    }
    Ok((Segment::Key(key.into()), after))
}

fn bracket(text: &str) -> Result<(Segment, &str), String> {
    let wrong = || BRACKET.to_owned();
    let inner = text.strip_prefix('[').ok_or_else(|| BARE.to_owned())?;
    if inner.starts_with('"') {
        return quoted_key(inner).ok_or_else(wrong);
    }
    let (inner, after) = inner.split_once(']').ok_or_else(wrong)?;
    if inner == "*" {
        return Ok((Segment::Each, after));
    }
    let canonical = inner == "0" || !inner.starts_with('0');
    if inner.is_empty() || !canonical || !inner.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(wrong());
    }
    Ok((Segment::Index(inner.parse().map_err(|_| wrong())?), after))
}

/// A key as a JSON string, and what follows its `]`.
fn quoted_key(text: &str) -> Option<(Segment, &str)> {
    let mut escaped = false;
    let close = text.char_indices().skip(1).find(|(_, c)| {
        let closes = *c == '"' && !escaped;
        escaped = *c == '\\' && !escaped;
        closes
    });
    let (literal, after) = text.split_at(close?.0 + 1);
    let tree = json::parse(literal).ok()?;
    let Value::String(key) = tree.root.value else { return None };
    Some((Segment::Key(key.as_ref().into()), after.strip_prefix(']')?))
}
