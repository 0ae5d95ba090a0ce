//! Calls as a gateway would have recorded them.

use accounts::CallFilter;
use bus::Durability;
use domain::{
    CallDecided, CallId, CallSettled, Client, DataKey, DecisionId, Event, Outcome, Principal, Settlement, Timestamp,
};
use test_support::Tenant;

use crate::support::{Gateway, Set, Work, told};

/// One account's gateway.
pub struct Recorder<'a> {
    work: &'a Work,
    tenant: &'a Tenant,
    set: &'a Set,
    gateway: Gateway,
    key: DataKey,
}

impl<'a> Recorder<'a> {
    pub async fn ours(work: &'a Work) -> Self {
        Self::of(work, &work.fixture.ours, &work.ours).await
    }

    pub async fn of(work: &'a Work, tenant: &'a Tenant, set: &'a Set) -> Self {
        let snapshot = told(&work.fixture, tenant).await;
        let key = work.fixture.key.open_data_key(snapshot.account, &snapshot.data_key).expect("our key");
        let gateway = Gateway::new(&work.fixture.clock, &work.fixture.entropy);
        Self { work, tenant, set, gateway, key }
    }

    /// An allowed call of a tool, by the agent, `at` seconds from now.
    pub fn call(&self, tool: &str, at: i64) -> CallDecided {
        let (clock, entropy) = (&self.work.fixture.clock, &self.work.fixture.entropy);
        CallDecided {
            call: CallId::new(clock, entropy),
            decision: DecisionId::new(clock, entropy),
            at: clock.now().plus_seconds(at),
            server: Some(self.set.server.id),
            principal: Some(Principal::Agent(self.tenant.agent)),
            key: Some(self.tenant.agent_key),
            app: None,
            grant: Some(self.set.grant.id),
            policy: Some((self.set.policy, 1)),
            method: "tools/call".to_owned(),
            tool: Some(tool.to_owned()),
            class: Some(policy::RiskClass::Write),
            outcome: Outcome::Allow,
            code: None,
            rule: format!("/tools/{tool}"),
            message: None,
            retry_after_ms: None,
            argument_keys: Vec::new(),
            arguments: None,
            approval: None,
            would_deny: None,
            client: Some(Client { name: "py".to_owned(), version: "1".to_owned() }),
            decide_us: 1,
        }
    }

    /// The same with arguments: all of their keys, and sealed what a policy looks at in them.
    pub fn with(&self, call: CallDecided, arguments: &serde_json::Value, looked_at: Option<&str>) -> CallDecided {
        let keys = arguments.as_object().expect("an object").keys().cloned().collect();
        let context = CallDecided::arguments_context(call.call);
        let sealed = looked_at.map(|text| self.key.seal(&context, text.as_bytes(), &self.work.fixture.entropy));
        CallDecided { argument_keys: keys, arguments: sealed, ..call }
    }

    pub async fn record(&mut self, calls: impl IntoIterator<Item = CallDecided>) {
        for call in calls {
            let event = self.gateway.says(self.tenant, Event::Decided(Box::new(call)));
            self.work.fixture.bus.append(&event, Durability::Durable).await.expect("appended");
        }
        self.work.fixture.accounts.record_waiting().await.expect("stored");
    }

    pub async fn settle(&mut self, call: &CallDecided, settlement: Settlement) {
        let settled = CallSettled {
            call: call.call,
            decided_at: call.at,
            settlement,
            http_status: None,
            upstream_us: 1,
            gateway_us: 1,
            response_bytes: 1,
        };
        let event = self.gateway.says(self.tenant, Event::Settled(settled));
        self.work.fixture.bus.append(&event, Durability::Durable).await.expect("appended");
        self.work.fixture.accounts.record_waiting().await.expect("stored");
    }
}

/// A denied call.
pub fn denied(call: CallDecided, code: &str, rule: &str) -> CallDecided {
    CallDecided { outcome: Outcome::Deny, code: Some(code.to_owned()), rule: rule.to_owned(), ..call }
}

/// How many calls a filter finds.
pub async fn found(work: &Work, filter: CallFilter) -> usize {
    work.fixture.accounts.calls(&work.fixture.ours.viewer.caller, &filter).await.expect("asked").calls.len()
}

/// Seconds before now.
pub fn ago(work: &Work, seconds: i64) -> Timestamp {
    work.fixture.clock.now().plus_seconds(-seconds)
}
