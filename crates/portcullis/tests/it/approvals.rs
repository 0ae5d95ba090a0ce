//! Approvals and publishing over real processes: one call passes once, whatever voids an approval does, a published policy
//! decides the next request.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::{deployment::Deployment, http::Http, person::Person, process::PATIENCE, upstream_fixture::Upstream};

const ASKS: &str = r#"{"version":"1","default":"deny","tools":{"delete_run":{"action":"require_approval","approval":{"timeout":600}}}}"#;
/// Long enough to be asked for and approved in time on any machine.
const BRIEF: Duration = Duration::from_secs(15);
const ASKS_BRIEFLY: &str = r#"{"version":"1","default":"deny","tools":{"delete_run":{"action":"require_approval","approval":{"timeout":15}}}}"#;
const OPEN: &str = r#"{"version":"1","default":"allow"}"#;
const CLOSED: &str = r#"{"version":"1","default":"deny"}"#;
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
        let id = self.asked(0, run).await?;
        self.person.approve(&id).await?;
        Ok(id)
    }

    /// Asks for a call that nobody approves, or repeats it; the request's id.
    async fn asked(&self, gateway: usize, run: &str) -> anyhow::Result<String> {
        let answer = self.delete(gateway, run).await?;
        approval(&answer).with_context(|| format!("asked for: {answer}"))
    }

    /// Publishes a policy and waits until every gateway goes by it: a call that nobody approved then has to be asked for
    /// anew, and trying it lets nothing pass before that.
    async fn publish(&self, policy: &str) -> anyhow::Result<()> {
        let before = self.asked(0, "probe").await?;
        self.person.publish("mlflow", policy).await?;
        let start = Instant::now();
        for gateway in 0..self.deployment.gateways.len() {
            while self.asked(gateway, "probe").await? == before {
                ensure!(start.elapsed() < PATIENCE, "gateway {gateway} goes by the old policy still");
            }
        }
        Ok(())
    }

    /// Waits until a gateway shows this key no tools any more.
    async fn is_shut(&self, gateway: usize) -> anyhow::Result<()> {
        let url = format!("{}/acme/mlflow/mcp", self.deployment.gateways[gateway]);
        let message = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"});
        let start = Instant::now();
        while self.http.mcp(&url, &self.key, None, &message).await?.text.contains("delete_run") {
            ensure!(start.elapsed() < PATIENCE, "the tools are still shown");
        }
        Ok(())
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
    stage.publish(ASKS_BRIEFLY).await?;
    for gateway in 0..2 {
        ensure!(
            stage.asked(gateway, "changed").await? != id,
            "it was approved under a policy that is not in force any more"
        );
    }
    ensure!(stage.upstream.calls() == 0, "nothing passed");

    // That much later by the store's clock it is gone, although nobody used it.
    let id = stage.approved("expires").await?;
    tokio::time::sleep(BRIEF + Duration::from_millis(100)).await;
    ensure!(stage.asked(1, "expires").await? != id && stage.upstream.calls() == 0, "it stands no more");

    stage.publish(ASKS).await?;
    stage.approved("revoked").await?;
    stage.person.revoke_first_grant().await?;
    // Until the gateway has heard of it the approval may not be tried, since it would be right to let the call pass.
    stage.is_shut(0).await?;
    let url = format!("{}/acme/mlflow/mcp", stage.deployment.gateways[0]);
    let message = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "delete_run", "arguments": {"run_id": "revoked"}}});
    let refused = stage.http.mcp(&url, &stage.key, None, &message).await?;
    ensure!(stage.upstream.calls() == 0, "passed after the grant was revoked: {refused:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_published_policy_decides_the_next_request_on_every_gateway() -> anyhow::Result<()> {
    let stage = Stage::new("published", OPEN).await?;
    for (document, expected) in [(CLOSED, "default_deny"), (OPEN, "allow")] {
        stage.person.publish("mlflow", document).await?;
        let published = Instant::now();
        for gateway in &stage.deployment.gateways {
            let url = format!("{gateway}/acme/mlflow/mcp");
            loop {
                let answer = stage.http.call(&url, &stage.key, "set_model_alias", json!({})).await?;
                if code(&answer) == expected {
                    break;
                }
                ensure!(published.elapsed() < PATIENCE, "{gateway} still answers {answer}");
            }
        }
        println!("{expected} on both gateways {} ms after publishing", published.elapsed().as_millis());
    }
    Ok(())
}
