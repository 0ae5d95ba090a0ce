//! Each change reaches the bus before the use case answers, and none is forgotten when it could not.

use domain::AccountSnapshot;
use test_support::{Fixture, Tenant};

async fn told(fixture: &Fixture, tenant: &Tenant) -> AccountSnapshot {
    let signed = fixture.bus.load(&tenant.slug).await.expect("asked").expect("published");
    signed.open(&tenant.slug, &fixture.key).expect("signed by us")
}

#[tokio::test]
async fn a_change_is_published_with_a_greater_version_and_leaves_the_neighbour_alone() {
    let fixture = Fixture::new().await;
    let (before, neighbour) = (told(&fixture, &fixture.ours).await, told(&fixture, &fixture.neighbour).await);
    fixture.accounts.create_agent(&fixture.ours.owner.caller, "second").await.expect("an agent");
    let after = told(&fixture, &fixture.ours).await;
    assert!(after.version > before.version);
    assert_eq!(after.agents.len(), before.agents.len() + 1);
    assert_eq!(told(&fixture, &fixture.neighbour).await, neighbour);
    let mut job = fixture.test.db.job().await.expect("a transaction");
    assert!(job.waiting_snapshots(10).await.expect("asked").is_empty(), "nothing waits");
}

#[tokio::test]
async fn a_refused_change_leaves_no_trace() {
    let fixture = Fixture::new().await;
    let before = told(&fixture, &fixture.ours).await;
    let events = fixture.accounts.admin_events(&fixture.ours.owner.caller).await.expect("asked").len();
    fixture.accounts.create_agent(&fixture.ours.owner.caller, "ci-runner").await.expect_err("taken");
    fixture.accounts.create_agent(&fixture.ours.viewer.caller, "other").await.expect_err("not allowed");
    fixture.accounts.publish_waiting().await.expect("nothing to publish");
    assert_eq!(told(&fixture, &fixture.ours).await, before);
    assert_eq!(fixture.accounts.admin_events(&fixture.ours.owner.caller).await.expect("asked").len(), events);
}

/// A process that died between commit and publish: the next round of the background job publishes.
#[tokio::test]
async fn what_waits_is_published_by_the_background_job() {
    let fixture = Fixture::new().await;
    let before = told(&fixture, &fixture.ours).await.version;
    let mut tx = fixture.test.db.account(fixture.ours.owner.caller.scope()).await.expect("a transaction");
    let version = tx.bump_snapshot(fixture.clock.now()).await.expect("a version");
    tx.commit().await.expect("committed");
    assert_eq!(told(&fixture, &fixture.ours).await.version, before);
    assert_eq!(fixture.accounts.publish_waiting().await.expect("published"), 1);
    assert_eq!(told(&fixture, &fixture.ours).await.version, version);
    assert_eq!(fixture.accounts.publish_waiting().await.expect("asked"), 0);
}

/// A bus in process is empty after a restart, and Redis can lose its memory.
#[tokio::test]
async fn what_the_bus_has_lost_is_published_again() {
    let fixture = Fixture::new().await;
    assert_eq!(fixture.accounts.publish_missing().await.expect("asked"), 0);
    let before = told(&fixture, &fixture.ours).await;
    fixture.bus.withdraw(&fixture.ours.slug).await.expect("lost");
    assert_eq!(fixture.accounts.publish_missing().await.expect("published"), 1);
    assert_eq!(told(&fixture, &fixture.ours).await, before);
}
