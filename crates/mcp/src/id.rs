//! Request ids: a string or a number, kept as sent.

use std::borrow::Cow;
use std::fmt;

use crate::json::{self, Kind, Raw, Rigour, Scanner};

/// A request id as it was sent: the raw JSON of a string or number, never null. Numbers are not interpreted, so an id
/// of any size or spelling comes back exactly as it was.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Id<'a>(Cow<'a, str>);

impl<'a> Id<'a> {
    /// Takes the raw JSON of a string or number; `None` for anything else.
    pub fn from_raw(raw: &'a str) -> Option<Self> {
        let mut scanner = Scanner::new(raw, Rigour::Strict, 1);
        let value = scanner.value().ok()?;
        if scanner.end().is_err() || value.text.len() != raw.len() {
            return None;
        }
        Id::from_value(value)
    }

    /// An id of our own.
    pub fn number(number: u64) -> Id<'static> {
        Id(Cow::Owned(number.to_string()))
    }

    /// An id of our own.
    pub fn string(text: &str) -> Id<'static> {
        let mut raw = String::with_capacity(text.len() + 2);
        json::push_quoted(&mut raw, text);
        Id(Cow::Owned(raw))
    }

    /// The raw JSON, a string with its quotes.
    pub fn raw(&self) -> &str {
        &self.0
    }

    /// The unescaped text of a string id.
    pub fn as_text(&self) -> Option<Cow<'_, str>> {
        self.0.starts_with('"').then(|| json::decode(&self.0))
    }

    /// Whether an answer with the id `other` answers a request with this one: the same string after unescaping, or the
    /// same exact number. A string never matches a number.
    pub fn matches(&self, other: &Id<'_>) -> bool {
        match (self.as_text(), other.as_text()) {
            (Some(ours), Some(theirs)) => ours == theirs,
            (None, None) => json::same_number(&self.0, &other.0),
            _ => false,
        }
    }

    /// The same id, independent of the message it was read from.
    pub fn into_owned(self) -> Id<'static> {
        Id(Cow::Owned(self.0.into_owned()))
    }

    pub(crate) fn from_value(value: Raw<'a>) -> Option<Self> {
        matches!(value.kind, Kind::String | Kind::Number).then_some(Id(Cow::Borrowed(value.text)))
    }
}

impl fmt::Debug for Id<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Id({})", self.0)
    }
}

impl fmt::Display for Id<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_strings_and_numbers() {
        for raw in ["1", "-0.5e3", "\"\"", "\"a\\u0041\"", "123456789012345678901234567890"] {
            assert_eq!(Id::from_raw(raw).map(|id| id.raw().to_owned()).as_deref(), Some(raw));
        }
        for raw in ["", "null", "true", "[]", "{}", "1 ", " 1", "01", "\"", "1,2", "\"\\ud800\""] {
            assert_eq!(Id::from_raw(raw), None, "{raw}");
        }
    }

    #[test]
    fn matching() {
        let matches = |a: &str, b: &str| Id::from_raw(a).unwrap().matches(&Id::from_raw(b).unwrap());
        assert!(matches("1", "1.0") && matches(r#""a""#, r#""\u0061""#) && matches("7", "7"));
        assert!(!matches("1", r#""1""#) && !matches("1", "2") && !matches(r#""a""#, r#""A""#));
    }
}
