//! Who may do what: every use case about people as every role, against a golden table.

use std::fmt::Write as _;

use accounts::{Error, NewKey, NewTeam};
use domain::{Principal, Role};
use test_support::{Fixture, Person};

/// What a use case did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Did {
    It,
    NotAllowed,
    NotFound,
}

macro_rules! actions {
    ($($name:ident)*) => {
        #[derive(Clone, Copy, Debug)]
        #[expect(non_camel_case_types, reason = "the names of the use cases, as the table shows them")]
        enum Action { $($name),* }
        const ACTIONS: &[Action] = &[$(Action::$name),*];
    };
}

actions! {
    members change_role make_owner remove_member
    teams team create_team rename_team delete_team add_team_member remove_team_member teams_of order_teams
    agents agent create_agent rename_agent remove_agent
    my_keys new_own_key new_agent_key revoke_own_key revoke_agent_key revoke_others_key
    invites create_invite revoke_invite
    admin_events
    leave
}

#[tokio::test]
async fn the_table_of_roles_and_use_cases_is_the_golden_one() {
    let mut rows: Vec<String> = ACTIONS.iter().map(|action| format!("{action:?}:")).collect();
    for role in Role::ALL {
        let fixture = Fixture::new().await;
        for (row, action) in rows.iter_mut().zip(ACTIONS) {
            match act(&fixture, fixture.ours.person(role), *action).await {
                Did::It => write!(row, " {role}").expect("written"),
                Did::NotAllowed => {}
                Did::NotFound => write!(row, " ({role}: not found)").expect("written"),
            }
        }
    }
    let table = rows.join("\n") + "\n";
    let golden = include_str!("roles.txt");
    assert_eq!(table, golden, "changed on purpose? then change roles.txt too\n{table}");
}

async fn act(fixture: &Fixture, person: &Person, action: Action) -> Did {
    match try_it(fixture, person, action).await {
        Ok(()) => Did::It,
        Err(Error::NotAllowed { .. }) => Did::NotAllowed,
        Err(Error::NotFound) => Did::NotFound,
        Err(other) => panic!("{action:?}: {other:?}"),
    }
}

/// Tries the use case on things that the owner has just made for it.
async fn try_it(fixture: &Fixture, person: &Person, action: Action) -> Result<(), Error> {
    let (accounts, ours, owner, me) = (&fixture.accounts, &fixture.ours, &fixture.ours.owner.caller, &person.caller);
    let fresh_team = NewTeam { name: "Fresh".to_owned(), slug: format!("fresh-{}", fixture.entropy.bytes::<1>()[0]) };
    let fresh_agent = format!("agent {:?}", fixture.entropy.bytes::<4>());
    match action {
        Action::members => accounts.members(me).await.map(drop),
        Action::change_role => {
            let guest = join(fixture, Role::Viewer).await;
            accounts.change_role(me, guest.visitor.user, Role::Viewer).await
        }
        Action::make_owner => {
            let guest = join(fixture, Role::Viewer).await;
            match accounts.change_role(me, guest.visitor.user, Role::Owner).await {
                Err(Error::Rule(accounts::Rule::RoleAboveOwn)) => not_allowed(),
                other => other,
            }
        }
        Action::remove_member => {
            let guest = join(fixture, Role::Viewer).await;
            accounts.remove_member(me, guest.visitor.user).await
        }
        Action::teams => accounts.teams(me).await.map(drop),
        Action::team => accounts.team(me, ours.team).await.map(drop),
        Action::create_team => accounts.create_team(me, &fresh_team).await.map(drop),
        Action::rename_team => accounts.rename_team(me, ours.team, "Renamed").await,
        Action::delete_team => {
            let team = accounts.create_team(owner, &fresh_team).await.expect("a team");
            accounts.delete_team(me, team).await
        }
        Action::add_team_member => {
            let guest = join(fixture, Role::Viewer).await;
            accounts.add_team_member(me, ours.team, guest.visitor.user).await
        }
        Action::remove_team_member => {
            let guest = join(fixture, Role::Viewer).await.visitor.user;
            accounts.add_team_member(owner, ours.team, guest).await.expect("added");
            accounts.remove_team_member(me, ours.team, guest).await
        }
        Action::teams_of => accounts.teams_of(me, ours.viewer.visitor.user).await.map(drop),
        Action::order_teams => accounts.order_teams(me, ours.viewer.visitor.user, &[]).await,
        Action::agents => accounts.agents(me).await.map(drop),
        Action::agent => accounts.agent(me, ours.agent).await.map(drop),
        Action::create_agent => accounts.create_agent(me, &fresh_agent).await.map(drop),
        Action::rename_agent => accounts.rename_agent(me, ours.agent, "renamed").await,
        Action::remove_agent => {
            let agent = accounts.create_agent(owner, &fresh_agent).await.expect("an agent");
            accounts.remove_agent(me, agent).await
        }
        Action::my_keys => accounts.my_keys(me).await.map(drop),
        Action::new_own_key => accounts.new_key(me, &own_key(person)).await.map(drop),
        Action::new_agent_key => accounts.new_key(me, &agent_key(fixture)).await.map(drop),
        Action::revoke_own_key => {
            let key = accounts.new_key(me, &own_key(person)).await?;
            accounts.revoke_key(me, key.id).await
        }
        Action::revoke_agent_key => {
            let key = accounts.new_key(owner, &agent_key(fixture)).await.expect("a key");
            accounts.revoke_key(me, key.id).await
        }
        Action::revoke_others_key => {
            let guest = join(fixture, Role::Viewer).await;
            let key = accounts.new_key(&guest.caller, &own_key(&guest)).await.expect("a key");
            accounts.revoke_key(me, key.id).await
        }
        Action::invites => accounts.invites(me).await.map(drop),
        Action::create_invite => accounts.create_invite(me, Role::Viewer, None).await.map(drop),
        Action::revoke_invite => {
            let invite = accounts.create_invite(owner, Role::Viewer, None).await.expect("a link");
            accounts.revoke_invite(me, invite.id).await
        }
        Action::admin_events => accounts.admin_events(me).await.map(drop),
        Action::leave => {
            let guest = join(fixture, me.role()).await;
            accounts.leave(&guest.caller).await
        }
    }
}

fn not_allowed() -> Result<(), Error> {
    Err(Error::NotAllowed { needs: domain::Permission::ManageOwners })
}

fn own_key(person: &Person) -> NewKey {
    NewKey { principal: Principal::Member(person.visitor.user), label: "own".to_owned(), expires_at: None }
}

fn agent_key(fixture: &Fixture) -> NewKey {
    NewKey { principal: Principal::Agent(fixture.ours.agent), label: "agent's".to_owned(), expires_at: None }
}

/// The neighbour's viewer, made a member of our account with this role.
async fn join(fixture: &Fixture, role: Role) -> Person {
    let (accounts, ours, guest) = (&fixture.accounts, &fixture.ours, &fixture.neighbour.viewer);
    let there = accounts.members(&ours.owner.caller).await.expect("asked").iter().any(|m| m.user == guest.visitor.user);
    if there {
        accounts.remove_member(&ours.owner.caller, guest.visitor.user).await.expect("removed");
    }
    let invite = accounts.create_invite(&ours.owner.caller, role, None).await.expect("a link");
    let slug = accounts.accept_invite(&guest.visitor, invite.token.expose()).await.expect("joined");
    let caller = accounts.enter(&guest.visitor, &slug).await.expect("a member");
    Person { caller, ..guest.clone() }
}
