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
    let (accounts, me) = (&fixture.accounts, &person.caller);
    match action {
        Action::members => accounts.members(me).await.map(drop),
        Action::change_role | Action::make_owner | Action::remove_member | Action::leave => {
            on_a_member(fixture, person, action).await
        }
        Action::teams => accounts.teams(me).await.map(drop),
        Action::team | Action::create_team | Action::rename_team | Action::delete_team => {
            on_a_team(fixture, person, action).await
        }
        Action::add_team_member | Action::remove_team_member | Action::teams_of | Action::order_teams => {
            on_team_members(fixture, person, action).await
        }
        Action::agents => accounts.agents(me).await.map(drop),
        Action::agent | Action::create_agent | Action::rename_agent | Action::remove_agent => {
            on_an_agent(fixture, person, action).await
        }
        Action::my_keys => accounts.my_keys(me).await.map(drop),
        Action::new_own_key | Action::new_agent_key => on_a_new_key(fixture, person, action).await,
        Action::revoke_own_key | Action::revoke_agent_key | Action::revoke_others_key => {
            on_a_key(fixture, person, action).await
        }
        Action::invites => accounts.invites(me).await.map(drop),
        Action::create_invite => accounts.create_invite(me, Role::Viewer, None).await.map(drop),
        Action::revoke_invite => {
            let invite = accounts.create_invite(&fixture.ours.owner.caller, Role::Viewer, None).await.expect("a link");
            accounts.revoke_invite(me, invite.id).await
        }
        Action::admin_events => accounts.admin_events(me).await.map(drop),
    }
}

async fn on_a_member(fixture: &Fixture, person: &Person, action: Action) -> Result<(), Error> {
    let (accounts, me) = (&fixture.accounts, &person.caller);
    if let Action::leave = action {
        return accounts.leave(&join(fixture, me.role()).await.caller).await;
    }
    let guest = join(fixture, Role::Viewer).await.visitor.user;
    match action {
        Action::change_role => accounts.change_role(me, guest, Role::Viewer).await,
        Action::make_owner => match accounts.change_role(me, guest, Role::Owner).await {
            Err(Error::Rule(accounts::Rule::RoleAboveOwn)) => not_allowed(),
            other => other,
        },
        _ => accounts.remove_member(me, guest).await,
    }
}

async fn on_a_team(fixture: &Fixture, person: &Person, action: Action) -> Result<(), Error> {
    let (accounts, ours, me) = (&fixture.accounts, &fixture.ours, &person.caller);
    let slug = format!("fresh-{:?}", action).to_lowercase().replace('_', "-");
    let fresh = NewTeam { name: "Fresh".to_owned(), slug };
    match action {
        Action::team => accounts.team(me, ours.team).await.map(drop),
        Action::create_team => accounts.create_team(me, &fresh).await.map(drop),
        Action::rename_team => accounts.rename_team(me, ours.team, "Renamed").await,
        _ => {
            let team = accounts.create_team(&ours.owner.caller, &fresh).await.expect("a team");
            accounts.delete_team(me, team).await
        }
    }
}

async fn on_team_members(fixture: &Fixture, person: &Person, action: Action) -> Result<(), Error> {
    let (accounts, ours, me) = (&fixture.accounts, &fixture.ours, &person.caller);
    let viewer = ours.viewer.visitor.user;
    match action {
        Action::teams_of => return accounts.teams_of(me, viewer).await.map(drop),
        Action::order_teams => return accounts.order_teams(me, viewer, &[]).await,
        _ => {}
    }
    let guest = join(fixture, Role::Viewer).await.visitor.user;
    if let Action::add_team_member = action {
        return accounts.add_team_member(me, ours.team, guest).await;
    }
    accounts.add_team_member(&ours.owner.caller, ours.team, guest).await.expect("added");
    accounts.remove_team_member(me, ours.team, guest).await
}

async fn on_an_agent(fixture: &Fixture, person: &Person, action: Action) -> Result<(), Error> {
    let (accounts, ours, me) = (&fixture.accounts, &fixture.ours, &person.caller);
    let fresh = format!("fresh for {action:?}");
    match action {
        Action::agent => accounts.agent(me, ours.agent).await.map(drop),
        Action::create_agent => accounts.create_agent(me, &fresh).await.map(drop),
        Action::rename_agent => accounts.rename_agent(me, ours.agent, "renamed").await,
        _ => {
            let agent = accounts.create_agent(&ours.owner.caller, &fresh).await.expect("an agent");
            accounts.remove_agent(me, agent).await
        }
    }
}

async fn on_a_new_key(fixture: &Fixture, person: &Person, action: Action) -> Result<(), Error> {
    let key = if let Action::new_own_key = action { own_key(person) } else { agent_key(fixture) };
    fixture.accounts.new_key(&person.caller, &key).await.map(drop)
}

async fn on_a_key(fixture: &Fixture, person: &Person, action: Action) -> Result<(), Error> {
    let accounts = &fixture.accounts;
    let key = match action {
        Action::revoke_own_key => accounts.new_key(&person.caller, &own_key(person)).await,
        Action::revoke_agent_key => accounts.new_key(&fixture.ours.owner.caller, &agent_key(fixture)).await,
        _ => {
            let guest = join(fixture, Role::Viewer).await;
            accounts.new_key(&guest.caller, &own_key(&guest)).await
        }
    };
    accounts.revoke_key(&person.caller, key.expect("a key").id).await
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
