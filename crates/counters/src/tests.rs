//! One suite on every back end: in process, durable, and Redis with a clock that the test sets (the same script but for
//! the reading of the clock). What needs no moving clock also runs on Redis as it is.

mod approvals;
mod calendar;
mod cluster;
mod concurrent;
mod decimals;
mod durable;
mod durable_approvals;
mod faults;
mod fixture;
mod idle;
mod limits;
mod model;
mod outage;
mod refunds;
mod shadow;
mod stream;
mod vectors;

/// Runs each test on every back end whose clock the test can set.
macro_rules! on_each {
    ($($name:ident)*) => {
        mod memory {
            $(#[tokio::test] async fn $name() { super::$name(&crate::tests::fixture::Fixture::memory()).await; })*
        }
        mod durable {
            $(#[tokio::test] async fn $name() { super::$name(&crate::tests::fixture::Fixture::durable()).await; })*
        }
        mod redis {
            $(#[tokio::test] async fn $name() { super::$name(&crate::tests::fixture::Fixture::redis().await).await; })*
        }
        /// All of them, one after the other, on an account of its own for each: a cluster takes seconds to start.
        pub(super) async fn on_a_cluster(cluster: &crate::tests::cluster::Cluster) {
            $($name(&cluster.fixture().await).await;)*
        }
    };
}
pub(crate) use on_each;
