//! Separate processes: exact limits over two gateways, an outage of the control plane, revocation, two accounts.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use crate::{
    burst::exactly_thirty_pass,
    deployment::Deployment,
    http::{Answer, Http},
    person::{Person, hourly_policy},
    process::PATIENCE,
    upstream_fixture::Upstream,
};

const OPEN: &str = r#"{"version":"1","default":"allow"}"#;

/// An account with a server, a policy that lets thirty an hour through, and an agent's key.
async fn account(deployment: &Deployment, name: &str, upstream: &Upstream) -> anyhow::Result<(Person, String)> {
    under(&hourly_policy(), deployment, name, upstream).await
}

/// The same under another policy.
async fn under(
    policy: &str,
    deployment: &Deployment,
    name: &str,
    upstream: &Upstream,
) -> anyhow::Result<(Person, String)> {
    let person = Person::sign_up(&deployment.origin, name).await?;
    person.register_http("mlflow", &upstream.url).await?;
    person.save_policy("mlflow", policy).await?;
    let key = person.grant_agent("mlflow", "ci-runner").await?;
    Ok((person, key))
}

fn url(gateway: &str, account: &str) -> String {
    format!("{gateway}/{account}/mlflow/mcp")
}

fn outcome(answer: &Value) -> &str {
    answer["result"]["_meta"]["dev.portcullis/decision"]["outcome"].as_str().unwrap_or("allow")
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_thousand_calls_over_two_gateways_exactly_thirty_pass() -> anyhow::Result<()> {
    let deployment = Deployment::start("exact").await?;
    let http = Http::new();
    for round in 0..10 {
        let upstream = Upstream::start().await?;
        let name = format!("round-{round}");
        let (_, key) = account(&deployment, &name, &upstream).await?;
        exactly_thirty_pass(&upstream, |number| {
            let url = url(&deployment.gateways[number % 2], &name);
            let (http, key) = (http.clone(), key.clone());
            async move { http.call(&url, &key, "set_model_alias", json!({"alias": "champion"})).await }
        })
        .await
        .with_context(|| format!("round {round}"))?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn gateways_go_on_without_the_control_plane_and_nothing_recorded_is_lost() -> anyhow::Result<()> {
    let mut deployment = Deployment::start("outage").await?;
    let (upstream, http) = (Upstream::start().await?, Http::new());
    let (person, key) = account(&deployment, "acme", &upstream).await?;
    let url = url(&deployment.gateways[0], "acme");
    http.call(&url, &key, "set_model_alias", json!({})).await?;

    if let Some(control) = deployment.control.take() {
        control.kill()?;
    }
    deployment.stop_postgres().await?;
    for number in 1..40 {
        let answer = http.call(&url, &key, "set_model_alias", json!({})).await?;
        let expected = if number < 30 { "allow" } else { "deny" };
        ensure!(outcome(&answer) == expected, "call {number}: {answer}");
    }
    ensure!(upstream.calls() == 30, "{} calls reached the upstream", upstream.calls());

    deployment.start_postgres().await?;
    deployment.start_control()?;
    let start = Instant::now();
    loop {
        let page = person.browser.get(&person.path("/calls?limit=100")).await?;
        let (allowed, denied) = (rows(&page, "Allowed"), rows(&page, "Denied"));
        if (allowed, denied) == (30, 10) {
            return Ok(());
        }
        ensure!(start.elapsed() < PATIENCE, "recorded: {allowed} allowed, {denied} denied");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// How many rows of the calls page have that outcome.
fn rows(page: &Answer, outcome: &str) -> usize {
    let row = scraper::Selector::parse("tbody tr").expect("a selector");
    let document = scraper::Html::parse_document(&page.text);
    document.select(&row).filter(|row| row.text().any(|text| text.trim() == outcome)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_grant_is_refused_everywhere_while_the_control_plane_restarts() -> anyhow::Result<()> {
    let mut deployment = Deployment::start("revoke").await?;
    let (upstream, http) = (Upstream::start().await?, Http::new());
    let (person, key) = under(OPEN, &deployment, "acme", &upstream).await?;
    for gateway in &deployment.gateways {
        let answer = http.call(&url(gateway, "acme"), &key, "set_model_alias", json!({})).await?;
        ensure!(outcome(&answer) == "allow", "{answer}");
    }
    let revoked = Instant::now();
    person.revoke_first_grant().await?;
    if let Some(control) = deployment.control.take() {
        control.kill()?;
    }
    for gateway in &deployment.gateways {
        loop {
            let before = upstream.calls();
            http.call(&url(gateway, "acme"), &key, "set_model_alias", json!({})).await?;
            if upstream.calls() == before {
                break;
            }
            ensure!(revoked.elapsed() < PATIENCE, "still served by {gateway}");
        }
    }
    println!("refused by both gateways {} ms after it was revoked", revoked.elapsed().as_millis());
    deployment.start_control()?;
    let before = upstream.calls();
    for gateway in &deployment.gateways {
        http.call(&url(gateway, "acme"), &key, "set_model_alias", json!({})).await?;
    }
    ensure!(upstream.calls() == before, "served again after the control plane came back");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_accounts_with_the_same_names_never_meet() -> anyhow::Result<()> {
    let deployment = Deployment::start("tenants").await?;
    let (upstream, theirs, http) = (Upstream::start().await?, Upstream::start().await?, Http::new());
    let (ann, key) = account(&deployment, "acme", &upstream).await?;
    let (bob, neighbour_key) = account(&deployment, "umbrella", &theirs).await?;
    let gateway = &deployment.gateways[0];

    // A key of one account on the other's URLs is a key that nobody has.
    for path in [url(gateway, "umbrella"), format!("{gateway}/umbrella/mcp")] {
        let message = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"});
        let foreign = http.mcp(&path, &key, None, &message).await?;
        let unknown = http.mcp(&path, "pcl_key_nobody", None, &message).await?;
        ensure!(foreign.status == 401 && foreign.text == unknown.text, "{foreign:?} {unknown:?}");
    }
    // One account's limit being full says nothing of the other's.
    for number in 0..31 {
        let answer = http.call(&url(gateway, "acme"), &key, "set_model_alias", json!({})).await?;
        ensure!((outcome(&answer) == "allow") == (number < 30), "call {number}: {answer}");
    }
    let answer = http.call(&url(gateway, "umbrella"), &neighbour_key, "set_model_alias", json!({})).await?;
    ensure!(outcome(&answer) == "allow" && theirs.calls() == 1 && upstream.calls() == 30, "{answer}");

    // Pages of one account are not found for the other's people, by their own address or another's ids.
    let grants = ann.browser.get(&ann.path("/grants")).await?;
    let revoke = grants.attribute("form[action$='/revoke']", "action").unwrap_or_default();
    for path in ["", "/servers/mlflow", "/grants", "/calls", "/teams", "/members", "/agents"] {
        let page = bob.browser.get(&ann.path(path)).await?;
        ensure!(page.status == 404, "{path}: {}", page.status);
    }
    let stolen = revoke.replace("/app/acme/", "/app/umbrella/");
    ensure!(bob.browser.post(&revoke, &[]).await?.status == 404, "{revoke}");
    ensure!(bob.browser.post(&stolen, &[]).await?.status == 404, "{stolen}");
    let calls = bob.browser.get(&bob.path("/calls")).await?;
    ensure!(rows(&calls, "Denied") == 0, "the neighbour's calls show");
    Ok(())
}
