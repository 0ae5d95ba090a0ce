//! Parameters of a request as OAuth reads them: each at most once, an empty one as if it was not there (RFC 6749 §3.1, §3.2).

use std::collections::BTreeMap;

/// The parameters of a query or of a form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Params {
    each: BTreeMap<String, String>,
    repeated: Option<String>,
}

impl Params {
    /// Reads `application/x-www-form-urlencoded` text.
    pub(crate) fn parse(text: &[u8]) -> Self {
        let mut params = Self::default();
        for (name, value) in url::form_urlencoded::parse(text).into_owned() {
            let same = params.each.get(&name).is_some_and(|known| *known == value);
            match params.each.contains_key(&name) {
                // Some clients name their one resource in two places; it stays one resource (RFC 8707 §2 allows the repetition).
                true if same && name == "resource" => {}
                true => params.repeated = params.repeated.or(Some(name)),
                false => drop(params.each.insert(name, value)),
            }
        }
        params
    }

    /// The value, unless it is missing or empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.each.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// A parameter that was given twice: such a request says two things and is refused as a whole.
    pub(crate) fn repeated(&self) -> Option<&str> {
        self.repeated.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_parameter_is_none() {
        let params = Params::parse(b"a=1&b=&c=x+y%2F");
        assert_eq!((params.get("a"), params.get("b"), params.get("d")), (Some("1"), None, None));
        assert_eq!(params.get("c"), Some("x y/"));
        assert_eq!(params.repeated(), None);
    }

    #[test]
    fn what_is_said_twice_is_told_apart_from_what_is_said_once() {
        for (text, repeated) in [
            ("a=1&a=2", Some("a")),
            ("a=1&a=1", Some("a")),
            ("a=&a=1", Some("a")),
            ("%61=1&a=1", Some("a")),
            ("resource=x&resource=x", None),
            ("resource=x&resource=y", Some("resource")),
            ("a=1&b=2", None),
        ] {
            assert_eq!(Params::parse(text.as_bytes()).repeated(), repeated, "{text}");
        }
        assert_eq!(Params::parse(b"a=1&a=2").get("a"), Some("1"), "the first is the one that is judged");
    }
}
