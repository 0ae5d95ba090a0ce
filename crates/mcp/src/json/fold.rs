//! Case folding against ASCII keys.
//!
//! Parsers that match keys regardless of case (Go's `encoding/json`, Jackson and .NET on request) take `Name`, `paramſ`
//! or `KEY` with U+212A for the known key; CVE-2026-27896 and GHSA-4gph-2hhr-5mwg are that. Known keys are ASCII, so
//! only characters whose folding is ASCII matter. Source: Unicode `CaseFolding.txt`, statuses C, S, F and T, plus U+0131,
//! which folds to `i` for parsers that compare upper case. A test derives the same set from the standard library.

use std::borrow::Cow;

/// Whether `key` is `known` after case folding. The caller has excluded exact equality.
pub(crate) fn lookalike(key: &str, known: &str) -> bool {
    if key.is_ascii() {
        return key.eq_ignore_ascii_case(known);
    }
    to_ascii(key).eq_ignore_ascii_case(known)
}

/// Replaces every character whose folding is ASCII by it.
fn to_ascii(key: &str) -> Cow<'_, str> {
    if !key.chars().any(|character| ascii_folding(character).is_some()) {
        return Cow::Borrowed(key);
    }
    let mut folded = String::with_capacity(key.len());
    for character in key.chars() {
        match ascii_folding(character) {
            Some(ascii) => folded.push_str(ascii),
            None => folded.push(character),
        }
    }
    Cow::Owned(folded)
}

/// The ASCII letters a character outside ASCII folds to.
fn ascii_folding(character: char) -> Option<&'static str> {
    Some(match character {
        'ß' | 'ẞ' => "ss",
        'İ' | 'ı' => "i",
        'ſ' => "s",
        '\u{212a}' => "k",
        'ﬀ' => "ff",
        'ﬁ' => "fi",
        'ﬂ' => "fl",
        'ﬃ' => "ffi",
        'ﬄ' => "ffl",
        'ﬅ' | 'ﬆ' => "st",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn library_folding(character: char) -> Option<String> {
        let through_upper = |c: char| c.to_uppercase().flat_map(char::to_lowercase);
        let lower: String = character.to_lowercase().filter(|c| *c != '\u{307}').collect();
        let both = lower.chars().flat_map(through_upper).collect();
        [through_upper(character).collect(), lower, both]
            .into_iter()
            .find(|folded| folded.is_ascii() && !folded.is_empty())
    }

    #[test]
    fn the_table_is_what_the_standard_library_folds_to_ascii() {
        for character in ('\u{80}'..=char::MAX).filter(|c| !c.is_ascii()) {
            let ours = ascii_folding(character).map(str::to_owned);
            assert_eq!(ours, library_folding(character), "U+{:04X}", character as u32);
        }
    }

    #[test]
    fn lookalikes() {
        for (key, known) in [
            ("Name", "name"),
            ("METHOD", "method"),
            ("paramſ", "params"),
            ("PARAMſ", "params"),
            ("to\u{212a}en", "token"),
            ("task\u{131}d", "taskId"),
            ("proGreßToken", "progressToken"),
            ("reque\u{fb06}Id", "requestId"),
            ("IO.modelcontextprotocol/protocolVersion", "io.modelcontextprotocol/protocolVersion"),
        ] {
            assert!(lookalike(key, known), "{key} should look like {known}");
        }
        for (key, known) in [("names", "name"), ("n\u{430}me", "name"), ("nâme", "name"), ("", "id"), ("ſ", "id")] {
            assert!(!lookalike(key, known), "{key} should not look like {known}");
        }
    }
}
