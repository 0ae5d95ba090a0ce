//! The pool's guard against transactions that sqlx lost track of.

use std::{
    future::Future,
    io::{self, Write},
    pin::pin,
    sync::{Arc, Mutex},
    task::Poll,
};

use sqlx::Connection as _;
use storage::{Db, OpenError, PoolSize};
use test_support::{TestDb, cluster};

/// A cancelled begin (the browser went away) must not make a later, finished change disappear.
#[tokio::test]
async fn a_cancelled_begin_harms_nobody() {
    let test = TestDb::new().await;
    let db = Db::of_cluster_database(cluster(), &test.name, PoolSize(1)).await.expect("a pool of one connection");
    let now = test_support::NOON;
    for round in 0..20 {
        for polls in 1..6 {
            let mut future = pin!(db.job());
            for _ in 0..polls {
                let state = std::future::poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx).is_ready())).await;
                if state {
                    break;
                }
                tokio::task::yield_now().await;
            }
        }
        let subject = format!("subject {round}");
        db.count_attempt(&subject, now, 60).await.expect("counted");
        let again = test.db.count_attempt(&subject, now, 60).await.expect("counted by another connection");
        assert_eq!(again.count, 2, "the first count was committed, round {round}");
    }
}

/// A request that is dropped while it commits: what it did is kept, and no rollback is sent after the commit, of which
/// PostgreSQL would warn.
#[tokio::test]
async fn a_cancelled_commit_is_finished_and_nothing_more() {
    let test = TestDb::new().await;
    let log = Log::default();
    let writer = log.clone();
    let warnings = tracing_subscriber::fmt().with_max_level(tracing::Level::WARN).with_writer(move || writer.clone());
    let _quiet = tracing::subscriber::set_default(warnings.finish());
    let db = Db::of_cluster_database(cluster(), &test.name, PoolSize(1)).await.expect("a pool of one connection");
    for polls in 1..8 {
        let job = db.job().await.expect("a transaction");
        let mut future = Box::pin(job.commit());
        for _ in 0..polls {
            if std::future::poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx).is_ready())).await {
                break;
            }
            tokio::task::yield_now().await;
        }
        drop(future);
        db.ping().await.expect("the one connection is there again");
    }
    assert_eq!(log.notices(), 0, "{}", log.text());
    let mut outside = connection_of_superuser().await;
    sqlx::query("rollback").execute(&mut outside).await.expect("it only warns");
    assert_eq!(log.notices(), 1, "such a warning would be seen: {}", log.text());
}

#[tokio::test]
async fn a_bad_url_is_told_without_repeating_it() {
    let error = Db::connect("postgres://user:hunter2@[bad", PoolSize(1)).await.expect_err("not a URL");
    assert!(matches!(error, OpenError::Url));
    assert!(!error.to_string().contains("hunter2"));
}

#[tokio::test]
async fn a_role_above_the_walls_is_refused() {
    let test = TestDb::new().await;
    let socket = cluster().socket().display().to_string();
    let url = |role: &str| format!("postgres://{role}@localhost/{}?host={socket}", test.name);
    let refused = Db::connect(&url("portcullis_super"), PoolSize(1)).await.expect_err("a superuser");
    assert!(matches!(&refused, OpenError::UnsafeRole(role) if role == "portcullis_super"), "{refused}");
    assert!(refused.to_string().contains("deploy/postgres/roles.sql"));
    Db::connect(&url("portcullis"), PoolSize(1)).await.expect("the product's own role opens");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told_with_what_to_do() {
    let told = Db::connect("postgres://user:hunter2@127.0.0.1:1/db", PoolSize(1)).await.expect_err("nobody listens");
    let told = told.to_string();
    assert!(told.contains("DATABASE_URL") && !told.contains("hunter2"), "{told}");
}

/// The server was restarted: connections of before are noticed and replaced.
#[tokio::test]
async fn a_connection_that_broke_is_replaced() {
    let test = TestDb::new().await;
    let db = Db::of_cluster_database(cluster(), &test.name, PoolSize(1)).await.expect("a pool of one connection");
    db.ping().await.expect("there");
    let mut other = connection_of_superuser().await;
    let ended = sqlx::query("select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = $1");
    ended.bind(&test.name).execute(&mut other).await.expect("ended");
    db.ping().await.expect("there again");
}

async fn connection_of_superuser() -> sqlx::PgConnection {
    let url = format!("postgres://portcullis_super@localhost/postgres?host={}", cluster().socket().display());
    sqlx::PgConnection::connect(&url).await.expect("a connection of the superuser")
}

/// What was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().expect("not poisoned").clone()).expect("text")
    }

    /// How often PostgreSQL warned. On a busy machine sqlx warns besides, of statements that took long.
    fn notices(&self) -> usize {
        self.text().lines().filter(|line| line.contains("sqlx::postgres::notice")).count()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("not poisoned").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
