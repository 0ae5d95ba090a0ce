//! One private cluster per test process, one database per test, copied from a migrated template.
//!
//! The cluster's folder carries the process' number. Tests cannot clean up after the last of them, so the server ends with
//! the process (its parent-death signal), and the next test process removes folders whose process is gone.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};

use storage::{
    Db, PoolSize,
    cluster::{ClusterOptions, ProgramSearch, SyncToDisk},
};

pub use storage::cluster::Cluster;

const PREFIX: &str = "portcullis-test-";
const TEMPLATE: &str = "portcullis";

/// A database of its own for one test, migrated and empty.
#[derive(Debug)]
pub struct TestDb {
    /// The database.
    pub db: Db,
    /// Its name in the cluster.
    pub name: String,
}

impl TestDb {
    /// Makes a database.
    ///
    /// # Panics
    /// When the cluster cannot be started; the message says what to install.
    pub async fn new() -> Self {
        Self::copy_of(TEMPLATE).await
    }

    /// Makes a database that is a copy of another one, to which nobody may be connected.
    ///
    /// # Panics
    /// When it cannot be copied.
    pub async fn copy_of(template: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        Self::make(format!("test_{}", COUNT.fetch_add(1, Ordering::Relaxed)), template).await
    }

    /// Makes a database with a name, to be copied.
    ///
    /// # Panics
    /// When there is one already.
    pub async fn named(name: &str) -> Self {
        Self::make(name.to_owned(), TEMPLATE).await
    }

    async fn make(name: String, template: &str) -> Self {
        let cluster = cluster();
        cluster.create_database(&name, Some(template)).await.expect("a database copied from the template");
        let db = Db::of_cluster_database(cluster, &name, PoolSize(4)).await.expect("the new database opens");
        Self { db, name }
    }
}

/// This process' cluster, started at first use.
///
/// # Panics
/// When it cannot be started; the message says what to install.
pub fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(|| {
        // A thread and a runtime of its own, because the tests' runtimes come and go.
        std::thread::spawn(start).join().expect("the test cluster starts")
    })
}

fn start() -> Cluster {
    remove_leftovers(&std::env::temp_dir());
    let folder = std::env::temp_dir().join(format!("{PREFIX}{}", std::process::id()));
    let options =
        ClusterOptions { folder, programs: ProgramSearch::from_environment(), sync: SyncToDisk::NeverForTests };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let cluster = Cluster::start(options).await.unwrap_or_else(|error| panic!("{error}"));
        // The product's own database, migrated, is the template: nobody connects to it again.
        let template = Db::of_cluster(&cluster, PoolSize(1)).await.expect("the template opens");
        template.migrate().await.expect("the migrations run");
        template.close().await;
        cluster
    })
}

fn remove_leftovers(temp: &Path) {
    let entries = fs::read_dir(temp).into_iter().flatten().flatten();
    let gone: Vec<PathBuf> = entries
        .filter(|entry| {
            let name = entry.file_name();
            let process = name.to_str().and_then(|name| name.strip_prefix(PREFIX));
            process.is_some_and(|process| !Path::new("/proc").join(process).exists())
        })
        .map(|entry| entry.path())
        .collect();
    for folder in gone {
        // Another test process may be removing the same one.
        let _ = fs::remove_dir_all(folder);
    }
}
