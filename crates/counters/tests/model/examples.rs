//! The model alone on the executable examples of the language: it reads the page as they do.

use std::{fs, path::Path};

use super::{
    approvals::{Approvals, Bound, Request, State},
    check::Scene,
    facts::Facts,
    json::{self, Tree},
    judge::{self, Judged, Known, Leave},
    limits::{Counted, Key, Limit, Log, Room},
    number::Number,
    policies::CLASSES,
    time,
};

/// 2026-01-01T00:00:00Z.
const NEW_YEAR_US: i64 = 1_767_225_600_000_000;

#[test]
fn the_model_comes_to_what_the_examples_say() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../policy/tests/vectors");
    let mut calls = 0;
    for file in fs::read_dir(folder).unwrap() {
        let file = file.unwrap().path();
        let text = fs::read_to_string(&file).unwrap();
        let Some(vector) = json::parse(&text) else { panic!("{}", file.display()) };
        let Some(policy) = vector.get("policy") else { continue };
        for test in vector.list("tests") {
            calls += Example::new(policy, test).run(&file.display().to_string());
        }
    }
    assert!(calls > 300, "the folder of examples was found: {calls}");
}

struct Example<'v> {
    policy: &'v Tree,
    test: &'v Tree,
    start_us: i64,
    log: Log,
    approvals: Approvals,
    calls: usize,
}

/// What came of a call: outcome, code, the members that may be told, and whether a shadow rule minded.
#[derive(Debug)]
struct Came {
    outcome: &'static str,
    code: Option<&'static str>,
    rules: Vec<String>,
    would_deny: bool,
}

impl<'v> Example<'v> {
    fn new(policy: &'v Tree, test: &'v Tree) -> Self {
        let start = test.word("start").map(time::at);
        let (log, approvals) = (Log::default(), Approvals::default());
        Self { policy, test, start_us: start.unwrap_or(NEW_YEAR_US), log, approvals, calls: 0 }
    }

    fn run(mut self, file: &str) -> usize {
        let mut at_us = self.start_us;
        for (i, call) in self.test.list("calls").iter().enumerate() {
            if let Some(seconds) = call.get("at").and_then(Tree::as_number) {
                at_us = self.start_us + micros(seconds);
            }
            let times = call.get("repeat").and_then(Tree::as_number).map_or(1, |times| times.parse().unwrap());
            for _ in 0..times {
                self.calls += 1;
                let came = self.call(call, at_us);
                let place = format!("{file}: {:?}, call {i}: {came:?}", self.test.word("name"));
                assert_eq!(call.word("expect").unwrap(), came.outcome, "{place}");
                assert!(call.word("code").is_none_or(|code| Some(code) == came.code), "{place}");
                assert!(call.word("rule").is_none_or(|rule| came.rules.iter().any(|may| may == rule)), "{place}");
                assert!(call.get("would_deny").is_none_or(|yes| *yes == Tree::Bool(came.would_deny)), "{place}");
            }
        }
        self.calls
    }

    fn call(&mut self, call: &Tree, at_us: i64) -> Came {
        let facts = self.facts(call, at_us);
        let arguments = call.get("args");
        let tool = call.word("tool").unwrap();
        let scene = Scene { arguments, facts: &facts };
        let bound =
            Bound { place: (0, 0), grant: 0, policy: 0, tool: tool.to_owned(), arguments: Bound::arguments(arguments) };
        match judge::judge(Some(self.policy), tool, &scene, Known::default()) {
            Judged::No(no) => Came { outcome: "deny", code: Some(no.code), rules: no.rules, would_deny: false },
            Judged::Leave(leave) => self.take(call, at_us, &leave, None),
            Judged::Ask(ask, leave) => {
                let standing = self.approvals.standing(&bound, at_us);
                let expires_us = at_us + i64::from(ask.timeout_seconds) * 1_000_000;
                let mut request = standing.unwrap_or(Request { id: 0, state: State::Open, expires_us });
                if call.get("approve") == Some(&Tree::Bool(true)) {
                    request.state = State::Approved;
                }
                self.approvals.put(&bound, request);
                if request.state == State::Approved {
                    return self.take(call, at_us, &leave, Some((&bound, request)));
                }
                Came { outcome: "approval", code: Some("approval_required"), rules: vec![ask.rule], would_deny: false }
            }
        }
    }

    fn take(&mut self, call: &Tree, at_us: i64, leave: &Leave, approval: Option<(&Bound, Request)>) -> Came {
        let (enforced, shadow) = (counted(call, &leave.limits, false), counted(call, &leave.shadow_limits, true));
        // At the edge of a window both are right: the example says which it is.
        let full_room = match (call.word("expect"), call.get("would_deny")) {
            (Some("deny"), _) | (_, Some(Tree::Bool(true))) => Room::Either,
            _ => Room::None,
        };
        let full = |room: Vec<Room>| room.iter().position(|room| *room <= full_room);
        if let Some(first) = full(self.log.room(at_us, &enforced)) {
            let rules = vec![enforced[first].limit.rule.clone()];
            return Came { outcome: "deny", code: Some("rate_limited"), rules, would_deny: false };
        }
        let shadow_full = full(self.log.room(at_us, &shadow)).is_some();
        self.log.admit(self.calls, at_us, &enforced);
        if !shadow_full {
            self.log.admit(self.calls, at_us, &shadow);
        }
        if let Some((bound, _)) = approval {
            self.approvals.use_up(bound);
        }
        match call.word("upstream") {
            Some("unreachable") => {
                self.log.give_back(self.calls, true);
                approval.into_iter().for_each(|(bound, used)| self.approvals.restore(bound, used, at_us));
            }
            Some("error" | "is_error") => self.log.give_back(self.calls, false),
            _ => {}
        }
        let would_deny = leave.would_deny.is_some() || shadow_full;
        Came { outcome: "allow", code: None, rules: vec![leave.entry.clone()], would_deny }
    }

    fn facts(&self, call: &Tree, at_us: i64) -> Facts {
        let class = call.word("class").unwrap_or("write");
        let one = |from: &Tree, key: &str, plain: &str, part: &str| match from.get(key) {
            Some(Tree::Text(text)) if part == plain => Some(text.clone()),
            Some(object) => object.word(part).map(str::to_owned),
            None => None,
        };
        Facts {
            grant_label: one(self.test, "grant", "label", "label").unwrap_or_default(),
            member_email: one(call, "member", "email", "email"),
            member_role: one(call, "member", "email", "role"),
            client_name: one(call, "client", "name", "name"),
            client_version: one(call, "client", "name", "version"),
            client_ip: one(call, "client", "name", "ip"),
            session_id: call.word("session").map(str::to_owned),
            class: CLASSES.into_iter().find(|known| *known == class).unwrap(),
            at_us,
        }
    }
}

fn counted(call: &Tree, limits: &[Limit], shadow: bool) -> Vec<Counted> {
    let subject = |scope: &str| match scope {
        "member" => format!("member {:?}", call.get("member").map(|member| member.word("email").or(member.as_text()))),
        "session" => format!("session {:?}", call.word("session")),
        whole => whole.to_owned(),
    };
    let key = |limit: &Limit| {
        let (subject, counter) = (subject(&limit.scope), limit.counter.clone());
        Key { place: String::new(), subject, counter, window: limit.window, shadow }
    };
    limits.iter().map(|limit| Counted { key: key(limit), limit: limit.clone() }).collect()
}

/// Seconds with a fraction, in whole microseconds.
fn micros(seconds: &str) -> i64 {
    let number = Number::parse(seconds).0;
    let digit = |power: i64| number.digits.get(usize::try_from(number.top - power).unwrap_or(usize::MAX));
    (-6..=number.top.max(-6)).rev().fold(0, |sum, power| sum * 10 + i64::from(digit(power).copied().unwrap_or(0)))
}
