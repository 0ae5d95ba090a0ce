//! Bearer tokens: `pcl_<kind>_<43 base62><6 checksum>`. The text is shown once; what is kept is its SHA-256.
//!
//! 43 base62 digits carry 256 random bits. The checksum is the CRC-32 of what stands before it, in base62, so a mistyped
//! or cut token is refused without a look-up, and scanners can recognise a leaked one.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Entropy;

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const SECRET_DIGITS: usize = 43;
const CHECK_DIGITS: usize = 6;

/// What a token opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TokenKind {
    /// A principal's key for the gateway.
    Key,
    /// A browser session's cookie.
    Session,
    /// An invitation link.
    Invite,
    /// A connector's credential for the tunnel.
    Connect,
    /// An app's authorization code, good for one exchange.
    Code,
    /// An app's refresh token, good for one use.
    Refresh,
}

/// A token's text. `Debug` prints only its kind.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    kind: TokenKind,
    text: String,
}

/// SHA-256 of a token's text: what is stored and looked up.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TokenHash([u8; 32]);

/// Why a text is not a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It does not have the form at all.
    #[error("not a Portcullis token of this kind: expected `pcl_<kind>_` and 49 letters and digits")]
    Form,
    /// The form is right, the checksum is not: cut or mistyped.
    #[error("the token is damaged: its checksum does not match; copy it again in full")]
    Checksum,
}

impl TokenKind {
    fn prefix(self) -> &'static str {
        match self {
            Self::Key => "pcl_key_",
            Self::Session => "pcl_session_",
            Self::Invite => "pcl_invite_",
            Self::Connect => "pcl_connect_",
            Self::Code => "pcl_code_",
            Self::Refresh => "pcl_refresh_",
        }
    }
}

impl Token {
    /// A new random token.
    #[must_use]
    pub fn new(kind: TokenKind, entropy: &Entropy) -> Self {
        let mut text = String::from(kind.prefix());
        push_base62(&mut text, &entropy.bytes::<32>());
        let check = checksum(&text);
        text.push_str(&check);
        Self { kind, text }
    }

    /// Reads a token of one kind.
    ///
    /// # Errors
    /// [`TokenError`], when the text is of another form or its checksum does not match.
    pub fn parse(kind: TokenKind, text: &str) -> Result<Self, TokenError> {
        let digits = text.strip_prefix(kind.prefix()).ok_or(TokenError::Form)?;
        let well_formed =
            digits.len() == SECRET_DIGITS + CHECK_DIGITS && digits.bytes().all(|b| b.is_ascii_alphanumeric());
        if !well_formed {
            return Err(TokenError::Form);
        }
        let (body, check) = text.split_at(text.len() - CHECK_DIGITS);
        if checksum(body) != check {
            return Err(TokenError::Checksum);
        }
        Ok(Self { kind, text: text.to_owned() })
    }

    /// The text, for the one time it is shown or sent.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// What it opens.
    #[must_use]
    pub fn kind(&self) -> TokenKind {
        self.kind
    }

    /// What is stored.
    #[must_use]
    pub fn hash(&self) -> TokenHash {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, self.text.as_bytes());
        let mut out = [0; 32];
        out.copy_from_slice(digest.as_ref());
        TokenHash(out)
    }
}

impl TokenHash {
    /// From the stored form.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The stored form.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({:?})", self.kind)
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash")
    }
}

impl Serialize for TokenHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use base64::Engine as _;
        serializer.serialize_str(&base64::engine::general_purpose::STANDARD_NO_PAD.encode(self.0))
    }
}

impl<'de> Deserialize<'de> for TokenHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use base64::Engine as _;
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        let bytes = base64::engine::general_purpose::STANDARD_NO_PAD
            .decode(text.as_bytes())
            .map_err(serde::de::Error::custom)?;
        bytes.try_into().map(Self).map_err(|_| serde::de::Error::custom("a token hash has 32 bytes"))
    }
}

fn push_base62(text: &mut String, bytes: &[u8; 32]) {
    // 256 bits as one number, repeatedly divided by 62; 62^43 > 2^256, so 43 digits always do.
    let mut number = *bytes;
    for _ in 0..SECRET_DIGITS {
        let mut remainder = 0u32;
        for byte in &mut number {
            let value = (remainder << 8) | u32::from(*byte);
            *byte = u8::try_from(value / 62).unwrap_or(u8::MAX);
            remainder = value % 62;
        }
        text.push(digit(remainder));
    }
}

fn checksum(body: &str) -> String {
    let mut value = crc32fast::hash(body.as_bytes());
    let mut out = String::with_capacity(CHECK_DIGITS);
    for _ in 0..CHECK_DIGITS {
        out.push(digit(value % 62));
        value /= 62;
    }
    out
}

fn digit(value: u32) -> char {
    char::from(ALPHABET[(value % 62) as usize])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_reads_back_only_as_its_own_kind() {
        let token = Token::new(TokenKind::Key, &Entropy::seeded(7));
        assert_eq!(token.expose().len(), "pcl_key_".len() + 49);
        assert_eq!(Token::parse(TokenKind::Key, token.expose()), Ok(token.clone()));
        assert_eq!(Token::parse(TokenKind::Session, token.expose()), Err(TokenError::Form));
        assert_eq!(format!("{token:?}"), "Token(Key)");
    }

    #[test]
    fn a_changed_character_is_noticed() {
        let text = Token::new(TokenKind::Connect, &Entropy::seeded(3)).expose().to_owned();
        for at in "pcl_connect_".len()..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[at] = if bytes[at] == b'x' { b'y' } else { b'x' };
            let changed = String::from_utf8(bytes).unwrap();
            assert_eq!(Token::parse(TokenKind::Connect, &changed), Err(TokenError::Checksum), "at {at}");
        }
    }
}
