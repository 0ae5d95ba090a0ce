//! Writes what was seen as a policy, in the style of the one at the top of the language's definition.

use std::{collections::HashSet, fmt::Write as _};

use domain::Timestamp;
use policy::RiskClass;
use serde_json::Value;
use storage::ToolRow;

use super::{LOOK_BACK_DAYS, SuggestedLine, Suggestion, SuggestionSource, observe::Seen};

/// Entries for tools at most; a document has room for 1,000 with the hidden ones.
pub(super) const MOST_TOOLS: usize = 900;
const MOST_HIDDEN: usize = 100;
/// Arguments are held to a few values only when so many calls had no other.
const SURE_FROM_CALLS: u64 = 20;
/// Names told in one sentence.
const MOST_NAMES: usize = 8;
/// Room left above the most that was seen.
const HEADROOM: u64 = 2;

/// A document being written, and why.
pub(super) struct Writing {
    pub(super) document: String,
    pub(super) why: Vec<SuggestedLine>,
}

pub(super) fn suggest(tools: &[ToolRow], seen: &[Seen], since: Timestamp, most: usize) -> Suggestion {
    let (named, unnamed): (Vec<&Seen>, Vec<&Seen>) = seen.iter().partition(|seen| can_be_named(&seen.tool));
    let (taken, left) = named.split_at(named.len().min(most));
    let called: HashSet<&str> = seen.iter().map(|seen| seen.tool.as_str()).collect();
    let idle: Vec<&ToolRow> = tools.iter().filter(|row| !called.contains(row.name.as_str())).collect();
    let destroying = idle.iter().filter(|row| row.class == RiskClass::Destructive && can_be_named(&row.name));
    let hidden: Vec<&str> = destroying.map(|row| row.name.as_str()).take(MOST_HIDDEN.min(most)).collect();

    let mut writing = Writing::begin();
    writing.default(&idle, unnamed.iter().chain(left).map(|seen| seen.tool.as_str()));
    writing.hide(&hidden);
    writing.tools(taken);
    let calls = seen.iter().map(|seen| seen.calls).sum();
    writing.done(SuggestionSource::Calls { calls, since })
}

impl Writing {
    pub(super) fn begin() -> Self {
        Self { document: "{\n  \"version\": \"1\",\n  \"default\": \"deny\"".to_owned(), why: Vec::new() }
    }

    pub(super) fn because(&mut self, pointer: impl Into<String>, why: impl Into<String>) {
        self.why.push(SuggestedLine { pointer: pointer.into(), why: why.into() });
    }

    fn done(mut self, source: SuggestionSource) -> Suggestion {
        self.document.push_str("\n}\n");
        Suggestion { document: self.document, why: self.why, source }
    }

    fn default<'a>(&mut self, idle: &[&ToolRow], unnameable: impl Iterator<Item = &'a str>) {
        let mut why = format!("What was not called in the last {LOOK_BACK_DAYS} days is denied.");
        let of = |wanted: fn(RiskClass) -> bool| {
            idle.iter().filter(move |row| wanted(row.class)).map(|row| row.name.as_str())
        };
        let told = [
            (listed(of(|class| class == RiskClass::Read)), "read only, and were left out because nobody called them"),
            (
                listed(of(|class| !matches!(class, RiskClass::Read | RiskClass::Destructive))),
                "change something, and nobody called them",
            ),
            (listed(unnameable), "were called, but no entry can name them alone"),
        ];
        for (names, what) in told {
            if let Some(names) = names {
                let _ = write!(why, " These {what}: {names}.");
            }
        }
        self.because("/default", why);
    }

    fn hide(&mut self, names: &[&str]) {
        if names.is_empty() {
            return;
        }
        let lines: Vec<String> = names.iter().map(|name| format!("\n    {}", text(name))).collect();
        let _ = write!(self.document, ",\n  \"hide\": [{}\n  ]", lines.join(","));
        for (index, name) in names.iter().enumerate() {
            self.because(
                format!("/hide/{index}"),
                format!("{name} destroys and was not called: out of sight, it cannot be called by mistake either."),
            );
        }
    }

    fn tools(&mut self, seen: &[&Seen]) {
        if seen.is_empty() {
            return;
        }
        self.document.push_str(",\n  \"tools\": {");
        for (index, seen) in seen.iter().enumerate() {
            self.document.push_str(if index == 0 { "\n" } else { ",\n" });
            self.tool(seen);
        }
        self.document.push_str("\n  }");
    }

    fn tool(&mut self, seen: &Seen) {
        let pointer = format!("/tools/{}", seen.tool.replace('~', "~0").replace('/', "~1"));
        self.because(&pointer, called(seen));
        let _ = write!(self.document, "    {}: {{", text(&seen.tool));
        let choices: Vec<(String, String)> = choices(seen).collect();
        if !choices.is_empty() {
            self.document.push_str("\n      \"require\": [");
            for (index, (path, values)) in choices.iter().enumerate() {
                self.document.push_str(if index == 0 { "\n" } else { ",\n" });
                let condition = format!("{{ \"path\": {}, \"op\": \"in\", \"value\": [{values}] }}", text(path));
                let _ = write!(self.document, "        {{ \"conditions\": [{condition}] }}");
                self.because(
                    format!("{pointer}/require/{index}"),
                    format!("Each of the {} calls had one of these values, and no other.", seen.calls),
                );
            }
            self.document.push_str("\n      ],");
        }
        self.document.push_str("\n      \"limits\": [");
        for (index, (window, peak)) in windows(seen).into_iter().enumerate() {
            let max = friendly(peak.saturating_mul(HEADROOM));
            let counter = counter(&seen.tool, window);
            self.document.push_str(if index == 0 { "\n" } else { ",\n" });
            let _ = write!(
                self.document,
                "        {{ {counter}\"window\": \"{window}\", \"max\": {max}, \"scope\": \"grant\" }}"
            );
            let why =
                format!("At most {peak} in any {window} were seen under one grant; {max} leaves room for twice that.");
            self.because(format!("{pointer}/limits/{index}"), why);
        }
        self.document.push_str("\n      ]\n    }");
    }
}

fn called(seen: &Seen) -> String {
    let many = |count: u64, one: &str| format!("{count} {one}{}", if count == 1 { "" } else { "s" });
    let grants = many(seen.grants.len() as u64, "grant");
    let mut why = format!("{} in the last {LOOK_BACK_DAYS} days, under {grants}.", many(seen.calls, "call"));
    why.push_str(match seen.class {
        RiskClass::Read | RiskClass::Write => "",
        RiskClass::Execute => " It runs something: hold its arguments to what has to be possible.",
        RiskClass::Destructive => " It destroys: consider \"action\": \"require_approval\".",
        RiskClass::Financial => {
            " It moves money: consider a limit with an amount, or \"action\": \"require_approval\"."
        }
    });
    if !seen.checks.is_empty() {
        let _ = write!(why, " The policy in force checks more, which is not taken over: {}.", seen.checks.join("; "));
    }
    why
}

/// The windows that a tool is limited in, with the most that was seen in each. What reads is held to a minute only, and a limit
/// per hour that the one per minute keeps anyway is left out.
fn windows(seen: &Seen) -> Vec<(&'static str, u64)> {
    let mut windows = vec![("minute", seen.minute)];
    let (minute, hour) = (friendly(seen.minute * HEADROOM), friendly(seen.hour * HEADROOM));
    if seen.class != RiskClass::Read && hour < minute.saturating_mul(60) {
        windows.push(("hour", seen.hour));
    }
    windows
}

/// 1, 2, 5, 10, 20, 30, 50, 100, 200, 300, 500, …: the first that is not below.
fn friendly(least: u64) -> u64 {
    let mut ten: u64 = 1;
    loop {
        let steps: &[u64] = if ten == 1 { &[1, 2, 5] } else { &[1, 2, 3, 5] };
        if let Some(found) = steps.iter().map(|step| step.saturating_mul(ten)).find(|number| *number >= least) {
            return found;
        }
        ten = ten.saturating_mul(10);
    }
}

/// Arguments that are held to the values that were seen: the path, and the values as a list.
fn choices(seen: &Seen) -> impl Iterator<Item = (String, String)> {
    let sure = seen.calls >= SURE_FROM_CALLS;
    let simple = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    let choices = seen.choices().filter(move |(name, _)| sure && simple(name));
    choices.map(|(name, values)| {
        (format!("args.{name}"), values.iter().map(String::as_str).collect::<Vec<_>>().join(", "))
    })
}

/// A counter's name, as a member; none where the tool's name cannot be part of one: then the language names it.
fn counter(tool: &str, window: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || "_.:-".contains(c);
    if tool.len() > 100 || !tool.chars().all(fits) {
        return String::new();
    }
    format!("\"counter\": \"{tool}_per_{window}\", ")
}

/// Whether an entry with this name is about this tool and no other.
pub(super) fn can_be_named(tool: &str) -> bool {
    // Of longer names nobody knows how they end.
    !tool.is_empty() && !tool.contains(['*', '?']) && tool.chars().count() < domain::MOST_RECORDED_CHARS
}

/// Some names in a sentence; none for none.
pub(super) fn listed<'a>(names: impl Iterator<Item = &'a str>) -> Option<String> {
    let names: Vec<&str> = names.collect();
    let shown = names.iter().take(MOST_NAMES).copied().collect::<Vec<_>>().join(", ");
    let more = names.len().saturating_sub(MOST_NAMES);
    match (names.is_empty(), more) {
        (true, _) => None,
        (false, 0) => Some(shown),
        (false, more) => Some(format!("{shown} and {more} more")),
    }
}

pub(super) fn text(text: &str) -> String {
    Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn friendly_numbers_are_never_below() {
        let found: Vec<u64> = [0, 1, 2, 3, 6, 11, 21, 31, 51, 101, 400, 501].into_iter().map(friendly).collect();
        assert_eq!(found, [1, 1, 2, 5, 10, 20, 30, 50, 100, 200, 500, 1_000]);
        assert_eq!(friendly(u64::MAX), u64::MAX);
    }

    #[test]
    fn long_lists_of_names_are_cut() {
        assert_eq!(listed(std::iter::empty()), None);
        assert_eq!(listed(["a", "b"].into_iter()).as_deref(), Some("a, b"));
        assert_eq!(listed(["x"; 10].into_iter()).as_deref(), Some("x, x, x, x, x, x, x, x and 2 more"));
    }
}
