//! `/app/{account}/servers/{server}`: one server: the way to its first call, its tools, policies, grants and a place to try it.

mod connect;
mod connectors;
mod first_call;
mod grants;
mod oauth;
mod own_connection;
mod policies;
mod settings;
#[cfg(test)]
mod tests;
mod tools;
mod try_it;

use accounts::{CallView, GrantView, PolicySummary, ServerView};
use askama::Template;
use domain::{ConnectToken, Permission, ServerSlug, Transport};
use serde::Deserialize;
use web_kit::{Answer, Member, Path, Problem, Query, Visit};

pub(crate) use self::{
    connect::Connect,
    first_call::FirstCall,
    grants::GrantLine,
    oauth::{health, told},
    try_it::Tried,
};
use self::{
    oauth::OAuthPanel,
    policies::PolicyLine,
    tools::{ToolsPart, Under},
    try_it::TryIt,
};
use super::{grant_form::GrantForm, policy_form::Editor};
use crate::{
    form::Errors,
    page::{id, page},
    routes::{Routes, Who},
    shell::{Shell, Tab},
    snippets::{Snippet, snippets},
};

#[derive(Template)]
#[template(path = "servers/server.html")]
pub(crate) struct ServerPage {
    shell: Shell,
    errors: Errors,
    base: String,
    name: String,
    slug: String,
    reached: String,
    gateway_url: String,
    account_url: String,
    may: May,
    steps: Vec<Step>,
    /// Whether everything is set up, so that the steps need no room any more.
    complete: bool,
    connect: Connect,
    editor: Option<Editor>,
    grant_form: Option<GrantForm>,
    first_call: FirstCall,
    try_it: TryIt,
    tools: ToolsPart,
    policies: Vec<PolicyLine>,
    grants: Vec<GrantLine>,
    snippets: Vec<Snippet>,
    /// Set when the page answers a form, so that a reload asks for the page.
    address: Option<String>,
}

/// What the reader may do here.
#[derive(Clone, Copy)]
pub(crate) struct May {
    pub(crate) manage: bool,
    pub(crate) write_policies: bool,
    pub(crate) grant: bool,
}

/// One step of setting a server up.
struct Step {
    number: usize,
    title: &'static str,
    anchor: &'static str,
    state: StepState,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum StepState {
    Done,
    Now,
    Later,
}

/// What a handler adds to the page.
#[derive(Default)]
pub(crate) struct Extra {
    pub(crate) errors: Errors,
    pub(crate) connect: Option<ConnectToken>,
    pub(crate) tried: Option<Tried>,
    pub(crate) asked: Asked,
    /// The page answers a form.
    pub(crate) answers_form: bool,
}

/// The query.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(crate) struct Asked {
    /// The policy to show the tools under.
    policy: String,
    /// The tool to try.
    tool: String,
}

#[derive(Deserialize)]
pub(crate) struct Named {
    pub(crate) server: String,
}

pub(crate) fn routes(routes: Routes) -> Routes {
    let routes = routes.get("/app/{account}/servers/{server}", Who::Member(Permission::View), show);
    let parts = [connect::routes, first_call::routes, try_it::routes, tools::routes, settings::routes, oauth::routes];
    own_connection::routes(parts.into_iter().fold(routes, |routes, add| add(routes)))
}

async fn show(visit: Visit<Member>, Path(named): Path<Named>, Query(asked): Query<Asked>) -> Answer {
    let slug: ServerSlug = id(&named.server)?;
    page(&load(&visit, &slug, Extra { asked, ..Extra::default() }).await?)
}

/// The address of a server's page.
pub(crate) fn base(visit: &Visit<Member>, slug: &ServerSlug) -> String {
    format!("{}/servers/{slug}", visit.home())
}

pub(crate) async fn load(visit: &Visit<Member>, slug: &ServerSlug, extra: Extra) -> Result<ServerPage, Problem> {
    let (accounts, caller) = (visit.accounts(), visit.caller());
    let mut server = accounts.server(caller, slug).await?;
    let policies = accounts.list_policies(caller, server.id).await?;
    let grants = accounts.list_grants(caller, Some(server.id)).await?;
    let first_call: Option<CallView> = accounts.first_call(caller, server.id).await?;
    let may = May::of(visit);
    let base = base(visit, slug);

    let oauth = accounts.upstream_oauth(caller, server.id).await?;
    let oauth = oauth.map(|view| OAuthPanel::of(view, &base, may.manage));
    if oauth.as_ref().is_some_and(|oauth| !oauth.is_connected()) {
        // The panel says the same, and what to do.
        server.tools_error = None;
    }
    let connect = Connect::of(&server, &base, extra.connect.as_ref(), may.manage).with(oauth);
    let first_call = FirstCall::of(first_call, visit, &base);
    let steps = steps([connect.done(), !policies.is_empty(), !grants.is_empty(), first_call.done()]);
    let under = Under::of(visit, &policies, &extra.asked.policy).await?;
    let ask_grant = may.grant && grants.is_empty() && !policies.is_empty();
    let grant_form = if ask_grant { Some(GrantForm::fresh(visit, &server).await?) } else { None };
    Ok(ServerPage {
        shell: Shell::account(visit, Tab::Servers, server.name.as_str()).await?,
        errors: extra.errors,
        reached: reached(&server),
        complete: steps.iter().all(|step| step.state == StepState::Done),
        editor: (may.write_policies && policies.is_empty()).then(|| Editor::fresh(&base)),
        grant_form,
        try_it: TryIt::of(&server, &base, &extra.asked.tool, extra.tried),
        tools: ToolsPart::of(&server, under, &base, may),
        policies: policies.iter().map(|policy: &PolicySummary| PolicyLine::of(policy, &base)).collect(),
        grants: grants.into_iter().map(|grant: GrantView| GrantLine::of(grant, visit)).collect(),
        snippets: snippets(slug.as_str(), &server.gateway_url, "YOUR_KEY"),
        address: extra.answers_form.then(|| base.clone()),
        name: server.name.to_string(),
        slug: slug.to_string(),
        gateway_url: server.gateway_url,
        account_url: server.account_gateway_url,
        base,
        may,
        steps,
        connect,
        first_call,
    })
}

fn reached(server: &ServerView) -> String {
    match &server.transport {
        Transport::Http { url } => format!("by URL, {url}"),
        Transport::Tunnel => "through a connector beside it".to_owned(),
    }
}

fn steps(done: [bool; 4]) -> Vec<Step> {
    let named =
        [("Connect", "connect"), ("Policy", "policy-step"), ("Grant", "grant-step"), ("First call", "first-call")];
    let now = done.iter().position(|done| !done);
    let state = |index: usize| match (done[index], now == Some(index)) {
        (true, _) => StepState::Done,
        (false, true) => StepState::Now,
        (false, false) => StepState::Later,
    };
    let each = named.into_iter().enumerate();
    each.map(|(index, (title, anchor))| Step { number: index + 1, title, anchor, state: state(index) }).collect()
}

impl May {
    pub(crate) fn of(visit: &Visit<Member>) -> Self {
        Self {
            manage: visit.may(Permission::ManageServers),
            write_policies: visit.may(Permission::WritePolicies),
            grant: visit.may(Permission::ManageGrants),
        }
    }
}

impl Step {
    fn class(&self) -> &'static str {
        match self.state {
            StepState::Done => "done",
            StepState::Now => "now",
            StepState::Later => "later",
        }
    }

    fn says(&self) -> &'static str {
        match self.state {
            StepState::Done => "done",
            StepState::Now => "now",
            StepState::Later => "to do",
        }
    }
}
