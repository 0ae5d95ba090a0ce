//! An MCP client that is given a URL and nothing else: separate processes, a person in a browser without script.

use std::time::Instant;

use anyhow::ensure;
use hyper::StatusCode;
use serde_json::Value;

use crate::{
    app::{App, Tokens, challenge, tokens},
    deployment::Deployment,
    http::{Answer, Browser},
    person::{Person, SEED_POLICY},
    process::PATIENCE,
    upstream_fixture::Upstream,
};

/// A deployment with an account in which a person has a grant on a server.
struct World {
    deployment: Deployment,
    upstream: Upstream,
    person: Person,
}

impl World {
    async fn new(name: &str) -> anyhow::Result<Self> {
        let deployment = Deployment::start(name).await?;
        let upstream = Upstream::start().await?;
        let person = Person::sign_up(&deployment.origin, "acme").await?;
        person.register_http("mlflow", &upstream.url).await?;
        person.save_policy("mlflow", SEED_POLICY).await?;
        person.grant_self("mlflow").await?;
        Ok(Self { deployment, upstream, person })
    }

    /// The URL that clients are given.
    fn url(&self) -> String {
        format!("{}/acme/mlflow/mcp", self.deployment.gateways[0])
    }

    /// The same URL at each gateway.
    fn urls(&self) -> Vec<String> {
        self.deployment.gateways.iter().map(|gateway| format!("{gateway}/acme/mlflow/mcp")).collect()
    }

    /// Waits until no gateway lets this token through, and sees that none does from then on.
    async fn refused_everywhere(&self, app: &App, token: &str) -> anyhow::Result<()> {
        let start = Instant::now();
        for url in self.urls() {
            loop {
                let answer = app.call(&url, token, "set_model_alias").await?;
                if answer.status == StatusCode::UNAUTHORIZED {
                    ensure!(challenge(&answer, "error")? == "invalid_token", "{answer:?}");
                    break;
                }
                ensure!(start.elapsed() < PATIENCE, "still served by {url}: {answer:?}");
            }
        }
        println!("refused by both gateways {} ms after it was revoked", start.elapsed().as_millis());
        let before = self.upstream.calls();
        for url in self.urls() {
            ensure!(app.call(&url, token, "set_model_alias").await?.status == StatusCode::UNAUTHORIZED, "{url}");
        }
        ensure!(self.upstream.calls() == before, "a refused call reached the server");
        Ok(())
    }
}

fn went_through(answer: &Answer) -> anyhow::Result<()> {
    let message: Value = answer.json_rpc()?;
    ensure!(answer.status.is_success() && message["result"]["content"].is_array(), "{answer:?}");
    ensure!(message["result"]["isError"] != true, "{message}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn from_nothing_but_the_url_to_a_call_and_until_the_app_is_disconnected() -> anyhow::Result<()> {
    let world = World::new("oauth-url").await?;
    let app = App::discover(&world.url()).await?;
    ensure!(app.scope == "mcp:read mcp:write", "{}", app.scope);

    // A browser in which nobody is signed in yet: log in, then the question.
    let browser = Browser::new(&world.deployment.origin);
    let page = browser.get(&app.authorize(&app.scope)?).await?;
    ensure!(page.select("h1").as_deref() == Some("Log in"), "{page:?}");
    let next = page.attribute("main input[name=next]", "value").unwrap_or_default();
    let fields = [("email", "owner@acme.example"), ("password", "gravel lantern otter 42"), ("next", next.as_str())];
    let page = browser.post("/login", &fields).await?;
    ensure!(page.select("h1").as_deref() == Some("Let Test client use acme?"), "{page:?}");
    ensure!(page.text.contains("set_model_alias") || page.text.contains("Its tools"), "{page:?}");
    let first = app.allowed(&browser, &page).await?;

    for url in world.urls() {
        went_through(&app.call(&url, &first.access, "set_model_alias").await?)?;
    }
    ensure!(world.upstream.calls() == 2, "{} calls", world.upstream.calls());
    let second = tokens(&app.refresh(&first).await?)?;
    went_through(&app.call(&world.url(), &second.access, "set_model_alias").await?)?;

    let list = world.person.browser.get(&world.person.path("/apps")).await?;
    let action = list.attribute("form[action$='/revoke']", "action").unwrap_or_default();
    let page = world.person.browser.post(&action, &[]).await?;
    ensure!(page.select(".flash").as_deref() == Some("The app is disconnected."), "{page:?}");
    world.refused_everywhere(&app, &second.access).await?;
    world.refused_everywhere(&app, &first.access).await?;
    let refused = app.refresh(&second).await?;
    ensure!(refused.status == StatusCode::BAD_REQUEST && refused.text.contains("invalid_grant"), "{refused:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_given_back_and_a_refresh_token_used_twice_end_the_app_everywhere() -> anyhow::Result<()> {
    let world = World::new("oauth-back").await?;
    let app = App::discover(&world.url()).await?;
    let given_back = app.connect(&world.person, &app.scope).await?;
    went_through(&app.call(&world.url(), &given_back.access, "set_model_alias").await?)?;
    ensure!(app.give_back(&given_back.refresh).await?.status == StatusCode::OK, "given back");
    world.refused_everywhere(&app, &given_back.access).await?;

    let first = app.connect(&world.person, &app.scope).await?;
    let second: Tokens = tokens(&app.refresh(&first).await?)?;
    let third: Tokens = tokens(&app.refresh(&second).await?)?;
    went_through(&app.call(&world.url(), &third.access, "set_model_alias").await?)?;
    let stolen = app.refresh(&first).await?;
    ensure!(stolen.status == StatusCode::BAD_REQUEST && stolen.text.contains("invalid_grant"), "{stolen:?}");
    world.refused_everywhere(&app, &third.access).await?;
    ensure!(app.refresh(&third).await?.status == StatusCode::BAD_REQUEST, "the thief's token ends all");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_opens_its_own_url_only_and_more_is_asked_for_step_by_step() -> anyhow::Result<()> {
    let world = World::new("oauth-steps").await?;
    let app = App::discover(&world.url()).await?;
    let looks = app.connect(&world.person, "mcp:read").await?;
    ensure!(looks.scope == "mcp:read offline_access", "{}", looks.scope);
    let refused = app.call(&world.url(), &looks.access, "set_model_alias").await?;
    ensure!(refused.status == StatusCode::FORBIDDEN, "{refused:?}");
    ensure!(challenge(&refused, "error")? == "insufficient_scope", "{refused:?}");
    let needed = challenge(&refused, "scope")?;
    ensure!(world.upstream.calls() == 0, "a refused call reached the server");

    let page = world.person.browser.get(&app.authorize(&needed)?).await?;
    ensure!(page.text.contains("as before") && page.text.contains("new"), "what is new is said: {page:?}");
    let more = app.allowed(&world.person.browser, &page).await?;
    went_through(&app.call(&world.url(), &more.access, "set_model_alias").await?)?;

    let elsewhere = Person::sign_up(&world.deployment.origin, "umbrella").await?;
    elsewhere.register_http("mlflow", &world.upstream.url).await?;
    let gateway = &world.deployment.gateways[0];
    for url in
        [format!("{gateway}/acme/mcp"), format!("{gateway}/umbrella/mlflow/mcp"), format!("{gateway}/nobody/mcp")]
    {
        let answer = app.call(&url, &more.access, "set_model_alias").await?;
        ensure!(answer.status == StatusCode::UNAUTHORIZED, "{url}: {answer:?}");
        ensure!(challenge(&answer, "error")? == "invalid_token", "{url}: {answer:?}");
    }
    ensure!(world.upstream.calls() == 1, "{} calls", world.upstream.calls());
    Ok(())
}
