//! What is pasted behind `portcullis connect`: a connector's token together with where to dial.
//!
//! Text form: `<token>.<base64url of "<origin>/<account>/<server>">`. Only the token is secret and only it is sent as the
//! credential; what follows the dot is an address.

use std::{fmt, str::FromStr};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::{AccountSlug, ServerSlug, Token, TokenError, TokenKind};

/// A connector's token and the gateway and server it is for. `Debug` does not print the token; `Display` is the text to
/// paste and does.
#[derive(Clone, PartialEq, Eq)]
pub struct ConnectToken {
    /// The credential.
    pub token: Token,
    /// Where the gateway is: `http://host[:port]` or `https://host[:port]`, nothing behind it.
    pub origin: String,
    /// The account.
    pub account: AccountSlug,
    /// The server this connector stands beside.
    pub server: ServerSlug,
}

/// Why a text is not a connect token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConnectTokenError {
    /// The credential in front of the dot.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// Nothing, or something unreadable, where the address should be.
    #[error("the token does not say where to connect: it is cut or mistyped; copy it again in full")]
    Address,
}

impl ConnectToken {
    /// The tunnel's request target, path and query.
    #[must_use]
    pub fn tunnel_path(&self) -> String {
        format!("{}?{}={}/{}", crate::tunnel::PATH, crate::tunnel::SERVER_PARAMETER, self.account, self.server)
    }
}

impl fmt::Display for ConnectToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = format!("{}/{}/{}", self.origin, self.account, self.server);
        write!(f, "{}.{}", self.token.expose(), URL_SAFE_NO_PAD.encode(address))
    }
}

impl fmt::Debug for ConnectToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConnectToken({}/{}/{})", self.origin, self.account, self.server)
    }
}

impl FromStr for ConnectToken {
    type Err = ConnectTokenError;

    fn from_str(text: &str) -> Result<Self, ConnectTokenError> {
        let (token, address) = text.split_once('.').unwrap_or((text, ""));
        let token = Token::parse(TokenKind::Connect, token)?;
        let (origin, account, server) = read_address(address).ok_or(ConnectTokenError::Address)?;
        Ok(Self { token, origin, account, server })
    }
}

fn read_address(encoded: &str) -> Option<(String, AccountSlug, ServerSlug)> {
    let address = String::from_utf8(URL_SAFE_NO_PAD.decode(encoded).ok()?).ok()?;
    let mut parts = address.rsplitn(3, '/');
    let server = parts.next()?.parse().ok()?;
    let account = parts.next()?.parse().ok()?;
    let origin = parts.next()?;
    is_origin(origin).then(|| (origin.to_owned(), account, server))
}

/// `http` or `https`, a host, perhaps a port: no user info, path, query or fragment.
fn is_origin(text: &str) -> bool {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    host.is_some_and(|host| {
        !host.is_empty()
            && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':' | b'[' | b']'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Entropy;

    fn example() -> ConnectToken {
        ConnectToken {
            token: Token::new(TokenKind::Connect, &Entropy::seeded(5)),
            origin: "http://127.0.0.1:8080".to_owned(),
            account: "acme".parse().unwrap(),
            server: "mlflow".parse().unwrap(),
        }
    }

    #[test]
    fn reads_back_what_it_writes() {
        let token = example();
        let text = token.to_string();
        assert_eq!(text.parse(), Ok(token.clone()));
        assert!(text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.')), "needs no quotes");
        assert_eq!(token.tunnel_path(), "/tunnel?server=acme/mlflow");
        assert!(!format!("{token:?}").contains(token.token.expose()));
    }

    #[test]
    fn a_cut_or_foreign_text_is_refused() {
        let text = example().to_string();
        let (token, _) = text.split_once('.').unwrap();
        assert_eq!(token.parse::<ConnectToken>(), Err(ConnectTokenError::Address));
        assert!(matches!(text[..40].parse::<ConnectToken>(), Err(ConnectTokenError::Token(TokenError::Form))));
        assert!(matches!("pcl_key_x.y".parse::<ConnectToken>(), Err(ConnectTokenError::Token(TokenError::Form))));
    }

    #[test]
    fn only_a_plain_origin_is_dialled() {
        let token = example();
        for odd in [
            "ftp://host",
            "http://",
            "http://a@b",
            "http://host/path",
            "http://host?x",
            "http://host#x",
            "host",
            "",
            "http://ho st",
            "HTTP://host",
        ] {
            let text = ConnectToken { origin: odd.to_owned(), ..token.clone() }.to_string();
            assert_eq!(text.parse::<ConnectToken>(), Err(ConnectTokenError::Address), "{odd}");
        }
        for good in ["https://gateway.example", "http://[::1]:8080", "http://localhost:80"] {
            let text = ConnectToken { origin: good.to_owned(), ..token.clone() }.to_string();
            assert_eq!(text.parse::<ConnectToken>().map(|t| t.origin), Ok(good.to_owned()));
        }
    }
}
