//! Ids and progress tokens: compared as values, sent as they were spelt.

use std::hash::{Hash, Hasher};

use serde_json::value::RawValue;

/// A JSON-RPC id or a progress token. Equal as JSON values are: whatever the spelling, `1` is `1.0` and not `"1"`.
#[derive(Clone, Debug)]
pub(crate) struct Id {
    raw: String,
    value: IdValue,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum IdValue {
    /// A whole number that every JSON reader has exactly.
    Whole(i64),
    /// Another number's text.
    Number(String),
    /// The string, unescaped.
    Text(String),
}

impl Id {
    /// An id of our own.
    pub(crate) fn number(number: u64) -> Self {
        let value = i64::try_from(number).map_or_else(|_| IdValue::Number(number.to_string()), IdValue::Whole);
        Self { raw: number.to_string(), value }
    }

    pub(crate) fn read(raw: &RawValue) -> Option<Self> {
        let text = raw.get();
        let value = match text.as_bytes().first()? {
            b'"' => IdValue::Text(serde_json::from_str(text).ok()?),
            b'-' | b'0'..=b'9' => number_value(text),
            _ => return None,
        };
        Some(Self { raw: text.to_owned(), value })
    }

    /// The JSON text, as it was sent.
    pub(crate) fn raw(&self) -> &str {
        &self.raw
    }

    /// The number, if it is one of ours.
    pub(crate) fn as_number(&self) -> Option<u64> {
        match self.value {
            IdValue::Whole(number) => u64::try_from(number).ok(),
            _ => None,
        }
    }
}

impl PartialEq for Id {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl Eq for Id {}

impl Hash for Id {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.value.hash(state);
    }
}

/// Whole numbers are compared as such up to 2^53, beyond which readers differ; everything else by its text.
fn number_value(text: &str) -> IdValue {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match text.parse::<f64>() {
        Ok(number) if number.fract() == 0.0 && number.abs() < EXACT => IdValue::Whole(number as i64),
        _ => IdValue::Number(text.to_owned()),
    }
}
