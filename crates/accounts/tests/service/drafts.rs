//! Drafts: in no force, shared, and never overwritten by somebody who did not see them.

use accounts::{Conflicting, DraftEdit, Error, OldDraft, PolicyEdit, Restore, SaveError};
use domain::PolicyId;

use crate::support::{SEED, Work, to_agent};

fn draft(based_on: u32, revision: u32, document: &str) -> DraftEdit {
    DraftEdit { based_on, revision, document: document.to_owned() }
}

fn publish(based_on: u32, revision: u32, document: &str) -> PolicyEdit {
    PolicyEdit { based_on, revision, document: document.to_owned(), note: "why".to_owned() }
}

async fn actions(work: &Work) -> Vec<String> {
    let events = work.fixture.accounts.admin_events(&work.fixture.ours.owner.caller).await.expect("asked");
    events.into_iter().map(|event| event.action).filter(|action| action.starts_with("policy.")).collect()
}

#[tokio::test]
async fn a_draft_may_be_wrong_is_in_no_force_and_says_whose_it_is() {
    let work = Work::new().await;
    let (accounts, manager) = (&work.fixture.accounts, &work.fixture.ours.policy_manager.caller);
    let before = work.snapshot().await.version;
    let text = "{ \"version\": \"2\",\r\n not json";
    assert_eq!(accounts.save_draft(manager, work.ours.policy, &draft(1, 0, text)).await.expect("saved"), 1);
    let view = accounts.policy(&work.fixture.ours.viewer.caller, work.ours.policy, None).await.expect("there");
    let kept = view.draft.expect("the draft");
    assert_eq!((kept.document.as_str(), kept.note.revision, kept.note.based_on), (text, 1, 1));
    assert_eq!(kept.note.author.as_str(), "policy_manager@ours.example");
    assert_eq!((view.document.as_str(), view.policy.version), (SEED, 1));
    assert_eq!(view.policy.draft.expect("told in lists too").revision, 1);
    let snapshot = work.snapshot().await;
    assert_eq!((&*snapshot.policies[0].document, snapshot.version), (SEED, before), "gateways hear nothing of it");
    for document in ["x".repeat(256 * 1024 + 1), "a\0b".to_owned()] {
        let refused = accounts.save_draft(manager, work.ours.policy, &draft(1, 1, &document)).await;
        let Err(SaveError::Other(Error::Invalid(faults))) = refused else { panic!("{refused:?}") };
        assert_eq!(faults[0].field, "document");
    }
    accounts
        .save_draft(manager, work.ours.policy, &draft(1, 1, &"x".repeat(256 * 1024)))
        .await
        .expect("as long as may be");
}

#[tokio::test]
async fn the_second_of_two_editors_is_told_and_both_texts_are_kept() {
    let work = Work::new().await;
    let (accounts, id) = (&work.fixture.accounts, work.ours.policy);
    let (manager, admin) = (&work.fixture.ours.policy_manager.caller, &work.fixture.ours.admin.caller);
    assert_eq!(accounts.save_draft(manager, id, &draft(1, 0, "first")).await.expect("saved"), 1);
    let second = accounts.save_draft(admin, id, &draft(1, 0, "second")).await;
    let Err(SaveError::Conflict { what, version, by, at }) = second else { panic!("{second:?}") };
    assert_eq!((what, version, by.as_str()), (Conflicting::Draft, 1, "policy_manager@ours.example"));
    assert_eq!(at, work.fixture.clock.now());
    let kept = accounts.policy(admin, id, None).await.expect("there").draft.expect("a draft");
    assert_eq!(kept.document, "first");
    // Having seen it, the second may go on from it; then the first is told.
    assert_eq!(accounts.save_draft(admin, id, &draft(1, 1, "second")).await.expect("saved"), 2);
    let first = accounts.save_draft(manager, id, &draft(1, 1, "first again")).await;
    assert!(matches!(first, Err(SaveError::Conflict { what: Conflicting::Draft, version: 2, .. })), "{first:?}");
    for unseen in [0, 1] {
        let publishing = accounts.publish_policy(manager, id, &publish(1, unseen, SEED)).await;
        let told = matches!(publishing, Err(SaveError::Conflict { what: Conflicting::Draft, version: 2, .. }));
        assert!(told, "a draft that its author did not see does not go: {publishing:?}");
        let discarding = accounts.discard_draft(manager, id, unseen).await;
        assert!(matches!(discarding, Err(SaveError::Conflict { what: Conflicting::Draft, .. })), "{discarding:?}");
    }
}

#[tokio::test]
async fn of_editors_at_the_same_moment_one_is_first() {
    let work = Work::new().await;
    let (accounts, id) = (&work.fixture.accounts, work.ours.policy);
    let (manager, admin) = (&work.fixture.ours.policy_manager.caller, &work.fixture.ours.admin.caller);
    let (one, two) = (draft(1, 0, "one"), draft(1, 0, "two"));
    let (first, second) = tokio::join!(accounts.save_draft(manager, id, &one), accounts.save_draft(admin, id, &two));
    assert_eq!([first.is_ok(), second.is_ok()].iter().filter(|saved| **saved).count(), 1, "{first:?} {second:?}");
    let kept = accounts.policy(admin, id, None).await.expect("there").draft.expect("a draft").document;
    assert_eq!(kept, if first.is_ok() { "one" } else { "two" });
    let (one, two) = (publish(1, 1, SEED), publish(1, 1, SEED));
    let (first, second) =
        tokio::join!(accounts.publish_policy(manager, id, &one), accounts.publish_policy(admin, id, &two));
    assert_eq!([first.is_ok(), second.is_ok()].iter().filter(|saved| **saved).count(), 1, "{first:?} {second:?}");
}

#[tokio::test]
async fn publishing_takes_the_draft_with_it_and_revisions_are_not_given_again() {
    let work = Work::new().await;
    let (accounts, id) = (&work.fixture.accounts, work.ours.policy);
    let manager = &work.fixture.ours.policy_manager.caller;
    accounts.save_draft(manager, id, &draft(1, 0, SEED)).await.expect("saved");
    let open = r#"{"version":"1","default":"allow"}"#;
    assert_eq!(accounts.publish_policy(manager, id, &publish(1, 1, open)).await.expect("published"), 2);
    let view = accounts.policy(manager, id, None).await.expect("there");
    assert!(view.draft.is_none());
    assert_eq!((view.versions[0].note.as_str(), view.document.as_str()), ("why", open));
    let late = accounts.save_draft(manager, id, &draft(1, 1, "late")).await;
    assert!(matches!(late, Err(SaveError::Conflict { what: Conflicting::Published, version: 2, .. })), "{late:?}");
    assert_eq!(accounts.save_draft(manager, id, &draft(2, 0, "next")).await.expect("saved"), 2);
    accounts
        .restore_policy(manager, id, &Restore { version: 1, based_on: 2, draft: OldDraft::Stays })
        .await
        .expect("restored");
    let kept = accounts.policy(manager, id, None).await.expect("there").draft.expect("restoring leaves it");
    assert_eq!((kept.document.as_str(), kept.note.based_on), ("next", 2));
    accounts.discard_draft(manager, id, 2).await.expect("discarded");
    let nothing = accounts.discard_draft(manager, id, 2).await;
    assert!(matches!(nothing, Err(SaveError::Other(Error::NotFound))), "{nothing:?}");
    assert_eq!(accounts.save_draft(manager, id, &draft(3, 0, "again")).await.expect("saved"), 3);
    let mut expected = [
        "policy.draft_saved",
        "policy.draft_discarded",
        "policy.restored",
        "policy.draft_saved",
        "policy.published",
        "policy.draft_saved",
        "policy.created",
    ];
    expected.sort_unstable();
    let mut found = actions(&work).await;
    found.sort_unstable();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn a_policy_that_was_never_published_is_in_no_snapshot() {
    let work = Work::new().await;
    let (accounts, owner) = (&work.fixture.accounts, &work.fixture.ours.owner.caller);
    let id = accounts.create_draft_policy(owner, work.ours.server.id, "New", "{").await.expect("a draft");
    let view = accounts.policy(owner, id, None).await.expect("there");
    assert_eq!((view.policy.version, view.shown_version, view.document.as_str(), view.versions.len()), (0, 0, "", 0));
    assert_eq!(view.policy.author.as_str(), "owner@ours.example");
    assert_eq!(view.draft.map(|draft| draft.document).as_deref(), Some("{"));
    assert!(matches!(accounts.policy_document(owner, id, 0).await, Err(Error::NotFound)));
    let listed = accounts.list_policies(owner, work.ours.server.id).await.expect("asked");
    assert_eq!(listed.iter().map(|policy| policy.version).collect::<Vec<_>>(), [1, 0]);
    accounts.attach_policy(owner, work.ours.grant.id, Some(id)).await.expect("attached");
    let snapshot = work.snapshot().await;
    assert_eq!((snapshot.grants[0].policy, snapshot.policies.len()), (Some(id), 0), "the grant denies: no policy");
    accounts.discard_draft(owner, id, 1).await.expect("discarded");
    assert_eq!(
        accounts.policy(owner, id, None).await.expect("still there").policy.author.as_str(),
        "owner@ours.example"
    );
    assert_eq!(accounts.publish_policy(owner, id, &publish(0, 0, SEED)).await.expect("published"), 1);
    assert_eq!(work.snapshot().await.policies[0].version, 1);
    accounts.grant(owner, work.ours.grant.id).await.expect("shown");
}

#[tokio::test]
async fn what_is_published_to_watch_first_denies_nothing_and_its_text_stays_as_the_draft() {
    let work = Work::new().await;
    let (accounts, id) = (&work.fixture.accounts, work.ours.policy);
    let manager = &work.fixture.ours.policy_manager.caller;
    accounts.save_draft(manager, id, &draft(1, 0, "older")).await.expect("saved");
    let unseen = accounts.publish_in_shadow(manager, id, &publish(1, 0, SEED)).await;
    assert!(matches!(unseen, Err(SaveError::Conflict { what: Conflicting::Draft, .. })), "{unseen:?}");
    assert_eq!(accounts.publish_in_shadow(manager, id, &publish(1, 1, SEED)).await.expect("published"), 2);
    let view = accounts.policy(manager, id, None).await.expect("there");
    let kept = view.draft.expect("the text itself");
    assert_eq!((kept.document.as_str(), kept.note.based_on, kept.note.revision), (SEED, 2, 2));
    assert_eq!(work.snapshot().await.policies[0].document.as_ref(), view.document);
    let watching = policy::CompiledPolicy::compile(&view.document).expect("valid");
    let seed = policy::CompiledPolicy::compile(SEED).expect("valid");
    let listed = |policy| policy::visibility(Some(policy), "delete_run", policy::RiskClass::Destructive);
    assert_eq!((listed(&watching), listed(&seed)), (policy::Visibility::Listed, policy::Visibility::Denied));
    // Publishing the draft then puts it in force.
    assert_eq!(accounts.publish_policy(manager, id, &publish(2, 2, SEED)).await.expect("published"), 3);
    assert!(actions(&work).await.contains(&"policy.published_in_shadow".to_owned()));
    let failing = r#"{"version":"1","default":"deny","tests":[{"calls":[{"at":0,"tool":"x","expect":"allow"}]}]}"#;
    let refused = accounts.publish_in_shadow(manager, id, &publish(3, 0, failing)).await;
    assert!(matches!(refused, Err(SaveError::Problems(_))), "{refused:?}");
}

#[tokio::test]
async fn a_removed_policys_draft_is_gone_and_its_name_free() {
    let work = Work::new().await;
    let (accounts, owner, server) = (&work.fixture.accounts, &work.fixture.ours.owner.caller, work.ours.server.id);
    let id: PolicyId = accounts.create_draft_policy(owner, server, "New", "{").await.expect("a draft");
    let taken = accounts.create_draft_policy(owner, server, "nEW", "{").await;
    assert!(matches!(taken, Err(SaveError::Other(Error::Invalid(_)))), "{taken:?}");
    accounts.remove_policy(owner, id).await.expect("removed");
    assert!(matches!(accounts.save_draft(owner, id, &draft(0, 1, "{")).await, Err(SaveError::Other(Error::NotFound))));
    assert!(matches!(accounts.discard_draft(owner, id, 1).await, Err(SaveError::Other(Error::NotFound))));
    accounts.create_draft_policy(owner, server, "New", "{").await.expect("the name is free");
    let form = to_agent(&work.fixture, server, Some(id));
    assert!(matches!(accounts.create_grant(owner, &form).await, Err(Error::NotFound)));
}
