//! Grants: given, suspended, revoked, and what ends with their subjects.

use accounts::{Error, GrantStanding, KeyWish, NewGrant, NewSubject, Rule};
use domain::{GrantState, GrantSubject, Principal};

use crate::support::{SEED, Work, to_agent, tunnel};

#[tokio::test]
async fn a_grant_for_a_new_agent_comes_with_a_key_and_both_urls() {
    let work = Work::new().await;
    let (accounts, owner) = (&work.fixture.accounts, &work.fixture.ours.owner.caller);
    let form = NewGrant {
        subject: NewSubject::NewAgent("support-bot".to_owned()),
        ..to_agent(&work.fixture, work.ours.server.id, Some(work.ours.policy))
    };
    let created = accounts.create_grant(owner, &form).await.expect("a grant");
    assert_eq!(created.gateway_url, "https://gateway.example/ours/mlflow/mcp");
    assert_eq!(created.account_gateway_url, "https://gateway.example/ours/mcp");
    let key = created.key.expect("a key");
    let snapshot = work.snapshot().await;
    let carried = snapshot.keys.iter().find(|k| k.id == key.id).expect("carried");
    assert_eq!(carried.hash, key.token.hash());
    let grant = snapshot.grants.iter().find(|g| g.id == created.id).expect("carried");
    let Principal::Agent(agent) = carried.principal else { panic!("an agent's") };
    assert_eq!(grant.subject, GrantSubject::Agent(agent));
    assert_eq!(grant.label.as_str(), "support-bot");
    let view = accounts.grant(&work.fixture.ours.viewer.caller, created.id).await.expect("shown");
    assert_eq!((view.subject_name.as_str(), view.standing), ("support-bot", GrantStanding::Active));
    assert_eq!(view.policy.map(|(_, name, version)| (name.to_string(), version)), Some(("Default".to_owned(), 1)));
}

#[tokio::test]
async fn keys_are_made_for_oneself_and_agents_only() {
    let work = Work::new().await;
    let (accounts, ours) = (&work.fixture.accounts, &work.fixture.ours);
    let server = accounts.register_server(&ours.owner.caller, &tunnel("other")).await.expect("a server").id;
    let base = NewGrant { key: KeyWish::Mint, ..to_agent(&work.fixture, server, None) };
    for (subject, minted) in [
        (NewSubject::Member(ours.owner.visitor.user), true),
        (NewSubject::Member(ours.viewer.visitor.user), false),
        (NewSubject::Team(ours.team), false),
        (NewSubject::Agent(ours.agent), true),
    ] {
        let form = NewGrant { subject: subject.clone(), ..base.clone() };
        let created = accounts.create_grant(&ours.owner.caller, &form).await.expect("a grant");
        assert_eq!(created.key.is_some(), minted, "{subject:?}");
    }
}

#[tokio::test]
async fn one_grant_per_subject_and_server() {
    let work = Work::new().await;
    let (accounts, owner) = (&work.fixture.accounts, &work.fixture.ours.owner.caller);
    let again = to_agent(&work.fixture, work.ours.server.id, None);
    let refused = accounts.create_grant(owner, &again).await;
    assert!(matches!(refused, Err(Error::Rule(Rule::GrantThere))), "{refused:?}");
    work.fixture.clock.advance_seconds(1);
    accounts.revoke_grant(owner, work.ours.grant.id).await.expect("revoked");
    work.fixture.clock.advance_seconds(1);
    accounts.create_grant(owner, &again).await.expect("room for another");
    let events = accounts.admin_events(owner).await.expect("asked");
    let actions: Vec<_> = events.iter().take(2).map(|e| e.action.as_str()).collect();
    assert_eq!(actions, ["grant.created", "grant.revoked"]);
}

#[tokio::test]
async fn each_state_reaches_the_snapshot_before_the_use_case_returns() {
    let work = Work::new().await;
    let (accounts, owner, id) = (&work.fixture.accounts, &work.fixture.ours.owner.caller, work.ours.grant.id);
    accounts.suspend_grant(owner, id).await.expect("suspended");
    assert_eq!(work.snapshot().await.grants[0].state, GrantState::Suspended);
    assert!(matches!(accounts.suspend_grant(owner, id).await, Err(Error::NotFound)));
    accounts.resume_grant(owner, id).await.expect("resumed");
    assert_eq!(work.snapshot().await.grants[0].state, GrantState::Active);
    accounts.attach_policy(owner, id, None).await.expect("detached");
    assert_eq!(work.snapshot().await.grants[0].policy, None);
    accounts.revoke_grant(owner, id).await.expect("revoked");
    assert!(work.snapshot().await.grants.is_empty());
    assert!(matches!(accounts.resume_grant(owner, id).await, Err(Error::NotFound)), "revoked is final");
}

#[tokio::test]
async fn an_expired_grant_says_so_and_is_not_carried() {
    let work = Work::new().await;
    let (accounts, owner) = (&work.fixture.accounts, &work.fixture.ours.owner.caller);
    let at = work.fixture.clock.now().plus_seconds(60);
    accounts.update_grant(owner, work.ours.grant.id, "short", Some(at)).await.expect("changed");
    work.fixture.clock.advance_seconds(60);
    let view = accounts.grant(owner, work.ours.grant.id).await.expect("shown");
    assert_eq!((view.standing, view.label.as_str()), (GrantStanding::Expired, "short"));
    accounts.create_agent(owner, "anything").await.expect("publishes");
    assert!(work.snapshot().await.grants.is_empty());
    let past = NewGrant { expires_at: Some(at), ..to_agent(&work.fixture, work.ours.server.id, None) };
    let Err(Error::Invalid(faults)) = accounts.create_grant(owner, &past).await else { panic!("in the past") };
    assert_eq!(faults[0].field, "expires_at");
}

#[tokio::test]
async fn a_policy_of_another_server_does_not_fit() {
    let work = Work::new().await;
    let (accounts, owner) = (&work.fixture.accounts, &work.fixture.ours.owner.caller);
    let other = accounts.register_server(owner, &tunnel("other")).await.expect("a server").id;
    let policy = accounts.create_policy(owner, other, "Other", SEED).await.expect("a policy");
    assert!(matches!(accounts.attach_policy(owner, work.ours.grant.id, Some(policy)).await, Err(Error::NotFound)));
    let form = to_agent(&work.fixture, other, Some(work.ours.policy));
    assert!(matches!(accounts.create_grant(owner, &form).await, Err(Error::NotFound)));
}

#[tokio::test]
async fn grants_end_with_their_agent_team_or_membership() {
    let work = Work::new().await;
    let (accounts, ours) = (&work.fixture.accounts, &work.fixture.ours);
    let owner = &ours.owner.caller;
    for subject in [NewSubject::Team(ours.team), NewSubject::Member(ours.viewer.visitor.user)] {
        let form = NewGrant { subject, ..to_agent(&work.fixture, work.ours.server.id, Some(work.ours.policy)) };
        accounts.create_grant(owner, &form).await.expect("a grant");
    }
    assert_eq!(work.snapshot().await.grants.len(), 3);
    accounts.remove_agent(owner, ours.agent).await.expect("removed");
    assert_eq!(work.snapshot().await.grants.len(), 2);
    accounts.remove_member(owner, ours.viewer.visitor.user).await.expect("removed");
    assert_eq!(work.snapshot().await.grants.len(), 1);
    accounts.delete_team(owner, ours.team).await.expect("deleted");
    assert!(work.snapshot().await.grants.is_empty());
}
