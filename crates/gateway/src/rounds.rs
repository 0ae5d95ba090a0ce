//! Calls of several rounds: a server answers `input_required`, and the client sends the same call again with the input
//! (2026-07-28 basic/patterns/mrtr). Each round is judged; only the first is charged (POLICY.md §4) and uses an approval up.
//!
//! Invariant: a round goes uncharged only if this gateway relayed the very `input_required` that it answers, to the same
//! principal, for the same tool and arguments, and then once. On another gateway it is charged again: never too little.

use std::time::Duration;

use bytes::Bytes;
use domain::{ApprovalBinding, ApprovalId};
use moka::sync::Cache;
use serde_json::Value;

use crate::{digest, session::Owner};

/// An answer to `input_required` is waited for this long.
const OPEN_FOR: Duration = Duration::from_secs(3_600);
/// Rounds that are open at the same time.
const MOST: u64 = 100_000;

/// The rounds that are open.
#[derive(Debug)]
pub(crate) struct Rounds(Cache<Round, Paid>);

/// What an earlier round of a call has paid with, besides its charges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Paid {
    /// The approval that let it pass.
    pub approved: Option<(ApprovalId, ApprovalBinding)>,
}

/// Names one round: a hash over whose it is, what it calls and the state that the server gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Round([u8; 32]);

impl Default for Rounds {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(MOST).time_to_live(OPEN_FOR).build())
    }
}

impl Rounds {
    /// The approval that let an earlier round of this one pass, if this round is open.
    pub(crate) fn approved(&self, round: Round) -> Option<(ApprovalId, ApprovalBinding)> {
        self.0.get(&round)?.approved
    }

    /// What was paid for this round, if it is open; it is not any more.
    pub(crate) fn take(&self, round: Round) -> Option<Paid> {
        self.0.remove(&round)
    }

    /// The next round of a call is open; its answer named this state.
    pub(crate) fn open(
        &self,
        owner: Owner,
        call: &Bytes,
        approved: Option<(ApprovalId, ApprovalBinding)>,
        state: &Value,
    ) {
        let request = mcp::read(call).ok();
        let Some(params) = request.as_ref().and_then(|message| message.params()) else { return };
        let tool = params.name.as_deref().unwrap_or_default();
        if let Some(round) = Round::new(owner, tool, params.arguments, state) {
            self.0.insert(round, Paid { approved });
        }
    }
}

impl Round {
    /// The round of a call whose last answer named this state.
    pub(crate) fn new(owner: Owner, tool: &str, arguments: Option<&str>, state: &Value) -> Option<Self> {
        let arguments = arguments.map_or(Some(String::new()), policy::canonical_json)?;
        let (owner, state) = (owner.context(), state.to_string());
        Some(Self(digest::of_parts(&[Some(&owner), Some(tool), Some(&arguments), Some(&state)])))
    }

    /// The round that a call claims to be.
    pub(crate) fn claimed(owner: Owner, request: &mcp::Request<'_>) -> Option<Self> {
        let params = request.params.as_ref().filter(|params| params.retry == mcp::Retry::Yes)?;
        let state = params.get("requestState").map_or(Some(Value::Null), |raw| serde_json::from_str(raw).ok())?;
        Self::new(owner, params.name.as_deref().unwrap_or_default(), params.arguments, &state)
    }
}
