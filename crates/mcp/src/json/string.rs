//! JSON strings: finding their end, unescaping, writing.

use std::borrow::Cow;
use std::fmt::Write as _;

const ONES: u64 = u64::from_ne_bytes([1; 8]);
const HIGHS: u64 = u64::from_ne_bytes([0x80; 8]);

/// The length of `\uXXXX`.
pub(crate) const UNIT: usize = 6;

/// The position of the first byte from `pos` that is a quote, a backslash or a control character; the end if none is.
/// Eight bytes at a time: large results are mostly text.
pub(crate) fn plain_run(bytes: &[u8], mut pos: usize) -> usize {
    while let Some(chunk) = bytes.get(pos..).and_then(|rest| rest.first_chunk::<8>()) {
        let word = u64::from_le_bytes(*chunk);
        let special = zero_bytes(word ^ (ONES * b'"' as u64))
            | zero_bytes(word ^ (ONES * b'\\' as u64))
            | (word.wrapping_sub(ONES * 0x20) & !word & HIGHS);
        if special != 0 {
            return pos + (special.trailing_zeros() / 8) as usize;
        }
        pos += 8;
    }
    while let Some(byte) = bytes.get(pos) {
        if matches!(byte, b'"' | b'\\' | 0..=0x1f) {
            break;
        }
        pos += 1;
    }
    pos
}

/// The UTF-16 unit written as `\uXXXX` at `at`.
pub(crate) fn unit_at(bytes: &[u8], at: usize) -> Option<u16> {
    let escape = bytes.get(at..at + UNIT)?;
    if !escape.starts_with(b"\\u") {
        return None;
    }
    escape[2..].iter().try_fold(0u16, |unit, byte| {
        let digit = (*byte as char).to_digit(16)?;
        Some(unit << 4 | digit as u16)
    })
}

pub(crate) fn is_high(unit: u16) -> bool {
    (0xd800..0xdc00).contains(&unit)
}

pub(crate) fn is_low(unit: u16) -> bool {
    (0xdc00..0xe000).contains(&unit)
}

/// The text of a string that the scanner accepted, given with its quotes. Borrowed when nothing is escaped. A lone
/// surrogate, which only a lenient scan lets through, becomes U+FFFD.
pub(crate) fn decode(quoted: &str) -> Cow<'_, str> {
    let inner = quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default();
    if !inner.contains('\\') {
        return Cow::Borrowed(inner);
    }
    let mut text = String::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(at) = rest.find('\\') {
        text.push_str(&rest[..at]);
        let (decoded, length) = decode_escape(&rest[at..]);
        text.push(decoded);
        rest = &rest[at + length..];
    }
    text.push_str(rest);
    Cow::Owned(text)
}

/// The character an escape stands for, and the escape's length.
fn decode_escape(text: &str) -> (char, usize) {
    let bytes = text.as_bytes();
    let simple = match bytes.get(1) {
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'u') => return decode_unicode(bytes),
        Some(other) => char::from(*other),
        None => return (char::REPLACEMENT_CHARACTER, 1),
    };
    (simple, 2)
}

fn decode_unicode(bytes: &[u8]) -> (char, usize) {
    let Some(unit) = unit_at(bytes, 0) else { return (char::REPLACEMENT_CHARACTER, 2) };
    if is_high(unit)
        && let Some(low) = unit_at(bytes, UNIT).filter(|low| is_low(*low))
    {
        let code = 0x10000 + (u32::from(unit - 0xd800) << 10) + u32::from(low - 0xdc00);
        return (char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), 2 * UNIT);
    }
    (char::from_u32(u32::from(unit)).unwrap_or(char::REPLACEMENT_CHARACTER), UNIT)
}

/// Appends `text` as a JSON string with its quotes.
pub(crate) fn push_quoted(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\0'..='\x1f' => {
                let written = write!(out, "\\u{:04x}", character as u32);
                debug_assert!(written.is_ok(), "writing to a String cannot fail");
            }
            _ => out.push(character),
        }
    }
    out.push('"');
}

fn zero_bytes(word: u64) -> u64 {
    word.wrapping_sub(ONES) & !word & HIGHS
}
