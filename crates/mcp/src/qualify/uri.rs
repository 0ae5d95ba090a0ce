//! URIs where a URL stands for several servers: `srv.{server}+{uri}`, and the same for URI templates.
//!
//! What stands before the server's own text is a URI scheme together with the start of it (RFC 3986 §3.1: a letter, then
//! letters, digits, `+`, `-`, `.`), and it has no braces, so an RFC 6570 template still expands to a URI that names the
//! same server. A URI that starts with `ui://` keeps that, because MCP Apps know interfaces by it; the server then
//! stands at the start of the authority.

const BEFORE: &str = "srv.";
const AFTER: char = '+';
/// MCP Apps, "UI Resource Format".
const INTERFACE: &str = "ui://";

/// The URI or template of a server at the account's own URL.
pub fn qualified_uri(server: &str, uri: &str) -> String {
    match uri.strip_prefix(INTERFACE) {
        Some(rest) => format!("{INTERFACE}{BEFORE}{server}{AFTER}{rest}"),
        None => format!("{BEFORE}{server}{AFTER}{uri}"),
    }
}

/// The server's slug and the server's own URI. None if the URI is not of that form.
pub fn split_qualified_uri(uri: &str) -> Option<(&str, String)> {
    let (interface, rest) = match uri.strip_prefix(INTERFACE) {
        Some(rest) => (INTERFACE, rest),
        None => ("", uri),
    };
    let (server, own) = rest.strip_prefix(BEFORE)?.split_once(AFTER)?;
    let slug = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let named = !server.is_empty() && server.bytes().all(slug);
    // An interface is always named with its scheme in front, so nothing has two names.
    let spelled = !(interface.is_empty() && own.starts_with(INTERFACE));
    (named && spelled).then(|| (server, format!("{interface}{own}")))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn uris_come_apart_as_they_were_put_together() {
        for (own, public) in [
            ("test://static-text", "srv.mlflow+test://static-text"),
            ("file:///a b+c", "srv.mlflow+file:///a b+c"),
            ("test://template/{id}/data", "srv.mlflow+test://template/{id}/data"),
            ("{+path}", "srv.mlflow+{+path}"),
            ("ui://weather/view", "ui://srv.mlflow+weather/view"),
            ("ui://srv.other+x", "ui://srv.mlflow+srv.other+x"),
            ("srv.other+a:b", "srv.mlflow+srv.other+a:b"),
            ("", "srv.mlflow+"),
        ] {
            assert_eq!(qualified_uri("mlflow", own), public);
            assert_eq!(split_qualified_uri(public), Some(("mlflow", own.to_owned())));
        }
        for none in ["", "test://x", "srv.", "srv.+x", "srv.Ab+x", "srv.a_b+x", "ui://weather", "SRV.a+x", "srv.a"] {
            assert_eq!(split_qualified_uri(none), None, "{none}");
        }
    }

    #[test]
    fn what_stands_before_a_uri_is_a_scheme() {
        let public = qualified_uri("9-to-5", "test://x");
        let (scheme, _) = public.split_once(':').unwrap();
        assert!(scheme.starts_with(|first: char| first.is_ascii_alphabetic()));
        assert!(scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte)), "{scheme}");
    }

    proptest! {
        #[test]
        fn every_uri_of_every_server_has_one_name(server in "[a-z0-9-]{1,40}", own in ".*", interface in any::<bool>()) {
            let own = if interface { format!("ui://{own}") } else { own };
            let public = qualified_uri(&server, &own);
            prop_assert_eq!(split_qualified_uri(&public), Some((server.as_str(), own)));
        }

        #[test]
        fn what_comes_apart_was_put_together_so(text in "(ui://)?(srv\\.)?[a-z0-9-]{0,5}\\+?(ui://)?.{0,8}") {
            if let Some((server, own)) = split_qualified_uri(&text) {
                prop_assert_eq!(qualified_uri(server, &own), text);
            }
        }
    }
}
