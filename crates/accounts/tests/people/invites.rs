//! Invitations: once, within a week, while whoever invited still may.

use accounts::{Error, NewPerson, SignUpError};
use domain::{Role, Secret};
use test_support::{Fixture, PASSWORD, from_here};

fn person(email: &str) -> NewPerson {
    NewPerson { email: email.to_owned(), password: Secret::new(PASSWORD.to_owned()) }
}

#[tokio::test]
async fn an_existing_person_joins_with_the_role_and_the_team() {
    let fixture = Fixture::new().await;
    let (accounts, ours) = (&fixture.accounts, &fixture.ours);
    let invite =
        accounts.create_invite(&ours.admin.caller, Role::PolicyManager, Some(ours.team)).await.expect("a link");
    let offered = accounts.invitation(invite.token.expose()).await.expect("open");
    assert_eq!((offered.account_slug.as_str(), offered.role), ("ours", Role::PolicyManager));
    assert_eq!(offered.team.as_ref().map(|team| team.as_str()), Some("data"));
    assert_eq!(offered.invited_by.as_str(), "admin@ours.example");

    let guest = &fixture.neighbour.viewer.visitor;
    let slug = accounts.accept_invite(guest, invite.token.expose()).await.expect("joined");
    let caller = accounts.enter(guest, &slug).await.expect("a member");
    assert_eq!(caller.role(), Role::PolicyManager);
    let team = accounts.team(&caller, ours.team).await.expect("the team");
    assert!(team.members.iter().any(|member| member.user == guest.user));
    assert!(accounts.enter(guest, &fixture.neighbour.slug).await.is_ok(), "still a member over there");
}

#[tokio::test]
async fn a_link_works_once() {
    let fixture = Fixture::new().await;
    let (accounts, ours) = (&fixture.accounts, &fixture.ours);
    let invite = accounts.create_invite(&ours.owner.caller, Role::Viewer, None).await.expect("a link");
    let token = invite.token.expose();
    let (one, other) = tokio::join!(
        accounts.accept_invite(&fixture.neighbour.viewer.visitor, token),
        accounts.accept_invite(&fixture.neighbour.admin.visitor, token),
    );
    assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
    assert!(matches!(accounts.invitation(token).await, Err(Error::NotFound)));
    let late = accounts.sign_up_invited(token, person("late@example.com"), &from_here()).await;
    assert!(matches!(late, Err(SignUpError::Other(Error::NotFound))));
    // The late person was not made either.
    let again = accounts.create_invite(&ours.owner.caller, Role::Viewer, None).await.expect("a link");
    accounts.sign_up_invited(again.token.expose(), person("late@example.com"), &from_here()).await.expect("joined");
    assert!(accounts.invites(&ours.owner.caller).await.expect("asked").is_empty());
}

#[tokio::test]
async fn a_link_is_void_when_revoked_or_old() {
    let fixture = Fixture::new().await;
    let (accounts, ours) = (&fixture.accounts, &fixture.ours);
    let guest = &fixture.neighbour.viewer.visitor;
    let revoked = accounts.create_invite(&ours.admin.caller, Role::Viewer, None).await.expect("a link");
    accounts.revoke_invite(&ours.owner.caller, revoked.id).await.expect("revoked");
    assert!(matches!(accounts.accept_invite(guest, revoked.token.expose()).await, Err(Error::NotFound)));
    assert!(matches!(accounts.revoke_invite(&ours.owner.caller, revoked.id).await, Err(Error::NotFound)));

    let old = accounts.create_invite(&ours.admin.caller, Role::Viewer, None).await.expect("a link");
    fixture.clock.advance_seconds(7 * 24 * 60 * 60);
    assert!(matches!(accounts.accept_invite(guest, old.token.expose()).await, Err(Error::NotFound)));
    assert!(matches!(accounts.invitation("pcl_invite_nonsense").await, Err(Error::NotFound)));
    assert!(matches!(accounts.invitation(ours.agent_token.expose()).await, Err(Error::NotFound)));
}

#[tokio::test]
async fn a_link_falls_with_the_rights_of_whoever_made_it() {
    let fixture = Fixture::new().await;
    let (accounts, ours) = (&fixture.accounts, &fixture.ours);
    let invite = accounts.create_invite(&ours.admin.caller, Role::Admin, None).await.expect("a link");
    let guest = &fixture.neighbour.viewer.visitor;
    accounts.change_role(&ours.owner.caller, ours.admin.visitor.user, Role::Viewer).await.expect("changed");
    assert!(matches!(accounts.accept_invite(guest, invite.token.expose()).await, Err(Error::NotFound)));
    accounts.remove_member(&ours.owner.caller, ours.admin.visitor.user).await.expect("removed");
    assert!(matches!(accounts.invitation(invite.token.expose()).await, Err(Error::NotFound)));
}

#[tokio::test]
async fn a_member_who_opens_a_link_keeps_the_role() {
    let fixture = Fixture::new().await;
    let (accounts, ours) = (&fixture.accounts, &fixture.ours);
    let invite = accounts.create_invite(&ours.owner.caller, Role::Viewer, Some(ours.team)).await.expect("a link");
    accounts.accept_invite(&ours.admin.visitor, invite.token.expose()).await.expect("accepted");
    let caller = accounts.enter(&ours.admin.visitor, &ours.slug).await.expect("a member");
    assert_eq!(caller.role(), Role::Admin, "a link neither lifts nor lowers a member");
    let team = accounts.team(&caller, ours.team).await.expect("the team");
    assert_eq!(team.members.len(), 2);
}

#[tokio::test]
async fn whoever_was_removed_can_be_invited_again() {
    let fixture = Fixture::new().await;
    let (accounts, ours) = (&fixture.accounts, &fixture.ours);
    accounts.remove_member(&ours.owner.caller, ours.admin.visitor.user).await.expect("removed");
    let invite = accounts.create_invite(&ours.owner.caller, Role::Viewer, None).await.expect("a link");
    accounts.accept_invite(&ours.admin.visitor, invite.token.expose()).await.expect("joined");
    let caller = accounts.enter(&ours.admin.visitor, &ours.slug).await.expect("a member");
    assert_eq!(caller.role(), Role::Viewer, "the old role is not remembered");
}

#[tokio::test]
async fn a_new_persons_faults_do_not_use_the_link_up() {
    let fixture = Fixture::new().await;
    let (accounts, ours) = (&fixture.accounts, &fixture.ours);
    let invite = accounts.create_invite(&ours.owner.caller, Role::Viewer, None).await.expect("a link");
    let token = invite.token.expose();
    let weak = NewPerson { email: "x".to_owned(), password: Secret::new("password123".to_owned()) };
    let refused = accounts.sign_up_invited(token, weak, &from_here()).await;
    assert!(matches!(refused, Err(SignUpError::Fields(faults)) if faults.len() == 2));
    let taken = accounts.sign_up_invited(token, person("viewer@ours.example"), &from_here()).await;
    assert!(matches!(taken, Err(SignUpError::Fields(faults)) if faults[0].field == "email"));
    accounts.sign_up_invited(token, person("new@example.com"), &from_here()).await.expect("joined");
}
