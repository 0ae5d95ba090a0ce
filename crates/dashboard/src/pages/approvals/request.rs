//! `/app/{account}/approvals/{approval}`: one request with the exact arguments, and its answer.

use accounts::{ApprovalAnswerView, ApprovalStanding, ApprovalView, ArgumentsShown, MayAnswer};
use askama::Template;
use domain::{ApprovalId, Permission};
use serde::Deserialize;
use web_kit::{Answer, Member, Path, Problem, Visit};

use super::{expires_in, standing};
use crate::{
    exact::Exact,
    form::Errors,
    page::{escape, id, page},
    pages::policy::approvers,
    routes::{Routes, Who},
    shell::{Shell, Tab},
    show::{self, Time},
    words::{self, Badge},
};

#[derive(Template)]
#[template(path = "approvals/request.html")]
pub(super) struct RequestPage {
    shell: Shell,
    pub(super) errors: Errors,
    path: String,
    id: String,
    standing: Badge,
    open: bool,
    tool: String,
    class: Badge,
    class_says: &'static str,
    /// What the tool says of itself, in its server's words.
    description: Option<String>,
    who: Option<String>,
    client: Option<String>,
    grant: Option<String>,
    server: Option<(String, String)>,
    policy: String,
    rule: Vec<String>,
    rule_href: Option<String>,
    message: String,
    asked: Time,
    expires: Time,
    /// "expires in 12 minutes", while it is open.
    left: Option<String>,
    approvers: String,
    /// Laid out for reading, and the bytes as they are; none: not for this reader's eyes, or not recorded.
    arguments: Option<(Exact, Exact, String)>,
    /// Why they are not there.
    not_shown: &'static str,
    may_answer: bool,
    /// Why the reader may not answer it.
    why_not: Option<&'static str>,
    answer: Option<Given>,
    /// What follows from how it stands.
    outcome: Option<&'static str>,
    call_href: String,
    used_href: Option<String>,
    pub(super) reason: String,
}

/// The answer that was given.
struct Given {
    approved: bool,
    by: String,
    at: Time,
    reason: String,
}

#[derive(Deserialize)]
pub(super) struct Named {
    pub(super) approval: String,
}

pub(super) fn routes(routes: Routes) -> Routes {
    routes.get("/app/{account}/approvals/{approval}", Who::Member(Permission::ViewCalls), show_one)
}

async fn show_one(visit: Visit<Member>, Path(named): Path<Named>) -> Answer {
    let approval: ApprovalId = id(&named.approval)?;
    page(&load(&visit, approval).await?)
}

pub(super) async fn load(visit: &Visit<Member>, approval: ApprovalId) -> Result<RequestPage, Problem> {
    let view = visit.accounts().approval(visit.caller(), approval).await?;
    let description = match &view.server {
        Some((slug, _)) => {
            let server = visit.accounts().server(visit.caller(), slug).await.ok();
            let tool = server.and_then(|server| server.tools.into_iter().find(|tool| tool.name == view.tool));
            tool.map(|tool| words::visible(tool.description.trim())).filter(|text| !text.is_empty())
        }
        None => None,
    };
    let shell = Shell::account(visit, Tab::Approvals, "A request for approval").await?;
    Ok(RequestPage::of(visit, shell, view, description))
}

impl RequestPage {
    fn of(visit: &Visit<Member>, shell: Shell, view: ApprovalView, description: Option<String>) -> Self {
        let home = visit.home();
        let (policy, policy_name, version) = &view.policy;
        let server = view.server.as_ref().map(|(slug, name)| (name.to_string(), format!("{home}/servers/{slug}")));
        let rule_href = server
            .as_ref()
            .map(|(_, server)| format!("{server}/policies/{policy}?version={version}&at={}", escape(&view.rule)));
        let open = view.standing == ApprovalStanding::Open;
        Self {
            shell,
            errors: Errors::none(),
            path: format!("{home}/approvals/{}", view.id),
            id: view.id.to_string(),
            standing: standing(view.standing),
            left: open.then(|| expires_in(visit, &view)),
            why_not: why_not(view.may_answer),
            may_answer: view.may_answer == MayAnswer::Yes,
            outcome: outcome(view.standing),
            approvers: approvers(&view.approvers),
            class: words::class(view.class),
            class_says: words::class_says(view.class),
            tool: words::visible(&view.tool),
            description,
            who: view.principal_name,
            client: view.client.map(|client| words::visible(&format!("{} {}", client.name, client.version))),
            grant: view.grant_label.map(|label| label.to_string()),
            policy: match policy_name {
                Some(name) => format!("{name}, version {version}"),
                None => format!("version {version} of a policy that is gone"),
            },
            rule: words::pointer(&view.rule),
            rule_href,
            server,
            message: words::visible(&view.message),
            asked: view.asked_at.into(),
            expires: view.expires_at.into(),
            not_shown: not_shown(view.shown),
            arguments: view.arguments.as_deref().map(|raw| (Exact::of_json(raw), Exact::of(raw), bytes(raw))),
            answer: view.answer.map(Given::of),
            call_href: format!("{home}/calls/{}", view.call),
            used_href: view.used_by.map(|call| format!("{home}/calls/{call}")),
            reason: String::new(),
            open,
        }
    }
}

impl Given {
    fn of(answer: ApprovalAnswerView) -> Self {
        Self {
            approved: answer.approved,
            by: answer.by.to_string(),
            at: answer.at.into(),
            reason: words::visible(&answer.reason),
        }
    }
}

fn bytes(raw: &str) -> String {
    show::count(raw.len(), "byte", "bytes")
}

fn why_not(may: MayAnswer) -> Option<&'static str> {
    match may {
        MayAnswer::Yes => None,
        MayAnswer::NotApprover => Some("You are not among those who may answer it."),
        MayAnswer::OwnRequest => Some("It is your own call, and the policy asks for somebody else’s answer."),
        MayAnswer::Closed => Some("It takes no answer any more."),
    }
}

fn outcome(standing: ApprovalStanding) -> Option<&'static str> {
    match standing {
        ApprovalStanding::Open => None,
        ApprovalStanding::Approved => Some("The same call passes once, until the request expires."),
        ApprovalStanding::Used => Some("The call was made; the approval is used up."),
        ApprovalStanding::Refused => {
            Some("The same call is denied until the request expires; after that it may be asked again.")
        }
        ApprovalStanding::Expired => Some("Its time passed before it was used. The same call asks anew."),
        ApprovalStanding::Void => {
            Some("The policy changed or the grant was revoked meanwhile, so no answer to it counts any more.")
        }
    }
}

fn not_shown(shown: ArgumentsShown) -> &'static str {
    match shown {
        ArgumentsShown::Forgotten => "They are kept for a time after the end of a request, and that is over.",
        ArgumentsShown::Damaged => "They cannot be read: they were sealed under another key than this deployment's.",
        ArgumentsShown::Yes | ArgumentsShown::TooLong | ArgumentsShown::NotForReader => {
            "They are shown to whoever may answer, to the caller, and to admins and owners."
        }
    }
}
