//! Reads limits, and `rate_limit`, which is short for one.

use std::sync::Arc;

use super::reader::Fields;
use super::{At, Reader};
use crate::charge::Unit;
use crate::json::Value;
use crate::path::Path;
use crate::rule::Limit;
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
const WINDOWS: [(&str, Length); 6] = [
    ("second", Length::Seconds(1)),
    ("minute", Length::Seconds(60)),
    ("hour", Length::Seconds(3_600)),
    ("day", Length::Seconds(86_400)),
    ("week", Length::Seconds(604_800)),
    ("month", Length::Month),
];
const SCOPES: &[(&str, Scope)] = &[
    ("grant", Scope::Grant),
    ("member", Scope::Member),
    ("session", Scope::Session),
    ("server", Scope::Server),
    ("account", Scope::Account),
];

const FIELDS: &[&str] = &["counter", "window", "max", "scope", "align", "amount", "count", "on_unavailable"];

pub(super) fn read_all(reader: &mut Reader<'_>, at: &At<'_>, context: &Context) -> Vec<Limit> {
    let items = reader.items(at).unwrap_or_default();
    items.iter().filter_map(|item| read(reader, item, context)).collect()
}

fn read(reader: &mut Reader<'_>, at: &At<'_>, context: &Context) -> Option<Limit> {
    let fields = reader.object(at, FIELDS)?;
    let counter = fields.get("counter").map(|at| read_counter(reader, &at));
    let window = reader.required(&fields, "window").and_then(|at| read_window(reader, &at));
    let amount = fields.get("amount").map(|at| read_amount(reader, &at));
    let unit = if amount.is_some() { Unit::Amount } else { Unit::Calls };
    let max = reader.required(&fields, "max").and_then(|at| read_max(reader, &at, unit));
    let scope = read_scope(reader, &fields);
    let aligns = &[("sliding", Align::Sliding), ("calendar", Align::Calendar)];
    let align = fields.get("align").and_then(|at| reader.one_of(&at, aligns));
    let counts = &[("attempts", Refund::Undelivered), ("successes", Refund::NotSuccessful)];
    let refund = fields.get("count").and_then(|at| reader.one_of(&at, counts));
    let choices = &[("deny", OnUnavailable::Deny), ("allow", OnUnavailable::Allow)];
    let on_unavailable = fields.get("on_unavailable").and_then(|at| reader.one_of(&at, choices));
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
    let fields = reader.object(at, &["max", "window", "scope"])?;
    let max = reader.required(&fields, "max").and_then(|at| read_max(reader, &at, Unit::Calls));
    let window = reader.required(&fields, "window").and_then(|at| read_window(reader, &at));
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
    let names = WINDOWS.map(|(name, _)| format!("{name:?}")).join(", ");
    let allowed = format!("{names}, or whole seconds from 1 to {MAX_SECONDS}");
    let found = match &at.node.value {
        Value::String(text) => {
            WINDOWS.iter().find(|(name, _)| *name == *text).map(|(name, length)| (*length, (*name).to_owned()))
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
