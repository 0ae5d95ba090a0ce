//! Header values: alone, trimmed, ASCII, and the base64 wrapping ("Value Encoding").

use std::borrow::Cow;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::{HeaderError, HeaderView};

const BASE64_START: &str = "=?base64?";
const BASE64_END: &str = "?=";

/// The only value of a header, without white space around it.
pub(super) fn one<'h, H: HeaderView + ?Sized>(headers: &'h H, name: &str) -> Result<Option<&'h str>, HeaderError> {
    let mut values = headers.values(name);
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(HeaderError::Duplicate { header: name.to_owned().into() });
    }
    let plain = |byte: &u8| matches!(byte, b'\t' | b' '..=b'~');
    let text = std::str::from_utf8(value).ok().filter(|text| text.bytes().all(|byte| plain(&byte)));
    let text = text.ok_or_else(|| HeaderError::Malformed { header: name.to_owned().into() })?;
    Ok(Some(text.trim_matches([' ', '\t'])))
}

/// The text that a value stands for, out of its base64 wrapping if it has one. Strict: padding, alphabet and UTF-8.
pub(super) fn decoded<'h>(name: &str, value: &'h str) -> Result<Cow<'h, str>, HeaderError> {
    let Some(wrapped) = value.strip_prefix(BASE64_START).and_then(|rest| rest.strip_suffix(BASE64_END)) else {
        return Ok(Cow::Borrowed(value));
    };
    let text = BASE64_STANDARD.decode(wrapped).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    text.map(Cow::Owned).ok_or_else(|| HeaderError::Malformed { header: name.to_owned().into() })
}

/// A text as a header value: plain where it can travel plainly, else base64 in its wrapping.
pub fn encode_header_value(text: &str) -> String {
    let plain = text.bytes().all(|byte| matches!(byte, b'\t' | b' '..=b'~'));
    let padded = text.starts_with([' ', '\t']) || text.ends_with([' ', '\t']);
    let looks_wrapped = text.starts_with(BASE64_START) && text.ends_with(BASE64_END);
    if plain && !padded && !looks_wrapped {
        return text.to_owned();
    }
    format!("{BASE64_START}{}{BASE64_END}", BASE64_STANDARD.encode(text))
}
