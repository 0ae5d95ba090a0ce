//! Roles and the end of memberships.

use accounts::{Error, Rule};
use domain::{Principal, Role};
use test_support::Fixture;

fn rule(result: Result<(), Error>) -> Rule {
    match result {
        Err(Error::Rule(rule)) => rule,
        other => panic!("a rule should stand in the way: {other:?}"),
    }
}

#[tokio::test]
async fn nobody_gives_a_role_above_their_own() {
    let fixture = Fixture::new().await;
    let (accounts, ours) = (&fixture.accounts, &fixture.ours);
    let (admin, viewer) = (&ours.admin.caller, ours.viewer.visitor.user);
    assert_eq!(rule(accounts.change_role(admin, viewer, Role::Owner).await), Rule::RoleAboveOwn);
    assert_eq!(rule(accounts.change_role(admin, ours.admin.visitor.user, Role::Owner).await), Rule::RoleAboveOwn);
    assert_eq!(rule(accounts.change_role(admin, ours.owner.visitor.user, Role::Viewer).await), Rule::OnlyOwners);
    assert_eq!(rule(accounts.remove_member(admin, ours.owner.visitor.user).await), Rule::OnlyOwners);
    let invite = accounts.create_invite(admin, Role::Owner, None).await;
    assert!(matches!(invite, Err(Error::Rule(Rule::RoleAboveOwn))));
    accounts.change_role(admin, viewer, Role::Admin).await.expect("up to one's own role");
    let members = accounts.members(admin).await.expect("asked");
    let role = members.iter().find(|member| member.user == viewer).map(|member| member.role);
    assert_eq!(role, Some(Role::Admin));
}

#[tokio::test]
async fn the_last_owner_stays() {
    let fixture = Fixture::new().await;
    let (accounts, ours) = (&fixture.accounts, &fixture.ours);
    let (owner, admin) = (&ours.owner, &ours.admin);
    assert_eq!(rule(accounts.change_role(&owner.caller, owner.visitor.user, Role::Admin).await), Rule::LastOwner);
    assert_eq!(rule(accounts.remove_member(&owner.caller, owner.visitor.user).await), Rule::LastOwner);
    assert_eq!(rule(accounts.leave(&owner.caller).await), Rule::LastOwner);
    accounts.change_role(&owner.caller, admin.visitor.user, Role::Owner).await.expect("an owner makes owners");
    accounts.leave(&owner.caller).await.expect("another owner is there");
    assert!(matches!(accounts.enter(&owner.visitor, &ours.slug).await, Err(Error::NotFound)));
}

/// Two owners who remove each other at the same time: one of them stays.
#[tokio::test]
async fn two_owners_cannot_remove_each_other() {
    let fixture = Fixture::new().await;
    let (accounts, ours) = (&fixture.accounts, &fixture.ours);
    accounts.change_role(&ours.owner.caller, ours.admin.visitor.user, Role::Owner).await.expect("two owners");
    let second = accounts.enter(&ours.admin.visitor, &ours.slug).await.expect("a member");
    let (one, other) = tokio::join!(
        accounts.remove_member(&ours.owner.caller, ours.admin.visitor.user),
        accounts.remove_member(&second, ours.owner.visitor.user),
    );
    assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
}

#[tokio::test]
async fn a_removed_member_is_outside_at_once_with_keys_and_teams() {
    let fixture = Fixture::new().await;
    let (accounts, ours) = (&fixture.accounts, &fixture.ours);
    let gone = &ours.viewer;
    let key = accounts::NewKey {
        principal: Principal::Member(gone.visitor.user),
        label: "laptop".to_owned(),
        expires_at: None,
    };
    accounts.new_key(&gone.caller, &key).await.expect("a key");
    accounts.remove_member(&ours.admin.caller, gone.visitor.user).await.expect("removed");

    assert!(matches!(accounts.enter(&gone.visitor, &ours.slug).await, Err(Error::NotFound)));
    let visitor = accounts.visitor(gone.session.expose()).await.expect("asked").expect("still a person");
    assert!(visitor.accounts.is_empty());
    // A caller from before the removal changes nothing any more.
    assert!(matches!(accounts.new_key(&gone.caller, &key).await, Err(Error::NotFound)));
    assert!(accounts.team(&ours.owner.caller, ours.team).await.expect("the team").members.is_empty());

    let signed = fixture.bus.load(&ours.slug).await.expect("asked").expect("published");
    let snapshot = signed.open(&ours.slug, &fixture.key).expect("signed by us");
    assert!(snapshot.members.iter().all(|member| member.user != gone.visitor.user));
    assert!(snapshot.keys.iter().all(|key| key.principal != Principal::Member(gone.visitor.user)));
}

#[tokio::test]
async fn a_lost_role_counts_in_requests_that_began_before() {
    let fixture = Fixture::new().await;
    let (accounts, ours) = (&fixture.accounts, &fixture.ours);
    let before = &ours.admin.caller;
    accounts.change_role(&ours.owner.caller, ours.admin.visitor.user, Role::Viewer).await.expect("changed");
    let refused = accounts.create_agent(before, "late").await;
    assert!(matches!(refused, Err(Error::NotAllowed { .. })), "{refused:?}");
}
