//! Trying a call: what a document would decide about it now, as the gateway would. Nothing is charged, nothing recorded.

mod arguments;
mod weigh;

use std::sync::Arc;

use counters::Counters;
use domain::{AccountId, Client, DriftSetting, GrantId, Permission, ServerId};
use policy::{
    Approval, ApprovalTerms, Arguments, Code, CompiledPolicy, Decimal, Definition, Findings, Identity, Permit,
    Problems, RiskClass, Verdict,
};
use storage::ToolRow;

use super::{
    SaveError,
    pin::{Expect, Pin, passing},
    standin::{Standin, standin},
};
use crate::{
    Accounts, Caller, Error,
    tools::{identity, input_schema},
};

/// How the client of a tried call names itself.
const CLIENT: &str = "try";
/// Facts that a tried call does not have.
const UNKNOWN_FACTS: [&str; 2] = ["\"client.ip\"", "\"session.id\""];
const NOT_KNOWN: &str =
    "A tried call comes from no address and has no session: conditions on client.ip and session.id see none.";
const NOT_THERE: &str = "The server has no such tool at the moment; until it has, it counts as destructive.";

/// A call to be tried.
#[derive(Clone, Debug)]
pub struct TryForm {
    /// On which server.
    pub server: ServerId,
    /// The document that decides, saved or not.
    pub document: String,
    /// Under which grant of the server; none: as oneself, with counters that nobody has used.
    pub grant: Option<GrantId>,
    /// The tool.
    pub tool: String,
    /// The text of a JSON object; may be empty.
    pub arguments: String,
}

/// What would become of a call.
#[derive(Clone, Debug)]
pub struct Tried {
    /// The tool.
    pub tool: String,
    /// Its risk class.
    pub class: RiskClass,
    /// The decision.
    pub outcome: TriedOutcome,
    /// Why not.
    pub code: Option<Code>,
    /// JSON Pointer of the deciding member of the document; empty where none decided.
    pub rule: String,
    /// What the caller would be told; empty when allowed.
    pub message: String,
    /// How the arguments do not fit the tool's input schema: the place and the rule, no value.
    pub misfit: Option<String>,
    /// Every limit that the call would be counted under; of a call that needs an approval, once it has it.
    pub counters: Vec<TriedCounter>,
    /// Who may approve, for a call that needs it.
    pub approval: Option<ApprovalTerms>,
    /// What a rule in shadow would have answered.
    pub would_deny: Option<(Code, String)>,
    /// What else is to be known: how the call differs from a real one under this grant.
    pub notes: Vec<String>,
    /// The JSON text of a test that pins this result; empty when no test on empty counters can tell it.
    pub test: String,
}

/// The decision on a tried call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TriedOutcome {
    /// It would be forwarded.
    Allowed,
    /// It would not.
    Denied,
    /// Not before a person has approved it.
    NeedsApproval,
}

/// One limit of a tried call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TriedCounter {
    /// JSON Pointer of the limit.
    pub rule: String,
    /// "30 a minute per grant".
    pub words: String,
    /// What counts now.
    pub before: Decimal,
    /// What would count after the call; the same when the call would not be counted.
    pub after: Decimal,
    /// The most that may count.
    pub max: Decimal,
    /// There is no room for the call.
    pub full: bool,
    /// Only watched.
    pub shadow: bool,
}

/// What is judged, apart from the document.
struct Trial {
    account: AccountId,
    server: ServerId,
    standin: Standin,
    tool: String,
    class: RiskClass,
    identity: Identity,
    definition: Definition,
    schema: Option<String>,
    arguments: Option<String>,
    at: domain::Timestamp,
}

/// The judge's word.
struct Judged {
    verdict: Verdict,
    /// What the call costs, once it has an approval if it needs one.
    permit: Option<Permit>,
    misfit: Option<mcp::Misfit>,
}

impl Accounts {
    /// Tries a call under a document that need not be saved: decided and counted as the gateway would, with nothing charged
    /// and nothing recorded.
    ///
    /// # Errors
    /// [`SaveError::Problems`]; [`Error::NotFound`] for a server or grant that is not there; [`Error::Invalid`]: fields
    /// `tool`, `arguments`.
    pub async fn try_call(&self, caller: &Caller, form: &TryForm) -> Result<Tried, SaveError> {
        let trial = Arc::new(self.trial(caller, form).await?);
        let (subject, document) = (Arc::clone(&trial), form.document.clone());
        let judged = self.off_threads(move || judge(&subject, &document)).await?.map_err(SaveError::Problems)?;
        let tried = self.weighed(&trial, &judged).await;
        let (subject, document, result) = (Arc::clone(&trial), form.document.clone(), tried.clone());
        let test = self.off_threads(move || subject.pin(&result, &judged).and_then(|pin| pin.test(&document))).await?;
        Ok(Tried { test: test.unwrap_or_default(), ..tried })
    }

    async fn trial(&self, caller: &Caller, form: &TryForm) -> Result<Trial, Error> {
        let mut tx = self.look(caller, Permission::View).await?;
        let server = tx.server(form.server).await?.ok_or(Error::NotFound)?;
        let standin = standin(caller, &mut tx, form.server, form.grant, self.now()).await?;
        let tool = form.tool.trim();
        let tools = tx.tools(form.server).await?;
        tx.commit().await?;
        if tool.is_empty() {
            return Err(Error::field("tool", "must be chosen"));
        }
        let drift = server.settings.drift;
        let identity = identity(drift, &tools, tool);
        let known = tools.into_iter().find(|row| row.name == tool);
        let mut standin = standin;
        standin.notes.extend(known.is_none().then(|| NOT_THERE.to_owned()));
        let looks_at_unknown = UNKNOWN_FACTS.iter().any(|fact| form.document.contains(fact));
        standin.notes.extend(looks_at_unknown.then(|| NOT_KNOWN.to_owned()));
        let held = drift == DriftSetting::Hold && !known.as_ref().is_some_and(ToolRow::is_accepted);
        Ok(Trial {
            account: caller.scope().account(),
            server: form.server,
            standin,
            tool: tool.to_owned(),
            // As the gateway takes a tool that it does not know.
            class: known.as_ref().map_or(RiskClass::Destructive, |row| row.class),
            identity,
            definition: if held { Definition::Held } else { Definition::Accepted },
            schema: known.and_then(|row| input_schema(&row.definition)),
            arguments: arguments::read(&form.arguments)?,
            at: self.now(),
        })
    }

    /// The result, with the counters as they are now.
    async fn weighed(&self, trial: &Trial, judged: &Judged) -> Tried {
        let mut notes = trial.standin.notes.clone();
        let mut counters = Vec::new();
        if let Some(permit) = &judged.permit {
            let before = match before(self.counters(), trial, permit).await {
                Ok(before) => before,
                Err(error) => {
                    tracing::warn!(%error, "the counters of a tried call could not be read");
                    notes.push("The counters cannot be read at the moment; they are shown empty.".to_owned());
                    Vec::new()
                }
            };
            counters = weigh::weigh(permit, &before);
        }
        let mut tried = Tried {
            tool: trial.tool.clone(),
            class: trial.class,
            outcome: TriedOutcome::Allowed,
            code: None,
            rule: String::new(),
            message: String::new(),
            misfit: None,
            counters,
            approval: None,
            would_deny: None,
            notes,
            test: String::new(),
        };
        match &judged.verdict {
            Verdict::Deny(denial) => tried.denied(denial),
            Verdict::NeedsApproval(need) => {
                tried.denied(&need.denial());
                tried.outcome = TriedOutcome::NeedsApproval;
                tried.approval = Some(need.terms.clone());
            }
            Verdict::Permit(permit) => weigh::settle(&mut tried, permit),
        }
        // In the words of a gateway; when something else decided before, the arguments do not matter.
        if let Some(misfit) = judged.misfit.as_ref().filter(|_| tried.code == Some(Code::InvalidArguments)) {
            tried.message = misfit.told();
            tried.misfit = Some(misfit.to_string());
        }
        tried
    }
}

impl Tried {
    fn denied(&mut self, denial: &policy::Denial) {
        self.outcome = TriedOutcome::Denied;
        self.code = Some(denial.code);
        self.rule.clone_from(&denial.rule);
        self.message.clone_from(&denial.message);
    }
}

impl Trial {
    fn call(&self, approved: Approval) -> policy::Call<'_> {
        let facts = policy::Facts {
            grant_label: &self.standin.label,
            member_email: self.standin.email.as_deref(),
            member_role: self.standin.role.as_deref(),
            client_name: Some(CLIENT),
            client_version: Some(env!("CARGO_PKG_VERSION")),
            client_ip: None,
            session_id: None,
        };
        policy::Call { tool: &self.tool, arguments: self.arguments.as_deref(), class: self.class, facts, approved }
    }

    /// What a test has to pin; none for what no test can tell.
    fn pin(&self, tried: &Tried, judged: &Judged) -> Option<Pin> {
        let rule = tried.rule.clone();
        let expect = match (tried.outcome, tried.code) {
            (TriedOutcome::Allowed, _) => Expect::Allow { rule },
            (TriedOutcome::NeedsApproval, _) => Expect::Approval { rule },
            (TriedOutcome::Denied, Some(Code::RateLimited)) => {
                let charges = judged.permit.as_ref()?.charges();
                let full = charges.iter().find(|charge| *charge.rule == *rule)?;
                Expect::Full { passed: passing(&full.amount, &full.max)?, rule }
            }
            (TriedOutcome::Denied, code) => Expect::Deny { code: code?, rule },
        };
        let client = Client { name: CLIENT.to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() };
        Some(Pin {
            grant_label: self.standin.label.clone(),
            tool: self.tool.clone(),
            arguments: self.arguments.clone(),
            class: self.class,
            member: self.standin.email.clone().map(|email| (email, self.standin.role.clone())),
            client: Some(client),
            at: self.at,
            expect,
        })
    }
}

fn judge(trial: &Trial, document: &str) -> Result<Judged, Problems> {
    let policy = CompiledPolicy::compile(document)?;
    let misfit = arguments::misfit(trial.schema.as_deref(), trial.arguments.as_deref());
    let arguments = if misfit.is_some() { Arguments::Invalid } else { Arguments::Acceptable };
    let findings = Findings { identity: trial.identity, definition: trial.definition, arguments };
    let ask = |approved| policy::judge_with(Some(&policy), &trial.call(approved), findings, trial.at.into());
    let verdict = ask(Approval::None);
    let permit = match ask(Approval::Granted) {
        Verdict::Permit(permit) if !matches!(verdict, Verdict::Deny(_)) => Some(permit),
        _ => None,
    };
    Ok(Judged { verdict, permit, misfit })
}

/// What counts now under each charge of the permit, the shadow ones last; empty when nobody has used them.
async fn before(
    counters: &Counters,
    trial: &Trial,
    permit: &Permit,
) -> Result<Vec<Decimal>, counters::CountersUnavailable> {
    let Some(grant) = trial.standin.grant else { return Ok(Vec::new()) };
    let keys = weigh::keys(trial, grant, permit);
    let used: Vec<_> = keys.iter().flatten().cloned().collect();
    let mut found = counters.read(&used).await?.into_iter();
    Ok(keys.iter().map(|key| key.as_ref().and_then(|_| found.next()).unwrap_or(Decimal::ZERO)).collect())
}
