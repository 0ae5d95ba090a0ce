//! Writes the test of a policy (POLICY.md §8) that pins what became of one call. Only tests that pass are given out.

use std::{collections::BTreeMap, fmt::Write as _};

use domain::{Client, Timestamp};
use policy::{Approval, Call, Code, Decimal, Facts, RiskClass, vectors};
use serde_json::{Value, json, value::RawValue};

/// Most repetitions of a call before one that a limit refuses.
const MOST_REPEATS: u32 = 10_000;

/// A call, and what is to come of it on empty counters.
#[derive(Clone, Debug)]
pub(crate) struct Pin {
    pub(crate) grant_label: String,
    pub(crate) tool: String,
    /// The raw JSON of an object.
    pub(crate) arguments: Option<String>,
    pub(crate) class: RiskClass,
    /// Address and role.
    pub(crate) member: Option<(String, Option<String>)>,
    pub(crate) client: Option<Client>,
    pub(crate) at: Timestamp,
    pub(crate) expect: Expect,
}

/// What is to come of it.
#[derive(Clone, Debug)]
pub(crate) enum Expect {
    Allow {
        rule: String,
    },
    /// Once a person has approved it.
    Approved {
        rule: String,
    },
    Approval {
        rule: String,
    },
    Deny {
        code: Code,
        rule: String,
    },
    /// After so many calls of its like that passed.
    Full {
        rule: String,
        passed: u32,
    },
}

/// How much of what is known about a call its test says: no more than the result hangs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Detail {
    Plain,
    Member,
    Client,
    Moment,
}

impl Pin {
    /// The test as JSON text on one line; none when no test on empty counters can tell this result.
    pub(crate) fn test(&self, document: &str) -> Option<String> {
        let policy = without_tests(document)?;
        let details = [Detail::Plain, Detail::Member, Detail::Client, Detail::Moment];
        details.into_iter().map(|detail| self.write(detail)).find(|test| passes(&policy, test))
    }

    /// The test with the least detail, whether it passes or not.
    pub(crate) fn plainest(&self) -> String {
        self.write(Detail::Plain)
    }

    /// The call with all that is known about it.
    pub(crate) fn judged(&self, approved: Approval) -> Call<'_> {
        let facts = Facts {
            grant_label: &self.grant_label,
            member_email: self.member.as_ref().map(|(email, _)| email.as_str()),
            member_role: self.member.as_ref().and_then(|(_, role)| role.as_deref()),
            client_name: self.client.as_ref().map(|client| client.name.as_str()),
            client_version: self.client.as_ref().map(|client| client.version.as_str()),
            client_ip: None,
            session_id: None,
        };
        Call { tool: &self.tool, arguments: self.arguments.as_deref(), class: self.class, facts, approved }
    }

    fn write(&self, detail: Detail) -> String {
        let mut test = format!("{{\"name\": {}", text(&self.name()));
        if !self.grant_label.is_empty() {
            let _ = write!(test, ", \"grant\": {{\"label\": {}}}", text(&self.grant_label));
        }
        if detail >= Detail::Moment {
            let _ = write!(test, ", \"start\": {}", text(&moment(self.at)));
        }
        test.push_str(", \"calls\": [");
        let call = self.call(detail);
        match &self.expect {
            Expect::Allow { rule } => told(&mut test, &call, "allow", None, rule),
            Expect::Approved { rule } => {
                told(&mut test, &format!("{call}, \"approve\": true"), "allow", None, rule);
            }
            Expect::Approval { rule } => told(&mut test, &call, "approval", Some(Code::ApprovalRequired), rule),
            Expect::Deny { code, rule } => told(&mut test, &call, "deny", Some(*code), rule),
            Expect::Full { rule, passed } => {
                if *passed > 0 {
                    let _ = write!(test, "{{{call}, \"repeat\": {passed}, \"expect\": \"allow\"}}, ");
                }
                told(&mut test, &call, "deny", Some(Code::RateLimited), rule);
            }
        }
        test.push_str("]}");
        test
    }

    fn name(&self) -> String {
        match &self.expect {
            Expect::Allow { .. } => format!("{} is allowed", self.tool),
            Expect::Approved { .. } => format!("{} is allowed once approved", self.tool),
            Expect::Approval { .. } => format!("{} needs an approval", self.tool),
            Expect::Deny { code, .. } => format!("{} is denied: {code}", self.tool),
            Expect::Full { passed, .. } => format!("{} is limited after {passed}", self.tool),
        }
    }

    fn call(&self, detail: Detail) -> String {
        let mut call = format!("\"tool\": {}", text(&self.tool));
        if let Some(arguments) = &self.arguments {
            let _ = write!(call, ", \"args\": {}", on_one_line(arguments));
        }
        let _ = write!(call, ", \"class\": {}", text(self.class.as_str()));
        if let Some((email, role)) = self.member.as_ref().filter(|_| detail >= Detail::Member) {
            let member = match role {
                Some(role) => json!({ "email": email, "role": role }),
                None => json!(email),
            };
            let _ = write!(call, ", \"member\": {member}");
        }
        if let Some(client) = self.client.as_ref().filter(|_| detail >= Detail::Client) {
            let _ = write!(call, ", \"client\": {}", json!({ "name": client.name, "version": client.version }));
        }
        call
    }
}

/// How many calls that add `amount` pass a limit of `max`; none when too many to write a test of.
pub(crate) fn passing(amount: &Decimal, max: &Decimal) -> Option<u32> {
    let mut sum = amount.clone();
    for passed in 0..=MOST_REPEATS {
        if sum > *max {
            return Some(passed);
        }
        sum += amount;
    }
    None
}

fn told(test: &mut String, call: &str, expect: &str, code: Option<Code>, rule: &str) {
    let _ = write!(test, "{{{call}, \"expect\": {}", text(expect));
    if let Some(code) = code {
        let _ = write!(test, ", \"code\": {}", text(code.as_str()));
    }
    let _ = write!(test, ", \"rule\": {}}}", text(rule));
}

fn passes(policy: &str, test: &str) -> bool {
    let file = format!("{{\"policy\": {policy}, \"tests\": [{test}]}}");
    vectors::run_file(&file).is_ok_and(|report| report.passed() == 1 && report.failed() == 0)
}

/// The document without its own tests, which are no part of this.
fn without_tests(document: &str) -> Option<String> {
    let mut members: BTreeMap<String, &RawValue> = serde_json::from_str(document).ok()?;
    members.remove("tests");
    serde_json::to_string(&members).ok()
}

/// `2026-01-01T00:00:00Z`.
fn moment(at: Timestamp) -> String {
    let at = at.to_datetime();
    let (year, month, day) = (at.year(), u8::from(at.month()), at.day());
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", at.hour(), at.minute(), at.second())
}

fn text(text: &str) -> String {
    Value::from(text).to_string()
}

/// The same JSON without white space between its parts, its numbers as they are written.
fn on_one_line(json: &str) -> String {
    let (mut line, mut in_string, mut escaped) = (String::with_capacity(json.len()), false, false);
    for c in json.chars() {
        if in_string || !c.is_ascii_whitespace() {
            line.push(c);
        }
        in_string = match c {
            '"' if !escaped => !in_string,
            _ => in_string,
        };
        escaped = in_string && c == '\\' && !escaped;
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = r#"{"version":"1","default":"deny","tools":{
        "pay":{"limits":[{"window":"day","max":100,"amount":"args.amount"}],
               "deny_if":[{"conditions":[{"path":"member.email","op":"ends_with","value":"@else.where"}]}]},
        "deploy":{"require":[{"conditions":[{"path":"client.name","op":"eq","value":"ci"}]}]},
        "night":{"deny_if":[{"conditions":[{"path":"time.hour","op":"eq","value":3}]}]},
        "ask":{"action":"require_approval"}},
        "tests":[{"calls":[{"tool":"pay","expect":"allow"}]}]}"#;

    fn pin(tool: &str, arguments: &str, expect: Expect) -> Pin {
        Pin {
            grant_label: "ci".to_owned(),
            tool: tool.to_owned(),
            arguments: Some(arguments.to_owned()),
            class: RiskClass::Write,
            member: Some(("ann@else.where".to_owned(), Some("admin".to_owned()))),
            client: Some(Client { name: "ci".to_owned(), version: "1".to_owned() }),
            at: Timestamp(1_767_236_400_000_000 + 3_600_000_000 * 24),
            expect,
        }
    }

    #[test]
    fn a_test_says_what_its_result_hangs_on_and_no_more() {
        let allowed = |tool: &str| Expect::Allow { rule: format!("/tools/{tool}") };
        let plain = pin("pay", "{\n  \"amount\": 1.50,\n  \"to\": \"a b\\\" c\"\n}", allowed("pay")).test(DOCUMENT);
        assert_eq!(
            plain.as_deref(),
            Some(
                r#"{"name": "pay is allowed", "grant": {"label": "ci"}, "calls": [{"tool": "pay", "args": {"amount":1.50,"to":"a b\" c"}, "class": "write", "expect": "allow", "rule": "/tools/pay"}]}"#
            )
        );
        let client = pin("deploy", "{}", allowed("deploy")).test(DOCUMENT).unwrap();
        assert!(client.contains(r#""client": {"name":"ci","version":"1"}"#) && !client.contains("start"), "{client}");
        let denied = Expect::Deny { code: Code::ArgumentDenied, rule: "/tools/pay/deny_if/0".to_owned() };
        let member = pin("pay", "{\"amount\":1}", denied).test(DOCUMENT).unwrap();
        assert!(member.contains("ann@else.where") && !member.contains("client"), "{member}");
        let denied = Expect::Deny { code: Code::ArgumentDenied, rule: "/tools/night/deny_if/0".to_owned() };
        let night = pin("night", "{}", denied).test(DOCUMENT).unwrap();
        assert!(night.contains(r#""start": "2026-01-02T03:00:00Z""#), "{night}");
    }

    #[test]
    fn approvals_and_full_limits_are_pinned() {
        let ask = pin("ask", "{}", Expect::Approval { rule: "/tools/ask/action".to_owned() }).test(DOCUMENT).unwrap();
        assert!(ask.contains(r#""code": "approval_required""#), "{ask}");
        let passed = passing(&Decimal::from(30), &Decimal::from(100)).unwrap();
        assert_eq!(passed, 3);
        let full = Expect::Full { rule: "/tools/pay/limits/0".to_owned(), passed };
        let full = pin("pay", "{\"amount\":30}", full).test(DOCUMENT).unwrap();
        assert!(full.contains(r#""repeat": 3"#), "{full}");
        assert_eq!(passing(&Decimal::ZERO, &Decimal::ONE), None);
    }

    #[test]
    fn a_result_that_no_test_tells_is_not_pinned() {
        let wrong = Expect::Deny { code: Code::InvalidArguments, rule: String::new() };
        assert_eq!(pin("ask", "{}", wrong).test(DOCUMENT), None);
        assert_eq!(pin("ask", "{}", Expect::Allow { rule: String::new() }).test("not json"), None);
    }
}
