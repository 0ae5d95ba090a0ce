//! Which calls the page shows, as its address says.

use accounts::{CallCursor, CallFilter, WouldDenyFilter};
use domain::{AgentId, Outcome, Principal, ServerId, UserId};
use serde::Deserialize;

use crate::{page::escape, words};

/// Calls on a page.
const PAGE: u32 = 50;

/// The filter, as the address has it.
#[derive(Deserialize, Default, Clone)]
#[serde(default)]
pub(super) struct Filter {
    pub(super) server: String,
    pub(super) grant: String,
    pub(super) tool: String,
    pub(super) outcome: String,
    pub(super) code: String,
    pub(super) principal: String,
    pub(super) policy: String,
    pub(super) version: String,
    /// `any`: only calls that a rule in shadow would have denied.
    pub(super) would_deny: String,
    /// And by this rule.
    pub(super) would_deny_rule: String,
    /// Where the page begins: older than that.
    pub(super) before: String,
}

impl Filter {
    /// What cannot be read asks for nothing, rather than for everything.
    pub(super) fn read(&self, servers: &[(String, ServerId)]) -> Option<CallFilter> {
        let server = servers.iter().find(|(slug, _)| *slug == self.server).map(|(_, id)| *id);
        Some(CallFilter {
            server: if self.server.is_empty() { None } else { Some(server?) },
            grant: given(&self.grant)?,
            tool: Some(self.tool.trim().to_owned()).filter(|tool| !tool.is_empty()),
            outcome: self.outcome()?,
            code: Some(self.code.clone()).filter(|code| !code.is_empty()),
            principal: self.principal()?,
            policy: given(&self.policy)?,
            version: given(&self.version)?,
            would_deny: self.would_deny()?,
            before: given::<CallCursor>(&self.before)?,
            limit: PAGE,
        })
    }

    fn outcome(&self) -> Option<Option<Outcome>> {
        if self.outcome.is_empty() {
            return Some(None);
        }
        words::OUTCOMES.into_iter().find(|outcome| words::outcome_word(*outcome) == self.outcome).map(Some)
    }

    fn principal(&self) -> Option<Option<Principal>> {
        let member: Option<Option<UserId>> = given(&self.principal);
        let agent: Option<Option<AgentId>> = given(&self.principal);
        match (member, agent) {
            (Some(member), _) => Some(member.map(Principal::Member)),
            (None, Some(agent)) => Some(agent.map(Principal::Agent)),
            (None, None) => None,
        }
    }

    fn would_deny(&self) -> Option<Option<WouldDenyFilter>> {
        let rule = Some(self.would_deny_rule.clone()).filter(|rule| !rule.is_empty());
        match (self.would_deny.as_str(), rule) {
            ("", None) => Some(None),
            ("" | "any", rule) => Some(Some(WouldDenyFilter { rule })),
            _ => None,
        }
    }

    /// The parts that ask something, as the address names them.
    fn parts(&self) -> impl Iterator<Item = (&'static str, &String)> {
        let named = [
            ("server", &self.server),
            ("grant", &self.grant),
            ("tool", &self.tool),
            ("outcome", &self.outcome),
            ("code", &self.code),
            ("principal", &self.principal),
            ("policy", &self.policy),
            ("version", &self.version),
            ("would_deny", &self.would_deny),
            ("would_deny_rule", &self.would_deny_rule),
        ];
        named.into_iter().filter(|(_, value)| !value.is_empty())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.parts().next().is_none()
    }

    /// The filter as a query, without where the page begins.
    pub(super) fn query(&self) -> String {
        self.parts().map(|(name, value)| format!("{name}={}", escape(value))).collect::<Vec<_>>().join("&")
    }
}

/// Nothing given, or what it reads as; nothing at all when it does not read.
fn given<T: std::str::FromStr>(text: &str) -> Option<Option<T>> {
    if text.is_empty() { Some(None) } else { text.parse().ok().map(Some) }
}
