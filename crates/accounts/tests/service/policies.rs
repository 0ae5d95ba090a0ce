//! Policies: problems placed, versions kept, conflicts told.

use accounts::{Error, PolicyEdit, Rule, SaveError};

use crate::support::{SEED, Work};

fn edit(based_on: u32, document: &str) -> PolicyEdit {
    PolicyEdit { based_on, document: document.to_owned(), note: String::new() }
}

#[tokio::test]
async fn the_seed_policy_is_published_exactly_as_it_was_pasted() {
    let work = Work::new().await;
    let snapshot = work.snapshot().await;
    assert_eq!(snapshot.policies.len(), 1);
    assert_eq!((&*snapshot.policies[0].document, snapshot.policies[0].version), (SEED, 1));
    assert_eq!(snapshot.grants[0].policy, Some(work.ours.policy));
}

#[tokio::test]
async fn problems_come_all_at_once_and_nothing_is_saved() {
    let work = Work::new().await;
    let (accounts, manager) = (&work.fixture.accounts, &work.fixture.ours.policy_manager.caller);
    let bad = "{\n  \"version\": \"2\",\n  \"default\": \"maybe\"\n}";
    let refused = accounts.save_policy(manager, work.ours.policy, &edit(1, bad)).await;
    let Err(SaveError::Problems(problems)) = refused else { panic!("{refused:?}") };
    let places: Vec<_> = problems.0.iter().map(|p| (p.pointer.as_str(), p.line)).collect();
    assert_eq!(places, [("/version", 2), ("/default", 3)]);
    assert_eq!(work.snapshot().await.policies[0].version, 1);
    let approval = r#"{"version":"1","default":"deny","tools":{"x":{"action":"require_approval"}}}"#;
    let refused = accounts.create_policy(manager, work.ours.server.id, "Other", approval).await;
    let Err(SaveError::Problems(problems)) = refused else { panic!("{refused:?}") };
    assert_eq!(problems.0[0].pointer, "/tools/x/action");
    assert!(accounts.check_policy(SEED).await.is_ok());
}

#[tokio::test]
async fn a_version_is_in_force_when_saving_returns_and_a_stale_one_conflicts() {
    let work = Work::new().await;
    let accounts = &work.fixture.accounts;
    let (manager, admin) = (&work.fixture.ours.policy_manager.caller, &work.fixture.ours.admin.caller);
    let second = r#"{"version":"1","default":"allow"}"#;
    assert_eq!(accounts.save_policy(manager, work.ours.policy, &edit(1, second)).await.expect("saved"), 2);
    let published = work.snapshot().await.policies;
    assert_eq!((&*published[0].document, published[0].version), (second, 2));
    let stale = accounts.save_policy(admin, work.ours.policy, &edit(1, SEED)).await;
    let Err(SaveError::Conflict { version, by, .. }) = stale else { panic!("{stale:?}") };
    assert_eq!((version, by.as_str()), (2, "policy_manager@ours.example"));

    let old = accounts.policy(admin, work.ours.policy, Some(1)).await.expect("kept");
    assert_eq!((old.document.as_str(), old.shown_version, old.versions.len()), (SEED, 1, 2));
    assert!(matches!(accounts.policy(admin, work.ours.policy, Some(3)).await, Err(Error::NotFound)));
}

#[tokio::test]
async fn names_are_unique_on_a_server_and_a_policy_in_use_stays() {
    let work = Work::new().await;
    let (accounts, manager) = (&work.fixture.accounts, &work.fixture.ours.policy_manager.caller);
    let taken = accounts.create_policy(manager, work.ours.server.id, "dEFAULT", SEED).await;
    let Err(SaveError::Other(Error::Invalid(faults))) = taken else { panic!("{taken:?}") };
    assert_eq!(faults[0].field, "name");
    let in_use = accounts.remove_policy(manager, work.ours.policy).await;
    assert!(matches!(in_use, Err(Error::Rule(Rule::PolicyInUse))), "{in_use:?}");
    accounts.attach_policy(manager, work.ours.grant.id, None).await.expect("detached");
    accounts.remove_policy(manager, work.ours.policy).await.expect("removed");
    assert!(accounts.list_policies(manager, work.ours.server.id).await.expect("asked").is_empty());
    assert!(work.snapshot().await.policies.is_empty());
    accounts.create_policy(manager, work.ours.server.id, "Default", SEED).await.expect("the name is free again");
}
