//! E-mail addresses, as far as a log-in name needs.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An e-mail address: trimmed, ASCII letters in lower case, so that one person has one spelling. `Debug` hides it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Email(String);

/// Why a text is not an e-mail address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be an e-mail address like name@example.com, at most 254 characters")]
pub struct EmailError;

impl Email {
    /// Reads an address.
    ///
    /// # Errors
    /// [`EmailError`], unless there is one `@` with something on each side, no white space and no control characters.
    pub fn parse(text: &str) -> Result<Self, EmailError> {
        let text = text.trim();
        let (local, host) = text.rsplit_once('@').ok_or(EmailError)?;
        let odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | '"' | '@' | ',' | ';');
        let host_fine = !host.is_empty() && !host.starts_with('.') && !host.ends_with('.');
        if local.is_empty() || !host_fine || text.len() > 254 || local.contains(odd) || host.contains(odd) {
            return Err(EmailError);
        }
        Ok(Self(text.to_ascii_lowercase()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Email {
    type Error = EmailError;
    fn try_from(text: String) -> Result<Self, EmailError> {
        Self::parse(&text)
    }
}

impl From<Email> for String {
    fn from(email: Email) -> Self {
        email.0
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Email")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        assert_eq!(Email::parse(" Ann@Example.COM ").map(String::from), Ok("ann@example.com".to_owned()));
        for bad in ["", "ann", "@x", "ann@", "a b@x", "a@b@c", "<a@b>", "a@.x"] {
            assert_eq!(Email::parse(bad), Err(EmailError), "{bad}");
        }
    }
}
