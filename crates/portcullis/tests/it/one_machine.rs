//! `portcullis up`: everything in one process, as on a person's own machine.

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use crate::{
    burst::exactly_thirty_pass,
    http::Http,
    person::{Person, hourly_policy},
    process::{Folder, PORTCULLIS, Running, free_address},
    upstream_fixture::Upstream,
};

const DAY_POLICY: &str =
    r#"{"version":"1","default":"deny","tools":{"set_model_alias":{"limits":[{"window":"day","max":3}]}}}"#;

/// A data folder and an address, on which the product can be started again and again.
struct Machine {
    folder: Folder,
    listen: String,
}

impl Machine {
    fn new(name: &str) -> anyhow::Result<Self> {
        Ok(Self { folder: Folder::new(name)?, listen: free_address()?.to_string() })
    }

    fn origin(&self) -> String {
        format!("http://{}", self.listen)
    }

    fn up(&self) -> anyhow::Result<Running> {
        let data = self.folder.path().join("data").display().to_string();
        let running = Running::start(PORTCULLIS, &["up", "--data", &data, "--listen", &self.listen], &[])?;
        ensure!(running.line_with("Portcullis is up")?.ends_with(&self.origin()), "{}", running.said());
        Ok(running)
    }
}

/// A server with a policy and an agent's key; the gateway URL and the key.
async fn grant(person: &Person, upstream: &Upstream, policy: &str) -> anyhow::Result<(String, String)> {
    person.register_http("mlflow", &upstream.url).await?;
    person.save_policy("mlflow", policy).await?;
    let key = person.grant_agent("mlflow", "ci-runner").await?;
    Ok((format!("{}/{}/mlflow/mcp", person.browser.origin(), person.account), key))
}

fn code(answer: &Value) -> &str {
    answer["result"]["_meta"]["dev.portcullis/decision"]["code"].as_str().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_limit_that_was_full_is_full_after_a_stop_and_after_kill_9() -> anyhow::Result<()> {
    let (machine, upstream, http) = (Machine::new("restart")?, Upstream::start().await?, Http::new());
    let running = machine.up()?;
    let person = Person::sign_up(&machine.origin(), "acme").await?;
    let (url, key) = grant(&person, &upstream, DAY_POLICY).await?;
    for _ in 0..3 {
        let answer = http.call(&url, &key, "set_model_alias", json!({})).await?;
        ensure!(code(&answer).is_empty(), "{answer}");
    }
    running.kill()?;
    let running = machine.up()?;
    let answer = http.call(&url, &key, "set_model_alias", json!({})).await?;
    ensure!(code(&answer) == "rate_limited", "after kill -9: {answer}");

    ensure!(running.stop()? == Some(0), "a clean stop");
    let running = machine.up()?;
    let answer = http.call(&url, &key, "set_model_alias", json!({})).await?;
    ensure!(code(&answer) == "rate_limited", "after a stop: {answer}");
    ensure!(upstream.calls() == 3, "{} calls reached the upstream", upstream.calls());
    let page = person.browser.get(&person.path("/calls")).await?;
    ensure!(page.status.is_success() && page.text.contains("set_model_alias"), "still signed in: {page:?}");
    ensure!(running.stop()? == Some(0), "a clean stop");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_thousand_calls_on_one_machine_exactly_thirty_pass() -> anyhow::Result<()> {
    let (machine, http) = (Machine::new("thousand")?, Http::new());
    let _running = machine.up()?;
    for round in 0..10 {
        let upstream = Upstream::start().await?;
        let person = Person::sign_up(&machine.origin(), &format!("round-{round}")).await?;
        let (url, key) = grant(&person, &upstream, &hourly_policy()).await?;
        let call = |_| http.call(&url, &key, "set_model_alias", json!({"alias": "champion"}));
        exactly_thirty_pass(&upstream, call).await.with_context(|| format!("round {round}"))?;
    }
    Ok(())
}

/// Arguments, environment, and words of the sentence that is expected.
type Case<'a> = (&'a [&'a str], &'a [(&'a str, &'a str)], &'a str);

#[test]
fn what_hinders_a_start_is_told_in_one_sentence() -> anyhow::Result<()> {
    let machine = Machine::new("hindered")?;
    let taken = std::net::TcpListener::bind("127.0.0.1:0")?;
    let taken = taken.local_addr()?.to_string();
    let data = machine.folder.path().join("data").display().to_string();
    let free = machine.listen.as_str();
    let cases: [Case<'_>; 5] = [
        (&["up", "--data", &data, "--listen", &taken], &[], "is taken by another program"),
        (&["up", "--data", &data, "--listen", free], &[("PG_BIN_DIR", "/nonexistent")], "PG_BIN_DIR is /nonexistent"),
        (
            &["up", "--data", &data, "--listen", free],
            &[("DATABASE_URL", "nonsense")],
            "DATABASE_URL is not a database URL",
        ),
        (&["up", "--data", "/proc/portcullis", "--listen", free], &[], "--data FOLDER"),
        (&["connect", "pcl_connect_short", "--", "true"], &[], "token"),
    ];
    for (args, env, expected) in cases {
        let mut running = Running::start(PORTCULLIS, args, env)?;
        ensure!(running.wait()? == Some(1), "{args:?}: {}", running.said());
        let said = running.line_with("portcullis:")?;
        ensure!(said.contains(expected), "{args:?}: {said}");
    }
    Ok(())
}
