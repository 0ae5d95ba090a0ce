//! Where the forms of a page may lead besides to us, for the page's content security policy.

use axum::response::Response;
use url::{Host, Url};

/// One more place that the forms of a page may lead to.
///
/// `form-action` is held against every redirect that follows a form too (Chromium does, the specification leaves it open), so a page
/// whose form ends at another program has to name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormTarget(String);

impl FormTarget {
    /// The place of an address: its origin for http and https, its scheme otherwise.
    ///
    /// A policy cannot name an IPv6 address, so such a place is named by its scheme alone, and so is a host with characters that have a
    /// meaning in a policy.
    #[must_use]
    pub fn of(address: &Url) -> Self {
        let scheme = address.scheme();
        let port = address.port().map(|port| format!(":{port}")).unwrap_or_default();
        match address.host() {
            Some(Host::Domain(name)) if is_web(scheme) && is_plain(name) => Self(format!("{scheme}://{name}{port}")),
            Some(Host::Ipv4(ip)) if is_web(scheme) => Self(format!("{scheme}://{ip}{port}")),
            _ => Self(format!("{scheme}:")),
        }
    }

    /// Lets the forms of this page lead there.
    pub fn allow(self, response: &mut Response) {
        response.extensions_mut().insert(self);
    }

    pub(crate) fn source(&self) -> &str {
        &self.0
    }
}

fn is_web(scheme: &str) -> bool {
    matches!(scheme, "http" | "https")
}

fn is_plain(host: &str) -> bool {
    host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_an_origin_or_a_scheme_and_never_more_than_one() {
        for (address, source) in [
            ("https://claude.ai/api/mcp/auth_callback", "https://claude.ai"),
            ("http://localhost:8787/callback?x=y", "http://localhost:8787"),
            ("http://127.0.0.1:33418/", "http://127.0.0.1:33418"),
            ("https://gate.example:443/", "https://gate.example"),
            ("http://[::1]:9/callback", "http:"),
            ("cursor://anysphere.cursor-mcp/oauth/callback", "cursor:"),
            ("com.example.app:/callback", "com.example.app:"),
            ("https://a;script-src.example/", "https:"),
            ("https://a,b.example/", "https:"),
        ] {
            assert_eq!(FormTarget::of(&Url::parse(address).unwrap()).source(), source, "{address}");
        }
    }
}
