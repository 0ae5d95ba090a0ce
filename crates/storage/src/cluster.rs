//! The private Postgres cluster that the product starts for itself when it is given no database server.
//!
//! What is here: finding the server programs, choosing the operating-system user, the folder and its lock, `initdb`,
//! starting and stopping the postmaster, making the product's role and database. Not here: anything about tables.
//!
//! Layout of the folder: `lock` (held while a process uses it), `data` (the cluster), `socket` (mode 0700), `server.log`.
//!
//! Invariants: it listens on a unix socket only; it never runs as root; what is committed is on disk (`fsync` stays on,
//! except where a test says otherwise); at most one process uses a folder; the product itself connects as a role that is
//! neither superuser nor able to bypass row-level security.

mod bootstrap;
mod error;
mod folder;
mod os_user;
mod postmaster;
mod programs;

use std::{path::PathBuf, time::Duration};

use sqlx::postgres::{PgConnectOptions, PgSslMode};

pub use error::ClusterError;
pub use programs::ProgramSearch;

use folder::Folder;
use postmaster::{Postmaster, StartOptions};

/// The role that owns the product's database; every table is its, and forced row-level security holds for it too.
pub(crate) const ROLE: &str = "portcullis";
/// The product's database.
pub(crate) const DATABASE: &str = "portcullis";
/// The cluster's own superuser, for making the role and the database and nothing else.
pub(crate) const SUPERUSER: &str = "portcullis_super";

const STOP_LIMIT: Duration = Duration::from_secs(30);

/// Whether a commit waits for the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncToDisk {
    /// It does: the only choice for data that matters.
    Always,
    /// It does not: for databases that live as long as a test run.
    NeverForTests,
}

/// Where and how to run the cluster.
#[derive(Clone, Debug)]
pub struct ClusterOptions {
    /// The cluster's own folder; made when it is not there.
    pub folder: PathBuf,
    /// Where the server programs are looked for.
    pub programs: ProgramSearch,
    /// Whether a commit waits for the disk.
    pub sync: SyncToDisk,
}

/// A running private cluster. Dropping it asks the server to stop without waiting; [`Cluster::stop`] waits.
#[derive(Debug)]
pub struct Cluster {
    socket: PathBuf,
    postmaster: Postmaster,
    _lock: folder::Lock,
}

impl Cluster {
    /// Starts the cluster, making it first when the folder has none, and stopping a postmaster that a killed process
    /// left behind.
    ///
    /// # Errors
    /// [`ClusterError`]: each is one sentence that says what to do.
    pub async fn start(options: ClusterOptions) -> Result<Self, ClusterError> {
        let cluster = tokio::task::spawn_blocking(move || Self::start_blocking(&options))
            .await
            .map_err(|_| ClusterError::Interrupted)??;
        bootstrap::role_and_database(&cluster).await?;
        Ok(cluster)
    }

    /// The folder of the unix socket.
    #[must_use]
    pub fn socket(&self) -> &std::path::Path {
        &self.socket
    }

    /// Stops the server (fast shutdown: sessions are ended, everything committed is kept) and waits for its end.
    ///
    /// # Errors
    /// [`ClusterError::Stop`] when it does not end within half a minute.
    pub async fn stop(mut self) -> Result<(), ClusterError> {
        self.postmaster.stop(STOP_LIMIT).await
    }

    /// Makes a database owned by the product's role, as a copy of `template` when one is named. For tests.
    ///
    /// # Errors
    /// [`ClusterError::Bootstrap`], also for a name outside `[a-z0-9_]`.
    pub async fn create_database(&self, name: &str, template: Option<&str>) -> Result<(), ClusterError> {
        bootstrap::create_database(self, name, template).await
    }

    /// How the product connects: as its own role, over the socket, with nothing taken from `PG…` variables.
    pub(crate) fn connect_options(&self, database: &str) -> PgConnectOptions {
        self.options_for(ROLE, database)
    }

    fn superuser_options(&self) -> PgConnectOptions {
        self.options_for(SUPERUSER, "postgres")
    }

    fn options_for(&self, role: &str, database: &str) -> PgConnectOptions {
        PgConnectOptions::new_without_pgpass()
            .socket(&self.socket)
            .port(postmaster::PORT)
            .username(role)
            .password("")
            .database(database)
            .ssl_mode(PgSslMode::Disable)
    }

    fn start_blocking(options: &ClusterOptions) -> Result<Self, ClusterError> {
        let user = os_user::choose(&options.folder)?;
        let folder = Folder::prepare(&options.folder, &user)?;
        let lock = folder.lock()?;
        let programs = programs::find(&options.programs, folder.cluster_major()?)?;
        postmaster::end_leftover(&folder)?;
        folder.init(&programs, &user)?;
        let socket = folder.socket(&user)?;
        let start =
            StartOptions { folder: &folder, programs: &programs, user: &user, socket: &socket, sync: options.sync };
        let postmaster = Postmaster::start(&start)?;
        Ok(Self { socket, postmaster, _lock: lock })
    }
}
