//! Tests of a policy made from recorded calls.

use domain::{CallDecided, CallId, Outcome, Permission, PolicyId, Principal};
use policy::{Approval, Code, CompiledPolicy, RiskClass, Verdict};
use storage::PastCall;

use super::pin::{Expect, Pin, passing};
use crate::{Accounts, Caller, Error};

impl Accounts {
    /// The JSON text of a test that pins how a recorded call was decided: with the arguments that the record keeps, which are
    /// those that the policy looked at then. Needs the permission to write policies, because it tells those values.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a policy that is not there, or a call that was not made of a tool of the policy's server.
    pub async fn test_of_call(&self, caller: &Caller, id: PolicyId, call: CallId) -> Result<String, Error> {
        let mut tx = self.look(caller, Permission::WritePolicies).await?;
        let row = tx.policy(id).await?.ok_or(Error::NotFound)?;
        let call = tx.past_call(row.server, call).await?.ok_or(Error::NotFound)?;
        let decided_by = call.policy.unwrap_or((id, row.version));
        let document = tx.policy_document(decided_by.0, decided_by.1).await?.unwrap_or_default();
        let labels = tx.grant_labels().await?;
        let label = labels.into_iter().find(|(grant, _)| Some(*grant) == call.grant).map(|(_, label)| label);
        let member = match call.principal {
            Some(Principal::Member(user)) => tx.member(user).await?,
            _ => None,
        };
        let key = self.data_key(&mut tx).await?;
        tx.commit().await?;
        let opened =
            call.arguments.as_ref().map(|sealed| key.open(&CallDecided::arguments_context(call.place.id), sealed));
        let arguments = opened.transpose()?.and_then(|bytes| String::from_utf8(bytes).ok());
        let pin = Pin {
            grant_label: label.map(|label| label.to_string()).unwrap_or_default(),
            tool: call.tool.clone(),
            arguments,
            class: call.class.unwrap_or(RiskClass::Destructive),
            member: member.map(|row| (row.email.to_string(), Some(row.role.as_str().to_owned()))),
            client: call.client.clone(),
            at: call.place.at,
            expect: expect(&call),
        };
        self.off_threads(move || test(&document, pin)).await
    }
}

/// How the call was decided, as a test expects it.
fn expect(call: &PastCall) -> Expect {
    let rule = call.rule.clone();
    match (call.outcome, call.code.as_deref().and_then(Code::parse)) {
        // What a person approved has to be asked for first.
        (Outcome::Allow, _) if call.approval.is_some() => Expect::Approved { rule },
        (Outcome::Allow, _) => Expect::Allow { rule },
        (Outcome::ApprovalRequired, _) => Expect::Approval { rule },
        // A person's refusal is no part of a policy; that a person is asked is.
        (_, Some(Code::Denied)) if call.approval.is_some() => Expect::Approval { rule },
        (_, code) => Expect::Deny { code: code.unwrap_or(Code::Denied), rule },
    }
}

/// The test as it passes under the version that decided, with as much detail as that takes; where none passes, because the
/// decision hung on more than a record keeps, the plainest.
fn test(document: &str, mut pin: Pin) -> String {
    if let (Expect::Deny { code: Code::RateLimited, rule }, Ok(policy)) =
        (&pin.expect, CompiledPolicy::compile(document))
        && let Some(passed) = passed_before(&policy, &pin, rule)
    {
        pin.expect = Expect::Full { rule: rule.clone(), passed };
    }
    pin.test(document).unwrap_or_else(|| pin.plainest())
}

/// How many calls of its like pass before the limit is full.
fn passed_before(policy: &CompiledPolicy, pin: &Pin, rule: &str) -> Option<u32> {
    match policy::judge(Some(policy), &pin.judged(Approval::Granted), pin.at.into()) {
        Verdict::Permit(permit) => {
            let full = permit.charges().iter().find(|charge| *charge.rule == *rule)?;
            passing(&full.amount, &full.max)
        }
        Verdict::Deny(_) | Verdict::NeedsApproval(_) => None,
    }
}
