//! One version, looked at: its text, the rule the address points at, and putting it back in force.

use accounts::{PolicyView, VersionRow};
use askama::Template;
use domain::Permission;
use web_kit::{Member, Problem, Visit};

use super::Subject;
use crate::{
    form::Errors,
    shell::{Shell, Tab},
    show::Time,
    source::{self, Line},
};

#[derive(Template)]
#[template(path = "policies/version.html")]
pub(super) struct VersionPage {
    shell: Shell,
    pub(super) errors: Errors,
    base: String,
    path: String,
    server: String,
    name: String,
    version: u32,
    newest: u32,
    /// When and by whom it was published.
    saved: Option<(Time, String)>,
    note: String,
    lines: Vec<Line>,
    /// The rule that the address points at, and its line when it is there.
    pointed: Option<(String, Option<usize>)>,
    versions: Vec<VersionLine>,
    may_write: bool,
    restorable: bool,
    /// The draft that was begun before: who saved it, when, and its revision.
    draft: Option<(String, Time, u32)>,
    compare: Option<String>,
}

/// One version in the list.
pub(super) struct VersionLine {
    pub(super) number: u32,
    pub(super) href: String,
    pub(super) saved: Time,
    pub(super) by: String,
    pub(super) note: String,
    pub(super) shown: bool,
    pub(super) in_force: bool,
    /// It against the one before.
    pub(super) before: Option<String>,
    /// The newest against it.
    pub(super) since: Option<String>,
}

impl VersionPage {
    pub(super) async fn of(
        visit: &Visit<Member>,
        subject: &Subject,
        view: &PolicyView,
        at: Option<String>,
    ) -> Result<Self, Problem> {
        let pointed = at.map(|pointer| {
            let line = source::line_of(&view.document, &pointer);
            (pointer, line)
        });
        let marked: Vec<usize> = pointed.iter().filter_map(|(_, line)| *line).collect();
        let (newest, shown) = (view.policy.version, view.shown_version);
        let row = view.versions.iter().find(|row| row.version == shown);
        let may_write = visit.may(Permission::WritePolicies);
        let other = if shown == newest { shown.saturating_sub(1) } else { newest };
        let comparable = view.versions.len() > 1;
        Ok(Self {
            shell: Shell::account(visit, Tab::Servers, &format!("Policy {}", view.policy.name)).await?,
            errors: Errors::none(),
            server: subject.server.name.to_string(),
            name: view.policy.name.to_string(),
            version: shown,
            newest,
            saved: row.map(|row| (row.saved_at.into(), row.author.to_string())),
            note: row.map(|row| row.note.clone()).unwrap_or_default(),
            lines: source::lines(&view.document, &marked),
            pointed,
            versions: lines(view, &subject.path),
            may_write,
            restorable: may_write && shown != newest,
            draft: view
                .draft
                .as_ref()
                .map(|draft| (draft.note.author.to_string(), draft.note.saved_at.into(), draft.note.revision)),
            compare: comparable.then(|| compare_href(&subject.path, shown.min(other), shown.max(other))),
            base: subject.base.clone(),
            path: subject.path.clone(),
        })
    }
}

/// The versions, the newest first.
pub(super) fn lines(view: &PolicyView, path: &str) -> Vec<VersionLine> {
    let newest = view.policy.version;
    let line = |row: &VersionRow| VersionLine {
        number: row.version,
        href: format!("{path}?version={}", row.version),
        saved: row.saved_at.into(),
        by: row.author.to_string(),
        note: row.note.clone(),
        shown: row.version == view.shown_version,
        in_force: row.version == newest,
        before: (row.version > 1).then(|| compare_href(path, row.version - 1, row.version)),
        since: (row.version < newest).then(|| compare_href(path, row.version, newest)),
    };
    view.versions.iter().map(line).collect()
}

fn compare_href(path: &str, from: u32, to: u32) -> String {
    format!("{path}/compare?from={from}&to={to}")
}
