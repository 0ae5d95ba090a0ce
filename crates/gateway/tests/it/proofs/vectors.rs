//! The language's vectors at the real gateway: every test that says nothing which a client cannot bring about.

use std::{collections::HashMap, fs, sync::Arc};

use bus::Bus;
use counters::{ApprovalAnswer, Counters};
use domain::{Clock, Entropy, GrantSubject, Name, TeamId, Timestamp, Transport};
use policy::RiskClass;
use serde::Deserialize;
use serde_json::{Value, value::RawValue};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::upstream::{Comes, Upstream};
use crate::{
    client::{Answer, Client},
    world::{Account, Parts, World, asked, decided},
};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../policy/tests/vectors");
/// Of a vector's calls, those beyond this repeat the same thing.
const MOST_REPEATS: u32 = 200;

#[derive(Deserialize)]
struct Vector {
    policy: Option<Box<RawValue>>,
    #[serde(default)]
    tests: Vec<Test>,
}

#[derive(Deserialize)]
struct Test {
    #[serde(default)]
    name: String,
    #[serde(default)]
    grant: Value,
    start: Option<String>,
    calls: Vec<Call>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Call {
    #[serde(default)]
    at: Option<f64>,
    tool: String,
    #[serde(default)]
    args: Option<Box<RawValue>>,
    #[serde(default)]
    repeat: Option<u32>,
    #[serde(default)]
    member: Option<Value>,
    #[serde(default)]
    session: Option<Value>,
    #[serde(default)]
    client: Option<Value>,
    #[serde(default)]
    class: Option<RiskClass>,
    #[serde(default)]
    upstream: Option<String>,
    #[serde(default)]
    approve: bool,
    expect: String,
    code: Option<String>,
    rule: Option<String>,
    would_deny: Option<bool>,
}

/// One test at the gateway.
struct Stage {
    world: World,
    upstream: Arc<Upstream>,
    acme: Account,
    /// By member and session.
    clients: HashMap<(String, String), Client>,
}

/// Why a test is not run here.
fn left_out(test: &Test, policy: &str) -> Option<&'static str> {
    let odd_upstream = |call: &Call| matches!(call.upstream.as_deref(), Some("unreachable" | "timeout"));
    let mut classes = HashMap::new();
    let two_classes = test.calls.iter().any(|call| *classes.entry(&call.tool).or_insert(call.class) != call.class);
    if test.calls.iter().any(odd_upstream) {
        return Some("its upstream is to be away");
    }
    if test.calls.iter().any(|call| call.repeat.unwrap_or(1) > MOST_REPEATS) {
        return Some("it repeats calls very often");
    }
    if test.calls.iter().any(|call| call.approve && call.repeat.is_some_and(|repeat| repeat > 1)) {
        return Some("it approves every repetition");
    }
    if two_classes || ["member.", "client.", "session.id"].iter().any(|fact| policy.contains(fact)) {
        return Some("it makes up facts about the caller");
    }
    if test.calls.iter().any(|call| call.client.is_some() || call.member.as_ref().is_some_and(|m| !m.is_string())) {
        return Some("it makes up facts about the caller");
    }
    None
}

fn text_in(value: &Value, name: &str) -> String {
    value.as_str().or_else(|| value[name].as_str()).unwrap_or_default().to_owned()
}

impl Stage {
    async fn new(policy: &str, test: &Test) -> Self {
        let start = test.start.as_deref().unwrap_or("2026-01-01T00:00:00Z");
        let start = Timestamp::from_datetime(OffsetDateTime::parse(start, &Rfc3339).unwrap());
        let dir = Arc::new(tempfile::tempdir().unwrap());
        let (clock, entropy) = (Clock::fixed(start), Entropy::seeded(42));
        let bus = Bus::memory(&dir.path().join("spool"), clock.clone()).unwrap();
        let counters = Counters::memory(clock.clone());
        let world = World::of(Parts { dir, clock, entropy, bus, counters }, |_| {}).await;
        let upstream = Upstream::start(&[], 1).await;
        let mut acme = world.account("acme");
        let mut tools: HashMap<&str, RiskClass> = HashMap::new();
        for call in &test.calls {
            tools.insert(&call.tool, call.class.unwrap_or(RiskClass::Write));
        }
        let tools: Vec<_> = tools.into_iter().collect();
        let server = acme.server("mlflow", Transport::Http { url: upstream.url.clone() }, &tools);
        let policy = acme.policy(policy);
        let team: TeamId = acme.team();
        let grant = acme.grant(GrantSubject::Team(team), server, Some(policy));
        if let Ok(label) = Name::parse(&text_in(&test.grant, "label")) {
            acme.grant_mut(grant).label = label;
        }
        let mut holders = HashMap::new();
        for call in &test.calls {
            let member = call.member.as_ref().map(|m| text_in(m, "email")).unwrap_or_default();
            let email = format!("member{}@example.com", holders.len());
            holders.entry(member).or_insert_with(|| acme.member(&email, vec![team]));
        }
        world.publish(&acme).await;
        let mut clients = HashMap::new();
        for call in &test.calls {
            let session = call.session.as_ref().map(|s| text_in(s, "id")).unwrap_or_default();
            let member = call.member.as_ref().map(|m| text_in(m, "email")).unwrap_or_default();
            let key = (member.clone(), session);
            if let std::collections::hash_map::Entry::Vacant(entry) = clients.entry(key) {
                let client = Client::new(&world, &acme, "/mlflow/mcp", &holders[&member]);
                entry.insert(client.initialized().await);
            }
        }
        Self { world, upstream, acme, clients }
    }

    /// Sends a call as the test has it, byte for byte.
    async fn send(&self, call: &Call) -> Answer {
        let session = call.session.as_ref().map(|s| text_in(s, "id")).unwrap_or_default();
        let member = call.member.as_ref().map(|m| text_in(m, "email")).unwrap_or_default();
        let arguments = call.args.as_ref().map(|args| format!(",\"arguments\":{}", args.get())).unwrap_or_default();
        let name = serde_json::to_string(&call.tool).unwrap();
        let message =
            format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":{name}{arguments}}}}}"#);
        *self.upstream.comes.lock().unwrap() = match call.upstream.as_deref() {
            Some("error") => Comes::Error,
            Some("is_error") => Comes::IsError,
            _ => Comes::Done,
        };
        self.clients[&(member, session)].post(message).await
    }

    /// Approves the request that this call has open, having it asked for if it has not. A call that is denied for another
    /// reason has none.
    async fn approve(&self, call: &Call) -> Result<(), String> {
        let answer = self.send(call).await;
        let (outcome, ..) = told(&answer);
        if outcome == "allow" {
            return Err(format!("{}: it passed before it was approved", call.tool));
        }
        let Some(id) = answer.decision()["approval"].as_str().map(str::to_owned) else { return Ok(()) };
        let events =
            self.world.records(&self.acme, |e| e.iter().filter_map(asked).any(|a| a.approval.to_string() == id)).await;
        let request = events.iter().filter_map(asked).find(|a| a.approval.to_string() == id).unwrap();
        self.world.answer(&self.acme, request, ApprovalAnswer::Approved).await;
        Ok(())
    }

    async fn run(&self, call: &Call) -> Result<(), String> {
        if call.approve {
            self.approve(call).await?;
        }
        let before = self.decisions(0).await;
        let answer = self.send(call).await;
        let (outcome, code, rule) = told(&answer);
        let would_deny = match call.would_deny {
            Some(_) => Some(self.last_would_deny(before + 1).await),
            None => None,
        };
        // What allowed a call is told in its record, not to the caller.
        let expected_rule = call.rule.as_ref().filter(|_| outcome != "allow");
        let fits = outcome == call.expect
            && call.code.as_ref().is_none_or(|expected| *expected == code)
            && expected_rule.is_none_or(|expected| *expected == rule || code == "hidden")
            && call.would_deny == would_deny;
        let expected = (&call.expect, &call.code, &call.rule, call.would_deny);
        if fits {
            Ok(())
        } else {
            Err(format!("{}: {expected:?}, got {outcome} {code} {rule} {would_deny:?}", call.tool))
        }
    }

    async fn decisions(&self, at_least: usize) -> usize {
        let enough = |events: &[domain::Event]| events.iter().filter_map(decided).count() >= at_least;
        self.world.records(&self.acme, enough).await.iter().filter_map(decided).count()
    }

    async fn last_would_deny(&self, decisions: usize) -> bool {
        let enough = |events: &[domain::Event]| events.iter().filter_map(decided).count() >= decisions;
        let events = self.world.records(&self.acme, enough).await;
        events.iter().filter_map(decided).next_back().unwrap().would_deny.is_some()
    }
}

/// Outcome, code and rule, as the caller is told.
fn told(answer: &Answer) -> (String, String, String) {
    let json = answer.json();
    let decision = &json["result"]["_meta"]["dev.portcullis/decision"];
    let text = |name: &str| decision[name].as_str().unwrap_or_default().to_owned();
    match (&json["error"]["code"], decision.is_object()) {
        (code, _) if *code == -32602 => ("deny".to_owned(), "hidden".to_owned(), String::new()),
        (_, true) => (text("outcome"), text("code"), text("rule")),
        (_, false) => ("allow".to_owned(), String::new(), String::new()),
    }
}

/// The tests of a file with the policy they are about.
fn tests_of(text: &str) -> (String, Vec<Test>) {
    let file: Vector = serde_json::from_str(text).unwrap();
    let policy = file.policy.expect("a policy").get().to_owned();
    let inside: Vector =
        serde_json::from_str(&policy).map(|v: Vector| v).unwrap_or(Vector { policy: None, tests: vec![] });
    (policy, inside.tests.into_iter().chain(file.tests).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn vectors_come_out_at_the_gateway_as_everywhere() {
    let (mut ran, mut failures, mut left) = (0, Vec::new(), Vec::new());
    let mut files: Vec<_> = fs::read_dir(FOLDER).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        if text.contains("\"invalid\":") {
            continue;
        }
        let (policy, tests) = tests_of(&text);
        for test in tests {
            let title = format!("{}: {}", file.file_name().unwrap().to_string_lossy(), test.name);
            if let Some(why) = left_out(&test, &policy) {
                left.push(format!("{title} ({why})"));
                continue;
            }
            ran += 1;
            failures.extend(run(&policy, &test).await.err().map(|failure| format!("{title}: {failure}")));
        }
    }
    assert!(failures.is_empty(), "{}\n\nleft out:\n{}", failures.join("\n"), left.join("\n"));
    assert!(ran >= 60, "only {ran} ran; left out:\n{}", left.join("\n"));
    println!("{ran} tests at the gateway; left out:\n{}", left.join("\n"));
}

async fn run(policy: &str, test: &Test) -> Result<(), String> {
    let stage = Stage::new(policy, test).await;
    let Clock::Fixed(now) = &stage.world.clock else { unreachable!("made with a clock that stands") };
    let (start, mut at) = (*now.lock().unwrap(), 0.0);
    for call in &test.calls {
        at = call.at.unwrap_or(at);
        #[expect(clippy::cast_possible_truncation, reason = "vectors last less than centuries")]
        let micros = (at * 1e6).round() as i64;
        *now.lock().unwrap() = Timestamp(start.0 + micros);
        for _ in 0..call.repeat.unwrap_or(1) {
            stage.run(call).await?;
        }
    }
    Ok(())
}
