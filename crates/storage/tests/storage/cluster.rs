//! The private cluster's life: made, locked, stopped, killed, started again.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use sqlx::{Connection as _, Executor as _, PgConnection, postgres::PgQueryResult};
use storage::{
    Db, PoolSize,
    cluster::{Cluster, ClusterError, ClusterOptions, ProgramSearch, SyncToDisk},
};

/// A folder that goes when the test ends.
struct TempFolder(PathBuf);

impl TempFolder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("portcullis-cluster-{}-{name}", std::process::id()));
        // Left by an earlier process with the same number.
        let _ = fs::remove_dir_all(&path);
        Self(path)
    }

    fn options(&self) -> ClusterOptions {
        ClusterOptions {
            folder: self.0.clone(),
            programs: ProgramSearch::from_environment(),
            sync: SyncToDisk::NeverForTests,
        }
    }
}

impl Drop for TempFolder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn server_process(folder: &Path) -> i32 {
    let text = fs::read_to_string(folder.join("data/postmaster.pid")).expect("the server's status file");
    text.lines().next().and_then(|line| line.trim().parse().ok()).expect("a process number")
}

#[tokio::test]
async fn it_is_made_once_locked_and_keeps_its_data() {
    let folder = TempFolder::new("life");
    let cluster = Cluster::start(folder.options()).await.expect("a new cluster");
    let db = Db::of_cluster(&cluster, PoolSize(1)).await.expect("the database opens");
    db.migrate().await.expect("migrated");
    db.count_attempt("kept", test_support::NOON, 60).await.expect("counted");

    let second = Cluster::start(folder.options()).await.expect_err("the folder is taken");
    assert!(matches!(second, ClusterError::InUse(_)), "{second}");
    assert!(second.to_string().contains("in use by another running process"));

    db.close().await;
    cluster.stop().await.expect("stopped");
    let cluster = Cluster::start(folder.options()).await.expect("the same cluster again");
    let db = Db::of_cluster(&cluster, PoolSize(1)).await.expect("the database opens");
    db.migrate().await.expect("nothing to do");
    assert_eq!(db.count_attempt("kept", test_support::NOON, 60).await.expect("counted").count, 2);
    let mode = fs::metadata(cluster.socket()).expect("the socket's folder").permissions().mode() & 0o777;
    assert_eq!(mode, 0o700);
    db.close().await;
    cluster.stop().await.expect("stopped");
}

/// The child of the next test: a process with a cluster, until it is killed. As a test of its own it does nothing.
#[tokio::test]
async fn it_runs_until_it_is_killed() {
    let Some(folder) = std::env::var_os(CHILD_FOLDER) else { return };
    let options =
        ClusterOptions { folder: folder.into(), programs: ProgramSearch::from_environment(), sync: SyncToDisk::Always };
    let cluster = Cluster::start(options).await.expect("a cluster");
    let db = Db::of_cluster(&cluster, PoolSize(1)).await.expect("the database opens");
    db.migrate().await.expect("migrated");
    db.count_attempt("kept", test_support::NOON, 60).await.expect("counted");
    println!("\n{COUNTED}");
    std::future::pending::<()>().await;
}

const CHILD_FOLDER: &str = "PORTCULLIS_TEST_CLUSTER_FOLDER";
const COUNTED: &str = "counted and committed";

#[tokio::test]
async fn what_was_committed_outlives_a_kill_of_the_process() {
    let folder = TempFolder::new("murder");
    let mut child = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "cluster::it_runs_until_it_is_killed", "--nocapture"])
        .env(CHILD_FOLDER, &folder.0)
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("a child");
    let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    assert!(lines.any(|line| line.is_ok_and(|line| line == COUNTED)), "the child counted");
    child.kill().expect("killed");
    child.wait().expect("gone");

    let cluster = Cluster::start(folder.options()).await.expect("the same cluster again");
    let db = Db::of_cluster(&cluster, PoolSize(1)).await.expect("the database opens");
    assert_eq!(db.count_attempt("kept", test_support::NOON, 60).await.expect("counted").count, 2);
    db.close().await;
    cluster.stop().await.expect("stopped");
}

/// What `kill -9` of the product leaves when no parent-death signal can be set: a running server and its status file.
#[tokio::test]
async fn a_server_left_behind_is_ended_and_replaced() {
    let folder = TempFolder::new("leftover");
    let cluster = Cluster::start(folder.options()).await.expect("a new cluster");
    cluster.stop().await.expect("stopped");
    let mut leftover = leftover_server(&folder.0);

    let cluster = Cluster::start(folder.options()).await.expect("started in spite of the old server");
    let ended = leftover.wait().expect("the old server has ended");
    assert!(ended.success(), "it was shut down, not killed: {ended}");
    cluster.stop().await.expect("stopped");
}

/// `postgres` started by another hand, as the user that owns the data, and ready.
fn leftover_server(folder: &Path) -> std::process::Child {
    use std::os::unix::{fs::MetadataExt as _, process::CommandExt as _};
    let data = folder.join("data");
    let owner = fs::metadata(&data).expect("the cluster");
    let programs = Command::new("pg_config").arg("--bindir").output();
    let bin = programs.ok().filter(|o| o.status.success()).map_or_else(
        || PathBuf::from("/usr/lib/postgresql/15/bin"),
        |output| PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()),
    );
    let mut command = Command::new(bin.join("postgres"));
    command.arg("-D").arg(&data).args(["-c", "listen_addresses=", "-c"]);
    command.arg(format!("unix_socket_directories={}", folder.join("socket").display()));
    command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).current_dir("/");
    if rustix::process::geteuid().is_root() {
        command.uid(owner.uid()).gid(owner.gid());
    }
    let child = command.spawn().expect("a server");
    let ready = || fs::read_to_string(data.join("postmaster.pid")).is_ok_and(|text| text.contains("ready"));
    while !ready() {
        std::thread::yield_now();
    }
    child
}

#[tokio::test]
async fn a_killed_server_leaves_nothing_in_the_way() {
    let folder = TempFolder::new("killed");
    let cluster = Cluster::start(folder.options()).await.expect("a new cluster");
    let process = server_process(&folder.0);
    let busy = busy_session(&cluster).await;
    let killed = Command::new("kill").args(["-9", &process.to_string()]).status().expect("kill runs");
    assert!(killed.success());
    cluster.stop().await.expect("there is nothing left to stop");
    // The number in the status file now belongs to a living process that is no server: this one.
    let status = folder.0.join("data/postmaster.pid");
    let text = fs::read_to_string(&status).expect("left behind");
    fs::write(&status, text.replacen(&process.to_string(), &std::process::id().to_string(), 1)).expect("written");
    let cluster = Cluster::start(folder.options()).await.expect("started again");
    busy.await.expect("joined").expect_err("the old server's last process has ended");
    cluster.stop().await.expect("stopped");
}

/// Goes on for two minutes, should nobody end it.
const BUSY: &str = "do $$ declare ends timestamptz := clock_timestamp() + interval '2 minutes';
    begin while clock_timestamp() < ends loop end loop; end $$";

/// A session that is too busy to notice that its server is gone.
async fn busy_session(cluster: &Cluster) -> tokio::task::JoinHandle<Result<PgQueryResult, sqlx::Error>> {
    let url = format!("postgres://portcullis_super@localhost/postgres?host={}", cluster.socket().display());
    let mut session = PgConnection::connect(&url).await.expect("a connection");
    let mut other = PgConnection::connect(&url).await.expect("another");
    let busy = tokio::spawn(async move { session.execute(BUSY).await });
    let works = "select exists (select from pg_stat_activity where state = 'active' and query like 'do %')";
    while !sqlx::query_scalar::<_, bool>(works).fetch_one(&mut other).await.expect("asked") {}
    busy
}

#[tokio::test]
async fn a_long_path_gets_a_short_socket() {
    let folder = TempFolder::new("long");
    let long = TempFolder(folder.0.join("a-rather-long-name-for-a-folder".repeat(3)));
    let cluster = Cluster::start(long.options()).await.expect("a new cluster");
    assert!(cluster.socket().starts_with("/tmp"), "{:?}", cluster.socket());
    let socket = cluster.socket().to_owned();
    cluster.stop().await.expect("stopped");
    fs::remove_dir_all(socket).expect("the socket's folder is ours");
}

#[tokio::test]
async fn what_is_in_the_way_is_told_in_one_sentence() {
    let folder = TempFolder::new("unwritable");
    fs::write(&folder.0, "a file where the folder should be").expect("written");
    let error = Cluster::start(folder.options()).await.expect_err("no folder").to_string();
    assert!(error.starts_with("cannot make the data folder") && error.contains("choose another"), "{error}");
    fs::remove_file(&folder.0).expect("removed");

    let options = ClusterOptions { programs: ProgramSearch::default(), ..folder.options() };
    let error = Cluster::start(options).await.expect_err("no programs").to_string();
    assert!(error.contains("apt-get install postgresql"), "{error}");

    fs::create_dir_all(folder.0.join("data")).expect("made");
    fs::write(folder.0.join("data/PG_VERSION"), "9\n").expect("written");
    let error = Cluster::start(folder.options()).await.expect_err("an old cluster").to_string();
    assert!(error.contains("PostgreSQL 9"), "{error}");
}
