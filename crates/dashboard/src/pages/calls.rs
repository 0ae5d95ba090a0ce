//! `/app/{account}/calls`: the recorded calls, the newest first, live, filtered by the address.

mod filter;

use accounts::{CallRow, CallView, PolicySummary, ServerSummary};
use askama::Template;
use domain::{CallId, Outcome, Permission, ServerId};
use serde::Deserialize;
use web_kit::{Answer, Member, Path, Problem, Query, Visit};

use crate::{
    form::Choice,
    page::{escape, id, page},
    routes::{Routes, Who},
    shell::{Shell, Tab},
    show::Time,
    words::{self, Badge},
};
use filter::Filter;

#[derive(Template)]
#[template(path = "calls/calls.html")]
struct CallsPage {
    shell: Shell,
    servers: Vec<Choice>,
    outcomes: Vec<Choice>,
    codes: Vec<Choice>,
    principals: Vec<Choice>,
    policies: Vec<Choice>,
    version: String,
    would_deny: Vec<Choice>,
    would_deny_rule: String,
    tool: String,
    grant: String,
    filtered: bool,
    /// The newest page is live; older ones stand still.
    live: Option<String>,
    list: CallList,
    newest: String,
}

/// The rows alone, for the live list.
#[derive(Template)]
#[template(path = "calls/list.html")]
struct CallList {
    filtered: bool,
    calls: Vec<CallLine>,
    older: Option<String>,
    home: String,
}

/// One call.
pub(crate) struct CallLine {
    pub(crate) id: String,
    pub(crate) href: String,
    pub(crate) at: Time,
    pub(crate) outcome: Badge,
    pub(crate) allowed: bool,
    pub(crate) code: Option<String>,
    pub(crate) rule: String,
    /// The rule in parts between which a line may break.
    pub(crate) rule_parts: Vec<String>,
    /// The policy at the rule.
    pub(crate) rule_href: Option<String>,
    pub(crate) policy: Option<String>,
    pub(crate) grant: Option<(String, String)>,
    pub(crate) principal: Option<String>,
    pub(crate) server: Option<(String, String)>,
    pub(crate) tool: Option<String>,
    pub(crate) method: String,
    pub(crate) ours: String,
    pub(crate) upstream: Option<String>,
    pub(crate) ended: Option<&'static str>,
    /// The rule in shadow that would have denied it, in the same parts.
    pub(crate) would_deny: Option<Vec<String>>,
    /// The request for an approval that it made, or whose approval it used.
    pub(crate) approval_href: Option<String>,
}

#[derive(Deserialize)]
struct Named {
    call: String,
}

#[derive(Template)]
#[template(path = "calls/call.html")]
struct CallPage {
    shell: Shell,
    line: CallLine,
    decision: String,
    class: Option<Badge>,
    message: Option<String>,
    retry_after: Option<String>,
    argument_keys: Vec<String>,
    /// The app that called for the principal.
    app: Option<String>,
    client: Option<String>,
    would_deny: Option<(String, String)>,
    decided_in: String,
    http_status: Option<u16>,
    response_bytes: Option<u64>,
    /// The workbench of the policy that decided, with a test made of this call.
    test_href: Option<String>,
}

pub(crate) fn routes(routes: Routes) -> Routes {
    let see = Who::Member(Permission::ViewCalls);
    routes.get("/app/{account}/calls", see, show).get("/app/{account}/calls/live", see, live).get(
        "/app/{account}/calls/{call}",
        see,
        show_one,
    )
}

impl CallLine {
    pub(crate) fn of(view: CallView, home: &str) -> Self {
        let call = view.call;
        let server_href = view.server.as_ref().map(|(slug, _)| format!("{home}/servers/{slug}"));
        let rule_href = rule_href(&call, server_href.as_deref());
        let version = call.policy.map(|(_, version)| version);
        let grant = view.grant_label.zip(call.grant);
        Self {
            href: format!("{home}/calls/{}", call.place.id),
            id: call.place.id.to_string(),
            at: call.place.at.into(),
            outcome: words::outcome(call.outcome),
            allowed: call.outcome == Outcome::Allow,
            rule: words::visible(&call.rule),
            rule_parts: words::pointer(&call.rule),
            rule_href,
            would_deny: call.would_deny.as_ref().map(|would| words::pointer(&would.rule)),
            approval_href: call.approval.map(|approval| format!("{home}/approvals/{approval}")),
            policy: view.policy_name.zip(version).map(|(name, version)| format!("{name}, version {version}")),
            grant: grant.map(|(label, id)| (label.to_string(), format!("{home}/calls?grant={id}"))),
            principal: view.principal_name,
            server: view.server.map(|(_, name)| name.to_string()).zip(server_href),
            tool: call.tool.as_deref().map(words::visible),
            method: words::visible(&call.method),
            ours: words::taken(call.end.as_ref().map_or(call.decide_us, |end| end.gateway_us)),
            upstream: call.end.as_ref().map(|end| words::taken(end.upstream_us)),
            ended: call.end.as_ref().map(|end| words::settlement(end.settlement)),
            code: call.code,
        }
    }
}

/// The policy in the version that decided, at the rule.
fn rule_href(call: &CallRow, server_href: Option<&str>) -> Option<String> {
    let (policy, version) = call.policy.filter(|_| !call.rule.is_empty())?;
    Some(format!("{}/policies/{policy}?version={version}&at={}", server_href?, escape(&call.rule)))
}

async fn list(visit: &Visit<Member>, filter: &Filter, servers: &[ServerSummary]) -> Result<CallList, Problem> {
    let home = visit.home();
    let known: Vec<(String, ServerId)> = servers.iter().map(|server| (server.slug.to_string(), server.id)).collect();
    let (calls, older) = match filter.read(&known) {
        Some(asked) => {
            let found = visit.accounts().calls(visit.caller(), &asked).await?;
            (found.calls, found.older)
        }
        None => (Vec::new(), None),
    };
    let query = filter.query();
    let and = if query.is_empty() { "" } else { "&" };
    Ok(CallList {
        filtered: !filter.is_empty(),
        calls: calls.into_iter().map(|call| CallLine::of(call, &home)).collect(),
        older: older.map(|place| format!("{home}/calls?{query}{and}before={place}")),
        home,
    })
}

async fn live(visit: Visit<Member>, Query(filter): Query<Filter>) -> Answer {
    let servers = visit.accounts().list_servers(visit.caller()).await?;
    page(&list(&visit, &filter, &servers).await?)
}

async fn show(visit: Visit<Member>, Query(filter): Query<Filter>) -> Answer {
    let (accounts, caller) = (visit.accounts(), visit.caller());
    let servers = accounts.list_servers(caller).await?;
    let server = |server: &ServerSummary| (server.slug.to_string(), server.name.to_string());
    let members = accounts.members(caller).await?.into_iter().map(|m| (m.user.to_string(), m.email.to_string()));
    let agents = accounts.agents(caller).await?.into_iter().map(|a| (a.id.to_string(), a.name.to_string()));
    let outcomes = words::OUTCOMES.map(|o| (words::outcome_word(o).to_owned(), words::outcome(o).word.to_owned()));
    let home = visit.home();
    page(&CallsPage {
        list: list(&visit, &filter, &servers).await?,
        servers: choices("Every server", servers.iter().map(server).collect(), &filter.server),
        outcomes: choices("Every outcome", outcomes.to_vec(), &filter.outcome),
        codes: choices("Every code", policy_codes(), &filter.code),
        policies: choices("Every policy", policies(&visit, &servers).await?, &filter.policy),
        version: filter.version.clone(),
        would_deny: choices(
            "Whatever they would do",
            vec![("any".to_owned(), "Would have denied it".to_owned())],
            if filter.would_deny_rule.is_empty() { &filter.would_deny } else { "any" },
        ),
        would_deny_rule: filter.would_deny_rule.clone(),
        principals: choices("Everyone", members.chain(agents).collect(), &filter.principal),
        tool: filter.tool.clone(),
        grant: filter.grant.clone(),
        filtered: !filter.is_empty(),
        live: filter.before.is_empty().then(|| format!("{home}/calls/live?{}", filter.query())),
        newest: format!("{home}/calls?{}", filter.query()),
        shell: Shell::account(&visit, Tab::Calls, "Calls").await?,
    })
}

async fn policies(visit: &Visit<Member>, servers: &[ServerSummary]) -> Result<Vec<(String, String)>, Problem> {
    let mut found = Vec::new();
    for server in servers {
        let policies = visit.accounts().list_policies(visit.caller(), server.id).await?;
        let named = |policy: PolicySummary| (policy.id.to_string(), format!("{} ({})", policy.name, server.name));
        found.extend(policies.into_iter().map(named));
    }
    Ok(found)
}

fn policy_codes() -> Vec<(String, String)> {
    policy::Code::ALL.into_iter().map(|code| (code.to_string(), code.to_string())).collect()
}

fn choices(all: &str, each: Vec<(String, String)>, chosen: &str) -> Vec<Choice> {
    let every = (String::new(), all.to_owned());
    let each = std::iter::once(every).chain(each);
    each.map(|(value, label)| Choice { selected: value == chosen, value, label }).collect()
}

async fn show_one(visit: Visit<Member>, Path(named): Path<Named>) -> Answer {
    let id: CallId = id(&named.call)?;
    let view = visit.accounts().call(visit.caller(), id).await?;
    let call = &view.call;
    page(&CallPage {
        shell: Shell::account(&visit, Tab::Calls, "A call").await?,
        decision: call.decision.to_string(),
        class: call.class.map(words::class),
        message: call.message.as_deref().map(words::visible),
        retry_after: call.retry_after_ms.map(words::wait),
        argument_keys: call.argument_keys.iter().map(|key| words::visible(key)).collect(),
        app: view.app_name.as_ref().map(|name| words::visible(name.as_str())),
        client: call.client.as_ref().map(|client| words::visible(&format!("{} {}", client.name, client.version))),
        would_deny: call.would_deny.clone().map(|would| (would.code, words::visible(&would.rule))),
        decided_in: words::taken(call.decide_us),
        http_status: call.end.as_ref().and_then(|end| end.http_status),
        response_bytes: call.end.as_ref().map(|end| end.response_bytes),
        test_href: test_href(&visit, &view),
        line: CallLine::of(view, &visit.home()),
    })
}

fn test_href(visit: &Visit<Member>, view: &CallView) -> Option<String> {
    let (policy, _) =
        view.call.policy.filter(|_| visit.may(Permission::WritePolicies) && view.policy_name.is_some())?;
    let (slug, _) = view.server.as_ref().filter(|_| view.call.tool.is_some())?;
    Some(format!("{}/servers/{slug}/policies/{policy}?test={}", visit.home(), view.call.place.id))
}

impl CallPage {
    fn end(&self) -> &'static str {
        match (self.line.ended, self.line.allowed) {
            (Some(ended), _) => ended,
            (None, true) => "still running, or its end has not been recorded yet",
            (None, false) => "not sent to the server",
        }
    }
}

#[cfg(test)]
mod tests;
