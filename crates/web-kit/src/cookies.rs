//! The cookies: which there are, what they are called and what protects them.

use http::{HeaderMap, HeaderValue, header};

use crate::Origin;

/// The cookies the control plane sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CookieName {
    /// The session token.
    Session,
    /// A message for the next page.
    Flash,
    /// The chosen colours; no secret.
    Theme,
}

const YEAR_S: i64 = 31_536_000;

impl CookieName {
    fn base(self) -> &'static str {
        match self {
            Self::Session => "portcullis_session",
            Self::Flash => "portcullis_flash",
            Self::Theme => "portcullis_theme",
        }
    }

    /// `__Host-` ties the cookie to this host, the path `/` and https; a browser refuses it over http, so there it has the plain name.
    fn full(self, origin: &Origin) -> String {
        let prefix = if origin.is_https() { "__Host-" } else { "" };
        format!("{prefix}{}", self.base())
    }

    /// As long as the longest session; the session may end sooner.
    fn max_age_s(self) -> Option<i64> {
        match self {
            Self::Session => Some(90 * 86_400),
            Self::Flash => None,
            Self::Theme => Some(YEAR_S),
        }
    }
}

/// The cookie's value, when the request carries exactly one of that name.
#[must_use]
pub fn read(headers: &HeaderMap, name: CookieName, origin: &Origin) -> Option<String> {
    let full = name.full(origin);
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut found = lines
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(n, _)| *n == full);
    let value = found.next()?.1.to_owned();
    // Two of one name: someone wrote one over the other from a sibling path or host. Believe neither.
    if found.next().is_some() { None } else { Some(value) }
}

/// Sets a cookie. The value is one of ours: a token or base64url, so it needs no quoting; another kind of text is not set at all.
pub fn set(headers: &mut HeaderMap, name: CookieName, value: &str, origin: &Origin) {
    append(headers, name, value, name.max_age_s(), origin);
}

/// Takes a cookie back.
pub fn clear(headers: &mut HeaderMap, name: CookieName, origin: &Origin) {
    append(headers, name, "", Some(0), origin);
}

fn append(headers: &mut HeaderMap, name: CookieName, value: &str, max_age_s: Option<i64>, origin: &Origin) {
    let plain = value.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'));
    let age = max_age_s.map(|s| format!("; Max-Age={s}")).unwrap_or_default();
    let secure = if origin.is_https() { "; Secure" } else { "" };
    let line = format!("{}={value}; Path=/{age}; HttpOnly; SameSite=Lax{secure}", name.full(origin));
    if let (true, Ok(line)) = (plain, HeaderValue::from_str(&line)) {
        headers.append(header::SET_COOKIE, line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set_line(origin: &str, name: CookieName, value: &str) -> Option<String> {
        let mut headers = HeaderMap::new();
        set(&mut headers, name, value, &Origin::parse(origin).unwrap());
        headers.get(header::SET_COOKIE).map(|line| line.to_str().unwrap().to_owned())
    }

    fn read_line(line: &str) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, line.parse().unwrap());
        read(&headers, CookieName::Session, &Origin::parse("https://gate.example").unwrap())
    }

    #[test]
    fn over_https_the_session_cookie_is_bound_to_the_host() {
        assert_eq!(
            set_line("https://gate.example", CookieName::Session, "abc").unwrap(),
            "__Host-portcullis_session=abc; Path=/; Max-Age=7776000; HttpOnly; SameSite=Lax; Secure"
        );
        assert_eq!(
            set_line("http://127.0.0.1:8080", CookieName::Session, "abc").unwrap(),
            "portcullis_session=abc; Path=/; Max-Age=7776000; HttpOnly; SameSite=Lax"
        );
    }

    #[test]
    fn a_value_cannot_bring_attributes_along() {
        for odd in ["a; Domain=evil.example", "a\r\nSet-Cookie: b=c", "a b", "ä"] {
            assert_eq!(set_line("https://gate.example", CookieName::Theme, odd), None, "{odd:?}");
        }
    }

    #[test]
    fn a_doubled_or_unprefixed_cookie_is_not_read() {
        assert_eq!(read_line("x=y; __Host-portcullis_session=abc").as_deref(), Some("abc"));
        assert_eq!(read_line("portcullis_session=abc"), None);
        assert_eq!(read_line("__Host-portcullis_session=abc; __Host-portcullis_session=def"), None);
    }
}
