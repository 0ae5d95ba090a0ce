//! `/app/{account}/servers/{server}/policies/{policy}`: a policy, its versions, and saving a new one.

use accounts::{PolicyEdit, PolicyView, SaveError, ServerView, VersionRow};
use askama::Template;
use domain::{Email, Permission, PolicyId, ServerSlug};
use serde::Deserialize;
use web_kit::{Answer, Flash, Form, Member, Path, Problem, Query, Visit, go_to_with};

use super::{
    policy_form::{Editor, how_many, pasted},
    server::base,
};
use crate::{
    form::{Errors, Input},
    page::{form_again, id, page},
    routes::{Routes, Who},
    shell::{Shell, Tab},
    show::Time,
    source::{self, Line},
};

/// The inputs by the fields of the use case.
const INPUTS: &[Input] = &[Input::same("note", "What changes"), Input::same("name", "The name")];

#[derive(Template)]
#[template(path = "policies/policy.html")]
struct PolicyPage {
    shell: Shell,
    errors: Errors,
    base: String,
    path: String,
    server: String,
    name: String,
    id: String,
    /// The version shown.
    version: u32,
    newest: u32,
    /// The version that what is saved next is based on.
    based_on: u32,
    /// When and by whom the version shown was saved.
    saved: Option<(Time, String)>,
    note: String,
    editor: Option<Editor>,
    lines: Vec<Line>,
    /// The rule that the address points at, and its line when it is there.
    pointed: Option<(String, Option<usize>)>,
    /// The version that someone saved meanwhile, to compare with.
    theirs: Option<(u32, Vec<Line>)>,
    versions: Vec<Version>,
    /// Whether the reader may remove it, and it is in no grant.
    removable: bool,
}

struct Version {
    number: u32,
    href: String,
    saved: Time,
    by: String,
    note: String,
    shown: bool,
}

#[derive(Deserialize)]
struct Named {
    server: String,
    policy: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Asked {
    version: Option<u32>,
    /// A JSON Pointer into the document: where a call was decided.
    at: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Typed {
    document: String,
    based_on: u32,
    note: String,
}

pub(crate) fn routes(routes: Routes) -> Routes {
    let write = Who::Member(Permission::WritePolicies);
    routes
        .get("/app/{account}/servers/{server}/policies/{policy}", Who::Member(Permission::View), show)
        .post("/app/{account}/servers/{server}/policies/{policy}", write, save)
        .post("/app/{account}/servers/{server}/policies/{policy}/remove", write, remove)
}

/// The server, and the policy in one of its versions. A policy of another server is not found under this one.
async fn load(visit: &Visit<Member>, named: &Named, version: Option<u32>) -> Result<(ServerView, PolicyView), Problem> {
    let (slug, policy): (ServerSlug, PolicyId) = (id(&named.server)?, id(&named.policy)?);
    let server = visit.accounts().server(visit.caller(), &slug).await?;
    let view = visit.accounts().policy(visit.caller(), policy, version).await?;
    if view.policy.server == server.id { Ok((server, view)) } else { Err(Problem::NotFound) }
}

fn make(visit: &Visit<Member>, server: &ServerView, view: PolicyView, at: Option<String>) -> PolicyPage {
    let base = base(visit, &server.slug);
    let path = format!("{base}/policies/{}", view.policy.id);
    let pointed = at.map(|pointer| {
        let line = source::line_of(&view.document, &pointer);
        (pointer, line)
    });
    let marked: Vec<usize> = pointed.iter().filter_map(|(_, line)| *line).collect();
    let (newest, shown) = (view.policy.version, view.shown_version);
    // An old version, or a place in one, is looked at; the newest is what one edits.
    let may_write = visit.may(Permission::WritePolicies);
    let editable = may_write && pointed.is_none() && shown == newest;
    let version = |row: &VersionRow| Version {
        number: row.version,
        href: format!("{path}?version={}", row.version),
        saved: row.saved_at.into(),
        by: row.author.to_string(),
        note: row.note.clone(),
        shown: row.version == shown,
    };
    let row = view.versions.iter().find(|row| row.version == shown);
    PolicyPage {
        shell: Shell::account(visit, Tab::Servers, &format!("Policy {}", view.policy.name)),
        errors: Errors::none(),
        server: server.name.to_string(),
        name: view.policy.name.to_string(),
        id: view.policy.id.to_string(),
        version: shown,
        newest,
        based_on: newest,
        saved: row.map(|row| (row.saved_at.into(), row.author.to_string())),
        note: String::new(),
        lines: source::lines(&view.document, &marked),
        pointed,
        theirs: None,
        versions: view.versions.iter().map(version).collect(),
        removable: may_write && view.policy.grants == 0,
        editor: editable.then(|| Editor::with(&base, view.document)),
        base,
        path,
    }
}

async fn show(visit: Visit<Member>, Path(named): Path<Named>, Query(asked): Query<Asked>) -> Answer {
    let (server, view) = load(&visit, &named, asked.version).await?;
    page(&make(&visit, &server, view, asked.at))
}

async fn save(visit: Visit<Member>, Path(named): Path<Named>, Form(typed): Form<Typed>) -> Answer {
    let (server, newest) = load(&visit, &named, None).await?;
    let document = pasted(&typed.document);
    let edit = PolicyEdit { based_on: typed.based_on, revision: 0, document: document.clone(), note: typed.note.clone() };
    let refused = match visit.accounts().publish_policy(visit.caller(), newest.policy.id, &edit).await {
        Ok(version) => {
            let done =
                Flash::done(format!("Version {version} is saved, and in force on every gateway within seconds."));
            let path = format!("{}/policies/{}", base(&visit, &server.slug), newest.policy.id);
            return Ok(go_to_with(visit.kit(), &path, &done));
        }
        Err(refused) => refused,
    };
    // Read again: a conflict is about what was saved meanwhile.
    let (server, newest) = load(&visit, &named, None).await?;
    let base = base(&visit, &server.slug);
    let theirs = source::lines(&newest.document, &[]);
    let mut made = make(&visit, &server, newest, None);
    made.note = typed.note;
    made.based_on = typed.based_on;
    made.editor = Some(Editor::with(&base, document.clone()));
    match refused {
        SaveError::Problems(problems) => {
            made.errors = Errors::one("document", how_many(&problems));
            made.editor = Some(Editor::refused(&base, document, &problems));
        }
        SaveError::Conflict { version, by, .. } => {
            made.errors = Errors::whole(conflict_words(version, &by));
            made.based_on = version;
            made.theirs = Some((version, theirs));
        }
        SaveError::Other(refused) => made.errors = Errors::of(refused, INPUTS)?,
    }
    form_again(&made)
}

fn conflict_words(version: u32, by: &Email) -> String {
    format!(
        "{by} saved version {version} meanwhile. Your text is below, unsaved: compare them, and save again to make yours the next version"
    )
}

async fn remove(visit: Visit<Member>, Path(named): Path<Named>) -> Answer {
    let (server, view) = load(&visit, &named, None).await?;
    match visit.accounts().remove_policy(visit.caller(), view.policy.id).await {
        Ok(()) => {
            let done = Flash::done(format!("The policy “{}” is removed.", view.policy.name));
            Ok(go_to_with(visit.kit(), &format!("{}#policy-step", base(&visit, &server.slug)), &done))
        }
        Err(refused) => {
            let mut made = make(&visit, &server, view, None);
            made.errors = Errors::of(refused, INPUTS)?;
            form_again(&made)
        }
    }
}

#[cfg(test)]
mod tests;
