//! Policies: problems placed, versions kept, conflicts told.

use accounts::{Conflicting, Error, OldDraft, PolicyEdit, Restore, Rule, SaveError};

use crate::support::{SEED, Work};

fn edit(based_on: u32, document: &str) -> PolicyEdit {
    PolicyEdit { based_on, revision: 0, document: document.to_owned(), note: String::new() }
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
    let refused = accounts.publish_policy(manager, work.ours.policy, &edit(1, bad)).await;
    let Err(SaveError::Problems(problems)) = refused else { panic!("{refused:?}") };
    let places: Vec<_> = problems.0.iter().map(|p| (p.pointer.as_str(), p.line)).collect();
    assert_eq!(places, [("/version", 2), ("/default", 3)]);
    assert_eq!(work.snapshot().await.policies[0].version, 1);
    assert!(accounts.check_policy(SEED).await.is_ok());
}

#[tokio::test]
async fn a_version_is_in_force_when_saving_returns_and_a_stale_one_conflicts() {
    let work = Work::new().await;
    let accounts = &work.fixture.accounts;
    let (manager, admin) = (&work.fixture.ours.policy_manager.caller, &work.fixture.ours.admin.caller);
    let second = r#"{"version":"1","default":"allow"}"#;
    assert_eq!(accounts.publish_policy(manager, work.ours.policy, &edit(1, second)).await.expect("saved"), 2);
    let published = work.snapshot().await.policies;
    assert_eq!((&*published[0].document, published[0].version), (second, 2));
    let stale = accounts.publish_policy(admin, work.ours.policy, &edit(1, SEED)).await;
    let Err(SaveError::Conflict { what, version, by, .. }) = stale else { panic!("{stale:?}") };
    assert_eq!((what, version, by.as_str()), (Conflicting::Published, 2, "policy_manager@ours.example"));
    let ahead = accounts.publish_policy(admin, work.ours.policy, &edit(3, SEED)).await;
    assert!(matches!(ahead, Err(SaveError::Other(Error::NotFound))), "{ahead:?}");

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

#[tokio::test]
async fn a_version_whose_test_fails_is_not_published_and_the_report_names_the_test() {
    let work = Work::new().await;
    let (accounts, manager) = (&work.fixture.accounts, &work.fixture.ours.policy_manager.caller);
    let failing = "{\"version\": \"1\", \"default\": \"deny\", \"tests\": [\n  \
        {\"name\": \"fine\", \"calls\": [{\"at\": 0, \"tool\": \"x\", \"expect\": \"deny\"}]},\n  \
        {\"name\": \"wrong\", \"calls\": [{\"at\": 0, \"tool\": \"x\", \"expect\": \"allow\"}]}]}";
    let refused = accounts.publish_policy(manager, work.ours.policy, &edit(1, failing)).await;
    let Err(SaveError::Problems(problems)) = refused else { panic!("{refused:?}") };
    let places: Vec<_> = problems.0.iter().map(|p| (p.pointer.as_str(), p.line, p.column)).collect();
    assert_eq!(places, [("/tests/1", 3, 3)]);
    assert_eq!(work.snapshot().await.policies[0].version, 1);
    let report = accounts.check_report(failing).await.expect("checked");
    let tests: Vec<_> = report.tests.iter().map(|t| (t.name.as_str(), t.line, t.failure.is_some())).collect();
    assert_eq!((report.problems.len(), tests), (0, vec![("fine", 2, false), ("wrong", 3, true)]));
    let report = accounts.check_report("{").await.expect("checked");
    assert_eq!((report.problems.len(), report.tests.len()), (1, 0));
}

#[tokio::test]
async fn a_team_that_is_to_answer_has_to_be_there_when_the_policy_is_published() {
    let work = Work::new().await;
    let (accounts, manager) = (&work.fixture.accounts, &work.fixture.ours.policy_manager.caller);
    let asking = |team: &str| {
        format!(
            "{{\"version\": \"1\", \"default\": \"deny\",\n \"tools\": {{\"pay\": {{\"action\": \"require_approval\",\n  \
             \"approval\": {{\"approvers\": {{\"team\": \"{team}\"}}}}}}}}}}"
        )
    };
    let refused = accounts.publish_policy(manager, work.ours.policy, &edit(1, &asking("nobody"))).await;
    let Err(SaveError::Problems(problems)) = refused else { panic!("{refused:?}") };
    let places: Vec<_> = problems.0.iter().map(|p| (p.pointer.as_str(), p.line)).collect();
    assert_eq!(places, [("/tools/pay/approval/approvers/team", 3)]);
    assert!(problems.0[0].message.contains("\"nobody\""), "{problems}");
    let refused = accounts.create_policy(manager, work.ours.server.id, "Other", &asking("nobody")).await;
    assert!(matches!(refused, Err(SaveError::Problems(_))), "{refused:?}");
    accounts.publish_policy(manager, work.ours.policy, &edit(1, &asking("data"))).await.expect("the team is there");

    accounts.publish_policy(manager, work.ours.policy, &edit(2, SEED)).await.expect("published");
    accounts.delete_team(&work.fixture.ours.owner.caller, work.fixture.ours.team).await.expect("deleted");
    let restore = Restore { version: 2, based_on: 3, draft: OldDraft::Stays };
    let refused = accounts.restore_policy(manager, work.ours.policy, &restore).await;
    assert!(matches!(refused, Err(SaveError::Problems(_))), "nobody could answer any more: {refused:?}");
}

#[tokio::test]
async fn an_old_version_is_restored_as_the_next_one_with_a_note() {
    let work = Work::new().await;
    let (accounts, manager) = (&work.fixture.accounts, &work.fixture.ours.policy_manager.caller);
    let second = r#"{"version":"1","default":"allow"}"#;
    accounts.publish_policy(manager, work.ours.policy, &edit(1, second)).await.expect("published");
    let stale = accounts
        .restore_policy(manager, work.ours.policy, &Restore { version: 1, based_on: 1, draft: OldDraft::Stays })
        .await;
    assert!(matches!(stale, Err(SaveError::Conflict { what: Conflicting::Published, version: 2, .. })), "{stale:?}");
    let admin = &work.fixture.ours.admin.caller;
    let restore = Restore { version: 1, based_on: 2, draft: OldDraft::Stays };
    assert_eq!(accounts.restore_policy(admin, work.ours.policy, &restore).await.expect("restored"), 3);
    let view = accounts.policy(manager, work.ours.policy, None).await.expect("there");
    let newest = &view.versions[0];
    assert_eq!((view.document.as_str(), newest.version, newest.note.as_str()), (SEED, 3, "Restores version 1"));
    assert_eq!(newest.author.as_str(), "admin@ours.example");
    let published = work.snapshot().await.policies;
    assert_eq!((&*published[0].document, published[0].version), (SEED, 3));
    let missing = accounts
        .restore_policy(admin, work.ours.policy, &Restore { version: 9, based_on: 3, draft: OldDraft::Stays })
        .await;
    assert!(matches!(missing, Err(SaveError::Other(Error::NotFound))), "{missing:?}");
}
