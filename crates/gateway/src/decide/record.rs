//! The record of a decision, and what the caller is told of a denial.

use bus::Durability;
use domain::{CallDecided, DecisionId, Event, EventEnvelope, Outcome, WouldDeny};
use policy::{Code, Denial, Verdict};

use super::{Answer, No, Told, Work, argument_keys, facts};
use crate::{
    account::Grant,
    failure::{Failure, Recorded},
    settle::micros,
};

impl Work<'_> {
    /// Records the denial and puts it into the caller's terms.
    pub(super) async fn denied(mut self, no: No) -> Told {
        let decision = DecisionId::from_uuid(self.id.uuid());
        let mut record = self.base(&no.grant);
        record.outcome = no.outcome;
        record.code = Some(no.denial.code.as_str().to_owned());
        record.rule.clone_from(&no.denial.rule);
        record.message = Some(no.denial.message.clone());
        record.retry_after_ms = no.retry_after_ms;
        record.approval = no.approval;
        let envelope = self.number(Event::Decided(Box::new(record)));
        if let Err(error) = self.shared.records.append(&envelope, Durability::Soon).await {
            tracing::error!(%error, "the record of a denial could not be kept");
        }
        Told {
            answer: self.answer_to(&no.denial),
            decision,
            outcome: no.outcome,
            denial: no.denial,
            retry_after_ms: no.retry_after_ms,
            approval: no.approval,
        }
    }

    fn answer_to(&self, denial: &Denial) -> Answer {
        let exists = self.place.server.may_have(self.call.tool);
        match denial.code {
            Code::Hidden => Answer::UnknownTool,
            Code::DefaultDeny if !exists => Answer::UnknownTool,
            _ => Answer::Denial,
        }
    }

    /// What policy lets pass, the app behind the call has to be allowed too. Asked after the policy: what that denies needs
    /// no more scopes, and a hidden tool stays one that does not exist.
    pub(super) async fn check_scope(&mut self, grant: &Grant, verdict: &Verdict) -> Result<(), Failure> {
        if matches!(verdict, Verdict::Deny(_)) || self.place.caller.scopes.allow(self.class) {
            return Ok(());
        }
        let failure = Failure::Scope(Recorded::Yes);
        let mut record = self.base(grant);
        record.outcome = Outcome::Refused;
        record.code = Some(failure.reason().to_owned());
        record.message = Some(failure.to_string());
        let envelope = self.number(Event::Decided(Box::new(record)));
        if let Err(error) = self.shared.records.append(&envelope, Durability::Soon).await {
            tracing::error!(%error, "the record of a refusal could not be kept");
        }
        Err(failure)
    }

    /// The intent record.
    pub(super) fn intent(&mut self, grant: &Grant, rule: &str, would_deny: Option<WouldDeny>) -> EventEnvelope {
        let mut record = self.base(grant);
        record.rule = rule.to_owned();
        record.would_deny = would_deny;
        self.number(Event::Decided(Box::new(record)))
    }

    /// The decision's envelope: the same number however often the decision was reconsidered.
    fn number(&mut self, event: Event) -> EventEnvelope {
        let (records, account) = (&self.shared.records, self.place.caller.account.id);
        let sequence = *self.number.get_or_insert_with(|| records.next());
        records.numbered(sequence, account, event)
    }

    fn base(&self, grant: &Grant) -> CallDecided {
        CallDecided {
            call: self.id,
            decision: DecisionId::from_uuid(self.id.uuid()),
            at: self.at,
            server: Some(self.place.server.id),
            principal: Some(self.place.caller.principal),
            key: self.place.caller.credential.key(),
            app: self.place.caller.credential.app(),
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
            arguments: self.kept_arguments(grant),
            approval: self.approved.map(|(id, _)| id),
            would_deny: None,
            client: self.call.client.cloned(),
            decide_us: micros(self.call.arrived.elapsed()),
        }
    }
}
