//! What a permitted call takes from which counters.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::window::Full;
use crate::{Code, Decimal, Denial, Window};

/// Whose count a limit is (POLICY.md §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// The grant.
    Grant,
    /// The person or agent behind the call.
    Member,
    /// The MCP session, or the access token where the protocol version has none.
    Session,
    /// The server, whoever calls.
    Server,
    /// The account, whoever calls.
    Account,
}

impl Scope {
    /// The word used in policies and in counter identities.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Grant => "grant",
            Self::Member => "member",
            Self::Session => "session",
            Self::Server => "server",
            Self::Account => "account",
        }
    }
}

/// Whether a rule is enforced or only watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// The rule decides.
    Enforce,
    /// The rule is evaluated and counted in counters of its own, and never denies.
    Shadow,
}

/// When a reservation is given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refund {
    /// `count: attempts`: only when the request was never delivered upstream.
    Undelivered,
    /// `count: successes`: also when the upstream answered with an error or `isError`. Not after a time-out.
    NotSuccessful,
}

/// What to do when the counter store cannot be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnUnavailable {
    /// Deny with `counter_unavailable`.
    Deny,
    /// Let the call pass uncounted.
    Allow,
}

/// What a limit adds up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// One per call.
    Calls,
    /// A number from the arguments.
    Amount,
}

/// One reservation to be made before a call is forwarded.
///
/// All enforced charges of a call are reserved all or nothing. When several are full, the first in the list decides the
/// answer's rule, and the longest wait is the one to tell, because only after it the same call passes. Charges of one
/// [`crate::Permit`] that share a count ([`Charge::shares_count`]) are charged once: the larger amount, which has to fit under
/// each maximum, and is given back only when both would be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Charge {
    /// The counter's name.
    pub counter: Arc<str>,
    /// Over what time it counts.
    pub window: Window,
    /// Whose count it is.
    pub scope: Scope,
    /// The most that may count at any moment.
    pub max: Decimal,
    /// What this call adds; never negative.
    pub amount: Decimal,
    /// When it is given back.
    pub refund: Refund,
    /// What to do without a counter store.
    pub on_unavailable: OnUnavailable,
    /// Shadow charges have counters of their own.
    pub mode: Mode,
    /// What is added up, for the text of a refusal.
    pub unit: Unit,
    /// JSON Pointer of the limit.
    pub rule: Arc<str>,
    /// The rule's `reason`, told with a refusal.
    pub reason: Option<Arc<str>>,
}

impl Charge {
    /// The counter's identity within one account, server and scope subject: mode, scope, window and name. The name
    /// comes last because a default name may hold any character.
    pub fn identity(&self) -> String {
        let mode = match self.mode {
            Mode::Enforce => "",
            Mode::Shadow => "shadow/",
        };
        format!("{mode}{}/{}/{}", self.scope.as_str(), self.window, self.counter)
    }

    /// Whether both take from the same count of the same subject, when the same caller makes both.
    pub fn shares_count(&self, other: &Self) -> bool {
        self.mode == other.mode
            && self.scope == other.scope
            && self.window == other.window
            && self.counter == other.counter
    }

    /// The answer when this limit is full.
    pub fn rate_limited(&self, full: Full) -> Denial {
        let kind = match self.unit {
            Unit::Calls => "Rate",
            Unit::Amount => "Amount",
        };
        let mut message = format!("{kind} limit reached: {} per {}.", self.max, self.window.in_words());
        match full.retry_after_us {
            Some(wait) => message.push_str(&format!(" Try again in {}.", wait_in_words(wait))),
            None => message.push_str(" This call alone exceeds it."),
        }
        self.denial(Code::RateLimited, message)
    }

    /// The answer when the counter store cannot be reached and the limit says to deny then.
    pub fn unavailable(&self) -> Denial {
        self.denial(Code::CounterUnavailable, "A limit of this tool cannot be checked at the moment.".to_owned())
    }

    fn denial(&self, code: Code, mut message: String) -> Denial {
        if let Some(reason) = &self.reason {
            message.push(' ');
            message.push_str(reason);
        }
        Denial { code, rule: self.rule.to_string(), message }
    }
}

/// Rounded up, in the largest unit that still says something.
fn wait_in_words(wait_us: i64) -> String {
    let up = |unit_seconds: i64| {
        let unit_us = unit_seconds * 1_000_000;
        wait_us / unit_us + i64::from(wait_us % unit_us > 0)
    };
    match up(1) {
        seconds @ ..=120 => format!("{seconds} s"),
        121..=7_200 => format!("{} min", up(60)),
        7_201..=172_800 => format!("{} h", up(3_600)),
        _ => format!("{} days", up(86_400)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CalendarUnit;

    fn charge(max: u64) -> Charge {
        Charge {
            counter: "c".into(),
            window: Window::Sliding { seconds: 60 },
            scope: Scope::Grant,
            max: max.into(),
            amount: Decimal::ONE,
            refund: Refund::NotSuccessful,
            on_unavailable: OnUnavailable::Allow,
            mode: Mode::Enforce,
            unit: Unit::Calls,
            rule: format!("/tools/x/limits/{max}").into(),
            reason: None,
        }
    }

    #[test]
    fn identities_differ_by_mode_scope_window_and_name() {
        let base = charge(1);
        assert_eq!(base.identity(), "grant/sliding-60/c");
        let shadow = Charge { mode: Mode::Shadow, ..charge(1) };
        assert_eq!(shadow.identity(), "shadow/grant/sliding-60/c");
        assert!(!base.shares_count(&shadow));
        assert!(base.shares_count(&charge(2)), "the maximum is not part of it");
    }

    #[test]
    fn refusals_say_how_much_and_how_long() {
        let full = |wait| Full { retry_after_us: wait };
        let told = |wait| charge(30).rate_limited(full(wait)).message;
        assert_eq!(told(Some(11_000_001)), "Rate limit reached: 30 per minute. Try again in 12 s.");
        assert_eq!(told(Some(121_000_000)), "Rate limit reached: 30 per minute. Try again in 3 min.");
        assert_eq!(told(Some(7_201_000_000)), "Rate limit reached: 30 per minute. Try again in 3 h.");
        assert_eq!(told(Some(200_000_000_000)), "Rate limit reached: 30 per minute. Try again in 3 days.");
        assert_eq!(told(None), "Rate limit reached: 30 per minute. This call alone exceeds it.");
        let spend = Charge { unit: Unit::Amount, reason: Some("Ask finance.".into()), ..charge(500) };
        let denial = spend.rate_limited(full(Some(1)));
        assert_eq!(denial.message, "Amount limit reached: 500 per minute. Try again in 1 s. Ask finance.");
        assert_eq!((denial.code, denial.rule.as_str()), (Code::RateLimited, "/tools/x/limits/500"));
        assert_eq!(spend.unavailable().code, Code::CounterUnavailable);
    }

    #[test]
    fn limits_are_said_as_a_tool_s_standing_says_them() {
        assert_eq!(charge(30).words(), "30 a minute per grant");
        let spend = Charge { unit: Unit::Amount, window: Window::Calendar(CalendarUnit::Month), ..charge(500) };
        assert_eq!(spend.words(), "an amount of 500 a calendar month per grant");
    }
}
