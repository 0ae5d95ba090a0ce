//! Reads tests: sequences of calls with expected outcomes (POLICY.md §8).

use serde_json::{Value as Json, json};

use super::field::{Choice, Field, Object, Shape, choice, words};
use super::reader::Fields;
use super::{At, Reader};
use crate::json::Value;
use crate::schema;
use crate::simulation::{Outcome, Upstream};
use crate::{Code, RiskClass, Timestamp};

/// Start of a test that names none: 2026-01-01T00:00:00Z.
const DEFAULT_START: Timestamp = Timestamp(1_767_225_600_000_000);
/// Fewest and most repetitions of one call.
const REPEAT: (u32, u32) = (1, 100_000);

#[derive(Debug)]
pub(crate) struct Scenario {
    pub(crate) name: String,
    pub(crate) start: Timestamp,
    pub(crate) grant_label: String,
    pub(crate) calls: Vec<ScenarioCall>,
}

#[derive(Debug)]
pub(crate) struct ScenarioCall {
    /// After the start.
    pub(crate) at_us: i64,
    pub(crate) tool: String,
    /// JSON text of an object.
    pub(crate) arguments: Option<String>,
    pub(crate) repeat: u32,
    pub(crate) member: Option<String>,
    pub(crate) role: Option<String>,
    pub(crate) client: Client,
    pub(crate) session: Option<String>,
    pub(crate) class: RiskClass,
    pub(crate) upstream: Upstream,
    /// The approval of this call was given just before.
    pub(crate) approve: bool,
    pub(crate) expect: Expectation,
}

#[derive(Debug, Default)]
pub(crate) struct Client {
    pub(crate) name: Option<String>,
    pub(crate) version: Option<String>,
    pub(crate) ip: Option<String>,
}

/// What has to match; `None` matches anything.
#[derive(Debug)]
pub(crate) struct Expectation {
    pub(crate) outcome: Outcome,
    pub(crate) code: Option<Code>,
    pub(crate) rule: Option<String>,
    pub(crate) would_deny: Option<bool>,
}

/// One of a policy's `tests`.
pub(crate) const TEST: Object = Object {
    name: "test",
    title: "Test",
    text: "Calls in order, on a clock and counters of their own.",
    fields: TEST_FIELDS,
    together: None,
};

const TEST_FIELDS: &[Field] = &[
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

pub(super) const CALL: Object = Object {
    name: "test_call",
    title: "Call",
    text: "One call of a test, and what has to become of it.",
    fields: CALL_FIELDS,
    together: None,
};

const CALL_FIELDS: &[Field] = &[
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

const CLASSES: [Choice<RiskClass>; RiskClass::ALL.len()] = [
    choice("read", RiskClass::Read, "Looks, changes nothing."),
    choice("write", RiskClass::Write, "Creates or changes, reversibly."),
    choice("execute", RiskClass::Execute, "Runs code or commands."),
    choice("destructive", RiskClass::Destructive, "Deletes or overwrites for good."),
    choice("financial", RiskClass::Financial, "Moves money."),
];
const UPSTREAMS: &[Choice<Upstream>] = &[
    choice("ok", Upstream::Ok, "With a result."),
    choice("error", Upstream::Error, "With a protocol error."),
    choice("is_error", Upstream::IsError, "With a result that says `isError`."),
    choice("unreachable", Upstream::Unreachable, "It is never delivered, so what it took is given back."),
    choice("timeout", Upstream::Timeout, "No answer in time; what it took stays counted."),
];
const OUTCOMES: &[Choice<Outcome>] = &[
    choice("allow", Outcome::Allow, "It is forwarded."),
    choice("deny", Outcome::Deny, "It is denied."),
    choice("approval", Outcome::Approval, "It waits for a person's approval."),
];

fn codes() -> [Choice<Code>; Code::ALL.len()] {
    Code::ALL.map(|code| choice(code.as_str(), code, code.meaning()))
}

/// A text, or an object with these texts.
fn text_or(fields: &'static [Field]) -> Json {
    json!({ "anyOf": [{ "type": "string" }, schema::object(fields)] })
}

const GRANT: &[Field] = &[Field::optional("label", "Label", "The grant's label.", Shape::Text(None))];
const MEMBER: &[Field] = &[
    Field::optional("email", "Mail address", "The member's mail address.", Shape::Text(None)),
    Field::optional("role", "Role", "The member's role.", Shape::Text(None)),
];
const SESSION: &[Field] = &[Field::optional("id", "Id", "The session's id.", Shape::Text(None))];
const CLIENT: &[Field] = &[
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

pub(crate) fn read_scenarios(reader: &mut Reader<'_>, at: &At<'_>) -> Vec<Scenario> {
    let items = reader.items(at).unwrap_or_default();
    items.iter().enumerate().filter_map(|(index, item)| read_scenario(reader, item, index)).collect()
}

fn read_scenario(reader: &mut Reader<'_>, at: &At<'_>, index: usize) -> Option<Scenario> {
    let fields = reader.object(at, TEST_FIELDS)?;
    let name = fields.get("name").and_then(|at| reader.string(&at));
    let grant_label = fields.get("grant").and_then(|at| read_text_or(reader, &at, GRANT)).unwrap_or_default();
    let start = fields.get("start").and_then(|at| read_start(reader, &at)).unwrap_or(DEFAULT_START);
    let items = reader.required(&fields, "calls").and_then(|at| reader.items(&at))?;
    let mut calls: Vec<ScenarioCall> = Vec::with_capacity(items.len());
    for item in &items {
        let earlier_us = calls.last().map_or(0, |call| call.at_us);
        calls.extend(read_call(reader, item, earlier_us));
    }
    Some(Scenario { name: name.unwrap_or_else(|| format!("test {}", index + 1)), start, grant_label, calls })
}

/// An object with one text, or the text itself.
fn read_text_or(reader: &mut Reader<'_>, at: &At<'_>, object: &[Field]) -> Option<String> {
    if let Value::String(text) = &at.node.value {
        return Some(text.clone().into_owned());
    }
    let fields = reader.object(at, object)?;
    object.iter().find_map(|field| fields.get(field.name)).and_then(|at| reader.string(&at))
}

fn read_start(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Timestamp> {
    let allowed = "a time such as \"2026-01-01T00:00:00Z\"";
    let start = Timestamp::parse(&reader.text_of(at, allowed)?);
    if start.is_none() {
        reader.refuse(at, allowed);
    }
    start
}

fn read_call(reader: &mut Reader<'_>, at: &At<'_>, earlier_us: i64) -> Option<ScenarioCall> {
    let fields = reader.object(at, CALL_FIELDS)?;
    let at_us = fields.get("at").map_or(Some(earlier_us), |at| read_at(reader, &at));
    let tool = reader.required(&fields, "tool").and_then(|at| reader.string(&at));
    let arguments = fields.get("args").and_then(|at| read_arguments(reader, &at));
    let repeat = fields.get("repeat").and_then(|at| reader.integer(&at, REPEAT, "an integer"));
    let (member, role) = fields.get("member").map(|at| read_member(reader, &at)).unwrap_or_default();
    let client = fields.get("client").map(|at| read_client(reader, &at)).unwrap_or_default();
    let session = fields.get("session").and_then(|at| read_text_or(reader, &at, SESSION));
    let class = fields.get("class").and_then(|at| reader.one_of(&at, &CLASSES));
    let upstream = fields.get("upstream").and_then(|at| reader.one_of(&at, UPSTREAMS));
    let approve = fields.get("approve").and_then(|at| reader.boolean(&at));
    let expect = read_expectation(reader, &fields);
    Some(ScenarioCall {
        at_us: at_us?,
        tool: tool?,
        arguments,
        repeat: repeat.unwrap_or(1),
        member,
        role,
        client,
        session,
        class: class.unwrap_or(RiskClass::Write),
        upstream: upstream.unwrap_or(Upstream::Ok),
        approve: approve.unwrap_or(false),
        expect: expect?,
    })
}

fn read_at(reader: &mut Reader<'_>, at: &At<'_>) -> Option<i64> {
    let allowed = "seconds from the start of the test, 0 or more";
    let seconds = reader.decimal(at, allowed)?;
    let micros = seconds.floor_scaled(6).filter(|micros| (0..=i64::MAX / 1_000).contains(micros));
    if micros.is_none() {
        reader.refuse(at, allowed);
    }
    micros
}

fn read_arguments(reader: &mut Reader<'_>, at: &At<'_>) -> Option<String> {
    if !matches!(at.node.value, Value::Object(_)) {
        reader.refuse(at, "an object");
        return None;
    }
    Some(reader.source(at).to_owned())
}

/// A mail address, or `{"email", "role"}`.
fn read_member(reader: &mut Reader<'_>, at: &At<'_>) -> (Option<String>, Option<String>) {
    if let Value::String(email) = &at.node.value {
        return (Some(email.clone().into_owned()), None);
    }
    let Some(fields) = reader.object(at, MEMBER) else { return (None, None) };
    let mut text = |name| fields.get(name).and_then(|at| reader.string(&at));
    (text("email"), text("role"))
}

/// A name, or `{"name", "version", "ip"}`.
fn read_client(reader: &mut Reader<'_>, at: &At<'_>) -> Client {
    if let Value::String(name) = &at.node.value {
        return Client { name: Some(name.clone().into_owned()), ..Client::default() };
    }
    let Some(fields) = reader.object(at, CLIENT) else { return Client::default() };
    let mut text = |name| fields.get(name).and_then(|at| reader.string(&at));
    Client { name: text("name"), version: text("version"), ip: text("ip") }
}

fn read_expectation(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Option<Expectation> {
    let outcome = reader.required(fields, "expect").and_then(|at| reader.one_of(&at, OUTCOMES));
    let code = fields.get("code").and_then(|at| reader.one_of(&at, &codes()));
    let rule = fields.get("rule").and_then(|at| reader.string(&at));
    let would_deny = fields.get("would_deny").and_then(|at| reader.boolean(&at));
    Some(Expectation { outcome: outcome?, code, rule, would_deny })
}
