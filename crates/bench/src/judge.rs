//! What judging costs: one call under a policy of 200 rules, on a server with 40 tools; no I/O, one thread.

use std::{fmt::Write as _, hint::black_box, time::Instant};

use anyhow::anyhow;
use policy::{Approval, Call, CompiledPolicy, Facts, RiskClass, Timestamp, Verdict, judge};

const RULES: usize = 200;
const TOOLS: usize = 40;
const CALLS: usize = 200_000;
const ROUNDS: usize = 7;

/// Microseconds for one judgement, the median of the rounds.
pub fn micros_per_call() -> anyhow::Result<f64> {
    let policy = CompiledPolicy::compile(&document()).map_err(|problems| anyhow!("{problems}"))?;
    let tools: Vec<String> = (0..TOOLS).map(|tool| tool_name(tool * RULES / TOOLS)).collect();
    let mut rounds: Vec<f64> = (0..=ROUNDS).map(|_| round(&policy, &tools)).collect();
    // The first one warms up.
    rounds.remove(0);
    rounds.sort_by(f64::total_cmp);
    Ok(rounds[ROUNDS / 2])
}

fn round(policy: &CompiledPolicy, tools: &[String]) -> f64 {
    let start = Instant::now();
    for number in 0..CALLS {
        let call = Call {
            tool: &tools[number % tools.len()],
            arguments: Some(r#"{"name":"churn","alias":"champion","version":"7","amount":12.50}"#),
            class: RiskClass::Write,
            facts: Facts { grant_label: "ci", client_name: Some("bench"), ..Facts::default() },
            approved: Approval::None,
        };
        let verdict = judge(Some(policy), black_box(&call), Timestamp(1_767_225_600_000_000));
        assert!(matches!(black_box(verdict), Verdict::Permit(_)), "the policy lets these calls pass");
    }
    start.elapsed().as_secs_f64() * 1e6 / CALLS as f64
}

fn tool_name(rule: usize) -> String {
    match rule % 4 {
        3 => format!("group_{rule}_tool"),
        _ => format!("tool_{rule}"),
    }
}

/// Every fourth rule is a glob; each has a condition on the arguments that holds, one that does not, and two limits.
fn document() -> String {
    let mut rules = String::new();
    for rule in 0..RULES {
        let pattern = if rule % 4 == 3 { format!("group_{rule}_*") } else { tool_name(rule) };
        let comma = if rule == 0 { "" } else { "," };
        let _ = write!(
            rules,
            r#"{comma}"{pattern}":{{"require":[{{"conditions":[{{"path":"args.alias","op":"regex","value":"^[a-z]+$"}}]}}],
               "deny_if":[{{"conditions":[{{"path":"args.amount","op":"gt","value":100}}]}}],
               "limits":[{{"window":"minute","max":30}},{{"window":"day","max":500,"amount":"args.amount"}}]}}"#
        );
    }
    format!(
        r#"{{"version":"1","default":"deny","tools":{{{rules}}},"all_tools":{{"limits":[{{"counter":"all","window":"hour","max":1000}}]}}}}"#
    )
}
