//! A thousand calls against a limit of thirty.

use std::future::Future;

use anyhow::ensure;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::Value;

use crate::upstream_fixture::Upstream;

const CALLS: usize = 1_000;
const LIMIT: usize = 30;
/// Calls under way at the same time: not more than two gateways ask the counters for at the same time, so that on a slow
/// machine too none waits so long for its turn that it is denied for it.
const AT_ONCE: usize = 120;

/// Makes the calls, and sees that exactly as many pass as may.
pub async fn exactly_thirty_pass<F>(upstream: &Upstream, call: impl Fn(usize) -> F) -> anyhow::Result<()>
where
    F: Future<Output = anyhow::Result<Value>>,
{
    let answers: Vec<Value> = stream::iter((0..CALLS).map(call)).buffer_unordered(AT_ONCE).try_collect().await?;
    let with = |code: &str| answers.iter().filter(|answer| decision(answer) == code).count();
    let passed = answers.iter().filter(|answer| has_passed(answer)).count();
    let (limited, not_counted) = (with("rate_limited"), with("counter_unavailable"));
    let odd: Vec<_> = answers.iter().filter(|answer| !has_passed(answer) && decision(answer).is_empty()).collect();
    ensure!(passed + limited + not_counted == CALLS, "{passed} passed, {limited} limited, else {odd:?}");
    ensure!(upstream.calls() == passed, "{} of {passed} reached the server", upstream.calls());
    // Where the machine stood still for longer than the counters may take, calls are denied, and may have been counted.
    let exact = passed <= LIMIT && passed + not_counted >= LIMIT;
    ensure!(exact, "{passed} passed, {limited} limited, {not_counted} not counted");
    Ok(())
}

fn has_passed(answer: &Value) -> bool {
    answer["result"]["content"].is_array() && answer["result"]["isError"] != true
}

fn decision(answer: &Value) -> &str {
    answer["result"]["_meta"]["dev.portcullis/decision"]["code"].as_str().unwrap_or_default()
}
