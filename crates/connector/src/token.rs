//! Where the connect token comes from.

use std::path::PathBuf;

use domain::ConnectToken;

use crate::error::ConnectError;

/// Where the connect token comes from.
#[derive(Clone, Debug)]
pub enum TokenSource {
    /// From the command line.
    Given(ConnectToken),
    /// From a file, which is read again before every dial: whoever replaces the token writes the new one there.
    File(PathBuf),
}

impl TokenSource {
    /// The token as it is now.
    ///
    /// # Errors
    /// [`ConnectError::TokenFile`] for a file that cannot be read or holds no connect token.
    pub(crate) fn read(&self) -> Result<ConnectToken, ConnectError> {
        let path = match self {
            Self::Given(token) => return Ok(token.clone()),
            Self::File(path) => path,
        };
        let bad = |reason: String| ConnectError::TokenFile { path: path.clone(), reason };
        let text = std::fs::read_to_string(path).map_err(|error| bad(error.to_string()))?;
        text.trim().parse().map_err(|error: domain::ConnectTokenError| bad(error.to_string()))
    }
}

impl From<ConnectToken> for TokenSource {
    fn from(token: ConnectToken) -> Self {
        Self::Given(token)
    }
}
