//! What the workbench says beside the text: why a suggested line is there, what rules in shadow would have denied, a test made of a call.

use accounts::PolicyView;
use domain::CallId;
use web_kit::{Member, Problem, Visit};

use super::{Extra, Subject, Typed};
use crate::{
    page::{escape, id},
    show::Time,
    source, words,
};

/// Why a line of a suggested policy is there.
pub(crate) struct Why {
    pub(super) pointer: String,
    pub(super) parts: Vec<String>,
    pub(super) line: Option<usize>,
    pub(super) why: String,
}

/// What the rules in shadow would have denied.
pub(super) struct Shadow {
    pub(super) since: Time,
    pub(super) calls: u64,
    pub(super) would_deny: u64,
    pub(super) calls_href: String,
    pub(super) by_rule: Vec<ShadowRule>,
}

pub(super) struct ShadowRule {
    pub(super) parts: Vec<String>,
    pub(super) code: String,
    /// "3 calls".
    pub(super) count: String,
    pub(super) calls: String,
}

impl Why {
    pub(super) fn of(document: &str, pointer: &str, why: &str) -> Self {
        Self {
            pointer: pointer.to_owned(),
            parts: words::pointer(pointer),
            line: source::line_of(document, pointer),
            why: words::visible(why),
        }
    }
}

impl Shadow {
    /// None when no rule in force only watches.
    pub(super) async fn of(visit: &Visit<Member>, subject: &Subject) -> Result<Option<Self>, Problem> {
        let Some(view) = &subject.view else { return Ok(None) };
        let (policy, version) = (view.policy.id, view.policy.version);
        let Some(report) = visit.accounts().shadow_report(visit.caller(), policy).await? else { return Ok(None) };
        let all = format!("{}/calls?policy={policy}&version={version}&would_deny=any", visit.home());
        let rule = |(rule, code, count): &(String, String, u64)| ShadowRule {
            parts: words::pointer(rule),
            code: code.clone(),
            count: format!("{count} {}", if *count == 1 { "call" } else { "calls" }),
            calls: format!("{all}&would_deny_rule={}", escape(rule)),
        };
        Ok(Some(Self {
            since: report.since.into(),
            calls: report.calls,
            would_deny: report.would_deny,
            by_rule: report.by_rule.iter().map(rule).collect(),
            calls_href: all,
        }))
    }
}

/// Puts a test made of a recorded call at the end of the text's tests; nothing is saved by that.
pub(super) async fn add_test(
    visit: &Visit<Member>,
    view: &PolicyView,
    call: &str,
    typed: &mut Typed,
    extra: &mut Extra,
) -> Result<(), Problem> {
    let call: CallId = id(call)?;
    let test = visit.accounts().test_of_call(visit.caller(), view.policy.id, call).await?;
    match source::with_test(&typed.document, &test) {
        Some(document) => {
            typed.document = document;
            extra.notices.push(
                "A test made of the recorded call stands at the end of the text. It is not saved yet: check it, then save or publish."
                    .to_owned(),
            );
        }
        None => extra.notices.push(format!(
            "The text is not JSON at the moment, so the test could not be put into it. Put it into “tests” yourself: {test}"
        )),
    }
    Ok(())
}
