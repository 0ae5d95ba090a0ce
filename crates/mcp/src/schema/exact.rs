//! Numbers that are compared exactly although they are read as floats, and those that are not.
//!
//! Exact are integers that fit into 64 bits, and decimals of at most 15 digits that one correctly rounded operation turns
//! into a float (powers of ten up to 10²²): two of them are equal, or in order, as floats just as they are as numbers.

use std::borrow::Cow;

use crate::json::{self, Kind, Scanner, number};

/// Most digits of a decimal that a float holds without doubt.
const MOST_DIGITS: usize = 15;
/// Largest power of ten that is a float without rounding.
const MOST_SCALE: i64 = 22;
/// What stands for a number that no float comes near: an integer, as such numbers mostly are.
const HUGE: &str = "1e300";

/// Whether every number of the JSON text is exact.
pub(super) fn all_exact(text: &str) -> bool {
    numbers(text).all(|(at, end)| is_exact(&text[at..end]))
}

/// The deepest nesting of a JSON text.
pub(super) fn nesting(text: &str) -> u64 {
    let (mut depth, mut deepest) = (0_u64, 0);
    for (_, byte) in outside_strings(text) {
        match byte {
            b'{' | b'[' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// Whether every number at a JSON Pointer is exact; not so where the pointer leads nowhere.
pub(super) fn at(text: &str, pointer: &str) -> bool {
    let parts = pointer.split('/').skip(1).map(|part| part.replace("~1", "/").replace("~0", "~"));
    let found = parts.into_iter().try_fold(text.trim(), |value, part| {
        if value.starts_with('[') { element(value, part.parse().ok()?) } else { Some(json::member(value, &part)?.text) }
    });
    found.is_some_and(all_exact)
}

/// The text with each number that no float comes near replaced by a huge one.
pub(super) fn within_floats(text: &str) -> Cow<'_, str> {
    let mut out = String::new();
    let mut copied = 0;
    for (at, end) in numbers(text) {
        let number = &text[at..end];
        if number.parse::<f64>().is_ok_and(f64::is_finite) {
            continue;
        }
        out.push_str(&text[copied..at]);
        out.push_str(if number.starts_with('-') { "-" } else { "" });
        out.push_str(HUGE);
        copied = end;
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    out.push_str(&text[copied..]);
    Cow::Owned(out)
}

fn is_exact(number: &str) -> bool {
    if number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') {
        return number.parse::<i64>().is_ok() || number.parse::<u64>().is_ok();
    }
    number::parts(number)
        .is_some_and(|(_, digits, scale)| digits.len() <= MOST_DIGITS && (-MOST_SCALE..=MOST_SCALE).contains(&scale))
}

fn element(array: &str, wanted: usize) -> Option<&str> {
    let (mut found, mut index) = (None, 0);
    let mut scanner = Scanner::again(array);
    let read = scanner.array(|scanner| {
        let value = scanner.value()?;
        if index == wanted && value.kind != Kind::Null {
            found = Some(value.text);
        }
        index += 1;
        Ok(())
    });
    read.ok().and(found)
}

/// Where the numbers of a JSON text begin and end.
fn numbers(text: &str) -> impl Iterator<Item = (usize, usize)> {
    let mut end = 0;
    outside_strings(text).filter_map(move |(at, byte)| {
        if at < end || !matches!(byte, b'-' | b'0'..=b'9') {
            return None;
        }
        end = at + number::length(&text.as_bytes()[at..]).unwrap_or(1);
        Some((at, end))
    })
}

fn outside_strings(text: &str) -> impl Iterator<Item = (usize, u8)> {
    let (mut inside, mut escaped) = (false, false);
    text.bytes().enumerate().filter(move |(_, byte)| {
        if inside {
            inside = escaped || *byte != b'"';
            escaped = !escaped && *byte == b'\\';
            return false;
        }
        inside = *byte == b'"';
        true
    })
}
