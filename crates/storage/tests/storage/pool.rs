//! The pool's guard against transactions that sqlx lost track of.

use std::{future::Future, pin::pin, task::Poll};

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

#[tokio::test]
async fn a_bad_url_is_told_without_repeating_it() {
    let error = Db::connect("postgres://user:hunter2@[bad", PoolSize(1)).await.expect_err("not a URL");
    assert!(matches!(error, OpenError::Url));
    assert!(!error.to_string().contains("hunter2"));
}
