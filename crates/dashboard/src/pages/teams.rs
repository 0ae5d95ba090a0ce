//! `/app/{account}/teams`: the teams of an account.

use accounts::{NewTeam, TeamRow};
use askama::Template;
use domain::Permission;
use serde::Deserialize;
use web_kit::{Answer, Flash, Form, Member, Problem, Visit, go_to_with};

use crate::{
    form::{Errors, Input},
    page::{form_again, page},
    routes::{Routes, Who},
    shell::{Shell, Tab},
    show::count,
    slug::slug_of,
};

#[derive(Template)]
#[template(path = "people/teams.html")]
struct TeamsPage {
    shell: Shell,
    errors: Errors,
    may_manage: bool,
    teams: Vec<Row>,
    values: Values,
}

struct Row {
    name: String,
    slug: String,
    members: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Values {
    name: String,
    slug: String,
}

pub(crate) fn routes(routes: Routes) -> Routes {
    routes.get("/app/{account}/teams", Who::Member(Permission::View), show).post(
        "/app/{account}/teams",
        Who::Member(Permission::ManageTeams),
        create,
    )
}

async fn load(visit: &Visit<Member>, values: Values, errors: Errors) -> Result<TeamsPage, Problem> {
    let teams = visit.accounts().teams(visit.caller()).await?;
    Ok(TeamsPage {
        shell: Shell::account(visit, Tab::Teams, "Teams").await?,
        errors,
        may_manage: visit.may(Permission::ManageTeams),
        teams: teams.into_iter().map(row).collect(),
        values,
    })
}

fn row(team: TeamRow) -> Row {
    let members = usize::try_from(team.members).unwrap_or(0);
    Row { name: team.name.to_string(), slug: team.slug.to_string(), members: count(members, "member", "members") }
}

async fn show(visit: Visit<Member>) -> Answer {
    page(&load(&visit, Values::default(), Errors::none()).await?)
}

const INPUTS: [Input; 2] = [Input::same("name", "The name"), Input::same("slug", "The short name")];

async fn create(visit: Visit<Member>, Form(mut values): Form<Values>) -> Answer {
    if values.slug.trim().is_empty() {
        values.slug = slug_of(&values.name);
    }
    let asked = NewTeam { name: values.name.clone(), slug: values.slug.trim().to_owned() };
    match visit.accounts().create_team(visit.caller(), &asked).await {
        Ok(_) => {
            let path = format!("{}/teams/{}", visit.home(), asked.slug);
            Ok(go_to_with(visit.kit(), &path, &Flash::done("The team is there. Add its members.")))
        }
        Err(refused) => form_again(&load(&visit, values, Errors::of(refused, &INPUTS)?).await?),
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use crate::testing::{Fill, Site};

    #[tokio::test]
    async fn a_team_is_made_by_its_name_alone() {
        let site = Site::new().await;
        let mut browser = site.browser(&site.ours().admin);
        let page = browser.open("/app/ours/teams").await;
        assert_eq!(page.all(".list a.main"), ["Data"]);
        let page = browser.fill(&page, &Fill::press("Create team").with("Name", "Machine Learning")).await;
        assert_eq!((page.path.as_str(), page.h1().as_str()), ("/app/ours/teams/machine-learning", "Machine Learning"));
        assert_eq!(page.one(".flash"), "The team is there. Add its members.");
    }

    #[tokio::test]
    async fn a_taken_short_name_is_told_at_its_input_and_nothing_typed_is_lost() {
        let site = Site::new().await;
        let mut browser = site.browser(&site.ours().owner);
        let page = browser.open("/app/ours/teams").await;
        let page =
            browser.fill(&page, &Fill::press("Create team").with("Name", "Others").with("Short name", "data")).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(page.one("#slug-error").starts_with("The short name "), "{}", page.one("#slug-error"));
        assert_eq!(
            (page.attribute("#name", "value"), page.attribute("#slug", "value")),
            ("Others".into(), "data".into())
        );
        assert!(page.has("#slug[autofocus][aria-invalid=true]") && page.has(".summary a[href='#slug']"));
    }

    #[tokio::test]
    async fn who_may_not_make_teams_is_offered_no_form() {
        let site = Site::new().await;
        for person in [&site.ours().viewer, &site.ours().policy_manager] {
            let page = site.browser(person).open("/app/ours/teams").await;
            assert_eq!(page.all(".list a.main"), ["Data"]);
            assert!(!page.has("main form"));
        }
    }
}
