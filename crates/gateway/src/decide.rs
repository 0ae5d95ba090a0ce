//! The decision on one `tools/call`: judged under each effective grant, charged under the first that allows, recorded.
//!
//! Order (POLICY.md §3): judging reads memory only; then one round trip reserves every limit and stores the intent
//! record. Invariant: an admitted call has its intent recorded, durably unless the tool only reads; what cannot be
//! recorded is not made.

mod charge;
mod facts;

use std::sync::Arc;

use bus::Durability;
use counters::{Enforce, Reservation, Reserve, Reserved};
use domain::{CallDecided, CallId, Client, DecisionId, Event, EventEnvelope, GrantState, Outcome, WouldDeny};
use policy::{Approval, Code, Definition, Denial, Findings, Mode, OnUnavailable, Permit, RiskClass, Verdict};
use tokio::time::Instant;

use crate::{
    account::Grant,
    failure::Failure,
    gateway::Shared,
    resolve::Place,
    session::Session,
    settle::{Open, Settler, micros},
};

pub(crate) use facts::argument_keys;

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

    fn definition(&self) -> Definition {
        if self.shared.seen.is_held(&self.place.server, self.call.tool) {
            Definition::Held
        } else {
            Definition::Accepted
        }
    }

    /// Reserves every limit and stores the intent record. When this returns `Yes` both have happened.
    async fn charge(&mut self, grant: &Grant, permit: &Permit) -> Result<Charged, Failure> {
        let mut would_deny = permit.would_deny().map(told);
        let charges = charge::all(self.place, grant, &self.session_subject, permit);
        let mut intent = self.intent(grant, permit.rule(), would_deny.clone());
        if charges.is_empty() {
            self.append(&intent).await?;
            return Ok(Charged::Yes(None));
        }
        // What a shadow limit says is known only afterwards, so the record of such a call is stored in a step of its own.
        let whole = permit.shadow_charges().is_empty();
        let text = if whole { serde_json::to_vec(&intent).ok() } else { None };
        let reserve = Reserve {
            account: self.place.caller.account.id,
            stream: &bus::event_stream_key(self.place.caller.account.id),
            charges: &charges,
            record: text.as_deref(),
        };
        let (reservation, shadow_full, stored) = match self.shared.counters.reserve(reserve).await {
            Ok(Reserved::Granted { reservation, shadow_full, record_stored }) => {
                (Some(reservation), shadow_full, record_stored)
            }
            Ok(Reserved::Full { index, retry_after_us }) => return Ok(full(permit, index, retry_after_us)),
            Err(error) => {
                tracing::warn!(%error, "the counter store cannot be reached");
                if let Some(deny) = permit.charges().iter().find(|c| c.on_unavailable == OnUnavailable::Deny) {
                    return Ok(Charged::Full(deny.unavailable(), None));
                }
                (None, Vec::new(), false)
            }
        };
        if !stored {
            let shadow = shadow_full.first().and_then(|index| charge::shadow(permit, *index));
            would_deny = would_deny.or_else(|| shadow.map(|charge| told(&charge.rate_limited(unknown_wait()))));
            if let Event::Decided(decided) = &mut intent.event {
                decided.would_deny = would_deny;
            }
            if let Err(failure) = self.append(&intent).await {
                self.undo(reservation).await;
                return Err(failure);
            }
        }
        Ok(Charged::Yes(reservation))
    }

    async fn append(&mut self, intent: &EventEnvelope) -> Result<(), Failure> {
        let durability = if self.class == RiskClass::Read { Durability::Soon } else { Durability::Durable };
        self.shared.records.append(intent, durability).await.map_err(|error| {
            tracing::error!(%error, "an intent record could not be kept; its call is refused");
            Failure::NotRecorded
        })
    }

    async fn undo(&self, reservation: Option<Reservation>) {
        let Some(reservation) = reservation else { return };
        if let Err(error) = self.shared.counters.give_back(reservation, counters::GiveBack::All).await {
            tracing::warn!(%error, "a reservation could not be given back; it stays counted");
        }
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

    async fn denied(mut self, no: No) -> Told {
        let decision = DecisionId::from_uuid(self.id.uuid());
        let mut record = self.base(&no.grant);
        record.outcome = no.outcome;
        record.code = Some(no.denial.code.as_str().to_owned());
        record.rule.clone_from(&no.denial.rule);
        record.message = Some(no.denial.message.clone());
        record.retry_after_ms = no.retry_after_ms;
        let envelope = self.number(Event::Decided(Box::new(record)));
        if let Err(error) = self.shared.records.append(&envelope, Durability::Soon).await {
            tracing::error!(%error, "the record of a denial could not be kept");
        }
        Told { decision, outcome: no.outcome, denial: no.denial, retry_after_ms: no.retry_after_ms }
    }

    fn intent(&mut self, grant: &Grant, rule: &str, would_deny: Option<WouldDeny>) -> EventEnvelope {
        let mut record = self.base(grant);
        record.rule = rule.to_owned();
        record.would_deny = would_deny;
        self.number(Event::Decided(Box::new(record)))
    }

    /// The decision's envelope: the same number however often the decision was reconsidered.
    fn number(&mut self, event: Event) -> EventEnvelope {
        let envelope = match self.envelope.take() {
            Some(numbered) => EventEnvelope { event, ..numbered },
            None => self.shared.records.number(self.place.caller.account.id, event),
        };
        self.envelope = Some(envelope.clone());
        envelope
    }

    fn base(&self, grant: &Grant) -> CallDecided {
        CallDecided {
            call: self.id,
            decision: DecisionId::from_uuid(self.id.uuid()),
            at: self.at,
            server: Some(self.place.server.id),
            principal: Some(self.place.caller.principal),
            key: Some(self.place.caller.key),
            grant: Some(grant.id),
            policy: grant.policy.as_ref().map(|policy| (policy.id, policy.version)),
            method: "tools/call".to_owned(),
            tool: Some(facts::cut(self.call.tool)),
            class: Some(self.class),
            outcome: Outcome::Allow,
            code: None,
            rule: String::new(),
            message: None,
            retry_after_ms: None,
            argument_keys: argument_keys(self.call.arguments),
            would_deny: None,
            client: self.call.client.cloned(),
            decide_us: micros(self.call.arrived.elapsed()),
        }
    }
}

fn full(permit: &Permit, index: usize, retry_after_us: Option<i64>) -> Charged {
    let full = policy::window::Full { retry_after_us };
    let Some(charge) = permit.charges().get(index) else {
        let message = "A limit is reached.".to_owned();
        return Charged::Full(Denial { code: Code::RateLimited, rule: String::new(), message }, None);
    };
    let wait_ms = retry_after_us.map(|us| u64::try_from(us.max(0)).unwrap_or(0).div_ceil(1_000));
    Charged::Full(charge.rate_limited(full), wait_ms)
}

fn unknown_wait() -> policy::window::Full {
    policy::window::Full { retry_after_us: None }
}

fn told(denial: &Denial) -> WouldDeny {
    WouldDeny { code: denial.code.as_str().to_owned(), rule: denial.rule.clone() }
}

/// Whether a charge is enforced, in the counters' words.
fn enforce(mode: Mode) -> Enforce {
    match mode {
        Mode::Enforce => Enforce::Yes,
        Mode::Shadow => Enforce::Shadow,
    }
}
