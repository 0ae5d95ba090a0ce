//! What a policy that is not saved yet can begin with.

use accounts::{GrantView, SaveError, ServerView, Suggestion, SuggestionSource, ToolView};
use catalogue::{Recommendation, ToolFacts};
use domain::{GrantId, Permission, ServerSlug};
use serde::Deserialize;
use web_kit::{Answer, Flash, Form, Member, Path, Problem, Visit, go_to_with};

use super::{Bench, Extra, INPUTS, Subject, Typed, check::CheckPart, life::FIRST_NAME, notes::Why};
use crate::{
    form::Errors,
    page::{form_again, id, page},
    pages::server::{self, base},
    routes::{Routes, Who},
    show::{self, Time},
};

/// A policy in which nothing is said yet.
const EMPTY: &str = "{\n  \"version\": \"1\",\n  \"default\": \"deny\"\n}\n";

/// A text to begin with.
pub(super) struct Start {
    pub(super) href: String,
    pub(super) title: String,
    pub(super) note: String,
}

/// What the address asks to begin with.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Asked {
    tool: String,
    /// Which of the recommendations, from 0. A text, as all that is flattened into a query.
    choice: String,
    /// A server of the catalogue that the recommendation is from.
    from: String,
    start: String,
    /// For a suggestion: from what this grant called.
    grant: String,
}

/// What the editor on the server's page sends.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Pasted {
    name: String,
    document: String,
}

/// A text and what is said of it.
struct Begun {
    name: String,
    document: String,
    notices: Vec<String>,
    whys: Vec<Why>,
}

pub(super) fn routes(routes: Routes) -> Routes {
    routes.post("/app/{account}/servers/{server}/policies", Who::Member(Permission::WritePolicies), create)
}

pub(super) async fn show(visit: &Visit<Member>, subject: Subject, asked: &Asked) -> Answer {
    let begun = if asked.start == "suggested" {
        suggested(visit, &subject.server, &asked.grant).await?
    } else {
        begun(&subject.server, asked)
    };
    let extra = Extra { notices: begun.notices, whys: begun.whys, ..Extra::default() };
    page(&Bench::make(visit, subject, Typed::text(begun.document, begun.name), extra).await?)
}

fn begun(server: &ServerView, asked: &Asked) -> Begun {
    let chosen = chosen(server, asked);
    let name = match (&chosen, asked.tool.is_empty()) {
        (Some(_), false) => asked.tool.clone(),
        (Some(_), true) => "Recommended".to_owned(),
        (None, _) => String::new(),
    };
    let notices = chosen.iter().map(|chosen| format!("{}. {}", chosen.title, chosen.note)).collect();
    let document = match (chosen, asked.start.as_str()) {
        (Some(chosen), _) => chosen.document,
        (None, "empty") => EMPTY.to_owned(),
        (None, _) => String::new(),
    };
    Begun { name, document, notices, whys: Vec::new() }
}

async fn suggested(visit: &Visit<Member>, server: &ServerView, grant: &str) -> Result<Begun, Problem> {
    let grant: Option<GrantId> = if grant.is_empty() { None } else { Some(id(grant)?) };
    let Suggestion { document, why, source } =
        visit.accounts().suggest_policy(visit.caller(), server.id, grant).await?;
    let from = match source {
        SuggestionSource::Calls { calls, since } => format!(
            "Suggested from what was really called: {} since {}. Tools that were not called are left out.",
            show::count(usize::try_from(calls).unwrap_or(usize::MAX), "call", "calls"),
            Time::from(since).utc
        ),
        SuggestionSource::Classes => {
            "Suggested from the tools’ risk classes: there are no recorded calls to go by.".to_owned()
        }
    };
    let notice = format!("{from} It is a draft of nobody’s yet: read it, change it, then save or publish it.");
    let whys = why.iter().map(|line| Why::of(&document, &line.pointer, &line.why)).collect();
    Ok(Begun { name: "Suggested".to_owned(), document, notices: vec![notice], whys })
}

/// The recommended text that the address asks for.
fn chosen(server: &ServerView, asked: &Asked) -> Option<Recommendation> {
    if asked.start == "recommended" {
        return Some(for_server(server));
    }
    if asked.tool.is_empty() {
        return catalogue::server(&asked.from).map(catalogue::KnownServer::recommended);
    }
    let known = catalogue::server(&asked.from).and_then(|known| known.tool(&asked.tool));
    let here = || server.tools.iter().find(|tool| tool.name == asked.tool).map(for_tool);
    let choices = known.map(catalogue::KnownTool::recommended).or_else(here)?;
    choices.into_iter().nth(asked.choice.parse().unwrap_or(0))
}

fn for_tool(tool: &ToolView) -> Vec<Recommendation> {
    let facts = ToolFacts {
        name: tool.name.clone(),
        description: tool.description.clone(),
        parameters: tool.parameters.clone(),
        ..ToolFacts::default()
    };
    catalogue::recommend_for_tool(&facts, tool.class)
}

/// For the tools the server has, or for those it is known to have while it has not been asked.
fn for_server(server: &ServerView) -> Recommendation {
    if let Some(known) = server.kind.filter(|_| server.tools.is_empty()) {
        return known.recommended();
    }
    let tools: Vec<_> = server.tools.iter().map(|tool| (tool.name.as_str(), tool.class)).collect();
    catalogue::recommend_for_server(&tools)
}

pub(super) fn of(subject: &Subject, grants: &[GrantView]) -> Vec<Start> {
    let recommended = for_server(&subject.server);
    let start =
        |query: &str, title: String, note: String| Start { href: format!("{}?{query}", subject.path), title, note };
    let used = grants.iter().filter(|grant| grant.last_used_at.is_some());
    let suggestions = used.map(|grant| {
        let title = format!("What “{}” really calls", grant.label);
        let note = "The tools it called in the last 30 days, with limits from how often; every line says why.";
        start(&format!("start=suggested&grant={}", grant.id), title, note.to_owned())
    });
    let any = "From the calls of the last 30 days, or from the tools’ risk classes; every line says why.";
    let empty = "“default” denies every tool until you let one pass.";
    let blank = "Paste or write your own.";
    let mut starts = vec![start("start=recommended", recommended.title, recommended.note)];
    starts.push(start("start=suggested", "A suggestion for this server".to_owned(), any.to_owned()));
    starts.extend(suggestions);
    starts.push(start("start=empty", "Everything denied".to_owned(), empty.to_owned()));
    starts.push(Start { href: subject.path.clone(), title: "Blank".to_owned(), note: blank.to_owned() });
    starts
}

/// The editor on the server's page: pasted and in force at once.
async fn create(visit: Visit<Member>, Path(named): Path<server::Named>, Form(pasted): Form<Pasted>) -> Answer {
    let slug: ServerSlug = id(&named.server)?;
    let server = visit.accounts().server(visit.caller(), &slug).await?;
    let typed = Typed::text(pasted.document, pasted.name).pasted();
    let name = if typed.name.trim().is_empty() { FIRST_NAME } else { typed.name.as_str() };
    let refused = match visit.accounts().create_policy(visit.caller(), server.id, name, &typed.document).await {
        Ok(_) => {
            let done = Flash::done("The policy is published. A grant puts it in force.");
            return Ok(go_to_with(visit.kit(), &format!("{}#grant-step", base(&visit, &slug)), &done));
        }
        Err(refused) => refused,
    };
    let mut extra = Extra::default();
    match refused {
        SaveError::Problems(problems) => {
            extra.errors = Errors::one("document", super::life::not_published(problems.0.len()));
            extra.check = CheckPart::wrong(&typed.document, &problems);
        }
        SaveError::Other(refused) => extra.errors = Errors::of(refused, INPUTS)?,
        // Nobody can have saved a version of what is not there yet.
        SaveError::Conflict { .. } => return Err(Problem::Internal),
    }
    form_again(&Bench::make(&visit, Subject::new(&visit, server), typed, extra).await?)
}
