//! Connectors and two gateways, as processes of their own: each gateway reaches each connector.

use std::time::Instant;

use anyhow::ensure;
use serde_json::json;

use crate::{
    deployment::Deployment,
    http::Http,
    person::Person,
    process::{PATIENCE, PORTCULLIS, Running},
    upstream_fixture::Upstream,
};

const OPEN: &str = r#"{"version":"1","default":"allow"}"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_connector_at_one_gateway_serves_both_and_another_stands_in_for_it() -> anyhow::Result<()> {
    let deployment = Deployment::start("mesh").await?;
    let (upstream, http) = (Upstream::start().await?, Http::new());
    let person = Person::sign_up(&deployment.origin, "acme").await?;
    let token = person.register_tunnel("mlflow").await?;
    person.save_policy("mlflow", OPEN).await?;
    let key = person.grant_agent("mlflow", "ci-runner").await?;
    let arguments = ["connect", token.as_str(), "--url", upstream.url.as_str(), "--allow", "127.0.0.0/8"];
    let first = Running::start(PORTCULLIS, &arguments, &[])?;
    first.line_with("connected to")?;
    both_serve(&deployment, &http, &key).await?;

    // The token names the first gateway, so both connectors hang there, and the second gateway asks it.
    let second = Running::start(PORTCULLIS, &arguments, &[])?;
    second.line_with("connected to")?;
    first.kill()?;
    both_serve(&deployment, &http, &key).await?;
    let page = person.browser.get(&person.path("/servers/mlflow")).await?;
    ensure!(page.text.contains("portcullis/"), "the connector's version shows");
    ensure!(second.stop()? == Some(0), "a clean stop");
    Ok(())
}

/// Calls at each gateway until one passes; the other gateway may hear of a connector a moment later.
async fn both_serve(deployment: &Deployment, http: &Http, key: &str) -> anyhow::Result<()> {
    for gateway in &deployment.gateways {
        let (url, start) = (format!("{gateway}/acme/mlflow/mcp"), Instant::now());
        loop {
            let answer = http.call(&url, key, "get_run", json!({"run": 7})).await?;
            if answer["result"]["content"].is_array() {
                break;
            }
            ensure!(start.elapsed() < PATIENCE, "{gateway}: {answer}");
        }
    }
    Ok(())
}
