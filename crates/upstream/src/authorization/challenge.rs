//! What a refusal says about how to be let in: the `WWW-Authenticate` header (RFC 9110 §11.6.1, RFC 6750 §3, RFC 9728 §5.1).

use http::{HeaderMap, header};

/// Longest value that is taken from a header.
const MOST_CHARACTERS: usize = 2_000;

/// The `Bearer` challenge of a refusal; empty when there is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Challenge {
    /// Where the server's protected-resource metadata is.
    pub resource_metadata: Option<String>,
    /// The scopes that would be enough.
    pub scope: Option<String>,
    /// The error's code, such as `insufficient_scope`.
    pub error: Option<String>,
}

impl Challenge {
    /// Reads the first `Bearer` challenge among the headers.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Self {
        let values = headers.get_all(header::WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
        values.filter_map(bearer).next().unwrap_or_default()
    }

    /// Whether it says that the token is good, but for less than was asked (RFC 6750 §3.1).
    #[must_use]
    pub fn wants_more_scope(&self) -> bool {
        self.error.as_deref() == Some("insufficient_scope")
    }
}

/// The parameters of the `Bearer` challenge in one header's value, which may hold several challenges.
fn bearer(value: &str) -> Option<Challenge> {
    let mut challenge: Option<Challenge> = None;
    for item in items(value) {
        let (scheme, parameter) = match item.split_once([' ', '\t']) {
            Some((first, rest)) if !first.contains('=') => (Some(first), rest.trim_start()),
            _ if !item.contains('=') => (Some(item), ""),
            _ => (None, item),
        };
        match scheme {
            Some(scheme) if scheme.eq_ignore_ascii_case("bearer") && challenge.is_none() => {
                challenge = Some(Challenge::default());
            }
            // The challenge that we read ends where another begins.
            Some(_) if challenge.is_some() => break,
            _ => {}
        }
        if let Some(challenge) = &mut challenge {
            challenge.take(parameter);
        }
    }
    challenge
}

impl Challenge {
    fn take(&mut self, parameter: &str) {
        let Some((name, value)) = parameter.split_once('=') else { return };
        let value = unquoted(value.trim());
        let place = match name.trim().to_ascii_lowercase().as_str() {
            "resource_metadata" => &mut self.resource_metadata,
            "scope" => &mut self.scope,
            "error" => &mut self.error,
            _ => return,
        };
        if place.is_none() && !value.is_empty() && value.len() <= MOST_CHARACTERS {
            *place = Some(value);
        }
    }
}

/// The parts between commas that are not in quotes.
fn items(value: &str) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    value
        .split(move |c: char| {
            let splits = c == ',' && !quoted;
            match c {
                _ if escaped => escaped = false,
                '\\' if quoted => escaped = true,
                '"' => quoted = !quoted,
                _ => {}
            }
            splits
        })
        .map(str::trim)
        .filter(|item| !item.is_empty())
}

fn unquoted(value: &str) -> String {
    let Some(inner) = value.strip_prefix('"') else { return value.to_owned() };
    let (mut text, mut escaped) = (String::with_capacity(inner.len()), false);
    for c in inner.chars() {
        match c {
            _ if escaped => {
                escaped = false;
                text.push(c);
            }
            '\\' => escaped = true,
            '"' => break,
            _ => text.push(c),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn of(values: &[&str]) -> Challenge {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::WWW_AUTHENTICATE, HeaderValue::from_str(value).unwrap());
        }
        Challenge::of(&headers)
    }

    #[test]
    fn a_bearer_challenge_is_read_however_it_is_written() {
        let full = of(&[r#"Bearer realm="x, y", resource_metadata="https://a.example/.well-known/p", scope="a b""#]);
        assert_eq!(full.resource_metadata.as_deref(), Some("https://a.example/.well-known/p"));
        assert_eq!(full.scope.as_deref(), Some("a b"));
        let bare = of(&["bearer error=insufficient_scope,scope=\"a\\\"b\""]);
        assert!(bare.wants_more_scope());
        assert_eq!(bare.scope.as_deref(), Some("a\"b"));
        let second = of(&[r#"Basic realm="scope=no", Bearer scope="yes", Digest scope="no""#]);
        assert_eq!(second.scope.as_deref(), Some("yes"));
        assert_eq!(of(&["Basic realm=x", "Bearer error=\"invalid_token\""]).error.as_deref(), Some("invalid_token"));
    }

    #[test]
    fn what_is_no_bearer_challenge_says_nothing() {
        for values in [&[][..], &["Basic scope=\"a\""], &[""], &["Bearer"], &["Bearerx scope=a"], &[",,=,"]] {
            assert_eq!(of(values), Challenge::default(), "{values:?}");
        }
    }
}
