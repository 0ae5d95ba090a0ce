//! `/app/{account}/teams/{team}`: who is in a team, what it may use, its name and its end.

use accounts::{MemberView, TeamMemberRow, TeamView};
use askama::Template;
use domain::{GrantSubject, Permission, TeamSlug, UserId};
use serde::Deserialize;
use web_kit::{Answer, Flash, Form, Member, Path, Problem, Visit, go_to_with};

use super::held::Held;
use crate::{
    form::{Choice, Errors, Input},
    page::{form_again, id, page},
    routes::{Routes, Who},
    shell::{Shell, Tab},
    show::count,
};

#[derive(Template)]
#[template(path = "people/team.html")]
struct TeamPage {
    shell: Shell,
    errors: Errors,
    may_manage: bool,
    path: String,
    name: String,
    slug: String,
    new_name: String,
    members: Vec<Row>,
    candidates: Vec<Choice>,
    held: Held,
    delete_effect: String,
}

struct Row {
    id: String,
    email: String,
}

#[derive(Deserialize)]
struct Named {
    team: String,
    #[serde(default)]
    member: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Renamed {
    name: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Added {
    member: String,
}

pub(crate) fn routes(routes: Routes) -> Routes {
    let manage = Who::Member(Permission::ManageTeams);
    routes
        .get("/app/{account}/teams/{team}", Who::Member(Permission::View), show)
        .post("/app/{account}/teams/{team}/rename", manage, rename)
        .post("/app/{account}/teams/{team}/delete", manage, delete)
        .post("/app/{account}/teams/{team}/members", manage, add)
        .post("/app/{account}/teams/{team}/members/{member}/remove", manage, remove)
}

async fn load(visit: &Visit<Member>, team: &TeamView, new_name: String, errors: Errors) -> Result<TeamPage, Problem> {
    let may_manage = visit.may(Permission::ManageTeams);
    let everyone = if may_manage { visit.accounts().members(visit.caller()).await? } else { Vec::new() };
    let outside = everyone.into_iter().filter(|member| team.members.iter().all(|inside| inside.user != member.user));
    let choice = |member: MemberView| Choice {
        value: member.user.to_string(),
        label: member.email.to_string(),
        selected: false,
    };
    let row = |member: &TeamMemberRow| Row { id: member.user.to_string(), email: member.email.to_string() };
    let held = Held::by(visit, GrantSubject::Team(team.team.id), &format!("team={}", team.team.slug)).await?;
    Ok(TeamPage {
        shell: Shell::account(visit, Tab::Teams, team.team.name.as_str()).await?,
        errors,
        may_manage,
        path: path(visit, &team.team.slug),
        name: team.team.name.to_string(),
        slug: team.team.slug.to_string(),
        new_name,
        delete_effect: delete_effect(team.members.len(), held.grants.len()),
        members: team.members.iter().map(row).collect(),
        held,
        candidates: outside.map(choice).collect(),
    })
}

fn delete_effect(members: usize, grants: usize) -> String {
    let grants = count(grants, "grant is revoked", "grants are revoked");
    let members = count(members, "member loses", "members lose");
    format!("{grants}, and {members} what they opened.")
}

fn path(visit: &Visit<Member>, team: &TeamSlug) -> String {
    format!("{}/teams/{team}", visit.home())
}

async fn find(visit: &Visit<Member>, named: &Named) -> Result<TeamView, Problem> {
    let slug: TeamSlug = id(&named.team)?;
    let teams = visit.accounts().teams(visit.caller()).await?;
    let team = teams.into_iter().find(|team| team.slug == slug).ok_or(Problem::NotFound)?;
    Ok(visit.accounts().team(visit.caller(), team.id).await?)
}

async fn show(visit: Visit<Member>, Path(named): Path<Named>) -> Answer {
    let team = find(&visit, &named).await?;
    page(&load(&visit, &team, team.team.name.to_string(), Errors::none()).await?)
}

async fn rename(visit: Visit<Member>, Path(named): Path<Named>, Form(renamed): Form<Renamed>) -> Answer {
    let team = find(&visit, &named).await?;
    match visit.accounts().rename_team(visit.caller(), team.team.id, &renamed.name).await {
        Ok(()) => Ok(back(&visit, &team, "The team has its new name.")),
        Err(refused) => again(&visit, &team, renamed.name, refused).await,
    }
}

async fn delete(visit: Visit<Member>, Path(named): Path<Named>) -> Answer {
    let team = find(&visit, &named).await?;
    visit.accounts().delete_team(visit.caller(), team.team.id).await?;
    let done = Flash::done(format!("The team {} is deleted.", team.team.name));
    Ok(go_to_with(visit.kit(), &format!("{}/teams", visit.home()), &done))
}

async fn add(visit: Visit<Member>, Path(named): Path<Named>, Form(added): Form<Added>) -> Answer {
    let team = find(&visit, &named).await?;
    let user: UserId = id(&added.member)?;
    match visit.accounts().add_team_member(visit.caller(), team.team.id, user).await {
        Ok(()) => Ok(back(
            &visit,
            &team,
            "They are in the team; its grants work with their keys and connected apps from now on.",
        )),
        Err(refused) => again(&visit, &team, team.team.name.to_string(), refused).await,
    }
}

async fn remove(visit: Visit<Member>, Path(named): Path<Named>) -> Answer {
    let team = find(&visit, &named).await?;
    let user: UserId = id(&named.member)?;
    visit.accounts().remove_team_member(visit.caller(), team.team.id, user).await?;
    Ok(back(&visit, &team, "They are out of the team."))
}

async fn again(visit: &Visit<Member>, team: &TeamView, new_name: String, refused: accounts::Error) -> Answer {
    let errors = Errors::of(refused, &[Input::same("name", "The name")])?;
    form_again(&load(visit, team, new_name, errors).await?)
}

fn back(visit: &Visit<Member>, team: &TeamView, done: &str) -> axum::response::Response {
    go_to_with(visit.kit(), &path(visit, &team.team.slug), &Flash::done(done))
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use crate::testing::{Fill, Site};

    #[tokio::test]
    async fn members_come_and_go() {
        let site = Site::new().await;
        let mut browser = site.browser(&site.ours().admin);
        let page = browser.open("/app/ours/teams/data").await;
        assert_eq!(page.all(".list span.main"), ["viewer@ours.example"]);
        site.fixture.clock.advance_seconds(60);
        let page = browser.fill(&page, &Fill::press("Add").with("Person", "policy_manager@ours.example")).await;
        assert_eq!(page.all(".list span.main"), ["viewer@ours.example", "policy_manager@ours.example"]);
        let remove = format!("/app/ours/teams/data/members/{}/remove", site.ours().viewer.visitor.user);
        browser.post_once(&remove, "").await;
        let page = browser.open("/app/ours/teams/data").await;
        assert_eq!(page.all(".list span.main"), ["policy_manager@ours.example"]);
    }

    #[tokio::test]
    async fn twice_the_same_member_is_told() {
        let site = Site::new().await;
        let mut browser = site.browser(&site.ours().admin);
        let body = format!("member={}", site.ours().viewer.visitor.user);
        let page = browser.post_once("/app/ours/teams/data/members", &body).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(page.one(".summary li"), "They are in this team already.");
    }

    #[tokio::test]
    async fn a_team_is_renamed_and_deleted() {
        let site = Site::new().await;
        let mut browser = site.browser(&site.ours().owner);
        let page = browser.open("/app/ours/teams/data").await;
        let again = browser.fill(&page, &Fill::press("Save").with("Name", " ")).await;
        assert_eq!((again.status, again.has("#name-error")), (StatusCode::UNPROCESSABLE_ENTITY, true));
        let page = browser.fill(&page, &Fill::press("Save").with("Name", "Data science")).await;
        assert_eq!((page.path.as_str(), page.h1().as_str()), ("/app/ours/teams/data", "Data science"));
        assert!(page.one(".confirm-body:has(form[action$=delete]) p").contains("1 member loses"));
        let page = browser.fill(&page, &Fill::press("Delete team")).await;
        assert_eq!(
            (page.path.as_str(), page.one(".flash").as_str()),
            ("/app/ours/teams", "The team Data science is deleted.")
        );
        assert_eq!(browser.open("/app/ours/teams/data").await.status, StatusCode::NOT_FOUND);
    }

    #[tokio::test]
    async fn the_neighbours_member_cannot_be_added() {
        let site = Site::new().await;
        let mut browser = site.browser(&site.ours().owner);
        let body = format!("member={}", site.fixture.neighbour.viewer.visitor.user);
        let page = browser.post_once("/app/ours/teams/data/members", &body).await;
        assert_eq!(page.status, StatusCode::NOT_FOUND);
    }
}
