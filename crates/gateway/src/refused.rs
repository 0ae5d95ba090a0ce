//! Messages that were refused before policy leave a record too: who sent them, and why they were not read.

use std::sync::Arc;

use axum::response::Response;
use domain::{CallDecided, CallId, DecisionId, Event, Outcome};
use tokio::time::Instant;

use crate::{account::Server, authenticate::Caller, failure::Failure, settle::micros, shared::Shared};

/// Most characters of a method's name that are kept.
const METHOD_CHARS: usize = 100;

/// Who sent a message, and what is known of it.
#[derive(Debug)]
pub(crate) struct Sender<'a> {
    pub shared: &'a Arc<Shared>,
    pub caller: &'a Caller,
    /// None: it was sent to the account's own URL.
    pub server: Option<&'a Arc<Server>>,
    /// The method, if it could be read.
    pub method: Option<String>,
    /// When it came in.
    pub arrived: Instant,
}

/// Passes an answer on; if it is a refusal, records it first.
pub(crate) async fn record(who: Sender<'_>, answer: Result<Response, Failure>) -> Result<Response, Failure> {
    if let Err(failure) = &answer
        && failure.is_refusal()
    {
        Box::pin(note(who, failure.reason(), failure.to_string())).await;
    }
    answer
}

/// Records that a message was refused, for a reason that has a stable word.
pub(crate) async fn note(who: Sender<'_>, reason: &str, message: String) {
    let Sender { shared, caller, server, method, arrived } = who;
    let id = CallId::new(&shared.clock, &shared.entropy);
    let record = CallDecided {
        call: id,
        decision: DecisionId::from_uuid(id.uuid()),
        at: shared.clock.now(),
        server: server.map(|server| server.id),
        principal: Some(caller.principal),
        key: caller.credential.key(),
        app: caller.credential.app(),
        grant: None,
        policy: None,
        method: method.unwrap_or_default().chars().take(METHOD_CHARS).collect(),
        tool: None,
        class: None,
        outcome: Outcome::Refused,
        code: Some(reason.to_owned()),
        rule: String::new(),
        message: Some(message),
        retry_after_ms: None,
        argument_keys: Vec::new(),
        arguments: None,
        approval: None,
        would_deny: None,
        client: None,
        decide_us: micros(arrived.elapsed()),
    };
    shared.records.note(caller.account.id, Event::Decided(Box::new(record))).await;
}
