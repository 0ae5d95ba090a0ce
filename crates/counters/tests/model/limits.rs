//! Section 4: what a call takes, and a log of everything that was admitted.

use std::collections::HashMap;

use super::{check::Scene, entry::Rule, json::Tree, number, number::Number, path, time};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Window {
    Sliding(i64),
    Calendar(i64),
    Month,
}

#[derive(Clone, Debug)]
pub struct Limit {
    pub rule: String,
    pub counter: String,
    pub scope: String,
    pub window: Window,
    pub max: Number,
    pub amount: Number,
    /// Given back also when the upstream answers with an error.
    pub successes: bool,
}

/// The limits of a rule with their pointers; `rate_limit` is short for one.
fn written(rule: &Rule<'_>) -> Vec<(String, String, Tree)> {
    let default = |limit: &Tree| format!("{}_{}", rule.called, window_word(limit));
    let mut all = Vec::new();
    for (i, limit) in rule.body.list("limits").iter().enumerate() {
        let counter = limit.word("counter").map_or_else(|| default(limit), str::to_owned);
        all.push((format!("{}/limits/{i}", rule.pointer), counter, limit.clone()));
    }
    if let Some(limit) = rule.body.get("rate_limit") {
        all.push((format!("{}/rate_limit", rule.pointer), format!("{}_rate", rule.called), limit.clone()));
    }
    all
}

fn window_word(limit: &Tree) -> String {
    match limit.get("window") {
        Some(Tree::Text(word)) => word.clone(),
        Some(Tree::Number(seconds)) => seconds.clone(),
        other => panic!("no window: {other:?}"),
    }
}

fn window(limit: &Tree) -> Window {
    let word = window_word(limit);
    let calendar = limit.word("align").map_or(word == "month", |align| align == "calendar");
    let seconds = match word.as_str() {
        "second" => 1,
        "minute" => 60,
        "hour" => 3_600,
        "day" => 86_400,
        "week" => 604_800,
        "month" if calendar => return Window::Month,
        "month" => 31 * 86_400,
        seconds => seconds.parse::<f64>().unwrap_or_else(|_| panic!("whole seconds: {seconds}")) as i64,
    };
    if calendar { Window::Calendar(seconds) } else { Window::Sliding(seconds) }
}

/// What the limits of some rules take from whom; call only when no amount is amiss.
pub fn of(rules: &[&Rule<'_>], scene: &Scene<'_>) -> Vec<Limit> {
    let all = rules.iter().flat_map(|rule| written(rule));
    let limit = |(rule, counter, limit): (String, String, Tree)| Limit {
        rule,
        counter,
        scope: limit.word("scope").unwrap_or("grant").to_owned(),
        window: window(&limit),
        max: Number::parse(limit.get("max").and_then(Tree::as_number).unwrap_or_default()).0,
        amount: amount(&limit, scene).unwrap_or_else(|| panic!("the amount was looked at: {limit:?}")),
        successes: limit.word("count") == Some("successes"),
    };
    all.map(limit).collect()
}

/// The limits whose amount cannot be added.
pub fn without_amount(rule: &Rule<'_>, scene: &Scene<'_>) -> Vec<String> {
    let amiss = |(pointer, _, limit): (String, String, Tree)| amount(&limit, scene).is_none().then_some(pointer);
    written(rule).into_iter().filter_map(amiss).collect()
}

fn amount(limit: &Tree, scene: &Scene<'_>) -> Option<Number> {
    let Some(path) = limit.word("amount") else { return Some(Number::one()) };
    let found = path::find(scene.arguments, &path::steps(path)?);
    let text = found.first().copied().flatten()?.as_number()?;
    let (number, _) = Number::parse(text);
    let negative = number.negative && !number.is_zero();
    (!number::is_wide(text) && !negative).then_some(number)
}

/// Whose count it is: everything that keeps counters apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    pub place: String,
    pub subject: String,
    pub counter: String,
    pub window: Window,
    pub shadow: bool,
}

/// Whether a limit may, must or must not let a call pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Room {
    None,
    Either,
    Yes,
}

#[derive(Clone, Debug)]
struct Admitted {
    call: usize,
    at_us: i64,
    amount: Number,
    successes: bool,
}

/// Everything that was admitted and not given back.
#[derive(Clone, Debug, Default)]
pub struct Log(HashMap<Key, Vec<Admitted>>);

/// A limit with the counter that it counts in.
#[derive(Clone, Debug)]
pub struct Counted {
    pub key: Key,
    pub limit: Limit,
}

impl Log {
    /// The room of each limit of a call. Limits of one call that share a counter are charged once, the larger amount.
    pub fn room(&self, now_us: i64, limits: &[Counted]) -> Vec<Room> {
        limits.iter().map(|counted| self.room_in(now_us, counted, &charged(limits, &counted.key))).collect()
    }

    fn room_in(&self, now_us: i64, counted: &Counted, amount: &Number) -> Room {
        let fits = |at: &dyn Fn(i64) -> bool| {
            let earlier = self.0.get(&counted.key).into_iter().flatten().filter(|entry| at(entry.at_us));
            let sum = Number::sum(earlier.map(|entry| &entry.amount).chain([amount]));
            sum.compare(&counted.limit.max).is_le()
        };
        match counted.key.window {
            Window::Sliding(seconds) => {
                let age = |at_us: i64| now_us - at_us;
                match (fits(&|at| age(at) < seconds * 1_000_000), fits(&|at| age(at) * 16 <= seconds * 17_000_000)) {
                    (false, _) => Room::None,
                    (true, false) => Room::Either,
                    (true, true) => Room::Yes,
                }
            }
            Window::Calendar(seconds) => {
                exactly(fits(&|at| time::period(at, seconds) == time::period(now_us, seconds)))
            }
            Window::Month => exactly(fits(&|at| time::month(at).0 == time::month(now_us).0)),
        }
    }

    pub fn admit(&mut self, call: usize, at_us: i64, limits: &[Counted]) {
        for (i, counted) in limits.iter().enumerate() {
            if limits[..i].iter().any(|other| other.key == counted.key) {
                continue;
            }
            let amount = charged(limits, &counted.key);
            let successes = limits.iter().filter(|other| other.key == counted.key).all(|other| other.limit.successes);
            let entry = Admitted { call, at_us, amount, successes };
            self.0.entry(counted.key.clone()).or_default().push(entry);
        }
    }

    /// Strikes a call out: everywhere when it was never delivered, else where only successes count.
    pub fn give_back(&mut self, call: usize, never_delivered: bool) {
        for entries in self.0.values_mut() {
            entries.retain(|entry| entry.call != call || !(never_delivered || entry.successes));
        }
    }
}

fn exactly(fits: bool) -> Room {
    if fits { Room::Yes } else { Room::None }
}

fn charged(limits: &[Counted], key: &Key) -> Number {
    let same = limits.iter().filter(|counted| counted.key == *key).map(|counted| &counted.limit.amount);
    same.max_by(|a, b| a.compare(b)).cloned().unwrap_or_else(Number::zero)
}

/// The longest that anybody has to wait for a full limit.
pub fn longest_wait_us(now_us: i64, window: Window) -> i64 {
    match window {
        Window::Sliding(seconds) => seconds * 1_000_000 * 17 / 16,
        Window::Calendar(seconds) => time::next_period(now_us, seconds) - now_us,
        Window::Month => time::month(now_us).1 - now_us,
    }
}
