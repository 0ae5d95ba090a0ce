//! `/app/{account}/grants`: who may use what, under which policy; suspend, resume, revoke, another policy.

use std::collections::BTreeMap;

use accounts::{GrantStanding, GrantView, PolicySummary};
use askama::Template;
use axum::response::Response;
use domain::{GrantId, Permission, PolicyId, ServerId};
use serde::Deserialize;
use web_kit::{Answer, Flash, Form, LocalPath, Member, Path, Problem, Query, Visit, go_to_with};

use super::server::GrantLine;
use crate::{
    form::{Choice, Errors},
    page::{form_again, id, page},
    routes::{Routes, Who},
    shell::{Shell, Tab},
};

#[derive(Template)]
#[template(path = "grants/grants.html")]
struct GrantsPage {
    shell: Shell,
    errors: Errors,
    may_grant: bool,
    may_attach: bool,
    filtered: bool,
    servers: Vec<Choice>,
    states: Vec<Choice>,
    grants: Vec<Row>,
    here: String,
}

struct Row {
    line: GrantLine,
    /// The policies it could have instead.
    policies: Vec<Choice>,
}

/// Which grants.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Filter {
    server: String,
    state: String,
}

#[derive(Deserialize)]
struct OfGrant {
    grant: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Typed {
    policy: String,
    /// The page to go back to, with its filter.
    next: String,
}

pub(crate) fn routes(routes: Routes) -> Routes {
    let give = Who::Member(Permission::ManageGrants);
    routes
        .get("/app/{account}/grants", Who::Member(Permission::View), show)
        .post("/app/{account}/grants/{grant}/suspend", give, suspend)
        .post("/app/{account}/grants/{grant}/resume", give, resume)
        .post("/app/{account}/grants/{grant}/revoke", give, revoke)
        .post("/app/{account}/grants/{grant}/policy", Who::Member(Permission::AttachPolicies), attach)
}

async fn show(visit: Visit<Member>, Query(filter): Query<Filter>) -> Answer {
    page(&load(&visit, &filter, Errors::none()).await?)
}

async fn load(visit: &Visit<Member>, filter: &Filter, errors: Errors) -> Result<GrantsPage, Problem> {
    let (accounts, caller) = (visit.accounts(), visit.caller());
    let servers = accounts.list_servers(caller).await?;
    let grants = accounts.list_grants(caller, None).await?;
    let shown = grants.into_iter().filter(|grant| filter.wants(grant));
    let may_attach = visit.may(Permission::AttachPolicies);
    let mut policies: BTreeMap<ServerId, Vec<PolicySummary>> = BTreeMap::new();
    let mut rows = Vec::new();
    for grant in shown {
        if may_attach && !policies.contains_key(&grant.server) {
            policies.insert(grant.server, accounts.list_policies(caller, grant.server).await?);
        }
        let of_server = policies.get(&grant.server).map(Vec::as_slice).unwrap_or_default();
        rows.push(row(grant, of_server, visit));
    }
    let choice = |value: &str, label: &str, chosen: &str| Choice {
        value: value.to_owned(),
        label: label.to_owned(),
        selected: value == chosen,
    };
    let every = std::iter::once(choice("", "Every server", &filter.server));
    let states = [("", "Every state"), ("active", "In force"), ("suspended", "Suspended"), ("ended", "Ended")];
    Ok(GrantsPage {
        shell: Shell::account(visit, Tab::Grants, "Grants").await?,
        errors,
        may_grant: visit.may(Permission::ManageGrants),
        may_attach,
        filtered: !filter.server.is_empty() || !filter.state.is_empty(),
        servers: every
            .chain(servers.iter().map(|s| choice(s.slug.as_str(), s.name.as_str(), &filter.server)))
            .collect(),
        states: states.iter().map(|(value, label)| choice(value, label, &filter.state)).collect(),
        grants: rows,
        here: visit.stage().here.as_str().to_owned(),
    })
}

impl Filter {
    fn wants(&self, grant: &GrantView) -> bool {
        let state = match grant.standing {
            GrantStanding::Active => "active",
            GrantStanding::Suspended => "suspended",
            GrantStanding::Expired => "ended",
        };
        let fits = |asked: &str, is: &str| asked.is_empty() || asked == is;
        fits(&self.state, state) && fits(&self.server, grant.server_slug.as_str())
    }
}

fn row(grant: GrantView, policies: &[PolicySummary], visit: &Visit<Member>) -> Row {
    let now = grant.policy.as_ref().map(|(policy, _, _)| *policy);
    let choice = |policy: &PolicySummary| Choice {
        value: policy.id.to_string(),
        label: policy.name.to_string(),
        selected: Some(policy.id) == now,
    };
    Row { policies: policies.iter().map(choice).collect(), line: GrantLine::of(grant, visit) }
}

async fn suspend(visit: Visit<Member>, Path(of): Path<OfGrant>, Form(typed): Form<Typed>) -> Answer {
    let done = visit.accounts().suspend_grant(visit.caller(), grant(&of)?).await;
    answer(&visit, &typed, done, "The grant is suspended: every call under it is refused until it is resumed.").await
}

async fn resume(visit: Visit<Member>, Path(of): Path<OfGrant>, Form(typed): Form<Typed>) -> Answer {
    let done = visit.accounts().resume_grant(visit.caller(), grant(&of)?).await;
    answer(&visit, &typed, done, "The grant is in force again.").await
}

async fn revoke(visit: Visit<Member>, Path(of): Path<OfGrant>, Form(typed): Form<Typed>) -> Answer {
    let done = visit.accounts().revoke_grant(visit.caller(), grant(&of)?).await;
    answer(&visit, &typed, done, "The grant is revoked; every call under it is refused.").await
}

async fn attach(visit: Visit<Member>, Path(of): Path<OfGrant>, Form(typed): Form<Typed>) -> Answer {
    let policy: PolicyId = id(&typed.policy)?;
    let done = visit.accounts().attach_policy(visit.caller(), grant(&of)?, Some(policy)).await;
    answer(&visit, &typed, done, "The grant has another policy now.").await
}

fn grant(of: &OfGrant) -> Result<GrantId, Problem> {
    id(&of.grant)
}

async fn answer(visit: &Visit<Member>, typed: &Typed, done: Result<(), accounts::Error>, words: &str) -> Answer {
    match done {
        Ok(()) => Ok(back(visit, typed, words)),
        Err(refused) => form_again(&load(visit, &Filter::default(), Errors::of(refused, &[])?).await?),
    }
}

/// Back to where the button stood, when that is in this account.
fn back(visit: &Visit<Member>, typed: &Typed, words: &str) -> Response {
    let home = visit.home();
    let within = |path: &LocalPath| path.as_str().strip_prefix(&home).is_some_and(|rest| rest.starts_with(['/', '?']));
    let to = LocalPath::parse(&typed.next).filter(within).map(|path| path.as_str().to_owned());
    go_to_with(visit.kit(), &to.unwrap_or_else(|| format!("{home}/grants")), &Flash::done(words))
}

#[cfg(test)]
mod tests;
