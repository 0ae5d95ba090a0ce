//! `/app/{account}/servers/{server}/policies/{policy}`: the workbench of a policy, its versions, and what is done with it. `new` in the
//! place of the policy is the workbench of one that is not saved yet.

mod bench;
mod check;
mod compare;
mod conflict;
mod data;
mod effect;
mod life;
mod lift;
mod notes;
mod settings;
mod starts;
mod try_call;
mod version;

use accounts::{PolicyView, SaveError, ServerView};
use domain::{Permission, PolicyId, ServerSlug};
use http::HeaderMap;
use serde::Deserialize;
use web_kit::{Answer, Member, Path, Problem, Query, Visit};

pub(crate) use self::try_call::approvers;
use self::{
    bench::{Bench, Extra},
    check::CheckPart,
};
use super::server::base;
use crate::{
    form::{Errors, Input},
    page::{id, page},
    routes::{Routes, Who},
    show,
};

/// In the place of a policy's id: one that is not saved yet.
const NEW: &str = "new";

/// The inputs by the fields of the use cases.
const INPUTS: &[Input] = &[
    Input::same("note", "What changes"),
    Input::same("name", "The name"),
    Input::same("document", "The policy"),
    Input::same("tool", "The tool"),
    Input::same("arguments", "The arguments"),
];

#[derive(Deserialize)]
struct Named {
    server: String,
    policy: String,
}

/// What a page is about: a server's policy, or one that is not saved yet.
pub(crate) struct Subject {
    server: ServerView,
    view: Option<PolicyView>,
    /// The server's address.
    base: String,
    /// The policy's address.
    path: String,
}

/// The query of the workbench.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Asked {
    version: Option<u32>,
    /// A JSON Pointer into the document: where a call was decided.
    at: Option<String>,
    /// A recorded call to make a test of.
    test: String,
    #[serde(flatten)]
    start: starts::Asked,
}

/// Everything that the workbench sends.
#[derive(Deserialize, Default, Clone)]
#[serde(default)]
pub(crate) struct Typed {
    document: String,
    based_on: u32,
    revision: u32,
    note: String,
    name: String,
    panel: String,
    /// The version whose rules are to be lifted, once somebody has said so.
    lift: u32,
    tool: String,
    grant: String,
    arguments: String,
}

pub(crate) fn routes(routes: Routes) -> Routes {
    let routes = routes.get("/app/{account}/servers/{server}/policies/{policy}", Who::Member(Permission::View), show);
    [starts::routes, check::routes, try_call::routes, effect::routes, life::routes, compare::routes, settings::routes]
        .into_iter()
        .fold(routes, |routes, add| add(routes))
}

async fn show(visit: Visit<Member>, Path(named): Path<Named>, Query(asked): Query<Asked>) -> Answer {
    let subject = Subject::find(&visit, &named, asked.version).await?;
    let Some(view) = &subject.view else {
        super::needs(&visit, Permission::WritePolicies)?;
        return starts::show(&visit, subject, &asked.start).await;
    };
    // An old version, or a place in one, is looked at; the newest, or its draft, is what one edits.
    let editable = visit.may(Permission::WritePolicies) && asked.at.is_none() && asked.version.is_none();
    if !editable {
        return page(&version::VersionPage::of(&visit, &subject, view, asked.at).await?);
    }
    let mut typed = Typed::of(view);
    let mut extra = Extra::default();
    if !asked.test.is_empty() {
        notes::add_test(&visit, view, &asked.test, &mut typed, &mut extra).await?;
    }
    page(&Bench::make(&visit, subject, typed, extra).await?)
}

/// Whether a script asked for the part alone, not for the page around it.
fn part_alone(headers: &HeaderMap) -> bool {
    headers.contains_key("x-part")
}

/// Why a panel has nothing to show; what is wrong with the text goes below the text.
fn not_shown(refused: SaveError, document: &str, check: &mut CheckPart) -> Result<String, Problem> {
    match refused {
        SaveError::Problems(problems) => {
            *check = CheckPart::wrong(document, &problems);
            Ok(format!("The text has {}: mend that first.", show::count(problems.0.len(), "problem", "problems")))
        }
        SaveError::Other(refused) => {
            let errors = Errors::of(refused, INPUTS)?;
            Ok(errors.iter().map(|error| error.message.clone()).collect::<Vec<_>>().join(" "))
        }
        // Nothing is saved.
        SaveError::Conflict { .. } => Err(Problem::Internal),
    }
}

impl Subject {
    /// The server, and the policy in one of its versions. A policy of another server is not found under this one.
    async fn find(visit: &Visit<Member>, named: &Named, version: Option<u32>) -> Result<Self, Problem> {
        let slug: ServerSlug = id(&named.server)?;
        let server = visit.accounts().server(visit.caller(), &slug).await?;
        if named.policy == NEW {
            return Ok(Self::new(visit, server));
        }
        let policy: PolicyId = id(&named.policy)?;
        let view = visit.accounts().policy(visit.caller(), policy, version).await?;
        if view.policy.server != server.id {
            return Err(Problem::NotFound);
        }
        let base = base(visit, &server.slug);
        Ok(Self { path: format!("{base}/policies/{policy}"), base, server, view: Some(view) })
    }

    /// One that is not saved yet.
    pub(crate) fn new(visit: &Visit<Member>, server: ServerView) -> Self {
        let base = base(visit, &server.slug);
        Self { path: format!("{base}/policies/{NEW}"), base, server, view: None }
    }

    fn has_draft(&self) -> bool {
        self.view.as_ref().is_some_and(|view| view.draft.is_some())
    }

    /// The policy's id; one that is not saved has none.
    fn id(&self) -> Option<PolicyId> {
        self.view.as_ref().map(|view| view.policy.id)
    }
}

impl Typed {
    /// What stands in the workbench when it is opened: the draft, or else the newest version.
    fn of(view: &PolicyView) -> Self {
        match &view.draft {
            Some(draft) => Self {
                document: draft.document.clone(),
                based_on: draft.note.based_on,
                revision: draft.note.revision,
                ..Self::default()
            },
            None => Self { document: view.document.clone(), based_on: view.policy.version, ..Self::default() },
        }
    }

    /// A text that nobody saved yet.
    pub(crate) fn text(document: String, name: String) -> Self {
        Self { document, name, ..Self::default() }
    }

    /// As it was pasted: browsers send every line's end as CR LF.
    fn pasted(mut self) -> Self {
        self.document = self.document.replace("\r\n", "\n");
        self.arguments = self.arguments.replace("\r\n", "\n");
        self
    }
}

#[cfg(test)]
mod tests;
