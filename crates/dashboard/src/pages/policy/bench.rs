//! The workbench: the page with the text, what is said of it, and everything that can be done with it.

use accounts::{GrantView, PolicyView};
use askama::Template;
use domain::{GrantSubject, Name};
use web_kit::{Member, Problem, Visit};

use super::{
    Subject, Typed,
    check::CheckPart,
    conflict::Conflict,
    data,
    effect::EffectPart,
    lift::Lift,
    notes::{Shadow, Why},
    starts::{self, Start},
    try_call::TryPart,
    version::{VersionLine, lines},
};
use crate::{
    form::{Choice, Errors},
    shell::{Shell, Tab},
    show::{self, Time},
    source::{self, Line},
    words,
};

#[derive(Template)]
#[template(path = "policies/workbench.html")]
pub(crate) struct Bench {
    shell: Shell,
    errors: Errors,
    base: String,
    path: String,
    server: String,
    heading: String,
    new_name: String,
    /// The policy as it is saved; none: it is not yet.
    known: Option<Known>,
    draft: Option<DraftLine>,
    shadow: Option<Shadow>,
    notices: Vec<String>,
    conflict: Option<Conflict>,
    lift: Option<Lift>,
    whys: Vec<Why>,
    based_on: u32,
    revision: u32,
    name: String,
    note: String,
    document: String,
    numbers: Vec<Line>,
    rows: usize,
    wrong: bool,
    check: CheckPart,
    tabs: Vec<PanelTab>,
    tools: Vec<Choice>,
    tool: String,
    grants: Vec<Choice>,
    arguments: String,
    tried: TryPart,
    effect: EffectPart,
    versions: Vec<VersionLine>,
    starts: Vec<Start>,
    data: String,
}

/// What is saved.
struct Known {
    id: String,
    version: u32,
    saved: Time,
    by: String,
    grants: String,
    counted: String,
    removable: bool,
}

/// Where the text comes from, when it is a draft.
struct DraftLine {
    saved: Time,
    by: String,
    newest: u32,
    /// A version was published after the draft was begun.
    behind: bool,
    compare: String,
}

struct PanelTab {
    id: &'static str,
    title: &'static str,
    open: bool,
}

/// What a handler adds to the page.
#[derive(Default)]
pub(crate) struct Extra {
    pub(crate) errors: Errors,
    pub(crate) check: CheckPart,
    pub(super) tried: TryPart,
    pub(super) effect: EffectPart,
    pub(super) conflict: Option<Conflict>,
    pub(super) lift: Option<Lift>,
    pub(super) notices: Vec<String>,
    pub(super) whys: Vec<Why>,
    /// What the input for a new name holds, when it was refused.
    pub(super) new_name: Option<String>,
}

impl Bench {
    pub(crate) async fn make(
        visit: &Visit<Member>,
        subject: Subject,
        typed: Typed,
        extra: Extra,
    ) -> Result<Self, Problem> {
        let grants = visit.accounts().list_grants(visit.caller(), Some(subject.server.id)).await?;
        let shadow = Shadow::of(visit, &subject).await?;
        let view = subject.view.as_ref();
        let heading = view.map_or_else(|| "New policy".to_owned(), |view| view.policy.name.to_string());
        Ok(Self {
            shell: Shell::account(visit, Tab::Servers, &title(&subject)).await?,
            data: data::of(&subject),
            server: subject.server.name.to_string(),
            known: view.map(Known::of),
            draft: view.and_then(|view| DraftLine::of(view, &subject.path)),
            numbers: source::numbers(&typed.document, &extra.check.faults),
            rows: source::rows(&typed.document),
            wrong: !extra.check.faults.is_empty(),
            tabs: tabs(view.is_some(), &typed.panel),
            tools: tools(&subject, &typed.tool),
            grants: grant_choices(&grants, view, &typed.grant),
            versions: view.map(|view| lines(view, &subject.path)).unwrap_or_default(),
            starts: if view.is_none() { starts::of(&subject, &grants) } else { Vec::new() },
            new_name: extra.new_name.unwrap_or_else(|| heading.clone()),
            errors: extra.errors,
            check: extra.check,
            tried: extra.tried,
            effect: extra.effect,
            conflict: extra.conflict,
            lift: extra.lift,
            notices: extra.notices,
            whys: extra.whys,
            shadow,
            heading,
            based_on: typed.based_on,
            revision: typed.revision,
            name: typed.name,
            note: typed.note,
            document: typed.document,
            tool: typed.tool,
            arguments: typed.arguments,
            base: subject.base,
            path: subject.path,
        })
    }
}

fn title(subject: &Subject) -> String {
    match &subject.view {
        Some(view) => format!("Policy {}", view.policy.name),
        None => format!("New policy for {}", subject.server.name),
    }
}

impl Known {
    fn of(view: &PolicyView) -> Self {
        let policy = &view.policy;
        Self {
            id: policy.id.to_string(),
            version: policy.version,
            saved: policy.saved_at.into(),
            by: policy.author.to_string(),
            grants: show::count(usize::try_from(policy.grants).unwrap_or(usize::MAX), "grant", "grants"),
            counted: show::count(view.versions.len(), "version", "versions"),
            removable: policy.grants == 0,
        }
    }
}

impl DraftLine {
    fn of(view: &PolicyView, path: &str) -> Option<Self> {
        let draft = view.draft.as_ref()?;
        let newest = view.policy.version;
        Some(Self {
            saved: draft.note.saved_at.into(),
            by: draft.note.author.to_string(),
            newest,
            behind: draft.note.based_on < newest,
            compare: format!("{path}/compare?from={newest}&to=draft"),
        })
    }
}

fn tabs(known: bool, asked: &str) -> Vec<PanelTab> {
    let all = [("try", "Try a call"), ("effect", "Effect"), ("versions", "Versions")];
    let there = &all[..if known { all.len() } else { 1 }];
    let open = there.iter().map(|(id, _)| *id).find(|id| *id == asked).unwrap_or("try");
    there.iter().map(|(id, title)| PanelTab { id, title, open: *id == open }).collect()
}

fn tools(subject: &Subject, chosen: &str) -> Vec<Choice> {
    let choice = |tool: &accounts::ToolView| Choice {
        value: tool.name.clone(),
        label: format!("{} ({})", words::visible(&tool.name), words::class(tool.class).word.to_lowercase()),
        selected: tool.name == chosen,
    };
    subject.server.tools.iter().map(choice).collect()
}

/// As whom a call is tried: the policy's own grants first.
fn grant_choices(grants: &[GrantView], view: Option<&PolicyView>, chosen: &str) -> Vec<Choice> {
    let of_this =
        |grant: &GrantView| grant.policy.as_ref().map(|(policy, _, _)| *policy) == view.map(|view| view.policy.id);
    let mut sorted: Vec<&GrantView> = grants.iter().collect();
    sorted.sort_by_key(|grant| !of_this(grant));
    let choice = |grant: &GrantView| Choice {
        value: grant.id.to_string(),
        label: named(&grant.label, &grant.subject, &grant.subject_name),
        selected: grant.id.to_string() == chosen,
    };
    let oneself =
        Choice { value: String::new(), label: "yourself, nothing counted yet".to_owned(), selected: chosen.is_empty() };
    std::iter::once(oneself).chain(sorted.into_iter().map(choice)).collect()
}

fn named(label: &Name, subject: &GrantSubject, subject_name: &str) -> String {
    let kind = match subject {
        GrantSubject::Team(_) => "team",
        GrantSubject::Member(_) => "member",
        GrantSubject::Agent(_) => "agent",
    };
    if label.as_str() == subject_name {
        format!("the grant of {kind} {subject_name}")
    } else {
        format!("the grant {label} of {kind} {subject_name}")
    }
}
