//! Why a connector gives up. Everything else it tries again.

use std::{ffi::OsString, io, path::PathBuf};

use crate::allow::NotAllowed;

/// Why [`run`](crate::run) ended by itself.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The program to run is not there.
    #[error(
        "cannot find the program {program:?}: is it installed, and on the PATH of this shell? \
         (A connect line ends in `-- program arguments…`.)"
    )]
    MissingProgram {
        /// As it was given.
        program: OsString,
    },
    /// The program is there, but cannot be run.
    #[error("cannot run the program {program:?}: {reason}")]
    UnusableProgram {
        /// As it was given.
        program: OsString,
        /// What the system said.
        reason: io::Error,
    },
    /// The gateway knows the token no longer, or never did.
    #[error(
        "the gateway at {origin} does not accept this token: it was revoked or replaced, or the server was removed. \
         Copy a new connect line from the server's page"
    )]
    TokenRefused {
        /// The gateway.
        origin: String,
    },
    /// There is no token in the file for it.
    #[error("the token file {path:?} cannot be used: {reason}")]
    TokenFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it; never what is in it.
        reason: String,
    },
    /// The address of the server is not among those that may be dialled.
    #[error("cannot use --url {url}: {reason}")]
    NotAllowed {
        /// Host and port.
        url: String,
        /// Why not.
        reason: NotAllowed,
    },
    /// The address in the token is not one that can be dialled.
    #[error("the token's address {origin} cannot be dialled: {reason}")]
    Address {
        /// The gateway.
        origin: String,
        /// What is wrong with it.
        reason: String,
    },
    /// TLS could not be set up at all.
    #[error("cannot set up TLS: {0}")]
    Tls(#[from] upstream::DialerError),
}

impl ConnectError {
    /// The exit code of `portcullis connect`: 127 and 126 as shells use them for programs, 77 (`EX_NOPERM`) for the
    /// token, 64 (`EX_USAGE`) for its file and for addresses, 70 (`EX_SOFTWARE`) for TLS.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::MissingProgram { .. } => 127,
            Self::UnusableProgram { .. } => 126,
            Self::TokenRefused { .. } => 77,
            Self::TokenFile { .. } | Self::NotAllowed { .. } | Self::Address { .. } => 64,
            Self::Tls(_) => 70,
        }
    }
}
