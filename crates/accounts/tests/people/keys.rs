//! Keys: shown once, kept as hashes, ended by whoever may.

use accounts::{Error, NewKey, Rule};
use domain::{Principal, Timestamp};
use test_support::{Fixture, NOON, Person};

fn key(principal: Principal, expires_at: Option<Timestamp>) -> NewKey {
    NewKey { principal, label: "laptop".to_owned(), expires_at }
}

fn own(person: &Person) -> Principal {
    Principal::Member(person.visitor.user)
}

#[tokio::test]
async fn everybody_has_keys_of_their_own_and_nobody_makes_anothers() {
    let fixture = Fixture::new().await;
    let (accounts, ours) = (&fixture.accounts, &fixture.ours);
    let viewer = &ours.viewer;
    let made = accounts.new_key(&viewer.caller, &key(own(viewer), None)).await.expect("one's own");
    let keys = accounts.my_keys(&viewer.caller).await.expect("asked");
    assert_eq!(keys.iter().map(|key| key.id).collect::<Vec<_>>(), [made.id]);
    assert!(!format!("{made:?}").contains(made.token.expose()), "a key's text is not in its Debug");

    let others = accounts.new_key(&ours.owner.caller, &key(own(viewer), None)).await;
    assert!(matches!(others, Err(Error::Rule(Rule::OthersKey))), "not even an owner");
    let agents = accounts.new_key(&viewer.caller, &key(Principal::Agent(ours.agent), None)).await;
    assert!(matches!(agents, Err(Error::NotAllowed { .. })));

    let signed = fixture.bus.load(&ours.slug).await.expect("asked").expect("published");
    assert!(!signed.as_str().contains(made.token.expose()));
    let snapshot = signed.open(&ours.slug, &fixture.key).expect("signed by us");
    assert!(snapshot.keys.iter().any(|key| key.hash == made.token.hash() && key.principal == own(viewer)));
}

#[tokio::test]
async fn a_revoked_key_is_gone_from_the_next_snapshot() {
    let fixture = Fixture::new().await;
    let (accounts, ours) = (&fixture.accounts, &fixture.ours);
    accounts.revoke_key(&ours.admin.caller, ours.agent_key).await.expect("revoked");
    assert!(matches!(accounts.revoke_key(&ours.admin.caller, ours.agent_key).await, Err(Error::NotFound)));
    let signed = fixture.bus.load(&ours.slug).await.expect("asked").expect("published");
    let snapshot = signed.open(&ours.slug, &fixture.key).expect("signed by us");
    assert!(snapshot.keys.is_empty());
    assert!(accounts.agent(&ours.viewer.caller, ours.agent).await.expect("there").keys.is_empty());
}

#[tokio::test]
async fn another_members_key_is_ended_only_by_whoever_manages_members() {
    let fixture = Fixture::new().await;
    let (accounts, ours) = (&fixture.accounts, &fixture.ours);
    let made = accounts.new_key(&ours.owner.caller, &key(own(&ours.owner), None)).await.expect("a key");
    let refused = accounts.revoke_key(&ours.policy_manager.caller, made.id).await;
    assert!(matches!(refused, Err(Error::NotFound)), "{refused:?}");
    accounts.revoke_key(&ours.admin.caller, made.id).await.expect("a leaked key can be ended by an admin");
}

#[tokio::test]
async fn keys_expire_and_not_in_the_past() {
    let fixture = Fixture::new().await;
    let (accounts, viewer) = (&fixture.accounts, &fixture.ours.viewer);
    let past = accounts.new_key(&viewer.caller, &key(own(viewer), Some(NOON))).await;
    assert!(matches!(past, Err(Error::Invalid(faults)) if faults[0].field == "expires_at"));
    accounts.new_key(&viewer.caller, &key(own(viewer), Some(NOON.plus_seconds(60)))).await.expect("a key");
    let unlabelled = NewKey { label: " ".to_owned(), ..key(own(viewer), None) };
    let refused = accounts.new_key(&viewer.caller, &unlabelled).await;
    assert!(matches!(refused, Err(Error::Invalid(faults)) if faults[0].field == "label"));
}

#[tokio::test]
async fn a_removed_agents_keys_end_and_its_name_is_free() {
    let fixture = Fixture::new().await;
    let (accounts, ours) = (&fixture.accounts, &fixture.ours);
    let taken = accounts.create_agent(&ours.admin.caller, "CI-Runner").await;
    assert!(matches!(taken, Err(Error::Invalid(faults)) if faults[0].field == "name"), "case makes no other name");
    accounts.remove_agent(&ours.admin.caller, ours.agent).await.expect("removed");
    let signed = fixture.bus.load(&ours.slug).await.expect("asked").expect("published");
    let snapshot = signed.open(&ours.slug, &fixture.key).expect("signed by us");
    assert!(snapshot.keys.is_empty() && snapshot.agents.is_empty());
    let late = accounts.new_key(&ours.admin.caller, &key(Principal::Agent(ours.agent), None)).await;
    assert!(matches!(late, Err(Error::NotFound)), "{late:?}");
    accounts.create_agent(&ours.admin.caller, "ci-runner").await.expect("the name is free");
}
