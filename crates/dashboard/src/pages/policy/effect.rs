//! The effect of a text: who gains and who loses what, and which recorded calls it would decide differently.

use accounts::{Direction, Effect, EffectForm, Replay, ReplayedCall, ToolChange};
use askama::Template;
use domain::Permission;
use http::HeaderMap;
use policy::{StandingKind, ToolStanding};
use web_kit::{Answer, Form, Member, Path, Problem, Visit};

use super::{Bench, Extra, Named, Subject, Typed, not_shown, part_alone};
use crate::{
    page::{form_again, page},
    routes::{Routes, Who},
    show::{self, Time},
    words::{self, Badge},
};

/// The part: not asked for yet, why there is none, or what changes.
#[derive(Template, Default)]
#[template(path = "policies/effect.html")]
pub(super) struct EffectPart {
    effect: Option<Result<Shown, String>>,
}

struct Shown {
    grants: String,
    changes: Vec<ChangeLine>,
    since: Time,
    counted: String,
    examples: Vec<CallLine>,
}

struct ChangeLine {
    tool: String,
    class: Badge,
    direction: Badge,
    before: Standing,
    after: Standing,
}

struct Standing {
    words: String,
    rule: String,
    parts: Vec<String>,
}

struct CallLine {
    href: String,
    at: Time,
    tool: String,
    grant: String,
    before: String,
    after: String,
    rule: String,
    parts: Vec<String>,
}

pub(super) fn routes(routes: Routes) -> Routes {
    routes.post(
        "/app/{account}/servers/{server}/policies/{policy}/effect",
        Who::Member(Permission::WritePolicies),
        effect,
    )
}

async fn effect(
    visit: Visit<Member>,
    Path(named): Path<Named>,
    headers: HeaderMap,
    Form(typed): Form<Typed>,
) -> Answer {
    super::super::needs(&visit, Permission::WritePolicies)?;
    let subject = Subject::find(&visit, &named, None).await?;
    let mut typed = typed.pasted();
    let policy = subject.id().ok_or(Problem::NotFound)?;
    let form = EffectForm { policy, document: typed.document.clone() };
    let mut extra = Extra::default();
    match visit.accounts().policy_effect(visit.caller(), &form).await {
        Ok(effect) => extra.effect.effect = Some(Ok(Shown::of(effect, &visit.home()))),
        Err(refused) => extra.effect.effect = Some(Err(not_shown(refused, &typed.document, &mut extra.check)?)),
    }
    if part_alone(&headers) {
        return page(&extra.effect);
    }
    "effect".clone_into(&mut typed.panel);
    let failed = matches!(extra.effect.effect, Some(Err(_)));
    let made = Bench::make(&visit, subject, typed, extra).await?;
    if failed { form_again(&made) } else { page(&made) }
}

impl Shown {
    fn of(effect: Effect, home: &str) -> Self {
        let names: Vec<&str> = effect.grants.iter().map(|grant| grant.label.as_str()).collect();
        Self {
            grants: match names.as_slice() {
                [] => "No grant has this policy, so nobody gains or loses anything yet.".to_owned(),
                names => format!("It holds for {}: {}.", show::count(names.len(), "grant", "grants"), names.join(", ")),
            },
            changes: effect.changes.iter().map(ChangeLine::of).collect(),
            since: effect.replay.since.into(),
            counted: counted(&effect.replay),
            examples: effect.replay.examples.iter().map(|call| CallLine::of(call, home)).collect(),
        }
    }
}

fn counted(replay: &Replay) -> String {
    if replay.calls == 0 {
        return "No call was recorded under this policy in that time.".to_owned();
    }
    let mut text = format!(
        "{} judged again: {} the same, {} now denied, {} now allowed, {} would now need an approval.",
        many(replay.calls),
        replay.same,
        replay.now_denied,
        replay.now_allowed,
        replay.now_approval,
    );
    if replay.unknown > 0 {
        text.push_str(&format!(
            " Of {} it cannot be told: this text reads arguments that were not recorded with them.",
            many(replay.unknown)
        ));
    }
    if replay.cut {
        text.push_str(" There were more calls than are judged at once; these are the newest.");
    }
    text
}

fn many(calls: u64) -> String {
    format!("{calls} {}", if calls == 1 { "call" } else { "calls" })
}

impl ChangeLine {
    fn of(change: &ToolChange) -> Self {
        Self {
            tool: words::visible(&change.tool),
            class: words::class(change.class),
            direction: match change.direction {
                Direction::Gains => Badge { class: "allowed", sign: "+", word: "Gains" },
                Direction::Loses => Badge { class: "denied", sign: "−", word: "Loses" },
                Direction::Differs => Badge { class: "note", sign: "≠", word: "Differs" },
            },
            before: Standing::of(&change.before),
            after: Standing::of(&change.after),
        }
    }
}

impl CallLine {
    fn of(call: &ReplayedCall, home: &str) -> Self {
        Self {
            href: format!("{home}/calls/{}", call.call),
            at: call.at.into(),
            tool: words::visible(&call.tool),
            grant: call.grant.as_ref().map(ToString::to_string).unwrap_or_default(),
            before: call.before.clone(),
            after: call.after.clone(),
            parts: words::pointer(&call.rule),
            rule: call.rule.clone(),
        }
    }
}

impl Standing {
    fn of(standing: &ToolStanding) -> Self {
        let kind = match standing.kind {
            StandingKind::Hidden => "hidden",
            StandingKind::Denied => "denied",
            StandingKind::Approval => "asks a person first",
            StandingKind::Open => "passes",
        };
        let approval = standing.approval.iter().cloned();
        let watched = standing.watched.iter().map(|words| format!("only watched: {words}"));
        let said =
            standing.limits.iter().cloned().chain(standing.checks.iter().cloned()).chain(approval).chain(watched);
        let all: Vec<String> = std::iter::once(kind.to_owned()).chain(said).collect();
        Self {
            words: words::visible(&all.join("; ")),
            rule: standing.rule.clone(),
            parts: words::pointer(&standing.rule),
        }
    }
}
