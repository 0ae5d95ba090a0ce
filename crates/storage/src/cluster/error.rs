//! What can go wrong with the private cluster, each in one sentence that says what to do.

use std::{io, path::PathBuf};

/// Why the private cluster could not be started or stopped.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// No programs anywhere.
    #[error(
        "no PostgreSQL server programs (version 15 or newer) were found: install them (Debian, Ubuntu: `apt-get install \
         postgresql`), name their folder in PG_BIN_DIR, or set DATABASE_URL to use a database server"
    )]
    NoPrograms,
    /// `PG_BIN_DIR` names a folder without them.
    #[error("PG_BIN_DIR is {0}, but there are no working programs `initdb` and `postgres` in it: correct or unset it")]
    NoProgramsInBinDir(PathBuf),
    /// Only old ones.
    #[error(
        "the PostgreSQL programs in {folder} are version {found}, but 15 or newer is needed: install a newer version, or set \
         DATABASE_URL to use a database server"
    )]
    TooOld {
        /// Where they are.
        folder: PathBuf,
        /// Their major version.
        found: u32,
    },
    /// The cluster in the folder is of another major version than the programs.
    #[error(
        "the data folder {folder} holds a cluster of PostgreSQL {cluster}, but the programs found are version {found}: \
         install PostgreSQL {cluster}, or move the data with pg_dump and start with an empty folder"
    )]
    OtherMajor {
        /// The cluster's folder.
        folder: PathBuf,
        /// The cluster's version.
        cluster: u32,
        /// The programs' version.
        found: u32,
    },
    /// The folder cannot be made or written.
    #[error("cannot {action} {path} ({source}): make it writable, or choose another data folder")]
    Folder {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Another process uses the folder.
    #[error("the data folder {0} is in use by another running process: stop that one, or choose another data folder")]
    InUse(PathBuf),
    /// Root, and no user to run the server as.
    #[error(
        "PostgreSQL does not run as root, and there is no user `postgres` or `nobody` to run it as: start the product as an \
         ordinary user, or set DATABASE_URL to use a database server"
    )]
    NoUser,
    /// Root, and the users there are cannot reach the folder.
    #[error(
        "PostgreSQL does not run as root, and the user `{user}` cannot enter {blocked}: choose a data folder that it can \
         reach, for example below /var/lib"
    )]
    CannotEnter {
        /// Who.
        user: String,
        /// The folder on the way that is closed to that user.
        blocked: PathBuf,
    },
    /// Our own user has no name.
    #[error(
        "the user with the number {0} has no entry in /etc/passwd, without which PostgreSQL does not start: add one, or set \
         DATABASE_URL to use a database server"
    )]
    NamelessUser(u32),
    /// `initdb` failed.
    #[error("making the private PostgreSQL cluster failed: {0}")]
    Init(String),
    /// The server ended at once, or did not become ready.
    #[error("the private PostgreSQL server did not start: {reason}; its log is {log}")]
    Start {
        /// Its own last words.
        reason: String,
        /// Where the rest is.
        log: PathBuf,
    },
    /// It does not stop.
    #[error("the private PostgreSQL server (process {0}) does not stop: end it by hand, then start again")]
    Stop(i32),
    /// The role or the database could not be made.
    #[error("preparing the private PostgreSQL database failed")]
    Bootstrap(#[source] sqlx::Error),
    /// The start was given up because the process ends.
    #[error("starting the private PostgreSQL server was interrupted")]
    Interrupted,
}

impl ClusterError {
    pub(super) fn folder(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Folder { action, path, source }
    }
}
