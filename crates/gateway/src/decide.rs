//! The decision on one `tools/call`: judged under each effective grant, charged under the first that allows, recorded.
//!
//! Order (POLICY.md §3): judging reads memory only; then one round trip reserves every limit and stores the intent
//! record. Invariant: an admitted call has its intent recorded, durably unless the tool only reads; what cannot be
//! recorded is not made.

mod charge;
mod facts;
mod record;
mod reserve;

use std::sync::Arc;

use counters::Reservation;
use domain::{CallId, Client, DecisionId, EventEnvelope, GrantState, Outcome};
use policy::{Approval, Code, Definition, Denial, Findings, RiskClass, Verdict};
use tokio::time::Instant;

use crate::{
    account::Grant,
    failure::Failure,
    gateway::Shared,
    resolve::Place,
    rounds::Round,
    session::Session,
    settle::{Open, Settler},
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
}

/// One grant's no.
struct No {
    grant: Arc<Grant>,
    outcome: Outcome,
    denial: Denial,
    retry_after_ms: Option<u64>,
}

/// What reserving came to.
enum Charged {
    Yes(Option<Reservation>),
    Full(Denial, Option<u64>),
}

/// Decides a call. The first grant that allows is charged; if none does, the first grant's denial is told.
pub(crate) async fn decide(shared: &Arc<Shared>, place: &Place, call: ToolCall<'_>) -> Result<Decision, Failure> {
    let mut work = Work::new(shared, place, call);
    let mut first: Option<No> = None;
    for grant in &place.grants {
        let no = match work.judge(grant) {
            Verdict::Permit(permit) => match work.charge(grant, &permit).await? {
                Charged::Yes(reservation) => return Ok(Decision::Admitted(Box::new(work.admitted(reservation)))),
                Charged::Full(denial, wait) => No::new(grant, Outcome::Deny, denial, wait),
            },
            Verdict::Deny(denial) => No::new(grant, Outcome::Deny, denial, None),
            Verdict::NeedsApproval(need) => No::new(grant, Outcome::ApprovalRequired, need.denial(), None),
        };
        first.get_or_insert(no);
    }
    let no = first.ok_or(Failure::NoServer)?;
    Ok(Decision::Denied(work.denied(no).await))
}

impl No {
    fn new(grant: &Arc<Grant>, outcome: Outcome, denial: Denial, retry_after_ms: Option<u64>) -> Self {
        Self { grant: grant.clone(), outcome, denial, retry_after_ms }
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
    session_subject: String,
    /// The number of the intent record, once one was taken; it is used by whatever record is written in the end.
    envelope: Option<EventEnvelope>,
}

impl<'a> Work<'a> {
    fn new(shared: &'a Arc<Shared>, place: &'a Place, call: ToolCall<'a>) -> Self {
        let session_subject = match call.session {
            Some(session) => place.owner().counter_subject(session),
            None => place.caller.key.to_string(),
        };
        Self {
            id: CallId::new(&shared.clock, &shared.entropy),
            at: shared.clock.now(),
            class: place.server.class_of(call.tool),
            session_subject,
            envelope: None,
            shared,
            place,
            call,
        }
    }

    fn judge(&self, grant: &Grant) -> Verdict {
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
        let call = policy::Call {
            tool: self.call.tool,
            arguments: self.call.arguments,
            class: self.class,
            facts,
            approved: Approval::None,
        };
        let findings = Findings { definition: self.definition(), ..Findings::default() };
        policy::judge_with(compiled, &call, findings, self.at.into())
    }

    fn admitted(self, reservation: Option<Reservation>) -> Settler {
        let open = Open {
            account: self.place.caller.account.id,
            call: self.id,
            decided_at: self.at,
            reservation,
            arrived: self.call.arrived,
            asked: None,
            http_status: None,
            delivery: None,
            response_bytes: 0,
        };
        Settler::new(self.shared.clone(), open)
    }

    fn definition(&self) -> Definition {
        if self.shared.seen.is_held(&self.place.server, self.call.tool) {
            Definition::Held
        } else {
            Definition::Accepted
        }
    }
}
