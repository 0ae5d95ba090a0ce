//! Reads tests: sequences of calls with expected outcomes (POLICY.md §8).

use super::field::Field;
use super::reader::Fields;
use super::{At, Reader};
use crate::json::Value;
use crate::simulation::{Outcome, Upstream};
use crate::{Code, RiskClass, Timestamp};

mod fields;

pub(crate) use fields::{CALL, TEST};
use fields::{CALL_FIELDS, CLASSES, CLIENT, GRANT, MEMBER, OUTCOMES, REPEAT, SESSION, TEST_FIELDS, UPSTREAMS, codes};

/// Start of a test that names none: 2026-01-01T00:00:00Z.
const DEFAULT_START: Timestamp = Timestamp(1_767_225_600_000_000);

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

pub(crate) fn read_scenarios(reader: &mut Reader<'_>, at: &At<'_>) -> Vec<Scenario> {
    let items = reader.items(at).unwrap_or_default();
    items.iter().enumerate().filter_map(|(index, item)| read_scenario(reader, item, index)).collect()
}

fn read_scenario(reader: &mut Reader<'_>, at: &At<'_>, index: usize) -> Option<Scenario> {
    let fields = reader.object(at, TEST_FIELDS)?;
    let name = fields.get("name").and_then(|at| reader.string(&at));
    let grant_label = fields.get("grant").and_then(|at| read_text_or(reader, &at, GRANT)).unwrap_or_default();
    let start = fields.get("start").and_then(|at| read_start(reader, &at)).unwrap_or(DEFAULT_START);
    let items = reader.required(&fields, TEST_FIELDS, "calls").and_then(|at| reader.items(&at))?;
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
    let tool = reader.required(&fields, CALL_FIELDS, "tool").and_then(|at| reader.string(&at));
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
    let outcome = reader.required(fields, CALL_FIELDS, "expect").and_then(|at| reader.one_of(&at, OUTCOMES));
    let code = fields.get("code").and_then(|at| reader.one_of(&at, &codes()));
    let rule = fields.get("rule").and_then(|at| reader.string(&at));
    let would_deny = fields.get("would_deny").and_then(|at| reader.boolean(&at));
    Some(Expectation { outcome: outcome?, code, rule, would_deny })
}
