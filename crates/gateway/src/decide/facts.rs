//! What a record keeps in clear of a call, cut: the tool's name and the arguments' keys. Of their values it keeps, sealed,
//! what the policy looks at (`arguments`).

use std::borrow::Cow;

use domain::{MOST_ARGUMENT_KEYS, MOST_RECORDED_CHARS};
use serde::{Deserialize, Deserializer, de::IgnoredAny};

/// The top-level keys of the arguments, sorted.
pub(crate) fn argument_keys(arguments: Option<&str>) -> Vec<String> {
    let Some(Keys(mut keys)) = arguments.and_then(|text| serde_json::from_str(text).ok()) else { return Vec::new() };
    keys.sort_unstable();
    keys.truncate(MOST_ARGUMENT_KEYS);
    keys
}

/// A text from outside, cut.
pub(crate) fn cut(text: &str) -> String {
    text.chars().take(MOST_RECORDED_CHARS).collect()
}

struct Keys(Vec<String>);

impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Keys;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Keys, A::Error> {
                let mut keys = Vec::new();
                while let Some((key, IgnoredAny)) = map.next_entry::<Cow<'de, str>, IgnoredAny>()? {
                    keys.push(cut(&key));
                }
                Ok(Keys(keys))
            }
        }
        deserializer.deserialize_map(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_top_level_keys_and_not_too_many() {
        assert_eq!(argument_keys(Some(r#"{"b":{"x":1},"a":"secret","\u0063":[]}"#)), ["a", "b", "c"]);
        assert_eq!(argument_keys(Some("{}")), Vec::<String>::new());
        assert_eq!(argument_keys(None), Vec::<String>::new());
        let many: Vec<String> = (0..90).map(|i| format!("\"k{i:02}\":0")).collect();
        assert_eq!(argument_keys(Some(&format!("{{{}}}", many.join(",")))).len(), MOST_ARGUMENT_KEYS);
    }
}
