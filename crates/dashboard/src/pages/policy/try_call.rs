//! Try a call: what the text decides on it, and a test made of that.

use accounts::{Tried, TriedCounter, TriedOutcome, TryForm};
use askama::Template;
use domain::{GrantId, Permission};
use http::HeaderMap;
use policy::{ApprovalTerms, Approvers, SelfApproval};
use web_kit::{Answer, Form, Member, Path, Visit};

use super::{Bench, Extra, Named, Subject, Typed, not_shown, part_alone};
use crate::{
    page::{form_again, id, page},
    routes::{Routes, Who},
    show, source,
    words::{self, Badge},
};

const ALLOWED: Badge = Badge { class: "allowed", sign: "✓", word: "Allowed" };
const DENIED: Badge = Badge { class: "denied", sign: "✕", word: "Denied" };
const ASKS: Badge = Badge { class: "warn", sign: "‖", word: "Needs approval" };
const SHADOW: Badge = Badge { class: "note", sign: "◌", word: "Shadow" };

/// The part: nothing tried yet, why it could not be, or what came out.
#[derive(Template, Default)]
#[template(path = "policies/tried.html")]
pub(super) struct TryPart {
    outcome: Option<Result<Shown, String>>,
}

struct Shown {
    tool: String,
    class: Badge,
    outcome: Badge,
    code: Option<String>,
    rule: String,
    parts: Vec<String>,
    line: Option<usize>,
    message: String,
    misfit: Option<String>,
    approval: Option<String>,
    would_deny: Option<(String, String)>,
    shadow: Badge,
    counters: Vec<CounterLine>,
    /// How the call differs from a real one.
    notes: Vec<String>,
    /// Empty when no test can tell this result.
    test: String,
}

struct CounterLine {
    rule: String,
    words: String,
    before: String,
    after: String,
    max: String,
    full: bool,
    shadow: bool,
}

pub(super) fn routes(routes: Routes) -> Routes {
    let write = Who::Member(Permission::WritePolicies);
    routes.post("/app/{account}/servers/{server}/policies/{policy}/try", write, try_call)
}

async fn try_call(
    visit: Visit<Member>,
    Path(named): Path<Named>,
    headers: HeaderMap,
    Form(typed): Form<Typed>,
) -> Answer {
    super::super::needs(&visit, Permission::WritePolicies)?;
    let subject = Subject::find(&visit, &named, None).await?;
    let mut typed = typed.pasted();
    let grant: Option<GrantId> = if typed.grant.is_empty() { None } else { Some(id(&typed.grant)?) };
    let form = TryForm {
        server: subject.server.id,
        document: typed.document.clone(),
        grant,
        tool: typed.tool.clone(),
        arguments: typed.arguments.clone(),
    };
    let mut extra = Extra::default();
    match visit.accounts().try_call(visit.caller(), &form).await {
        Ok(tried) => extra.tried.outcome = Some(Ok(Shown::of(tried, &typed.document))),
        Err(refused) => extra.tried.outcome = Some(Err(not_shown(refused, &typed.document, &mut extra.check)?)),
    }
    if part_alone(&headers) {
        return page(&extra.tried);
    }
    "try".clone_into(&mut typed.panel);
    let failed = matches!(extra.tried.outcome, Some(Err(_)));
    let made = Bench::make(&visit, subject, typed, extra).await?;
    if failed { form_again(&made) } else { page(&made) }
}

impl Shown {
    fn of(tried: Tried, document: &str) -> Self {
        let counter = |counter: &TriedCounter| CounterLine {
            rule: counter.rule.clone(),
            words: counter.words.clone(),
            before: counter.before.to_string(),
            after: counter.after.to_string(),
            max: counter.max.to_string(),
            full: counter.full,
            shadow: counter.shadow,
        };
        let known = !tried.rule.is_empty();
        Self {
            tool: words::visible(&tried.tool),
            class: words::class(tried.class),
            outcome: match tried.outcome {
                TriedOutcome::Allowed => ALLOWED,
                TriedOutcome::Denied => DENIED,
                TriedOutcome::NeedsApproval => ASKS,
            },
            code: tried.code.map(|code| code.to_string()),
            parts: words::pointer(&tried.rule),
            line: source::line_of(document, &tried.rule).filter(|_| known),
            rule: tried.rule,
            message: words::visible(&tried.message),
            misfit: tried.misfit.as_deref().map(words::visible),
            approval: tried.approval.as_ref().map(terms),
            would_deny: tried.would_deny.map(|(code, rule)| (code.to_string(), rule)),
            shadow: SHADOW,
            counters: tried.counters.iter().map(counter).collect(),
            notes: tried.notes.iter().map(|note| words::visible(note)).collect(),
            test: tried.test,
        }
    }
}

/// Who may approve and for how long, as a sentence.
fn terms(terms: &ApprovalTerms) -> String {
    let who = approvers(&terms.approvers);
    let own = match terms.self_approval {
        SelfApproval::Allowed => "also the caller themselves",
        SelfApproval::Forbidden => "not the caller themselves",
    };
    format!("{who} may approve it, {own}; the request stands {}.", show::wait(i64::from(terms.timeout_seconds)))
}

/// Who may approve, at the begin of a sentence.
pub(crate) fn approvers(approvers: &Approvers) -> String {
    match approvers {
        Approvers::Admin => "An admin or owner".to_owned(),
        Approvers::PolicyManager => "A policy manager, admin or owner".to_owned(),
        Approvers::Team(slug) => format!("A member of the team “{slug}”"),
    }
}
