//! Where codes may be sent. A redirect is compared as text (RFC 9700 §4.1.3); only on the loopback interface the port is
//! the client's to choose (RFC 8252 §7.3).

use url::{Host, Url};

/// Longest redirect URI, in bytes.
const MAX_BYTES: usize = 1_000;
/// Private-use schemes of known clients that do not have the form of a reversed domain name (RFC 8252 §7.1).
const KNOWN_SCHEMES: &[&str] = &[
    "cursor",
    "vscode",
    "vscode-insiders",
    "vscodium",
    "windsurf",
    "zed",
    "claude",
    "goose",
    "raycast",
    "warp",
    "lmstudio",
];

/// Where a client has its codes sent; one that it registered, or names in its document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedirectUri {
    text: String,
    kind: RedirectKind,
}

/// What a redirect leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RedirectKind {
    /// A page at this host.
    Web {
        /// Host, and port where it is not the usual one.
        host: String,
    },
    /// A program on the person's own computer.
    Loopback,
    /// A program that has taken this scheme.
    App {
        /// Without the colon.
        scheme: String,
    },
}

/// Why a redirect is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RedirectError {
    /// It is not a URI that a code may be sent to.
    #[error(
        "a redirect URI must be https, http on 127.0.0.1, [::1] or localhost, or the private scheme of a known client; without a fragment, user name or wildcard, at most {MAX_BYTES} bytes"
    )]
    Form,
    /// The client did not register it.
    #[error("the client has not registered this redirect URI")]
    Unregistered,
    /// It was left out, and the client has several.
    #[error("the request must say a redirect URI, since the client has more than one")]
    Missing,
}

impl RedirectUri {
    /// Reads a redirect URI that a client wants to have.
    pub(crate) fn parse(text: &str) -> Result<Self, RedirectError> {
        let plain =
            text.len() <= MAX_BYTES && text.bytes().all(|b| b.is_ascii_graphic()) && !text.contains(['*', '\\']);
        if !plain || text.contains('#') {
            return Err(RedirectError::Form);
        }
        let url = Url::parse(text).map_err(|_| RedirectError::Form)?;
        if !url.username().is_empty() || url.password().is_some() || !is_plainly_written(&url, text) {
            return Err(RedirectError::Form);
        }
        Ok(Self { kind: kind(&url).ok_or(RedirectError::Form)?, text: text.to_owned() })
    }

    /// The text, as the client gave it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What it leads to.
    #[must_use]
    pub fn kind(&self) -> &RedirectKind {
        &self.kind
    }

    /// Scheme, host and port for a page's `form-action`; for a private scheme, the scheme and a colon.
    #[must_use]
    pub fn form_action(&self) -> String {
        match (&self.kind, Url::parse(&self.text)) {
            (RedirectKind::App { scheme }, _) => format!("{scheme}:"),
            (_, Ok(url)) => url.origin().ascii_serialization(),
            (_, Err(_)) => "'none'".to_owned(),
        }
    }

    /// The URI with `parameters` behind what query it has.
    #[must_use]
    pub fn with_query(&self, parameters: &[(&str, &str)]) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(parameters);
        let joint = match self.text.find('?') {
            None => "?",
            Some(at) if at + 1 == self.text.len() || self.text.ends_with('&') => "",
            Some(_) => "&",
        };
        format!("{}{joint}{}", self.text, query.finish())
    }

    /// Whether a request may name `asked` where this one is registered.
    fn covers(&self, asked: &Self) -> bool {
        if self.text == asked.text {
            return true;
        }
        let both_local = self.kind == RedirectKind::Loopback && asked.kind == RedirectKind::Loopback;
        both_local && without_port(&self.text) == without_port(&asked.text)
    }
}

/// The one of `registered` that a request asks for; with none asked for, the only one.
pub(crate) fn choose(registered: &[RedirectUri], asked: Option<&str>) -> Result<RedirectUri, RedirectError> {
    let Some(asked) = asked else {
        return match registered {
            [only] => Ok(only.clone()),
            _ => Err(RedirectError::Missing),
        };
    };
    let asked = RedirectUri::parse(asked).map_err(|_| RedirectError::Unregistered)?;
    if registered.iter().any(|one| one.covers(&asked)) { Ok(asked) } else { Err(RedirectError::Unregistered) }
}

fn kind(url: &Url) -> Option<RedirectKind> {
    match url.scheme() {
        "https" => {
            let host = url.host_str()?;
            let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
            Some(RedirectKind::Web { host: format!("{host}{port}") })
        }
        "http" => is_loopback(&url.host()?).then_some(RedirectKind::Loopback),
        scheme if KNOWN_SCHEMES.contains(&scheme) || is_reversed_domain(scheme) => {
            Some(RedirectKind::App { scheme: scheme.to_owned() })
        }
        _ => None,
    }
}

fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

/// `com.example.app`: nobody's by accident.
fn is_reversed_domain(scheme: &str) -> bool {
    scheme.contains('.') && scheme.split('.').all(|label| !label.is_empty())
}

/// Whether a web address begins as everybody writes it. Others are read in several ways: in `Location`, browsers take
/// `https:a.example` for a path of the site that they are on.
fn is_plainly_written(url: &Url, text: &str) -> bool {
    let Some(host) = url.host_str().filter(|_| matches!(url.scheme(), "http" | "https")) else { return true };
    let rest = text.strip_prefix(url.scheme()).and_then(|rest| rest.strip_prefix("://")?.strip_prefix(host));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/', '?']))
}

/// What stands before the port of a loopback address and what stands behind it, as text.
fn without_port(text: &str) -> (&str, &str) {
    let authority = text.find("://").map_or(0, |at| at + 3);
    let path = text[authority..].find(['/', '?']).map_or(text.len(), |at| authority + at);
    let host = text[..path].rfind(':').filter(|at| text[*at + 1..path].bytes().all(|b| b.is_ascii_digit()));
    (&text[..host.filter(|at| *at >= authority).unwrap_or(path)], &text[path..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(texts: &[&str]) -> Vec<RedirectUri> {
        texts.iter().map(|text| RedirectUri::parse(text).unwrap()).collect()
    }

    #[test]
    fn what_known_clients_register_is_taken() {
        for good in [
            "https://claude.ai/api/mcp/auth_callback",
            "https://claude.com/api/mcp/auth_callback",
            "http://localhost:41234/callback",
            "cursor://anysphere.cursor-mcp/oauth/callback",
            "https://www.cursor.com/agents/mcp/oauth/callback",
            "http://localhost:8787/callback",
            "http://127.0.0.1/",
            "http://127.0.0.1:33418/",
            "https://vscode.dev/redirect",
            "https://chatgpt.com/connector/oauth/abc_123",
            "http://127.0.0.1:6276/oauth/callback",
            "http://[::1]:5000/callback",
            "com.example.app:/oauth",
        ] {
            assert!(RedirectUri::parse(good).is_ok(), "{good}");
        }
    }

    #[test]
    fn places_that_no_code_is_sent_to() {
        for bad in [
            "",
            "/callback",
            "//evil.example/",
            "http://evil.example/callback",
            "http://localhost.evil.example/",
            "http://127.0.0.1.evil.example/",
            "http://localhost@evil.example/",
            "https://user@good.example/",
            "https://good.example/cb#fragment",
            "https://good.example/cb#",
            "https://*.good.example/cb",
            "https:\\\\evil.example",
            "https://good.example/ cb",
            "https://good.example/\ncb",
            "javascript:alert(1)",
            "JavaScript:alert(1)",
            "data:text/html,x",
            "file:///etc/passwd",
            "vbscript:x",
            "blob:https://good.example/x",
            "ftp://good.example/",
            "about:blank",
            "intent://x",
            "https:evil.example",
            "https:/evil.example",
            "https:///evil.example/cb",
            "https://GOOD.example/cb",
            "HTTPS://good.example/cb",
            "https://go%6fd.example/cb",
            "http://127.1/",
            "http://2130706433/",
            "http://0x7f.0.0.1/",
            "http://loc%61lhost/",
            "http://localhost./",
            "http://[0:0::1]/",
            "http://[::ffff:127.0.0.1]/",
        ] {
            assert_eq!(RedirectUri::parse(bad), Err(RedirectError::Form), "{bad}");
        }
        assert!(RedirectUri::parse(&format!("https://good.example/{}", "x".repeat(MAX_BYTES))).is_err());
    }

    #[test]
    fn a_redirect_is_exact_but_for_the_port_on_loopback() {
        let registered = all(&[
            "https://good.example/cb",
            "http://127.0.0.1:33418/",
            "http://localhost/callback",
            "http://[::1]:9/cb?x=http://a:5",
        ]);
        for good in [
            "https://good.example/cb",
            "http://127.0.0.1:33418/",
            "http://127.0.0.1:1/",
            "http://127.0.0.1/",
            "http://localhost:65000/callback",
            "http://[::1]/cb?x=http://a:5",
            "http://[::1]:1/cb?x=http://a:5",
        ] {
            assert_eq!(choose(&registered, Some(good)).map(|uri| uri.as_str().to_owned()), Ok(good.to_owned()));
        }
        for bad in [
            "https://good.example/cb/",
            "https://good.example/CB",
            "https://good.example/cb?x=1",
            "https://good.example/cb/../other",
            "https://good.example:444/cb",
            "https://good.example:443/cb",
            "https://GOOD.example/cb",
            "https://evil.example/cb",
            "https://good.example.evil.example/cb",
            "http://good.example/cb",
            "http://127.0.0.1:1/other",
            "http://127.0.0.2:33418/",
            "http://localhost:1/",
            "http://[::1]/",
            "http://localhost:1/callback?next=https://evil.example",
            "http://localhost:1/x/../callback",
            "http://localhost:1/./callback",
            "http://localhost:1//callback",
            "http://localhost:1/%63allback",
            "http://[::1]:1/cb?x=http://a:6",
            "http://[::1]:1/cb?x=http://a",
            "",
        ] {
            assert_eq!(choose(&registered, Some(bad)), Err(RedirectError::Unregistered), "{bad}");
        }
        assert_eq!(choose(&registered, None), Err(RedirectError::Missing));
        assert!(choose(&registered[..1], None).is_ok());
        assert_eq!(choose(&[], None), Err(RedirectError::Missing));
    }

    #[test]
    fn answers_go_behind_the_query_that_is_there() {
        let uri = |text: &str| RedirectUri::parse(text).unwrap();
        let answer = [("code", "a b&c"), ("iss", "https://gate.example")];
        let query = "code=a+b%26c&iss=https%3A%2F%2Fgate.example";
        assert_eq!(uri("https://good.example/cb").with_query(&answer), format!("https://good.example/cb?{query}"));
        assert_eq!(
            uri("https://good.example/cb?x=1").with_query(&answer),
            format!("https://good.example/cb?x=1&{query}")
        );
        assert_eq!(uri("cursor://a.b/cb").with_query(&answer), format!("cursor://a.b/cb?{query}"));
        assert_eq!(uri("cursor://a.b/cb").form_action(), "cursor:");
        assert_eq!(uri("http://localhost:4/cb").form_action(), "http://localhost:4");
    }
}
