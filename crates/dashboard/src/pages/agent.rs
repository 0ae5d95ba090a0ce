//! `/app/{account}/agents/{agent}`: one agent, its keys and what it may use.

use askama::Template;
use domain::{AgentId, GrantSubject, KeyId, Permission, Principal};
use serde::Deserialize;
use web_kit::{Answer, Flash, Form, Member, Path, Problem, Visit, go_to_with};

use super::held::Held;
use super::key_form::{INPUTS, KeyLine, NewKey, Typed};
use crate::{
    form::{Choice, Errors},
    page::{form_again, id, page, page_with_secret},
    routes::{Routes, Who},
    shell::{Shell, Tab},
};

#[derive(Template)]
#[template(path = "people/agent.html")]
struct AgentPage {
    shell: Shell,
    errors: Errors,
    may_manage: bool,
    may_revoke: bool,
    id: String,
    name: String,
    keys_path: String,
    keys: Vec<KeyLine>,
    new_key: Option<NewKey>,
    label: String,
    expiries: Vec<Choice>,
    held: Held,
}

#[derive(Deserialize)]
struct Named {
    agent: String,
    #[serde(default)]
    key: String,
}

pub(crate) fn routes(routes: Routes) -> Routes {
    let manage = Who::Member(Permission::ManageAgents);
    routes
        .get("/app/{account}/agents/{agent}", Who::Member(Permission::View), show)
        .post("/app/{account}/agents/{agent}/keys", manage, create_key)
        .post("/app/{account}/agents/{agent}/keys/{key}/revoke", manage, revoke_key)
}

fn path(visit: &Visit<Member>, agent: AgentId) -> String {
    format!("{}/agents/{agent}", visit.home())
}

/// What a handler adds to the page.
#[derive(Default)]
struct Extra {
    typed: Typed,
    new_key: Option<NewKey>,
    errors: Errors,
}

async fn load(visit: &Visit<Member>, agent: AgentId, extra: Extra) -> Result<AgentPage, Problem> {
    let now = visit.kit().now();
    let found = visit.accounts().agent(visit.caller(), agent).await?;
    let may_manage = visit.may(Permission::ManageAgents);
    Ok(AgentPage {
        shell: Shell::account(visit, Tab::Agents, found.name.as_str()).await?,
        errors: extra.errors,
        may_manage,
        may_revoke: may_manage,
        id: agent.to_string(),
        name: found.name.to_string(),
        keys_path: format!("{}/keys", path(visit, agent)),
        keys: found.keys.into_iter().map(|key| KeyLine::of(key, now)).collect(),
        new_key: extra.new_key,
        label: extra.typed.label.clone(),
        expiries: extra.typed.expiries(),
        held: Held::by(visit, GrantSubject::Agent(agent), &format!("agent={agent}")).await?,
    })
}

async fn show(visit: Visit<Member>, Path(named): Path<Named>) -> Answer {
    page(&load(&visit, id(&named.agent)?, Extra::default()).await?)
}

async fn create_key(visit: Visit<Member>, Path(named): Path<Named>, Form(typed): Form<Typed>) -> Answer {
    let agent: AgentId = id(&named.agent)?;
    let asked = match typed.read(Principal::Agent(agent), visit.kit().now()) {
        Ok(asked) => asked,
        Err(errors) => return again(&visit, agent, typed, errors).await,
    };
    match visit.accounts().new_key(visit.caller(), &asked).await {
        Ok(created) => {
            let new_key = Some(NewKey::of(&visit, &asked.label, &created.token));
            page_with_secret(&load(&visit, agent, Extra { new_key, ..Extra::default() }).await?)
        }
        Err(refused) => again(&visit, agent, typed, Errors::of(refused, &INPUTS)?).await,
    }
}

async fn again(visit: &Visit<Member>, agent: AgentId, typed: Typed, errors: Errors) -> Answer {
    form_again(&load(visit, agent, Extra { typed, errors, new_key: None }).await?)
}

async fn revoke_key(visit: Visit<Member>, Path(named): Path<Named>) -> Answer {
    let agent: AgentId = id(&named.agent)?;
    let key: KeyId = id(&named.key)?;
    visit.accounts().revoke_key(visit.caller(), key).await?;
    Ok(go_to_with(visit.kit(), &path(&visit, agent), &Flash::done("The key is revoked.")))
}
