//! Teams and their order.

use accounts::{Error, Fault, NewTeam, Rule};
use domain::TeamId;
use test_support::Fixture;

fn named(name: &str, slug: &str) -> NewTeam {
    NewTeam { name: name.to_owned(), slug: slug.to_owned() }
}

#[tokio::test]
async fn a_team_is_made_renamed_and_deleted() {
    let fixture = Fixture::new().await;
    let (accounts, admin) = (&fixture.accounts, &fixture.ours.admin.caller);
    let team = accounts.create_team(admin, &named(" Ops ", "ops")).await.expect("a team");
    accounts.rename_team(admin, team, "Operations").await.expect("renamed");
    let view = accounts.team(admin, team).await.expect("there");
    assert_eq!((view.team.name.as_str(), view.team.slug.as_str()), ("Operations", "ops"));

    let taken = accounts.create_team(admin, &named("Other", "ops")).await.expect_err("taken");
    let Error::Invalid(faults) = taken else { panic!("{taken}") };
    assert_eq!(faults, [Fault { field: "slug", message: "is taken by another team; choose another".to_owned() }]);
    let wrong = accounts.create_team(admin, &named("", "Ops!")).await.expect_err("two faults");
    assert!(matches!(wrong, Error::Invalid(faults) if faults.len() == 2));

    accounts.delete_team(admin, team).await.expect("deleted");
    assert!(matches!(accounts.team(admin, team).await, Err(Error::NotFound)));
    assert!(matches!(accounts.delete_team(admin, team).await, Err(Error::NotFound)));
    accounts.create_team(admin, &named("Ops again", "ops")).await.expect("the slug is free again");
}

#[tokio::test]
async fn members_come_and_go() {
    let fixture = Fixture::new().await;
    let (accounts, ours) = (&fixture.accounts, &fixture.ours);
    let (admin, member) = (&ours.admin.caller, ours.policy_manager.visitor.user);
    accounts.add_team_member(admin, ours.team, member).await.expect("added");
    let twice = accounts.add_team_member(admin, ours.team, member).await;
    assert!(matches!(twice, Err(Error::Rule(Rule::AlreadyInTeam))), "{twice:?}");
    let emails: Vec<String> = (accounts.team(admin, ours.team).await.expect("there").members.iter())
        .map(|member| member.email.to_string())
        .collect();
    assert_eq!(emails.len(), 2);
    assert!(emails.contains(&"policy_manager@ours.example".to_owned()), "{emails:?}");
    accounts.remove_team_member(admin, ours.team, member).await.expect("removed");
    assert!(matches!(accounts.remove_team_member(admin, ours.team, member).await, Err(Error::NotFound)));
}

#[tokio::test]
async fn the_order_of_a_members_teams_is_kept_and_told_to_gateways() {
    let fixture = Fixture::new().await;
    let (accounts, ours) = (&fixture.accounts, &fixture.ours);
    let (admin, member) = (&ours.admin.caller, ours.viewer.visitor.user);
    let ops = accounts.create_team(admin, &named("Ops", "ops")).await.expect("a team");
    let web = accounts.create_team(admin, &named("Web", "web")).await.expect("a team");
    for team in [ops, web] {
        accounts.add_team_member(admin, team, member).await.expect("added");
    }
    assert_eq!(told(&fixture, member).await, [ours.team, ops, web], "the order of joining");
    accounts.order_teams(admin, member, &[web, ours.team]).await.expect("ordered");
    assert_eq!(told(&fixture, member).await, [web, ours.team, ops], "the one left out comes last");
    let foreign = accounts.order_teams(admin, member, &[fixture.neighbour.team]).await;
    assert!(matches!(foreign, Err(Error::NotFound)), "{foreign:?}");
    assert_eq!(told(&fixture, member).await, [web, ours.team, ops], "nothing changed");
}

async fn told(fixture: &Fixture, member: domain::UserId) -> Vec<TeamId> {
    let slug = &fixture.ours.slug;
    let signed = fixture.bus.load(slug).await.expect("asked").expect("published");
    let snapshot = signed.open(slug, &fixture.key).expect("signed by us");
    let found = snapshot.members.into_iter().find(|one| one.user == member).expect("a member");
    let own: Vec<TeamId> = fixture
        .accounts
        .teams_of(&fixture.ours.viewer.caller, member)
        .await
        .expect("asked")
        .iter()
        .map(|team| team.id)
        .collect();
    assert_eq!(found.teams, own, "pages and gateways agree");
    own
}
