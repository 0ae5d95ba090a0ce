//! Every use case about people, with the neighbour's ids: not found, exactly as ids that never existed.

use std::fmt::Debug;

use accounts::{Error, NewKey};
use domain::{AgentId, InviteId, KeyId, Principal, Role, SessionId, TeamId, UserId};
use test_support::Fixture;

struct Ids {
    user: UserId,
    team: TeamId,
    agent: AgentId,
    key: KeyId,
    invite: InviteId,
    session: SessionId,
}

fn not_found<T: Debug>(what: &str, result: Result<T, Error>) {
    assert!(matches!(result, Err(Error::NotFound)), "{what}: {result:?}");
}

#[tokio::test]
async fn foreign_ids_and_unknown_ids_are_not_found_alike() {
    let fixture = Fixture::new().await;
    let theirs = &fixture.neighbour;
    let invite = fixture.accounts.create_invite(&theirs.owner.caller, Role::Viewer, None).await.expect("a link");
    let foreign = Ids {
        user: theirs.viewer.visitor.user,
        team: theirs.team,
        agent: theirs.agent,
        key: theirs.agent_key,
        invite: invite.id,
        session: theirs.viewer.visitor.session,
    };
    let (clock, entropy) = (&fixture.clock, &fixture.entropy);
    let unknown = Ids {
        user: UserId::new(clock, entropy),
        team: TeamId::new(clock, entropy),
        agent: AgentId::new(clock, entropy),
        key: KeyId::new(clock, entropy),
        invite: InviteId::new(clock, entropy),
        session: SessionId::new(clock, entropy),
    };
    let before = state(&fixture).await;
    for ids in [foreign, unknown] {
        everything(&fixture, &ids).await;
    }
    assert_eq!(state(&fixture).await, before, "nothing of the neighbour's was touched");
}

async fn everything(fixture: &Fixture, ids: &Ids) {
    let (accounts, ours, owner) = (&fixture.accounts, &fixture.ours, &fixture.ours.owner.caller);
    not_found("change_role", accounts.change_role(owner, ids.user, Role::Viewer).await);
    not_found("remove_member", accounts.remove_member(owner, ids.user).await);
    not_found("teams_of", accounts.teams_of(owner, ids.user).await);
    not_found("order_teams", accounts.order_teams(owner, ids.user, &[]).await);
    not_found("team", accounts.team(owner, ids.team).await);
    not_found("rename_team", accounts.rename_team(owner, ids.team, "Taken over").await);
    not_found("delete_team", accounts.delete_team(owner, ids.team).await);
    let own_user = ours.viewer.visitor.user;
    not_found("add_team_member, team", accounts.add_team_member(owner, ids.team, own_user).await);
    not_found("add_team_member, member", accounts.add_team_member(owner, ours.team, ids.user).await);
    not_found("remove_team_member, team", accounts.remove_team_member(owner, ids.team, own_user).await);
    not_found("remove_team_member, member", accounts.remove_team_member(owner, ours.team, ids.user).await);
    not_found("order_teams, team", accounts.order_teams(owner, own_user, &[ids.team]).await);
    not_found("agent", accounts.agent(owner, ids.agent).await);
    not_found("rename_agent", accounts.rename_agent(owner, ids.agent, "taken over").await);
    not_found("remove_agent", accounts.remove_agent(owner, ids.agent).await);
    let key = NewKey { principal: Principal::Agent(ids.agent), label: "x".to_owned(), expires_at: None };
    not_found("new_key", accounts.new_key(owner, &key).await);
    not_found("revoke_key", accounts.revoke_key(owner, ids.key).await);
    not_found("create_invite", accounts.create_invite(owner, Role::Viewer, Some(ids.team)).await);
    not_found("revoke_invite", accounts.revoke_invite(owner, ids.invite).await);
    not_found("revoke_session", accounts.revoke_session(&ours.owner.visitor, ids.session).await);
}

/// What the neighbour sees, as text.
async fn state(fixture: &Fixture) -> String {
    let (accounts, owner) = (&fixture.accounts, &fixture.neighbour.owner.caller);
    let members = accounts.members(owner).await.expect("asked");
    let teams = accounts.team(owner, fixture.neighbour.team).await.expect("asked");
    let agents = accounts.agents(owner).await.expect("asked");
    let invites = accounts.invites(owner).await.expect("asked");
    let sessions = accounts.sessions(&fixture.neighbour.viewer.visitor).await.expect("asked");
    format!("{members:?} {teams:?} {agents:?} {invites:?} {sessions:?}")
}

#[tokio::test]
async fn nobody_enters_an_account_they_are_no_member_of() {
    let fixture = Fixture::new().await;
    for person in [&fixture.ours.owner, &fixture.ours.viewer] {
        not_found("enter", fixture.accounts.enter(&person.visitor, &fixture.neighbour.slug).await);
        not_found("enter", fixture.accounts.enter(&person.visitor, &"no-such".parse().expect("a slug")).await);
    }
}

#[tokio::test]
async fn lists_hold_our_own_only() {
    let fixture = Fixture::new().await;
    let (accounts, owner) = (&fixture.accounts, &fixture.ours.owner.caller);
    let members = accounts.members(owner).await.expect("asked");
    assert_eq!(members.len(), 4);
    assert!(members.iter().all(|member| member.email.as_str().ends_with("@ours.example")));
    assert_eq!(accounts.teams(owner).await.expect("asked").len(), 1);
    assert_eq!(accounts.agents(owner).await.expect("asked").len(), 1);
    let events = accounts.admin_events(owner).await.expect("asked");
    assert!(events.iter().all(|event| event.actor_email.as_str().ends_with("@ours.example")));
}
