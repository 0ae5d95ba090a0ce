//! `/app/{account}/servers/{server}/policies/new`: a policy pasted, written, or begun from a recommended one.

use accounts::{SaveError, ServerView, ToolView};
use askama::Template;
use catalogue::{Recommendation, ToolFacts};
use domain::{Permission, ServerSlug};
use serde::Deserialize;
use web_kit::{Answer, Flash, Form, Member, Path, Problem, Query, Visit, go_to_with};

use super::{
    policy_form::{Editor, ProblemList, how_many, pasted},
    server::{Named, base},
};
use crate::{
    form::{Errors, Input},
    page::{form_again, id, page},
    routes::{Routes, Who},
    shell::{Shell, Tab},
};

/// The name of a policy that was given none.
const FIRST_NAME: &str = "First policy";

/// The inputs by the fields of the use case.
const INPUTS: &[Input] = &[Input::same("name", "The name")];

#[derive(Template)]
#[template(path = "policies/new.html")]
struct NewPolicyPage {
    shell: Shell,
    errors: Errors,
    base: String,
    server: String,
    name: String,
    editor: Editor,
    /// What the text in the editor is.
    note: Option<String>,
    starts: Vec<Start>,
}

/// A text to begin with.
struct Start {
    href: String,
    title: String,
    note: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Asked {
    tool: String,
    /// Which of the recommendations, from 0.
    choice: usize,
    /// A server of the catalogue that the recommendation is from.
    from: String,
    start: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Typed {
    name: String,
    document: String,
}

pub(crate) fn routes(routes: Routes) -> Routes {
    let write = Who::Member(Permission::WritePolicies);
    routes
        .get("/app/{account}/servers/{server}/policies/new", write, show)
        .post("/app/{account}/servers/{server}/policies", write, create)
        .post("/app/{account}/servers/{server}/policies/check", write, check)
}

async fn show(visit: Visit<Member>, Path(named): Path<Named>, Query(asked): Query<Asked>) -> Answer {
    super::needs(&visit, Permission::WritePolicies)?;
    let slug: ServerSlug = id(&named.server)?;
    let server = visit.accounts().server(visit.caller(), &slug).await?;
    let chosen = chosen(&server, &asked);
    let name = match (&chosen, asked.tool.is_empty()) {
        (Some(_), false) => asked.tool.clone(),
        (Some(_), true) => "Recommended".to_owned(),
        (None, _) => String::new(),
    };
    let (document, note) = chosen.map(|chosen| (chosen.document, format!("{}. {}", chosen.title, chosen.note))).unzip();
    let editor = Editor::with(&base(&visit, &slug), document.unwrap_or_default());
    page(&form(&visit, &server, Filled { name, editor, note, errors: Errors::none() }))
}

struct Filled {
    name: String,
    editor: Editor,
    note: Option<String>,
    errors: Errors,
}

fn form(visit: &Visit<Member>, server: &ServerView, filled: Filled) -> NewPolicyPage {
    let base = base(visit, &server.slug);
    NewPolicyPage {
        shell: Shell::account(visit, Tab::Servers, &format!("New policy for {}", server.name)),
        errors: filled.errors,
        server: server.name.to_string(),
        name: filled.name,
        editor: filled.editor,
        note: filled.note,
        starts: starts(server, &base),
        base,
    }
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
    choices.into_iter().nth(asked.choice)
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

fn starts(server: &ServerView, base: &str) -> Vec<Start> {
    let recommended = for_server(server);
    let first = Start {
        href: format!("{base}/policies/new?start=recommended"),
        title: recommended.title,
        note: recommended.note,
    };
    let blank = Start {
        href: format!("{base}/policies/new"),
        title: "Blank".to_owned(),
        note: "Paste or write your own. Without an entry for it, a tool falls under “default”.".to_owned(),
    };
    vec![first, blank]
}

async fn create(visit: Visit<Member>, Path(named): Path<Named>, Form(typed): Form<Typed>) -> Answer {
    let slug: ServerSlug = id(&named.server)?;
    let server = visit.accounts().server(visit.caller(), &slug).await?;
    let base = base(&visit, &slug);
    let document = pasted(&typed.document);
    let name = if typed.name.trim().is_empty() { FIRST_NAME } else { typed.name.as_str() };
    let refused = match visit.accounts().create_policy(visit.caller(), server.id, name, &document).await {
        Ok(_) => {
            let done = Flash::done("The policy is saved. A grant puts it in force.");
            return Ok(go_to_with(visit.kit(), &format!("{base}#grant-step"), &done));
        }
        Err(refused) => refused,
    };
    let (editor, errors) = match refused {
        SaveError::Problems(problems) => {
            (Editor::refused(&base, document, &problems), Errors::one("document", how_many(&problems)))
        }
        SaveError::Other(refused) => (Editor::with(&base, document), Errors::of(refused, INPUTS)?),
        // Nobody can have saved a version of what is not there yet.
        SaveError::Conflict { .. } => return Err(Problem::Internal),
    };
    form_again(&form(&visit, &server, Filled { name: typed.name, editor, note: None, errors }))
}

/// While one types: the problems alone.
async fn check(visit: Visit<Member>, Path(_): Path<Named>, Form(typed): Form<Typed>) -> Answer {
    super::needs(&visit, Permission::WritePolicies)?;
    let document = pasted(&typed.document);
    let problems = match visit.accounts().check_policy(&document).await {
        Ok(()) => None,
        Err(SaveError::Problems(problems)) => Some(problems),
        Err(SaveError::Other(error)) => return Err(error.into()),
        Err(SaveError::Conflict { .. }) => return Err(Problem::Internal),
    };
    page(&ProblemList::of(&document, problems.as_ref()))
}
