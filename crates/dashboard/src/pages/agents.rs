//! `/app/{account}/agents`: the principals that are no people.

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
};

#[derive(Template)]
#[template(path = "people/agents.html")]
struct AgentsPage {
    shell: Shell,
    errors: Errors,
    may_manage: bool,
    agents: Vec<Row>,
    name: String,
}

struct Row {
    id: String,
    name: String,
    keys: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Values {
    name: String,
}

pub(crate) fn routes(routes: Routes) -> Routes {
    routes.get("/app/{account}/agents", Who::Member(Permission::View), show).post(
        "/app/{account}/agents",
        Who::Member(Permission::ManageAgents),
        create,
    )
}

async fn load(visit: &Visit<Member>, name: String, errors: Errors) -> Result<AgentsPage, Problem> {
    let agents = visit.accounts().agents(visit.caller()).await?;
    let row = |agent: accounts::AgentView| Row {
        id: agent.id.to_string(),
        name: agent.name.to_string(),
        keys: count(agent.keys.len(), "key", "keys"),
    };
    Ok(AgentsPage {
        shell: Shell::account(visit, Tab::Agents, "Agents").await?,
        errors,
        may_manage: visit.may(Permission::ManageAgents),
        agents: agents.into_iter().map(row).collect(),
        name,
    })
}

async fn show(visit: Visit<Member>) -> Answer {
    page(&load(&visit, String::new(), Errors::none()).await?)
}

async fn create(visit: Visit<Member>, Form(values): Form<Values>) -> Answer {
    match visit.accounts().create_agent(visit.caller(), &values.name).await {
        Ok(agent) => {
            let path = format!("{}/agents/{agent}", visit.home());
            Ok(go_to_with(visit.kit(), &path, &Flash::done("The agent is there. Give it a key and a grant.")))
        }
        Err(refused) => {
            let errors = Errors::of(refused, &[Input::same("name", "The name")])?;
            form_again(&load(&visit, values.name, errors).await?)
        }
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use crate::testing::{Fill, Site};

    #[tokio::test]
    async fn an_agent_is_made_and_gets_a_key() {
        let site = Site::new().await;
        let mut browser = site.browser(&site.ours().admin);
        let page = browser.open("/app/ours/agents").await;
        assert_eq!((page.one(".list .main"), page.one(".list .soft")), ("ci-runner".to_owned(), "1 key".to_owned()));
        let again = browser.fill(&page, &Fill::press("Create agent").with("Name", "ci-runner")).await;
        assert_eq!((again.status, again.has("#name-error")), (StatusCode::UNPROCESSABLE_ENTITY, true));
        let page = browser.fill(&page, &Fill::press("Create agent").with("Name", "support-bot")).await;
        assert_eq!((page.h1().as_str(), page.has(".empty")), ("support-bot", true));
        let page = browser.fill(&page, &Fill::press("Create key").with("What it is for", "the helpdesk")).await;
        assert!(page.all(".copy code")[0].starts_with("pcl_key_"));
        let page = browser.fill(&page, &Fill::press("Revoke")).await;
        assert_eq!(page.one(".flash"), "The key is revoked.");
    }

    #[tokio::test]
    async fn a_viewer_sees_agents_and_their_keys_and_can_do_nothing() {
        let site = Site::new().await;
        let mut browser = site.browser(&site.ours().viewer);
        let page = browser.open("/app/ours/agents").await;
        let path = page.attribute(".list a.main", "href");
        assert!(!page.has("main form"));
        let page = browser.open(&path).await;
        assert_eq!(page.all("tbody th"), ["laptop"]);
        assert!(!page.has("main form") && !page.has("main .confirm"));
    }
}
