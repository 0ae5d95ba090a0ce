//! Limits and checks in plain words.

use crate::charge::Unit;
use crate::condition::{Comparison, Condition, Literal, Test};
use crate::path::{Fact, Path, Root};
use crate::rule::{Action, Check, Limit};
use crate::{CalendarUnit, Charge, OnUnavailable, Refund, Window};

impl Charge {
    /// Its limit for people: `30 a minute per grant`, `an amount of 500 a calendar month per account`.
    pub fn words(&self) -> String {
        let what = match self.unit {
            Unit::Calls => self.max.to_string(),
            Unit::Amount => format!("an amount of {}", self.max),
        };
        format!("{what} {} per {}", per(self.window), self.scope.as_str())
    }
}

/// What a watched action would do.
pub(super) fn action(action: Action) -> Option<String> {
    let words = match action {
        Action::Allow => return None,
        Action::Deny => "every call is refused",
        Action::Hide => "the tool is hidden",
        Action::RequireApproval => "every call needs approval",
    };
    Some(words.to_owned())
}

/// `at most 30 a minute per grant`
pub(super) fn limit(limit: &Limit, entry: &str) -> String {
    let charge = &limit.charge;
    let what = match (&limit.amount, charge.unit) {
        (Some(path), Unit::Amount) => format!(" of {}", short(path)),
        _ => String::new(),
    };
    let mut words = format!("at most {}{what} {} per {}", charge.max, per(charge.window), charge.scope.as_str());
    if let Some(together) = together(entry) {
        words.push_str(&format!(", {together}"));
    }
    if charge.refund == Refund::NotSuccessful {
        words.push_str(", failed calls not counted");
    }
    if charge.on_unavailable == OnUnavailable::Allow {
        words.push_str(", not counted while the counters cannot be reached");
    }
    words
}

/// With which other tools an entry's count is shared.
fn together(entry: &str) -> Option<String> {
    if entry == "/all_tools" {
        return Some("all tools together".to_owned());
    }
    if let Some(class) = entry.strip_prefix("/classes/") {
        return Some(format!("all other {class} tools together"));
    }
    let pattern = entry.strip_prefix("/tools/")?.replace("~1", "/").replace("~0", "~");
    pattern.contains(['*', '?']).then(|| format!("all of {pattern} together"))
}

fn per(window: Window) -> String {
    match window {
        Window::Sliding { seconds: 1 } => "a second".to_owned(),
        Window::Sliding { seconds: 60 } => "a minute".to_owned(),
        Window::Sliding { seconds: 3_600 } => "an hour".to_owned(),
        Window::Sliding { seconds: 86_400 } => "a day".to_owned(),
        Window::Sliding { seconds: 604_800 } => "a week".to_owned(),
        Window::Sliding { seconds } => format!("in {}", duration(seconds)),
        Window::Calendar(CalendarUnit::Month) => "a calendar month".to_owned(),
        Window::Calendar(CalendarUnit::Seconds(1)) => "a second by the clock".to_owned(),
        Window::Calendar(CalendarUnit::Seconds(60)) => "a minute by the clock".to_owned(),
        Window::Calendar(CalendarUnit::Seconds(3_600)) => "an hour by the clock".to_owned(),
        Window::Calendar(CalendarUnit::Seconds(86_400)) => "a calendar day".to_owned(),
        Window::Calendar(CalendarUnit::Seconds(604_800)) => "a calendar week".to_owned(),
        Window::Calendar(CalendarUnit::Seconds(seconds)) => format!("in every {} by the clock", duration(seconds)),
    }
}

/// In the largest unit that is exact.
pub(super) fn duration(seconds: u32) -> String {
    let units = [(86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")];
    let (length, unit) = units.into_iter().find(|(length, _)| seconds.is_multiple_of(*length)).unwrap_or((1, "second"));
    let count = seconds / length;
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

/// `only when amount is at most 100`; nothing for a check that always holds.
pub(super) fn require(check: &Check) -> Option<String> {
    (!check.conditions.is_empty()).then(|| format!("only when {}", all(&check.conditions, "every ")))
}

/// `amount over 100 is refused`, `refused when amount is over 100 and currency is "EUR"`
pub(super) fn deny_if(check: &Check) -> String {
    when(check, "is refused", "refused")
}

/// `amount over 100 needs approval`
pub(super) fn approve_if(check: &Check) -> String {
    when(check, "needs approval", "needs approval")
}

fn when(check: &Check, after: &str, before: &str) -> String {
    match check.conditions.as_slice() {
        [] => format!("every call {after}"),
        [only] => {
            let predicate = predicate(only);
            match predicate.strip_prefix("is ").filter(|_| reads_as_noun(only)) {
                Some(rest) => format!("{} {rest} {after}", subject(&only.path, "any ")),
                None => format!("{before} when {} {predicate}", subject(&only.path, "any ")),
            }
        }
        several => format!("{before} when {}", all(several, "any ")),
    }
}

fn reads_as_noun(condition: &Condition) -> bool {
    matches!(condition.test, Test::Compare(..) | Test::Cidr(_))
}

fn all(conditions: &[Condition], quantifier: &str) -> String {
    let said: Vec<String> =
        conditions.iter().map(|c| format!("{} {}", subject(&c.path, quantifier), predicate(c))).collect();
    said.join(" and ")
}

fn subject(path: &Path, quantifier: &str) -> String {
    let quantifier = if path.has_wildcard() { quantifier } else { "" };
    format!("{quantifier}{}", short(path))
}

/// Without `args.`; facts by what they are called in a sentence.
fn short(path: &Path) -> String {
    let fact = match &path.root {
        Root::Arguments(_) => {
            let text = path.to_string();
            return text.strip_prefix("args.").unwrap_or(&text).to_owned();
        }
        Root::Fact(fact) => *fact,
    };
    match fact {
        Fact::GrantLabel => "the grant's label",
        Fact::MemberEmail => "the caller's mail address",
        Fact::MemberRole => "the caller's role",
        Fact::ClientName => "the client's name",
        Fact::ClientVersion => "the client's version",
        Fact::ClientIp => "the client's address",
        Fact::SessionId => "the session's id",
        Fact::ToolClass => "the tool's class",
        Fact::TimeHour => "the hour (UTC)",
        Fact::TimeWeekday => "the weekday (UTC)",
    }
    .to_owned()
}

fn predicate(condition: &Condition) -> String {
    let not = condition.negated;
    let or_not = |yes: &'static str, no: &'static str| if not { no } else { yes };
    match &condition.test {
        Test::Eq(literal) => format!("{} {}", or_not("is", "is not"), text(literal)),
        Test::In(list) => format!("{} {}", or_not("is one of", "is none of"), listed(list.iter().map(text))),
        Test::Compare(comparison, than) => {
            let word = match comparison {
                Comparison::Less => "is under",
                Comparison::LessOrEqual => "is at most",
                Comparison::Greater => "is over",
                Comparison::GreaterOrEqual => "is at least",
            };
            format!("{word} {than}")
        }
        Test::Exists => or_not("is given", "is not given").to_owned(),
        Test::Regex(regex) => format!("{} {}", or_not("matches", "does not match"), regex.as_str()),
        Test::Contains(literal) => format!("{} {}", or_not("contains", "does not contain"), text(literal)),
        Test::StartsWith(part) => format!("starts with {}", quoted(part)),
        Test::EndsWith(part) => format!("ends with {}", quoted(part)),
        Test::Cidr(nets) => {
            format!("{} {}", or_not("is inside", "is outside"), listed(nets.iter().map(ToString::to_string)))
        }
        Test::Length(comparison, than) => {
            let word = if *comparison == Comparison::LessOrEqual { "at most" } else { "at least" };
            format!("has a length of {word} {than}")
        }
    }
}

fn listed(items: impl Iterator<Item = String>) -> String {
    let items: Vec<String> = items.collect();
    if items.is_empty() { "nothing".to_owned() } else { items.join(", ") }
}

fn quoted(text: &str) -> String {
    let mut out = String::new();
    crate::json::write_string(text, &mut out);
    out
}

/// As JSON.
fn text(literal: &Literal) -> String {
    match literal {
        Literal::Null => "null".to_owned(),
        Literal::Bool(value) => value.to_string(),
        Literal::Number(number) => number.to_string(),
        Literal::String(text) => quoted(text),
        Literal::Array(items) => format!("[{}]", items.iter().map(text).collect::<Vec<_>>().join(", ")),
        Literal::Object(members) => {
            let members: Vec<String> =
                members.iter().map(|(key, value)| format!("{}: {}", quoted(key), text(value))).collect();
            format!("{{{}}}", members.join(", "))
        }
    }
}
