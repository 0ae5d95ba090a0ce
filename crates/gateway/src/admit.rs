//! Whether a request may go to a server: a call of a tool is decided, anything else needs a grant that is not suspended. What
//! may not is answered here.

use axum::response::Response;
use bytes::Bytes;
use domain::{Client, Outcome};
use http::StatusCode;
use mcp::{DenialBody, Era, Family, Method, Request, Retry};
use policy::Visibility;

use crate::{
    answer::json_answer,
    ask::Ask,
    decide::{self, Answer, Decision, Told, ToolCall},
    failure::Failure,
    lists,
    read::Headers,
    resolve::Place,
    rounds::Round,
    session::Session,
    settle::Settler,
};

/// Most characters repeated of a tool's name.
const NAME_CHARS: usize = 256;

/// What becomes of a request.
pub(crate) enum Admission {
    /// It may go to the server; a call is settled by this.
    Goes(Option<Box<Settler>>),
    /// It is a call, and is answered so.
    Denied(Response),
}

/// A request to one server.
#[derive(Clone, Copy)]
pub(crate) struct Asking<'r> {
    /// As the server is to get it.
    pub request: &'r Request<'r>,
    /// As it came: on the account's URL the names in it are others.
    pub sent: &'r Request<'r>,
    /// The session, in the era that has them.
    pub session: Option<&'r Session>,
    /// The client, as it names itself.
    pub client: Option<&'r Client>,
}

/// Decides it.
///
/// # Errors
/// When the decision cannot be made or recorded, the grant is suspended, or headers do not agree with the arguments.
pub(crate) async fn admit(ask: &Ask<'_>, place: &Place, asking: Asking<'_>) -> Result<Admission, Failure> {
    match asking.request.kind {
        Method::ToolsCall => call(ask, place, asking).await,
        kind if kind.family() == Family::Lifecycle || kind == Method::ToolsList => Ok(Admission::Goes(None)),
        _ => {
            place.require_active()?;
            Ok(Admission::Goes(None))
        }
    }
}

async fn call(ask: &Ask<'_>, place: &Place, asking: Asking<'_>) -> Result<Admission, Failure> {
    let params = asking.request.params.as_ref();
    let call = ToolCall {
        tool: tool_of(asking.request),
        arguments: params.and_then(|params| params.arguments),
        client: asking.client,
        session: asking.session,
        retry: params.map_or(Retry::No, |params| params.retry),
        repeats: match ask.era {
            Era::Stateless => Round::claimed(place.owner(), asking.request),
            Era::Initialize => None,
        },
        arrived: ask.arrived,
    };
    check_mirrored_arguments(ask, place, &call)?;
    Ok(match decide::decide(ask.shared, place, call).await? {
        Decision::Admitted(settler) => Admission::Goes(Some(settler)),
        Decision::Denied(told) => Admission::Denied(json_answer(StatusCode::OK, denial(ask.era, asking.sent, &told))),
    })
}

/// The message that tells of a denied call. A hidden tool is answered as one that does not exist.
pub(crate) fn denial(era: Era, request: &Request<'_>, told: &Told) -> Bytes {
    if told.answer == Answer::UnknownTool {
        let named: String = tool_of(request).chars().take(NAME_CHARS).collect();
        return mcp::unknown_tool(&request.id, &named);
    }
    let outcome = if told.outcome == Outcome::ApprovalRequired { "approval" } else { "deny" };
    let approval = told.approval.map(|id| id.to_string());
    let denial = DenialBody {
        text: &told.denial.text(),
        decision_id: &told.decision.to_string(),
        outcome,
        code: told.denial.code.as_str(),
        rule: &told.denial.rule,
        retry_after_ms: told.retry_after_ms,
        approval: approval.as_deref(),
    };
    mcp::denial_result(&request.id, era, denial)
}

fn tool_of<'r>(request: &'r Request<'_>) -> &'r str {
    request.params.as_ref().and_then(|params| params.name.as_deref()).unwrap_or_default()
}

/// Arguments that the tool's schema asks to be mirrored into headers must agree with them (2026-07-28
/// basic/transports/streamable-http "Custom Headers from Tool Parameters"). A hidden tool has no schema.
fn check_mirrored_arguments(ask: &Ask<'_>, place: &Place, call: &ToolCall<'_>) -> Result<(), Failure> {
    let mirrored = place.server.tools.get(call.tool).map_or(&[][..], |tool| &*tool.mirrored);
    if ask.era == Era::Initialize || mirrored.is_empty() || lists::visibility(place, call.tool) == Visibility::Hidden {
        return Ok(());
    }
    Ok(mcp::check_param_headers(&Headers(ask.headers), mirrored, call.arguments)?)
}
