//! Test calls from a page: a real call through the real gateway, made with a key that lives for two minutes.

mod answer;

use std::time::Duration;

use domain::{GrantId, GrantSubject, Name, Permission, Principal, ServerId, ServerSlug, Token};
use http::{HeaderMap, HeaderValue, header};
use mcp::{OwnCall, OwnClient};
use policy::{CompiledPolicy, RiskClass, Visibility};
use serde_json::{Map, Value, json};
use storage::{GrantRow, KeyPurpose, Tx};
use upstream::{Conversation, Egress, Failed, Limits, Target};

use crate::{Accounts, Caller, Error, Rule, keys::Minted, servers::gateway_url};

pub use answer::{TestAnswer, TestOutcome};

const KEY_SECONDS: i64 = 120;
/// How long a gateway may take to hear of the new key.
const HEARD_WITHIN: Duration = Duration::from_secs(5);
const ASK_AGAIN: Duration = Duration::from_millis(100);
/// A tool that no server has, for the call that is to be denied.
const NO_SUCH_TOOL: &str = "a_tool_that_does_not_exist";
const CLIENT: OwnClient<'static> = OwnClient { name: "portcullis-test-call", version: env!("CARGO_PKG_VERSION") };

/// A test call to be.
#[derive(Clone, Debug)]
pub struct NewTestCall {
    /// On which server.
    pub server: ServerId,
    /// As whom: by this grant's subject; none: as the caller, with whatever grants the caller has.
    pub grant: Option<GrantId>,
    /// What is called.
    pub what: TestCall,
}

/// What is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TestCall {
    /// A tool.
    Tool {
        /// Its name.
        name: String,
        /// Its arguments: the text of a JSON object; empty for none.
        arguments: String,
    },
    /// Some tool that the policy denies.
    Denied,
}

/// What a test call came to.
#[derive(Clone, Debug)]
pub struct TestCallResult {
    /// Where it was sent.
    pub gateway_url: String,
    /// The tool called.
    pub tool: String,
    /// The request as it was sent, indented; empty when it did not come to it.
    pub request: String,
    /// What came of it.
    pub answer: TestAnswer,
}

/// Who the call is made as, and the policy that is expected to judge it.
struct Standin {
    principal: Principal,
    policy: Option<CompiledPolicy>,
}

impl Accounts {
    /// Makes a test call through the gateway.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a server or grant that is not there; [`Rule::NoGrant`], [`Rule::OthersGrant`],
    /// [`Rule::NothingDenied`]; [`Error::Invalid`]: fields `tool`, `arguments`. A call that fails or is denied is a result.
    pub async fn test_call(&self, caller: &Caller, form: &NewTestCall) -> Result<TestCallResult, Error> {
        let mut tx = self.look(caller, Permission::OwnKeys).await?;
        let server = tx.server(form.server).await?.ok_or(Error::NotFound)?;
        let standin = standin(caller, &mut tx, form).await?;
        let (tool, arguments) = match &form.what {
            TestCall::Tool { name, arguments } => (tool_name(name)?, read_arguments(arguments)?),
            TestCall::Denied => (denied_tool(&mut tx, form.server, standin.policy.as_ref()).await?, Map::new()),
        };
        tx.commit().await?;
        let token = self.short_key(caller, standin.principal, &tool, form.server).await?;
        let (request, answer) =
            self.call_gateway(caller, &server.slug, &token, OwnCall { tool: &tool, arguments }).await;
        let gateway_url = gateway_url(self.gateway_origin(), caller.slug(), Some(&server.slug));
        Ok(TestCallResult { gateway_url, tool, request, answer })
    }

    /// A key for one test call, noted with whom it was made for.
    async fn short_key(
        &self,
        caller: &Caller,
        principal: Principal,
        tool: &str,
        server: ServerId,
    ) -> Result<Token, Error> {
        let needs = match principal {
            Principal::Member(_) => Permission::OwnKeys,
            Principal::Agent(_) => Permission::ManageAgents,
        };
        let mut change = self.change(caller, needs).await?;
        let label = Name::parse("test call").map_err(|error| Error::field("label", error))?;
        let expires_at = Some(change.at.plus_seconds(KEY_SECONDS));
        let minted = Minted { principal, label, purpose: KeyPurpose::TestCall, expires_at };
        let key = change.mint_key(self, caller, minted).await?;
        let detail = json!({ "principal": principal, "server": server, "tool": tool });
        change.done("test_call.made", key.id, detail).await?;
        Ok(key.token)
    }

    async fn call_gateway(
        &self,
        caller: &Caller,
        server: &ServerSlug,
        token: &Token,
        call: OwnCall<'_>,
    ) -> (String, TestAnswer) {
        let url = gateway_url(self.internal_gateway(), caller.slug(), Some(server));
        let Some(target) = target(&url, token) else {
            return (String::new(), TestAnswer::failed("the internal address of the gateway is not a URL"));
        };
        // The operator set this address; a rule for what tenants type is not about it.
        let dialer = self.dialer().with_egress(Egress::PRIVATE_ALLOWED);
        let mut conversation = match open(&dialer, target).await {
            Ok(conversation) => conversation,
            Err(failed) => return (String::new(), TestAnswer::of_failure(&failed)),
        };
        let called = conversation.call(call).await;
        conversation.close().await;
        match called {
            Ok((request, answer)) => (answer::indented(&request), TestAnswer::read(&answer)),
            Err(failed) => (String::new(), TestAnswer::of_failure(&failed)),
        }
    }
}

/// Opens the conversation, again and again as long as the gateway may not have heard of the key yet.
async fn open<'a>(
    dialer: &'a upstream::Dialer,
    target: Target<'a>,
) -> Result<Conversation<'a, upstream::Dialer>, Failed> {
    let trying = async {
        loop {
            match Conversation::open(dialer, target.clone()).await {
                // Neither the key nor, when it is new, the server may be known there yet.
                Err(failed) if matches!(failed.0.status, Some(401 | 404)) => tokio::time::sleep(ASK_AGAIN).await,
                other => return other,
            }
        }
    };
    match tokio::time::timeout(HEARD_WITHIN, trying).await {
        Ok(opened) => opened,
        Err(_) => Conversation::open(dialer, target).await,
    }
}

fn target(url: &str, token: &Token) -> Option<Target<'static>> {
    let mut bearer = HeaderValue::from_str(&format!("Bearer {}", token.expose())).ok()?;
    bearer.set_sensitive(true);
    let headers = HeaderMap::from_iter([(header::AUTHORIZATION, bearer)]);
    let limits = Limits { per_request: Duration::from_secs(30), ..Limits::default() };
    Some(Target { uri: url.parse().ok()?, headers, client: CLIENT, limits })
}

/// Who the call is made as. One's own grants are one's own to try; an agent's are for whoever manages agents.
async fn standin(caller: &Caller, tx: &mut Tx, form: &NewTestCall) -> Result<Standin, Error> {
    let grants = tx.grants(Some(form.server)).await?;
    let teams: Vec<_> = tx.teams_of(caller.user()).await?.into_iter().map(|team| team.id).collect();
    let own = |grant: &&GrantRow| match grant.subject {
        GrantSubject::Member(user) => user == caller.user(),
        GrantSubject::Team(team) => teams.contains(&team),
        GrantSubject::Agent(_) => false,
    };
    let grant = match form.grant {
        Some(id) => grants.iter().find(|grant| grant.id == id).ok_or(Error::NotFound)?,
        None => {
            let of = |subject| grants.iter().find(|grant| grant.subject == subject);
            let mine = Principal::Member(caller.user()).effective_grants(&teams, of);
            mine.into_iter().next().ok_or(Rule::NoGrant)?
        }
    };
    let principal = match grant.subject {
        GrantSubject::Agent(agent) => {
            caller.allowed(Permission::ManageAgents)?;
            Principal::Agent(agent)
        }
        _ if own(&grant) => Principal::Member(caller.user()),
        _ => return Err(Rule::OthersGrant.into()),
    };
    Ok(Standin { principal, policy: policy_of(tx, grant).await? })
}

async fn policy_of(tx: &mut Tx, grant: &GrantRow) -> Result<Option<CompiledPolicy>, Error> {
    let Some(id) = grant.policy else { return Ok(None) };
    let Some(row) = tx.policy(id).await? else { return Ok(None) };
    let document = tx.policy_document(id, row.version).await?.unwrap_or_default();
    let compiled = tokio::task::spawn_blocking(move || CompiledPolicy::compile(&document).ok());
    compiled.await.map_err(|_| Error::Busy)
}

/// A tool that the policy denies: one that stays listed if there is one, else a hidden one, else one that does not exist.
async fn denied_tool(tx: &mut Tx, server: ServerId, policy: Option<&CompiledPolicy>) -> Result<String, Error> {
    let tools = tx.tools(server).await?;
    let seen = |name: &str, class: RiskClass| policy::visibility(policy, name, class);
    let with = |wanted: Visibility| tools.iter().find(|t| seen(&t.name, t.class) == wanted).map(|t| t.name.clone());
    let invented = || (seen(NO_SUCH_TOOL, RiskClass::Write) != Visibility::Listed).then(|| NO_SUCH_TOOL.to_owned());
    with(Visibility::Denied).or_else(|| with(Visibility::Hidden)).or_else(invented).ok_or(Rule::NothingDenied.into())
}

fn tool_name(name: &str) -> Result<String, Error> {
    let name = name.trim();
    if name.is_empty() { Err(Error::field("tool", "must be chosen")) } else { Ok(name.to_owned()) }
}

fn read_arguments(text: &str) -> Result<Map<String, Value>, Error> {
    if text.trim().is_empty() {
        return Ok(Map::new());
    }
    match serde_json::from_str(text) {
        Ok(Value::Object(arguments)) => Ok(arguments),
        Ok(_) => Err(Error::field("arguments", "must be a JSON object, such as {\"name\": \"value\"}")),
        Err(error) => Err(Error::field("arguments", format!("must be JSON: {error}"))),
    }
}
