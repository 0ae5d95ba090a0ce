//! `…/{policy}/compare?from=2&to=draft`: what changed between two texts of a policy.

use accounts::PolicyView;
use askama::Template;
use domain::Permission;
use serde::Deserialize;
use web_kit::{Answer, Member, Path, Problem, Query, Visit};

use super::{Named, Subject};
use crate::{
    diff::Diff,
    form::Choice,
    page::page,
    routes::{Routes, Who},
    shell::{Shell, Tab},
};

#[derive(Template)]
#[template(path = "policies/compare.html")]
struct ComparePage {
    shell: Shell,
    base: String,
    path: String,
    server: String,
    name: String,
    words: String,
    from: Vec<Choice>,
    to: Vec<Choice>,
    diff: Diff,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Asked {
    from: String,
    to: String,
}

/// One of a policy's texts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Text {
    Version(u32),
    Draft,
}

pub(super) fn routes(routes: Routes) -> Routes {
    routes.get("/app/{account}/servers/{server}/policies/{policy}/compare", Who::Member(Permission::View), show)
}

async fn show(visit: Visit<Member>, Path(named): Path<Named>, Query(asked): Query<Asked>) -> Answer {
    let subject = Subject::find(&visit, &named, None).await?;
    let mut view = subject.view.clone().ok_or(Problem::NotFound)?;
    // A draft is its authors' business until it is published.
    view.draft = view.draft.filter(|_| visit.may(Permission::WritePolicies));
    let view = &view;
    let newest = view.policy.version;
    let to = Text::read(&asked.to, view)?.unwrap_or(Text::Version(newest));
    let before = match to {
        Text::Version(version) => Text::Version(version.saturating_sub(1).max(1)),
        Text::Draft => Text::Version(newest),
    };
    let from = Text::read(&asked.from, view)?.unwrap_or(before);
    let (old, new) = (from.text(&visit, view).await?, to.text(&visit, view).await?);
    page(&ComparePage {
        shell: Shell::account(&visit, Tab::Servers, &format!("What changed in {}", view.policy.name)).await?,
        server: subject.server.name.to_string(),
        name: view.policy.name.to_string(),
        words: format!("From {} to {}", from.named(), to.named()),
        from: choices(view, from),
        to: choices(view, to),
        diff: Diff::of(&old, &new),
        base: subject.base.clone(),
        path: subject.path.clone(),
    })
}

impl Text {
    /// None when the address does not say; a version or draft that is not there is not found.
    fn read(asked: &str, view: &PolicyView) -> Result<Option<Self>, Problem> {
        match asked {
            "" => Ok(None),
            "draft" if view.draft.is_some() => Ok(Some(Self::Draft)),
            number => {
                let version = number.parse().map_err(|_| Problem::NotFound)?;
                let there = version == 0 || view.versions.iter().any(|row| row.version == version);
                if there { Ok(Some(Self::Version(version))) } else { Err(Problem::NotFound) }
            }
        }
    }

    async fn text(self, visit: &Visit<Member>, view: &PolicyView) -> Result<String, Problem> {
        match self {
            Self::Draft => Ok(view.draft.as_ref().map(|draft| draft.document.clone()).unwrap_or_default()),
            // Before the first there is nothing.
            Self::Version(0) => Ok(String::new()),
            Self::Version(version) => {
                Ok(visit.accounts().policy_document(visit.caller(), view.policy.id, version).await?)
            }
        }
    }

    fn named(self) -> String {
        match self {
            Self::Version(0) => "nothing".to_owned(),
            Self::Version(version) => format!("version {version}"),
            Self::Draft => "the draft".to_owned(),
        }
    }

    fn value(self) -> String {
        match self {
            Self::Version(version) => version.to_string(),
            Self::Draft => "draft".to_owned(),
        }
    }
}

fn choices(view: &PolicyView, chosen: Text) -> Vec<Choice> {
    let draft = view.draft.iter().map(|_| Text::Draft);
    let mut all: Vec<Text> = draft.chain(view.versions.iter().map(|row| Text::Version(row.version))).collect();
    if !all.contains(&chosen) {
        all.push(chosen);
    }
    let choice = |text: Text| Choice { value: text.value(), label: capital(&text.named()), selected: text == chosen };
    all.into_iter().map(choice).collect()
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
