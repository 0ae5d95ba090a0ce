//! What the fuzzers share: the naive model of the policy page, which knows nothing of the implementation.

#[path = "../../../counters/tests/model/address.rs"]
pub mod address;
#[path = "../../../counters/tests/model/check.rs"]
pub mod check;
#[path = "../../../counters/tests/model/dice.rs"]
pub mod dice;
#[path = "../../../counters/tests/model/entry.rs"]
pub mod entry;
#[path = "../../../counters/tests/model/facts.rs"]
pub mod facts;
#[path = "../../../counters/tests/model/json.rs"]
pub mod json;
#[path = "../../../counters/tests/model/judge.rs"]
pub mod judge;
#[path = "../../../counters/tests/model/limits.rs"]
pub mod limits;
#[path = "../../../counters/tests/model/number.rs"]
pub mod number;
#[path = "../../../counters/tests/model/path.rs"]
pub mod path;
#[path = "../../../counters/tests/model/pattern.rs"]
pub mod pattern;
#[path = "../../../counters/tests/model/policies.rs"]
pub mod policies;
#[path = "../../../counters/tests/model/time.rs"]
pub mod time;
#[path = "../../../counters/tests/model/values.rs"]
pub mod values;
#[path = "../../../counters/tests/model/verdicts.rs"]
pub mod verdicts;

use check::Scene;
use json::Tree;
use judge::Known;
use policy::{Approval, Call, CompiledPolicy, Facts, RiskClass, Timestamp, Verdict};

/// A call judged by both has to come out the same.
pub fn agree(tree: &Tree, compiled: &CompiledPolicy, tool: &str, class: &'static str, arguments: Option<&Tree>) {
    let facts = facts::Facts { class, ..facts::nothing() };
    let scene = Scene { arguments, facts: &facts };
    let text = arguments.map(Tree::render);
    let class = RiskClass::parse(class).expect("one of the language's classes");
    let call =
        Call { tool, arguments: text.as_deref(), class, facts: Facts::default(), approved: Approval::None };
    let expected = judge::judge(Some(tree), tool, &scene, Known::default());
    let verdict = policy::judge(Some(compiled), &call, Timestamp(0));
    let told = |disagreement: verdicts::Disagreement| {
        panic!("{disagreement}policy: {}\ntool: {tool}\narguments: {text:?}", tree.render())
    };
    verdicts::judged(&expected, &verdict).unwrap_or_else(told);
    verdicts::shown(judge::shown(Some(tree), tool, facts.class), Some(compiled), tool, class).unwrap_or_else(told);
    if let (judge::Judged::Ask(_, leave), Verdict::NeedsApproval(_)) = (&expected, &verdict) {
        match policy::judge(Some(compiled), &Call { approved: Approval::Granted, ..call }, Timestamp(0)) {
            Verdict::Permit(permit) => verdicts::leave(leave, &permit, true).unwrap_or_else(told),
            other => panic!("approved, and still {other:?}: {}", tree.render()),
        }
    }
}
