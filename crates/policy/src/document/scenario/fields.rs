//! The members of a test, for the reader and for the schema.

use serde_json::{Value as Json, json};

use crate::document::field::{Choice, Field, Object, Shape, choice, words};
use crate::simulation::{Outcome, Upstream};
use crate::{Code, RiskClass, schema};

/// Fewest and most repetitions of one call.
pub(super) const REPEAT: (u32, u32) = (1, 100_000);

/// One of a policy's `tests`.
pub(crate) const TEST: Object = Object {
    name: "test",
    title: "Test",
    text: "Calls in order, on a clock and counters of their own.",
    fields: TEST_FIELDS,
    together: None,
};

pub(super) const TEST_FIELDS: &[Field] = &[
    Field::optional("name", "Name", "What it shows.", Shape::Text(None)).like(&["\"capped per minute\""]),
    Field::optional("grant", "Grant", "The grant that the calls are made under.", Shape::Other(grants))
        .like(&["{\"label\": \"ci\"}"]),
    Field::optional("start", "Start", "The time from which `at` counts (RFC 3339).", Shape::Text(None))
        .or("\"2026-01-01T00:00:00Z\""),
    Field::required(
        "calls",
        "Calls",
        "Calls in order, each with what has to become of it.",
        Shape::List(&Shape::Object(&CALL)),
    )
    .like(&["[{\"at\": 0, \"tool\": \"search\", \"args\": {\"q\": \"x\"}, \"expect\": \"allow\"}]"]),
];

pub(crate) const CALL: Object = Object {
    name: "test_call",
    title: "Call",
    text: "One call of a test, and what has to become of it.",
    fields: CALL_FIELDS,
    together: None,
};

pub(super) const CALL_FIELDS: &[Field] = &[
    Field::optional(
        "at",
        "Time",
        "Seconds from the start of the test; that of the call before if left out.",
        Shape::Other(times),
    )
    .like(&["0", "59.9"]),
    Field::required("tool", "Tool", "The tool's name.", Shape::Text(None)),
    Field::optional("args", "Arguments", "The arguments.", Shape::Other(arguments)),
    Field::optional("repeat", "Repetitions", "How often the call is made.", Shape::Whole(REPEAT.0, REPEAT.1)).or("1"),
    Field::optional("member", "Member", "Who calls: a mail address, or with a role.", Shape::Other(members))
        .like(&["\"ann@example.org\"", "{\"email\": \"ann@example.org\", \"role\": \"viewer\"}"]),
    Field::optional("session", "Session", "The session: its id.", Shape::Other(sessions)).like(&["\"s-1\""]),
    Field::optional("client", "Client", "The client: a name, or with version and address.", Shape::Other(clients))
        .like(&["{\"name\": \"cursor\", \"version\": \"1.0\", \"ip\": \"10.0.0.1\"}"]),
    Field::optional("class", "Risk class", "The tool's risk class.", Shape::Choice(|| words(&CLASSES))).or("\"write\""),
    Field::optional("upstream", "Server", "How the server takes the call.", Shape::Choice(|| words(UPSTREAMS)))
        .or("\"ok\""),
    Field::optional(
        "approve",
        "Approved",
        "Whether the approval of this very call was given just before.",
        Shape::Boolean,
    )
    .or("false"),
    Field::required("expect", "Expected", "What has to become of the call.", Shape::Choice(|| words(OUTCOMES))),
    Field::optional("code", "Expected code", "Why it has to be denied.", Shape::Choice(|| words(&codes()))),
    Field::optional("rule", "Expected rule", "JSON Pointer of the member that has to decide.", Shape::Text(None))
        .like(&["\"/tools/search/limits/0\""]),
    Field::optional("would_deny", "Shadow", "Whether a shadow rule would have denied it.", Shape::Boolean),
];

pub(super) const CLASSES: [Choice<RiskClass>; RiskClass::ALL.len()] = [
    choice("read", RiskClass::Read, "Looks, changes nothing."),
    choice("write", RiskClass::Write, "Creates or changes, reversibly."),
    choice("execute", RiskClass::Execute, "Runs code or commands."),
    choice("destructive", RiskClass::Destructive, "Deletes or overwrites for good."),
    choice("financial", RiskClass::Financial, "Moves money."),
];
pub(super) const UPSTREAMS: &[Choice<Upstream>] = &[
    choice("ok", Upstream::Ok, "With a result."),
    choice("error", Upstream::Error, "With a protocol error."),
    choice("is_error", Upstream::IsError, "With a result that says `isError`."),
    choice("unreachable", Upstream::Unreachable, "It is never delivered, so what it took is given back."),
    choice("timeout", Upstream::Timeout, "No answer in time; what it took stays counted."),
];
pub(super) const OUTCOMES: &[Choice<Outcome>] = &[
    choice("allow", Outcome::Allow, "It is forwarded."),
    choice("deny", Outcome::Deny, "It is denied."),
    choice("approval", Outcome::Approval, "It waits for a person's approval."),
];

pub(super) fn codes() -> [Choice<Code>; Code::ALL.len()] {
    Code::ALL.map(|code| choice(code.as_str(), code, code.meaning()))
}

/// A text, or an object with these texts.
fn text_or(fields: &'static [Field]) -> Json {
    json!({ "anyOf": [{ "type": "string" }, schema::object(fields)] })
}

pub(super) const GRANT: &[Field] = &[Field::optional("label", "Label", "The grant's label.", Shape::Text(None))];
pub(super) const MEMBER: &[Field] = &[
    Field::optional("email", "Mail address", "The member's mail address.", Shape::Text(None)),
    Field::optional("role", "Role", "The member's role.", Shape::Text(None)),
];
pub(super) const SESSION: &[Field] = &[Field::optional("id", "Id", "The session's id.", Shape::Text(None))];
pub(super) const CLIENT: &[Field] = &[
    Field::optional("name", "Name", "The client's name.", Shape::Text(None)),
    Field::optional("version", "Version", "The client's version.", Shape::Text(None)),
    Field::optional("ip", "Address", "The address that the call comes from.", Shape::Text(None)),
];

fn grants() -> Json {
    text_or(GRANT)
}

fn members() -> Json {
    text_or(MEMBER)
}

fn sessions() -> Json {
    text_or(SESSION)
}

fn clients() -> Json {
    text_or(CLIENT)
}

fn times() -> Json {
    json!({ "type": "number", "minimum": 0 })
}

fn arguments() -> Json {
    json!({ "type": "object" })
}
