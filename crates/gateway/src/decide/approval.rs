//! A call that a person has to approve first (POLICY.md §7): passed if it was approved, asked for if not.
//!
//! Invariants: the approval is used up in the same step of the store in which the limits are reserved; a request that the
//! caller is told of has been recorded; a store that cannot be asked lets nothing pass, whatever the limits say.

use std::sync::Arc;

use bus::Durability;
use counters::{ApprovalStanding, ApprovalState, AskApproval, Reservation, Reserve, Reserved};
use domain::{ApprovalAsked, ApprovalBinding, ApprovalId, BoundCall, DataKey, Event, Outcome, PolicyId, Timestamp};
use mcp::Retry;
use policy::{Approval, ApprovalNeed, Approvers, Code, Denial, Permit, SelfApproval, Verdict};

use super::{
    Charged, No, Work,
    reserve::{NotReserved, full, in_turn, shadow_told, told},
};
use crate::{account::Grant, failure::Failure};

/// Most bytes of arguments that a person is asked to read.
const MOST_BYTES: usize = 64 << 10;

/// What is asked for.
struct Asking<'a> {
    grant: &'a Arc<Grant>,
    policy: (PolicyId, u32),
    need: &'a ApprovalNeed,
    binding: ApprovalBinding,
}

impl Work<'_> {
    /// The permit of a call that goes on from an earlier round, which passed by an approval of this very call.
    pub(super) fn continues(&mut self, grant: &Grant) -> Option<Permit> {
        let round = self.call.repeats?;
        let (_, binding) = self.shared.rounds.approved(round)?;
        if self.binding(grant)?.1 != binding {
            return None;
        }
        let Verdict::Permit(permit) = self.judge(grant, Approval::Granted) else { return None };
        self.is_paid().then_some(permit)
    }

    /// Whether an earlier round of the call was charged. Only one call is told so for each round.
    pub(super) fn is_paid(&mut self) -> bool {
        if self.paid {
            return true;
        }
        let Some(paid) = self.call.repeats.and_then(|round| self.shared.rounds.take(round)) else { return false };
        self.approved = paid.approved;
        self.paid = true;
        true
    }

    /// Lets the call pass if it was approved, and opens a request for it if there is none.
    pub(super) async fn ask(&mut self, grant: &Arc<Grant>, need: &ApprovalNeed) -> Result<Charged, Failure> {
        let invalid = |message: &str| {
            let denial = Denial { code: Code::InvalidArguments, rule: need.rule.clone(), message: message.to_owned() };
            Ok(Charged::No(No::new(grant, denial)))
        };
        // An approver sees arguments, not input that a caller may have made up.
        if self.call.retry == Retry::Yes {
            return invalid(
                "A person has to approve this call, and it goes on from a round that this gateway does not know. Begin it \
                 anew, without inputResponses and requestState.",
            );
        }
        if self.call.arguments.is_some_and(|text| text.len() > MOST_BYTES) {
            return invalid("A person has to approve this call, and its arguments are too large for a person to read.");
        }
        let Some((policy, binding)) = self.binding(grant) else {
            return invalid("The arguments are not a JSON object that can be judged.");
        };
        let permit = match self.judge(grant, Approval::Granted) {
            Verdict::Permit(permit) => permit,
            Verdict::Deny(denial) => return Ok(Charged::No(No::new(grant, denial))),
            Verdict::NeedsApproval(need) => return Ok(Charged::No(No::new(grant, need.denial()))),
        };
        let Some(data_key) = self.place.caller.account.data_key().cloned() else {
            tracing::error!("the account's data key does not open here; no approval can be asked for");
            return Err(Failure::NotRecorded);
        };
        let asking = Asking { grant, policy, need, binding };
        match self.reserve_approved(&asking, &permit).await {
            Ok(Reserved::Granted { reservation, shadow_full, .. }) => {
                self.passes(&asking, &permit, (reservation, shadow_full)).await
            }
            Ok(Reserved::Full { index, retry_after_us }) => {
                Ok(Charged::No(full(grant, &permit, (index, retry_after_us))))
            }
            Ok(Reserved::NotApproved(standing)) => self.not_approved(&asking, standing, &data_key).await,
            Err(NotReserved) => {
                let message = "Whether this call was approved cannot be found out now; try again.".to_owned();
                let denial = Denial { code: Code::CounterUnavailable, rule: need.rule.clone(), message };
                Ok(Charged::No(No::new(grant, denial)))
            }
        }
    }

    fn binding(&self, grant: &Grant) -> Option<((PolicyId, u32), ApprovalBinding)> {
        let policy = grant.policy.as_ref().map(|policy| (policy.id, policy.version))?;
        let call = BoundCall { grant: grant.id, policy, tool: self.call.tool, arguments: self.call.arguments };
        Some((policy, ApprovalBinding::of(&call)?))
    }

    /// One step: the approval and every limit, or nothing. The record follows in a step of its own, since which request
    /// it was is known only then.
    async fn reserve_approved(&self, asking: &Asking<'_>, permit: &Permit) -> Result<Reserved, NotReserved> {
        let approval = AskApproval {
            binding: asking.binding,
            grant: asking.grant.id,
            id: ApprovalId::new(&self.shared.clock, &self.shared.entropy),
            stands_seconds: asking.need.terms.timeout_seconds,
        };
        let account = self.place.caller.account.id;
        let reserve = Reserve {
            account,
            stream: &bus::event_stream_key(account),
            charges: &self.charges(asking.grant, permit),
            record: None,
            approval: Some(approval),
        };
        in_turn(self.shared, reserve).await
    }

    async fn passes(
        &mut self,
        asking: &Asking<'_>,
        permit: &Permit,
        (reservation, shadow_full): (Reservation, Vec<usize>),
    ) -> Result<Charged, Failure> {
        self.approved = reservation.approval().map(|id| (id, asking.binding));
        let would_deny = permit.would_deny().map(told).or_else(|| shadow_told(permit, &shadow_full));
        let intent = self.intent(asking.grant, permit.rule(), would_deny);
        if let Err(failure) = self.append(&intent).await {
            self.undo(Some(reservation)).await;
            return Err(failure);
        }
        Ok(Charged::Yes(Some(reservation)))
    }

    async fn not_approved(
        &self,
        asking: &Asking<'_>,
        standing: ApprovalStanding,
        data_key: &DataKey,
    ) -> Result<Charged, Failure> {
        if let (ApprovalState::Asked, Some(id)) = (standing.state, standing.id) {
            self.record_request(asking, (id, standing.expires_at), data_key).await?;
        }
        Ok(Charged::No(asking.no(standing)))
    }

    /// Brings a new request on its way to the people who may answer it; one that cannot be is taken back.
    async fn record_request(
        &self,
        asking: &Asking<'_>,
        (id, expires_at): (ApprovalId, Timestamp),
        data_key: &DataKey,
    ) -> Result<(), Failure> {
        let account = self.place.caller.account.id;
        let event = Event::ApprovalAsked(Box::new(self.request(asking, (id, expires_at), data_key)));
        let envelope = self.shared.records.numbered(self.shared.records.next(), account, event);
        let Err(error) = self.shared.records.append(&envelope, Durability::Durable).await else { return Ok(()) };
        tracing::error!(%error, "a request for an approval could not be kept; its call is refused");
        if let Err(error) = self.shared.counters.withdraw_approval(account, asking.binding, id).await {
            tracing::warn!(%error, "a request for an approval could not be taken back; it stands until it expires");
        }
        Err(Failure::NotRecorded)
    }

    fn request(
        &self,
        asking: &Asking<'_>,
        (id, expires_at): (ApprovalId, Timestamp),
        data_key: &DataKey,
    ) -> ApprovalAsked {
        let arguments = self.call.arguments.unwrap_or("{}").as_bytes();
        ApprovalAsked {
            approval: id,
            binding: asking.binding,
            call: self.id,
            at: self.at,
            expires_at,
            server: self.place.server.id,
            principal: self.place.caller.principal,
            key: self.place.caller.credential.key(),
            app: self.place.caller.credential.app(),
            grant: asking.grant.id,
            policy: asking.policy,
            rule: asking.need.rule.clone(),
            message: asking.need.message.clone(),
            tool: self.call.tool.to_owned(),
            class: self.class,
            arguments: data_key.seal(&ApprovalAsked::context(id), arguments, &self.shared.entropy),
            approvers: asking.need.terms.approvers.clone(),
            self_approval: asking.need.terms.self_approval,
            client: self.call.client.cloned(),
        }
    }
}

impl Asking<'_> {
    /// What the caller is told of a request that is not approved.
    fn no(&self, standing: ApprovalStanding) -> No {
        let until = utc(standing.expires_at);
        let (outcome, code, message) = match (standing.state, standing.id) {
            (ApprovalState::Asked | ApprovalState::Pending, Some(id)) => {
                let who = who(&self.need.terms.approvers, self.need.terms.self_approval);
                let message = format!(
                    "{} The request {id} waits until {until} for {who}. When it is approved, repeat exactly this call, with \
                     the same arguments: it then passes once. Do not repeat it before.",
                    self.need.message
                );
                (Outcome::ApprovalRequired, Code::ApprovalRequired, message)
            }
            (ApprovalState::Refused, Some(id)) => {
                let message = format!(
                    "A person refused this call (request {id}). The refusal stands until {until}; do not repeat the call \
                     before, unless whoever refused it says so."
                );
                (Outcome::Deny, Code::Denied, message)
            }
            (_, _) => {
                let message = format!(
                    "{} {} calls of this grant wait for an approval already, so no request was made for this one. Try again \
                     when some of them have been answered, or after {until}.",
                    self.need.message,
                    counters::MAX_OPEN_REQUESTS
                );
                (Outcome::Deny, Code::ApprovalRequired, message)
            }
        };
        let denial = Denial { code, rule: self.need.rule.clone(), message };
        No { outcome, approval: standing.id, ..No::new(self.grant, denial) }
    }
}

fn who(approvers: &Approvers, self_approval: SelfApproval) -> String {
    let who = match approvers {
        Approvers::Admin => "an owner or admin of the account".to_owned(),
        Approvers::PolicyManager => "a policy manager, admin or owner of the account".to_owned(),
        Approvers::Team(slug) => format!("a member of the team `{slug}`"),
    };
    match self_approval {
        SelfApproval::Forbidden => format!("{who} other than the caller"),
        SelfApproval::Allowed => who,
    }
}

fn utc(at: Timestamp) -> String {
    let at = at.to_datetime();
    let (hour, minute, second) = at.to_hms();
    format!("{:04}-{:02}-{:02} {hour:02}:{minute:02}:{second:02} UTC", at.year(), u8::from(at.month()), at.day())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_people_are_told_plainly() {
        assert_eq!(utc(Timestamp(1_767_614_405_999_999)), "2026-01-05 12:00:05 UTC");
        assert_eq!(who(&Approvers::Admin, SelfApproval::Allowed), "an owner or admin of the account");
        let team = who(&Approvers::Team("ops".to_owned()), SelfApproval::Forbidden);
        assert_eq!(team, "a member of the team `ops` other than the caller");
    }
}
