//! Reads limits, and `rate_limit`, which is short for one.

use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::field::{Choice, Field, Object, Shape, choice, words};
use super::reader::Fields;
use super::{At, Reader};
use crate::charge::Unit;
use crate::json::Value;
use crate::path::{self, Path};
use crate::rule::Limit;
use crate::schema;
use crate::{CalendarUnit, Charge, Decimal, Mode, OnUnavailable, Refund, Scope, Window};

/// What a limit takes from the rule around it.
pub(super) struct Context {
    /// `<pattern>` of default counter names.
    pub(super) prefix: String,
    pub(super) reason: Option<Arc<str>>,
    pub(super) mode: Mode,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Align {
    Sliding,
    Calendar,
}

/// A window's length as it is written.
#[derive(Clone, Copy)]
enum Length {
    Seconds(u32),
    Month,
}

/// The longest window: 31 days, which is what a sliding month is.
const MAX_SECONDS: u32 = 2_678_400;
const MAX_COUNTER: usize = 128;
const WINDOWS: &[Choice<Length>] = &[
    choice("second", Length::Seconds(1), "1 second."),
    choice("minute", Length::Seconds(60), "60 seconds."),
    choice("hour", Length::Seconds(3_600), "60 minutes."),
    choice("day", Length::Seconds(86_400), "24 hours; aligned to the calendar, from 00:00 UTC."),
    choice("week", Length::Seconds(604_800), "7 days; aligned to the calendar, from Monday 00:00 UTC."),
    choice("month", Length::Month, "From the first of the month, 00:00 UTC; if sliding, 31 days."),
];
const SCOPES: &[Choice<Scope>] = &[
    choice("grant", Scope::Grant, "Each grant has a count of its own."),
    choice("member", Scope::Member, "Each person or agent has a count of their own."),
    choice(
        "session",
        Scope::Session,
        "Each MCP session, or access token where there are no sessions, has a count of its own.",
    ),
    choice("server", Scope::Server, "One count for the server, whoever calls."),
    choice("account", Scope::Account, "One count for the account, whoever calls."),
];
const ALIGNS: &[Choice<Align>] = &[
    choice("sliding", Align::Sliding, "No interval of the window's length ever holds more."),
    choice(
        "calendar",
        Align::Calendar,
        "Each period of the calendar starts anew, at 00:00 UTC, on Monday or on the first.",
    ),
];
const COUNTS: &[Choice<Refund>] = &[
    choice("attempts", Refund::Undelivered, "Every call that is forwarded counts."),
    choice("successes", Refund::NotSuccessful, "A call that the server answers with an error is given back."),
];
const UNAVAILABLE: &[Choice<OnUnavailable>] = &[
    choice("deny", OnUnavailable::Deny, "The call is denied."),
    choice("allow", OnUnavailable::Allow, "The call passes uncounted."),
];

/// One of a rule's `limits`.
pub(crate) const LIMIT: Object = Object {
    name: "limit",
    title: "Limit",
    text: "At most so many calls, or so much of an amount, in any window.",
    fields: FIELDS,
    together: Some(whole_unless_amount),
};

/// A rule's `rate_limit`.
pub(crate) const RATE_LIMIT: Object = Object {
    name: "rate_limit",
    title: "Rate limit",
    text: "At most so many calls in any window.",
    fields: RATE_FIELDS,
    together: Some(whole),
};

const FIELDS: &[Field] = &[
    Field::optional(
        "counter",
        "Counter",
        "Limits with the same counter, window and scope share one count, also across tools. `<pattern>_<window>` if left out.",
        Shape::Other(counters),
    )
    .like(&["\"payments\""]),
    WINDOW,
    MAX,
    SCOPE,
    Field::optional(
        "align",
        "Alignment",
        "Whether the window slides or follows the calendar. A month follows the calendar unless it says `sliding`.",
        Shape::Choice(|| words(ALIGNS)),
    )
    .or("\"sliding\""),
    Field::optional(
        "amount",
        "Amount",
        "A path to a number in the arguments, which is added instead of 1: a spend cap. Sums are exact.",
        Shape::Other(amounts),
    )
    .like(&["\"args.amount\""]),
    Field::optional("count", "What counts", "Whether calls that fail are given back.", Shape::Choice(|| words(COUNTS)))
        .or("\"attempts\""),
    Field::optional(
        "on_unavailable",
        "Without counters",
        "What happens to a call while the counters cannot be reached.",
        Shape::Choice(|| words(UNAVAILABLE)),
    )
    .or("\"deny\""),
];

const RATE_FIELDS: &[Field] = &[MAX, WINDOW, SCOPE];

const MAX: Field =
    Field::required("max", "Maximum", "The most that may count at any moment.", Shape::Other(maxima)).like(&["30"]);
const WINDOW: Field =
    Field::required("window", "Window", "Over what time it counts: a word, or whole seconds.", Shape::Other(windows))
        .like(&["\"minute\"", "300"]);
const SCOPE: Field =
    Field::optional("scope", "Scope", "Whose count it is.", Shape::Choice(|| words(SCOPES))).or("\"grant\"");

fn counters() -> Json {
    json!({ "type": "string", "pattern": format!("^[A-Za-z0-9_.:-]{{1,{MAX_COUNTER}}}$") })
}

fn maxima() -> Json {
    json!({ "type": "number", "minimum": 0 })
}

fn windows() -> Json {
    json!({ "anyOf": [schema::words(&words(WINDOWS)), { "type": "integer", "minimum": 1, "maximum": MAX_SECONDS }] })
}

fn amounts() -> Json {
    json!({ "type": "string", "pattern": path::SHAPE })
}

fn whole() -> Json {
    json!({ "properties": { "max": { "type": "integer" } } })
}

fn whole_unless_amount() -> Json {
    json!({ "if": { "not": { "required": ["amount"] } }, "then": whole() })
}

pub(super) fn read_all(reader: &mut Reader<'_>, at: &At<'_>, context: &Context) -> Vec<Limit> {
    let items = reader.items(at).unwrap_or_default();
    items.iter().filter_map(|item| read(reader, item, context)).collect()
}

fn read(reader: &mut Reader<'_>, at: &At<'_>, context: &Context) -> Option<Limit> {
    let fields = reader.object(at, FIELDS)?;
    let counter = fields.get("counter").map(|at| read_counter(reader, &at));
    let window = reader.required(&fields, FIELDS, "window").and_then(|at| read_window(reader, &at));
    let amount = fields.get("amount").map(|at| read_amount(reader, &at));
    let unit = if amount.is_some() { Unit::Amount } else { Unit::Calls };
    let max = reader.required(&fields, FIELDS, "max").and_then(|at| read_max(reader, &at, unit));
    let scope = read_scope(reader, &fields);
    let align = fields.get("align").and_then(|at| reader.one_of(&at, ALIGNS));
    let refund = fields.get("count").and_then(|at| reader.one_of(&at, COUNTS));
    let on_unavailable = fields.get("on_unavailable").and_then(|at| reader.one_of(&at, UNAVAILABLE));
    let (length, written) = window?;
    let charge = Charge {
        counter: counter.unwrap_or_else(|| Some(format!("{}_{written}", context.prefix)))?.into(),
        window: aligned(length, align),
        scope,
        max: max?,
        amount: Decimal::ONE,
        refund: refund.unwrap_or(Refund::Undelivered),
        on_unavailable: on_unavailable.unwrap_or(OnUnavailable::Deny),
        mode: context.mode,
        unit,
        rule: at.pointer.as_str().into(),
        reason: context.reason.clone(),
    };
    Some(Limit { charge, amount: amount.flatten() })
}

/// `{max, window, scope?}`, counter `<pattern>_rate`.
pub(super) fn read_rate_limit(reader: &mut Reader<'_>, at: &At<'_>, context: &Context) -> Option<Limit> {
    let fields = reader.object(at, RATE_FIELDS)?;
    let max = reader.required(&fields, RATE_FIELDS, "max").and_then(|at| read_max(reader, &at, Unit::Calls));
    let window = reader.required(&fields, RATE_FIELDS, "window").and_then(|at| read_window(reader, &at));
    let scope = read_scope(reader, &fields);
    let charge = Charge {
        counter: format!("{}_rate", context.prefix).into(),
        window: aligned(window?.0, None),
        scope,
        max: max?,
        amount: Decimal::ONE,
        refund: Refund::Undelivered,
        on_unavailable: OnUnavailable::Deny,
        mode: context.mode,
        unit: Unit::Calls,
        rule: at.pointer.as_str().into(),
        reason: context.reason.clone(),
    };
    Some(Limit { charge, amount: None })
}

fn read_scope(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Scope {
    fields.get("scope").and_then(|at| reader.one_of(&at, SCOPES)).unwrap_or(Scope::Grant)
}

fn read_counter(reader: &mut Reader<'_>, at: &At<'_>) -> Option<String> {
    let allowed = "1 to 128 of A-Z a-z 0-9 _ . : -";
    let counter = reader.text_of(at, allowed)?;
    let sound = counter.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.:-".contains(&byte));
    if counter.is_empty() || counter.len() > MAX_COUNTER || !sound {
        reader.refuse(at, allowed);
        return None;
    }
    Some(counter)
}

/// The length, and how it is written in a default counter name.
fn read_window(reader: &mut Reader<'_>, at: &At<'_>) -> Option<(Length, String)> {
    let names: Vec<String> = WINDOWS.iter().map(|window| format!("{:?}", window.word)).collect();
    let allowed = format!("{}, or whole seconds from 1 to {MAX_SECONDS}", names.join(", "));
    let found = match &at.node.value {
        Value::String(text) => {
            WINDOWS.iter().find(|window| window.word == *text).map(|window| (window.value, window.word.to_owned()))
        }
        Value::Number(text) => Decimal::parse(text)
            .ok()
            .and_then(|number| number.to_i64())
            .and_then(|seconds| u32::try_from(seconds).ok())
            .filter(|seconds| (1..=MAX_SECONDS).contains(seconds))
            .map(|seconds| (Length::Seconds(seconds), seconds.to_string())),
        _ => None,
    };
    if found.is_none() {
        reader.refuse(at, &allowed);
    }
    found
}

fn aligned(length: Length, align: Option<Align>) -> Window {
    match (length, align) {
        (Length::Month, None | Some(Align::Calendar)) => Window::Calendar(CalendarUnit::Month),
        (Length::Month, Some(Align::Sliding)) => Window::Sliding { seconds: MAX_SECONDS },
        (Length::Seconds(seconds), Some(Align::Calendar)) => Window::Calendar(CalendarUnit::Seconds(seconds)),
        (Length::Seconds(seconds), None | Some(Align::Sliding)) => Window::Sliding { seconds },
    }
}

fn read_max(reader: &mut Reader<'_>, at: &At<'_>, unit: Unit) -> Option<Decimal> {
    let allowed = match unit {
        Unit::Calls => "an integer, 0 or more",
        Unit::Amount => "a number, 0 or more",
    };
    let max = reader.decimal(at, allowed)?;
    if max.is_negative() || (unit == Unit::Calls && !max.is_integer()) {
        reader.refuse(at, allowed);
        return None;
    }
    Some(max)
}

fn read_amount(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Path> {
    let allowed = "a path under `args.` to one number, without a wildcard";
    let text = reader.text_of(at, allowed)?;
    let path = Path::parse(&text).ok().filter(|path| path.segments().is_some() && !path.has_wildcard());
    if path.is_none() {
        reader.refuse(at, allowed);
    }
    path
}
