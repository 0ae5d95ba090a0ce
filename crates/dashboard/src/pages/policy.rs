//! `/app/{account}/servers/{server}/policies/{policy}`: a policy, its versions, and saving a new one.

use accounts::{PolicyView, SaveError, VersionRow};
use askama::Template;
use domain::{Email, Permission, PolicyId, ServerSlug, Timestamp};
use serde::Deserialize;
use web_kit::{Answer, Flash, Form, Member, Path, Problem, Query, Visit, go_to_with};

use super::{
    policy_form::{Editor, how_many, pasted},
    server::base,
};
use crate::{
    form::Errors,
    page::{form_again, id, page},
    routes::{Routes, Who},
    shell::{Shell, Tab},
    show::Time,
    source::{self, Line},
};

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
    saved: Time,
    by: String,
    editor: Option<Editor>,
    lines: Vec<Line>,
    /// The rule that the address points at, and its line when it is there.
    pointed: Option<(String, Option<usize>)>,
    conflict: Option<Conflict>,
    versions: Vec<Version>,
}

/// Someone saved a version meanwhile.
struct Conflict {
    version: u32,
    by: String,
    at: Time,
    /// What was saved, to compare with.
    lines: Vec<Line>,
}

struct Version {
    number: u32,
    href: String,
    saved: Time,
    by: String,
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
}

pub(crate) fn routes(routes: Routes) -> Routes {
    routes
        .get("/app/{account}/servers/{server}/policies/{policy}", Who::Member(Permission::View), show)
        .post("/app/{account}/servers/{server}/policies/{policy}", Who::Member(Permission::WritePolicies), save)
}

/// What is loaded before a page is made of it.
struct Loaded {
    slug: ServerSlug,
    newest: PolicyView,
    versions: Vec<VersionRow>,
}

async fn load(visit: &Visit<Member>, named: &Named) -> Result<Loaded, Problem> {
    let (slug, policy): (ServerSlug, PolicyId) = (id(&named.server)?, id(&named.policy)?);
    let newest = visit.accounts().policy(visit.caller(), &slug, policy).await?;
    let versions = visit.accounts().policy_versions(visit.caller(), &slug, policy).await?;
    Ok(Loaded { slug, newest, versions })
}

async fn make(visit: &Visit<Member>, loaded: Loaded, shown: &PolicyView, asked: &Asked) -> Result<PolicyPage, Problem> {
    let server = visit.accounts().server(visit.caller(), &loaded.slug).await?;
    let base = base(visit, &loaded.slug);
    let path = format!("{base}/policies/{}", loaded.newest.id);
    let pointed = asked.at.clone().map(|pointer| {
        let line = source::line_of(&shown.document, &pointer);
        (pointer, line)
    });
    let marked: Vec<usize> = pointed.iter().filter_map(|(_, line)| *line).collect();
    // An old version, or a place in one, is looked at; the newest is what one edits.
    let editable = visit.may(Permission::WritePolicies) && pointed.is_none() && shown.version == loaded.newest.version;
    let version = |row: VersionRow| Version {
        number: row.version,
        href: format!("{path}?version={}", row.version),
        saved: row.saved_at.into(),
        by: row.saved_by.to_string(),
        shown: row.version == shown.version,
    };
    Ok(PolicyPage {
        shell: Shell::account(visit, Tab::Servers, &format!("Policy {}", loaded.newest.name)),
        errors: Errors::none(),
        server: server.name.to_string(),
        name: loaded.newest.name.to_string(),
        id: loaded.newest.id.to_string(),
        version: shown.version,
        newest: loaded.newest.version,
        based_on: loaded.newest.version,
        saved: shown.saved_at.into(),
        by: shown.saved_by.to_string(),
        editor: editable.then(|| Editor::with(&base, shown.document.clone())),
        lines: source::lines(&shown.document, &marked),
        pointed,
        conflict: None,
        versions: loaded.versions.into_iter().map(version).collect(),
        base,
        path,
    })
}

async fn show(visit: Visit<Member>, Path(named): Path<Named>, Query(asked): Query<Asked>) -> Answer {
    let loaded = load(&visit, &named).await?;
    let shown = match asked.version.filter(|version| *version != loaded.newest.version) {
        Some(version) => visit.accounts().policy_version(visit.caller(), &loaded.slug, loaded.newest.id, version).await?,
        None => loaded.newest.clone(),
    };
    page(&make(&visit, loaded, &shown, &asked).await?)
}

async fn save(visit: Visit<Member>, Path(named): Path<Named>, Form(typed): Form<Typed>) -> Answer {
    let (slug, policy): (ServerSlug, PolicyId) = (id(&named.server)?, id(&named.policy)?);
    let document = pasted(&typed.document);
    let saved = visit.accounts().save_policy(visit.caller(), &slug, policy, typed.based_on, document.clone()).await;
    match saved {
        Ok(version) => {
            let done = Flash::done(format!("Version {version} is saved and in force on every gateway within seconds."));
            Ok(go_to_with(visit.kit(), &format!("{}/policies/{policy}", base(&visit, &slug)), &done))
        }
        Err(SaveError::Problems(problems)) => {
            let mut made = again(&visit, &named, &typed).await?;
            made.errors = Errors::one("document", how_many(&problems));
            made.editor = Some(Editor::refused(&base(&visit, &slug), document, &problems));
            form_again(&made)
        }
        Err(SaveError::Conflict { version, by, at }) => {
            let mut made = again(&visit, &named, &typed).await?;
            made.errors = Errors::whole(conflict_words(version, &by));
            made.based_on = version;
            made.conflict = Some(conflict(&visit, &named, (version, by, at)).await?);
            made.editor = Some(Editor::with(&base(&visit, &slug), document));
            form_again(&made)
        }
        Err(SaveError::Other(error)) => Err(error.into()),
    }
}

/// The page of the newest version, on which a saving that failed is shown.
async fn again(visit: &Visit<Member>, named: &Named, typed: &Typed) -> Result<PolicyPage, Problem> {
    let loaded = load(visit, named).await?;
    let shown = loaded.newest.clone();
    let mut made = make(visit, loaded, &shown, &Asked::default()).await?;
    made.based_on = typed.based_on;
    Ok(made)
}

fn conflict_words(version: u32, by: &Email) -> String {
    format!("{by} saved version {version} meanwhile. Your text is below, unsaved; compare, and save again to make it the next version")
}

async fn conflict(visit: &Visit<Member>, named: &Named, (version, by, at): (u32, Email, Timestamp)) -> Result<Conflict, Problem> {
    let (slug, policy): (ServerSlug, PolicyId) = (id(&named.server)?, id(&named.policy)?);
    let theirs = visit.accounts().policy_version(visit.caller(), &slug, policy, version).await?;
    Ok(Conflict { version, by: by.to_string(), at: at.into(), lines: source::lines(&theirs.document, &[]) })
}
