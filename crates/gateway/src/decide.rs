//! The decision on one `tools/call`: judged under each effective grant, charged under the first that allows, recorded.
//!
//! Order (POLICY.md §3): judging reads memory only; then one round trip reserves every limit and stores the intent
//! record, or uses an approval up with the limits. Invariant: an admitted call has its intent recorded, durably unless the
//! tool only reads; what cannot be recorded is not made.

mod approval;
mod arguments;
mod facts;
mod record;
mod reserve;

use std::sync::Arc;

use counters::Reservation;
use domain::{ApprovalBinding, ApprovalId, CallId, Client, DecisionId, GrantState, Outcome};
use mcp::Retry;
use policy::{Approval, ApprovalNeed, Code, Definition, Denial, Findings, Identity, RiskClass, Verdict};
use tokio::time::Instant;

use crate::{
    account::Grant,
    failure::Failure,
    resolve::Place,
    rounds::Round,
    session::Session,
    settle::{Open, Settler},
    shared::Shared,
};

pub(crate) use facts::argument_keys;
pub(crate) use reserve::RESERVING;

/// A `tools/call` to decide.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ToolCall<'a> {
    pub tool: &'a str,
    /// The raw JSON of `arguments`.
    pub arguments: Option<&'a str>,
    /// The client, as it names itself.
    pub client: Option<&'a Client>,
    /// The session, in the era that has them.
    pub session: Option<&'a Session>,
    /// Whether it carries input beside its arguments.
    pub retry: Retry,
    /// Which earlier call it claims to repeat with the input that was asked for.
    pub repeats: Option<Round>,
    /// When the request came in.
    pub arrived: Instant,
}

/// What was decided.
#[derive(Debug)]
pub(crate) enum Decision {
    /// It may be forwarded, and must be settled.
    Admitted(Box<Settler>),
    Denied(Told),
}

/// A denial as the caller is told it.
#[derive(Debug)]
pub(crate) struct Told {
    pub decision: DecisionId,
    pub outcome: Outcome,
    pub denial: Denial,
    pub retry_after_ms: Option<u64>,
    /// The request that is waited for, or was refused.
    pub approval: Option<ApprovalId>,
    pub answer: Answer,
}

/// In whose words a denial is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Ours.
    Denial,
    /// The protocol's, as for a tool that does not exist: so that nobody can tell hidden tools from such (POLICY.md §5).
    UnknownTool,
}

/// One grant's no.
struct No {
    grant: Arc<Grant>,
    outcome: Outcome,
    denial: Denial,
    retry_after_ms: Option<u64>,
    approval: Option<ApprovalId>,
}

/// Why the first grant did not let the call pass.
enum First {
    No(No),
    Needs(Arc<Grant>, ApprovalNeed),
}

/// What reserving came to.
enum Charged {
    Yes(Option<Reservation>),
    No(No),
}

/// Decides a call. The first grant that allows is charged; if none does, the first grant's denial is told, and only if
/// that is the lack of an approval, its approval is looked for: no request is opened in passing.
pub(crate) async fn decide(shared: &Arc<Shared>, place: &Place, call: ToolCall<'_>) -> Result<Decision, Failure> {
    let mut work = Work::new(shared, place, call);
    work.check_arguments().await?;
    let mut first = None;
    for grant in &place.grants {
        let verdict = work.judge(grant, Approval::None);
        work.check_scope(grant, &verdict).await?;
        let no = match verdict {
            Verdict::Permit(permit) => match work.charge(grant, &permit).await? {
                Charged::Yes(reservation) => return Ok(work.admitted(reservation)),
                Charged::No(no) => First::No(no),
            },
            Verdict::Deny(denial) => First::No(No::new(grant, denial)),
            Verdict::NeedsApproval(need) => match work.continues(grant) {
                Some(permit) => match work.charge(grant, &permit).await? {
                    Charged::Yes(reservation) => return Ok(work.admitted(reservation)),
                    Charged::No(no) => First::No(no),
                },
                None => First::Needs(grant.clone(), need),
            },
        };
        first.get_or_insert(no);
    }
    let no = match first.ok_or(Failure::NoServer)? {
        First::No(no) => no,
        First::Needs(grant, need) => match Box::pin(work.ask(&grant, &need)).await? {
            Charged::Yes(reservation) => return Ok(work.admitted(reservation)),
            Charged::No(no) => no,
        },
    };
    Ok(Decision::Denied(Box::pin(work.denied(no)).await))
}

impl No {
    fn new(grant: &Arc<Grant>, denial: Denial) -> Self {
        Self { grant: grant.clone(), outcome: Outcome::Deny, denial, retry_after_ms: None, approval: None }
    }
}

/// One decision being made.
struct Work<'a> {
    shared: &'a Arc<Shared>,
    place: &'a Place,
    call: ToolCall<'a>,
    id: CallId,
    at: domain::Timestamp,
    class: RiskClass,
    identity: Identity,
    session_subject: String,
    /// What the tool's schema has against the arguments.
    misfit: Option<mcp::Misfit>,
    /// An earlier round of the call was charged, so this one is not.
    paid: bool,
    /// The approval that lets it pass.
    approved: Option<(ApprovalId, ApprovalBinding)>,
    /// The number of the intent record, once one was taken; it is used by whatever record is written in the end.
    number: Option<u64>,
}

impl<'a> Work<'a> {
    fn new(shared: &'a Arc<Shared>, place: &'a Place, call: ToolCall<'a>) -> Self {
        let session_subject = match call.session {
            Some(session) => place.owner().counter_subject(session),
            None => place.caller.credential.to_string(),
        };
        Self {
            id: CallId::new(&shared.clock, &shared.entropy),
            at: shared.clock.now(),
            class: place.server.class_of(call.tool),
            identity: place.server.identity_of(call.tool),
            session_subject,
            misfit: None,
            paid: false,
            approved: None,
            number: None,
            shared,
            place,
            call,
        }
    }

    fn judge(&self, grant: &Grant, approved: Approval) -> Verdict {
        if grant.state != GrantState::Active {
            let message = "This grant is suspended; ask whoever manages it to resume it.".to_owned();
            return Verdict::Deny(Denial { code: Code::GrantSuspended, rule: String::new(), message });
        }
        let compiled = grant.policy.as_ref().and_then(|policy| policy.compiled.as_ref());
        let member = self.place.caller.account.member(self.place.caller.principal);
        let facts = policy::Facts {
            grant_label: &grant.label,
            member_email: member.map(|member| member.email.as_str()),
            member_role: member.map(|member| member.role.as_str()),
            client_name: self.call.client.map(|client| client.name.as_str()),
            client_version: self.call.client.map(|client| client.version.as_str()),
            client_ip: self.place.caller.ip.as_deref(),
            session_id: self.call.session.map(|_| self.session_subject.as_str()),
        };
        let call =
            policy::Call { tool: self.call.tool, arguments: self.call.arguments, class: self.class, facts, approved };
        let findings = Findings { identity: self.identity, definition: self.definition(), arguments: self.arguments() };
        self.explained(policy::judge_with(compiled, &call, findings, self.at.into()))
    }

    fn admitted(self, reservation: Option<Reservation>) -> Decision {
        let open = Open {
            account: self.place.caller.account.id,
            call: self.id,
            decided_at: self.at,
            reservation,
            approved: self.approved,
            arrived: self.call.arrived,
            asked: None,
            http_status: None,
            delivery: None,
            response_bytes: 0,
        };
        Decision::Admitted(Box::new(Settler::new(self.shared.clone(), open)))
    }

    fn definition(&self) -> Definition {
        if self.shared.seen.is_held(&self.place.server, self.place.caller.principal, self.call.tool) {
            Definition::Held
        } else {
            Definition::Accepted
        }
    }
}
