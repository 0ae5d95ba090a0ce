//! `/app/{account}/approvals`: the calls that wait for a person, and the answers that were given.

mod answer;
mod request;

use accounts::{ApprovalFilter, ApprovalStanding, ApprovalView, MayAnswer};
use askama::Template;
use domain::Permission;
use serde::Deserialize;
use web_kit::{Answer, Member, Problem, Query, Visit};

use crate::{
    page::page,
    routes::{Routes, Who},
    shell::{Shell, Tab},
    show::{self, Time},
    words::{self, Badge},
};

#[derive(Template)]
#[template(path = "approvals/approvals.html")]
struct ApprovalsPage {
    shell: Shell,
    all: bool,
    list: ApprovalList,
}

/// The rows alone, for the live list.
#[derive(Template)]
#[template(path = "approvals/list.html")]
struct ApprovalList {
    home: String,
    all: bool,
    requests: Vec<Row>,
}

struct Row {
    href: String,
    standing: Badge,
    tool: String,
    class: Badge,
    who: String,
    server: Option<String>,
    asked: Time,
    /// What is said of its end: "expires in 12 min", or who answered.
    end: String,
    mine: bool,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Asked {
    /// `all`: also those that are answered or over.
    show: String,
}

pub(crate) fn routes(routes: Routes) -> Routes {
    let see = Who::Member(Permission::ViewCalls);
    let routes = routes.get("/app/{account}/approvals", see, show_list).get("/app/{account}/approvals/live", see, live);
    answer::routes(request::routes(routes))
}

async fn list(visit: &Visit<Member>, asked: &Asked) -> Result<ApprovalList, Problem> {
    let all = asked.show == "all";
    let filter = ApprovalFilter { open: !all, limit: 200 };
    let mut found = visit.accounts().approvals(visit.caller(), &filter).await?;
    // Those that wait for the reader first, then the others that wait, then the rest; each the newest first.
    found.sort_by_key(|request| (request.may_answer != MayAnswer::Yes, request.standing != ApprovalStanding::Open));
    let home = visit.home();
    let requests = found.iter().map(|request| Row::of(visit, request, &home)).collect();
    Ok(ApprovalList { home, all, requests })
}

async fn show_list(visit: Visit<Member>, Query(asked): Query<Asked>) -> Answer {
    let list = list(&visit, &asked).await?;
    let shell = Shell::account(&visit, Tab::Approvals, "Approvals").await?;
    page(&ApprovalsPage { shell, all: list.all, list })
}

async fn live(visit: Visit<Member>, Query(asked): Query<Asked>) -> Answer {
    page(&list(&visit, &asked).await?)
}

impl Row {
    fn of(visit: &Visit<Member>, request: &ApprovalView, home: &str) -> Self {
        Self {
            href: format!("{home}/approvals/{}", request.id),
            standing: standing(request.standing),
            tool: words::visible(&request.tool),
            class: words::class(request.class),
            who: request.principal_name.clone().unwrap_or_else(|| "somebody who is gone".to_owned()),
            server: request.server.as_ref().map(|(_, name)| name.to_string()),
            asked: request.asked_at.into(),
            end: end(visit, request),
            mine: request.may_answer == MayAnswer::Yes,
        }
    }
}

/// Where a request stands, as a badge.
fn standing(standing: ApprovalStanding) -> Badge {
    match standing {
        ApprovalStanding::Open => Badge { class: "warn", sign: "‖", word: "Waiting" },
        ApprovalStanding::Approved => Badge { class: "allowed", sign: "✓", word: "Approved" },
        ApprovalStanding::Used => Badge { class: "allowed", sign: "✓", word: "Approved and used" },
        ApprovalStanding::Refused => Badge { class: "denied", sign: "✕", word: "Refused" },
        ApprovalStanding::Expired => Badge { class: "revoked", sign: "✕", word: "Expired" },
        ApprovalStanding::Void => Badge { class: "revoked", sign: "✕", word: "Void" },
    }
}

fn end(visit: &Visit<Member>, request: &ApprovalView) -> String {
    match (&request.answer, request.standing) {
        (Some(answer), _) => format!("answered by {}", answer.by),
        (None, ApprovalStanding::Open) => expires_in(visit, request),
        (None, _) => "nobody answered".to_owned(),
    }
}

/// "expires in 12 minutes".
fn expires_in(visit: &Visit<Member>, request: &ApprovalView) -> String {
    let left = (request.expires_at.0 - visit.kit().config().clock.now().0) / 1_000_000;
    if left > 0 { format!("expires in {}", show::wait(left)) } else { "expires now".to_owned() }
}

#[cfg(test)]
mod tests;
