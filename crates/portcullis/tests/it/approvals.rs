//! Approvals and publishing over real processes: one call passes once, whatever voids an approval does, a published policy
//! decides the next request.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::{
    deployment::Deployment,
    http::Http,
    person::{Person, SEED_POLICY},
    upstream_fixture::Upstream,
};

const ASKS: &str = r#"{"version":"1","default":"deny","tools":{"delete_run":{"action":"require_approval","approval":{"timeout":600}}}}"#;
const ASKS_BRIEFLY: &str =
    r#"{"version":"1","default":"deny","tools":{"delete_run":{"action":"require_approval","approval":{"timeout":8}}}}"#;
const REPEATS: usize = 100;

/// An account whose agent has to ask before it deletes.
struct Stage {
    deployment: Deployment,
    upstream: Upstream,
    person: Person,
    key: String,
    http: Http,
}

impl Stage {
    async fn new(name: &str, policy: &str) -> anyhow::Result<Self> {
        let (deployment, upstream) = (Deployment::start(name).await?, Upstream::start().await?);
        let person = Person::sign_up(&deployment.origin, "acme").await?;
        person.register_http("mlflow", &upstream.url).await?;
        person.save_policy("mlflow", policy).await?;
        let key = person.grant_agent("mlflow", "ci-runner").await?;
        Ok(Self { deployment, upstream, person, key, http: Http::new() })
    }

    async fn delete(&self, gateway: usize, run: &str) -> anyhow::Result<Value> {
        let url = format!("{}/acme/mlflow/mcp", self.deployment.gateways[gateway]);
        self.http.call(&url, &self.key, "delete_run", json!({"run_id": run})).await
    }

    /// Has the call asked for and approved; the request's id.
    async fn approved(&self, run: &str) -> anyhow::Result<String> {
        let answer = self.delete(0, run).await?;
        let id = approval(&answer).with_context(|| format!("asked for: {answer}"))?;
        self.person.approve(&id).await?;
        Ok(id)
    }

    /// Calls until the answer is as wanted; a change may take seconds at worst to be heard of.
    async fn until(&self, run: &str, wanted: impl Fn(&Value) -> bool) -> anyhow::Result<Value> {
        let start = Instant::now();
        loop {
            let answer = self.delete(1, run).await?;
            if wanted(&answer) {
                return Ok(answer);
            }
            ensure!(start.elapsed() < Duration::from_secs(30), "still answered {answer}");
        }
    }
}

fn code(answer: &Value) -> &str {
    answer["result"]["_meta"]["dev.portcullis/decision"]["code"].as_str().unwrap_or("allow")
}

fn approval(answer: &Value) -> Option<String> {
    answer["result"]["_meta"]["dev.portcullis/decision"]["approval"].as_str().map(str::to_owned)
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_hundred_repeats_of_one_approved_call_over_two_gateways_exactly_one_passes() -> anyhow::Result<()> {
    let stage = Stage::new("approved", ASKS).await?;
    for round in 0..10 {
        let run = format!("run-{round}");
        let id = stage.approved(&run).await?;
        let before = stage.upstream.calls();
        let calls = (0..REPEATS).map(|number| stage.delete(number % 2, &run));
        let answers: Vec<Value> = join_all(calls).await.into_iter().collect::<anyhow::Result<_>>()?;
        let passed = answers.iter().filter(|answer| code(answer) == "allow").count();
        ensure!(passed == 1 && stage.upstream.calls() - before == 1, "round {round}: {passed} passed");
        // Those that came too late asked anew, all with one request.
        let mut again: Vec<_> = answers.iter().filter_map(approval).collect();
        again.sort_unstable();
        again.dedup();
        ensure!(again.len() == 1 && again[0] != id, "round {round}: {again:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_policy_a_revoked_grant_and_a_passed_expiry_each_void_an_approval() -> anyhow::Result<()> {
    let stage = Stage::new("void", ASKS).await?;
    let id = stage.approved("changed").await?;
    stage.person.publish("mlflow", ASKS_BRIEFLY).await?;
    let answer = stage.until("changed", |answer| approval(answer).is_some_and(|new| new != id)).await?;
    ensure!(code(&answer) == "approval_required" && stage.upstream.calls() == 0, "{answer}");

    // Eight seconds later by the store's clock it is gone, although nobody used it.
    let id = stage.approved("expires").await?;
    tokio::time::sleep(Duration::from_millis(8_100)).await;
    let answer = stage.delete(1, "expires").await?;
    ensure!(approval(&answer).is_some_and(|new| new != id) && stage.upstream.calls() == 0, "{answer}");

    stage.person.publish("mlflow", ASKS).await?;
    stage.until("revoked", |answer| code(answer) == "approval_required").await?;
    stage.approved("revoked").await?;
    stage.person.revoke_first_grant().await?;
    let url = format!("{}/acme/mlflow/mcp", stage.deployment.gateways[0]);
    let message = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "delete_run", "arguments": {"run_id": "revoked"}}});
    let revoked = Instant::now();
    // Until the gateway has heard of it the approval may not be tried, since it would be right to let the call pass.
    tokio::time::sleep(Duration::from_secs(5)).await;
    let refused = stage.http.mcp(&url, &stage.key, None, &message).await?;
    ensure!(stage.upstream.calls() == 0, "passed {:?} after the grant was revoked: {refused:?}", revoked.elapsed());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_published_policy_decides_the_next_request_on_every_gateway() -> anyhow::Result<()> {
    let stage = Stage::new("published", SEED_POLICY).await?;
    let denies = SEED_POLICY.replace("set_model_alias", "get_run");
    for (document, expected) in [(denies.as_str(), "default_deny"), (SEED_POLICY, "allow")] {
        stage.person.publish("mlflow", document).await?;
        let published = Instant::now();
        for gateway in &stage.deployment.gateways {
            let url = format!("{gateway}/acme/mlflow/mcp");
            loop {
                let answer = stage.http.call(&url, &stage.key, "set_model_alias", json!({})).await?;
                if code(&answer) == expected {
                    break;
                }
                ensure!(published.elapsed() < Duration::from_secs(5), "{gateway} still answers {answer}");
            }
        }
        println!("{expected} on both gateways {} ms after publishing", published.elapsed().as_millis());
    }
    Ok(())
}
