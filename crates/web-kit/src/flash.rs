//! A message that one answer leaves for the next page: signed, so no one else can put words on our pages, and read once.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::DeploymentKey;
use serde::{Deserialize, Serialize};

const PURPOSE: &str = "flash";
const MAX_BYTES: usize = 2_000;

/// What the message is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FlashKind {
    /// It was done.
    Done,
    /// Something the reader should know.
    Note,
}

impl FlashKind {
    /// Its name, which pages style it by.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Note => "note",
        }
    }
}

/// The message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flash {
    /// What it is about.
    pub kind: FlashKind,
    /// The words, plain text.
    pub text: String,
}

impl Flash {
    /// Tells that something was done.
    pub fn done(text: impl Into<String>) -> Self {
        Self { kind: FlashKind::Done, text: text.into() }
    }

    /// Tells something worth knowing.
    pub fn note(text: impl Into<String>) -> Self {
        Self { kind: FlashKind::Note, text: text.into() }
    }

    pub(crate) fn sign(&self, key: &DeploymentKey) -> String {
        let short = Self { kind: self.kind, text: self.text.chars().take(500).collect() };
        let body = serde_json::to_vec(&short).unwrap_or_default();
        let mac = key.mac(PURPOSE, &body);
        format!("{}.{}", URL_SAFE_NO_PAD.encode(body), URL_SAFE_NO_PAD.encode(mac))
    }

    pub(crate) fn verify(text: &str, key: &DeploymentKey) -> Option<Self> {
        if text.len() > 2 * MAX_BYTES {
            return None;
        }
        let (body, mac) = text.split_once('.')?;
        let body = URL_SAFE_NO_PAD.decode(body).ok()?;
        let mac = URL_SAFE_NO_PAD.decode(mac).ok()?;
        if key.verify_mac(PURPOSE, &body, &mac) { serde_json::from_slice(&body).ok() } else { None }
    }
}

#[cfg(test)]
mod tests {
    use domain::Entropy;

    use super::*;

    #[test]
    fn only_our_own_words_come_back() {
        let key = DeploymentKey::new(&Entropy::seeded(1));
        let other = DeploymentKey::new(&Entropy::seeded(2));
        let flash = Flash::done("Saved “x”.");
        let signed = flash.sign(&key);
        assert_eq!(Flash::verify(&signed, &key), Some(flash));
        assert_eq!(Flash::verify(&signed, &other), None);
        assert_eq!(Flash::verify(&signed.replacen('e', "f", 1), &key), None);
        for odd in ["", ".", "a.b", &"a".repeat(9_000)] {
            assert_eq!(Flash::verify(odd, &key), None);
        }
    }
}
