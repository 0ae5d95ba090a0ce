//! What a person does in the product, by the same forms a browser without script would send.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

use crate::{
    http::{Answer, Browser},
    process::PATIENCE,
};

/// The policy that every page of the product begins with: thirty a minute, the rest denied.
pub const SEED_POLICY: &str = include_str!("seed-policy.json");

/// The same by the hour: no machine is so slow that the window moves on before a test has asked for all it wants.
pub fn hourly_policy() -> String {
    SEED_POLICY.replace("\"minute\"", "\"hour\"")
}

/// A person signed in to an account of their own.
#[derive(Debug)]
pub struct Person {
    pub browser: Browser,
    pub account: String,
}

impl Person {
    pub async fn sign_up(origin: &str, account: &str) -> anyhow::Result<Self> {
        let person = Self { browser: Browser::new(origin), account: account.to_owned() };
        let email = format!("owner@{account}.example");
        let fields = [
            ("email", email.as_str()),
            ("password", "gravel lantern otter 42"),
            ("account_name", account),
            ("account_slug", account),
        ];
        let page = person.browser.post("/signup", &fields).await?;
        ensure!(page.status.is_success() && page.select("h1").is_some_and(|h| h != "Create your account"), "{page:?}");
        Ok(person)
    }

    /// The path of a page of the account.
    pub fn path(&self, rest: &str) -> String {
        format!("/app/{}{rest}", self.account)
    }

    pub async fn register_http(&self, slug: &str, url: &str) -> anyhow::Result<()> {
        let fields = [("kind", "other"), ("name", slug), ("slug", slug), ("transport", "http"), ("url", url)];
        let page = self.browser.post(&self.path("/servers/new"), &fields).await?;
        ensure!(page.select("h1").as_deref() == Some(slug), "registered: {page:?}");
        Ok(())
    }

    /// Registers a server behind a connector; what is pasted behind `portcullis connect`.
    pub async fn register_tunnel(&self, slug: &str) -> anyhow::Result<String> {
        let fields = [("kind", "other"), ("name", slug), ("slug", slug), ("transport", "tunnel")];
        let page = self.browser.post(&self.path("/servers/new"), &fields).await?;
        ensure!(page.status.is_success(), "registered: {page:?}");
        let page = self.browser.post(&self.path(&format!("/servers/{slug}/connectors")), &[]).await?;
        let (_, line) = page.text.split_once("portcullis connect ").with_context(|| format!("a line: {page:?}"))?;
        Ok(line.chars().take_while(|c| c.is_ascii_alphanumeric() || "._-".contains(*c)).collect())
    }

    pub async fn save_policy(&self, server: &str, document: &str) -> anyhow::Result<()> {
        let fields = [("name", "main"), ("document", document)];
        let page = self.browser.post(&self.path(&format!("/servers/{server}/policies")), &fields).await?;
        ensure!(page.status.is_success(), "saved: {page:?}");
        Ok(())
    }

    /// Gives a new agent a grant under the server's first policy; the text of its key.
    pub async fn grant_agent(&self, server: &str, agent: &str) -> anyhow::Result<String> {
        let path = self.path(&format!("/servers/{server}/grants"));
        let form = self.browser.get(&format!("{path}/new")).await?;
        let policy = form.attribute("#policy option", "value").context("a policy to choose")?;
        let fields = [("subject", "new_agent"), ("agent_name", agent), ("policy", &policy), ("label", agent)];
        let page = self.browser.post(&path, &fields).await?;
        page.select(".copy.secret code").with_context(|| format!("a key: {page:?}"))
    }

    /// Gives themselves a grant under the server's first policy.
    pub async fn grant_self(&self, server: &str) -> anyhow::Result<()> {
        let path = self.path(&format!("/servers/{server}/grants"));
        let form = self.browser.get(&format!("{path}/new")).await?;
        let policy = form.attribute("#policy option", "value").context("a policy to choose")?;
        let fields = [("subject", "me"), ("policy", policy.as_str()), ("label", "mine")];
        let page = self.browser.post(&path, &fields).await?;
        ensure!(page.select("h1").as_deref() == Some("The grant is in force"), "granted: {page:?}");
        Ok(())
    }

    /// Publishes another version of the server's first policy, from the page that shows it.
    pub async fn publish(&self, server: &str, document: &str) -> anyhow::Result<()> {
        let page = self.browser.get(&self.path(&format!("/servers/{server}"))).await?;
        let policy = page.attribute("a[href*='/policies/policy_']", "href").context("a policy on the server's page")?;
        let policy = policy.split(['?', '#']).next().unwrap_or_default();
        let bench = self.browser.get(policy).await?;
        let field = |name: &str| bench.attribute(&format!("input[name={name}]"), "value").context("a hidden field");
        let (based_on, revision) = (field("based_on")?, field("revision")?);
        let fields = [("document", document), ("based_on", &based_on), ("revision", &revision), ("note", "")];
        let page = self.browser.post(&format!("{policy}/publish"), &fields).await?;
        ensure!(page.status.is_success(), "published: {page:?}");
        Ok(())
    }

    /// Approves a request, once it has arrived in the inbox.
    pub async fn approve(&self, id: &str) -> anyhow::Result<()> {
        let path = self.path(&format!("/approvals/{id}"));
        let start = Instant::now();
        while !self.browser.get(&path).await?.status.is_success() {
            ensure!(start.elapsed() < PATIENCE, "the request {id} never arrived in the inbox");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let page = self.browser.post(&path, &[("answer", "approve"), ("reason", "")]).await?;
        ensure!(page.status.is_success(), "approved: {page:?}");
        Ok(())
    }

    /// Revokes the first grant in the list.
    pub async fn revoke_first_grant(&self) -> anyhow::Result<Answer> {
        let list = self.browser.get(&self.path("/grants")).await?;
        let action = list.attribute("form[action$='/revoke']", "action").context("a grant to revoke")?;
        self.browser.post(&action, &[]).await
    }
}
