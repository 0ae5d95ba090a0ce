//! What calls were seen, by tool: how many, how many at once, and with which values of the arguments that records keep.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use domain::{CallDecided, DataKey, GrantId};
use policy::{CompiledPolicy, Decimal, RiskClass, Timestamp, Window, window::Ring};
use serde_json::{Map, Value};
use storage::PastCall;

/// Values of one argument that are told apart.
const MOST_VALUES: usize = 3;
/// Tools that are told apart, more than a document has room for; calls of any more are left out.
const MOST_TOOLS: usize = 1_000;
/// Arguments of a tool that are told apart.
const MOST_ARGUMENTS: usize = 200;
/// Checks of the policies in force that are told of.
const MOST_CHECKS: usize = 20;
/// The longest text that is taken for one of a few choices.
const MOST_CHARS: usize = 64;
const MINUTE: Window = Window::Sliding { seconds: 60 };
const HOUR: Window = Window::Sliding { seconds: 3_600 };

/// Looks at calls in the order of time.
pub(super) struct Observer {
    key: DataKey,
    tools: BTreeMap<String, Seen>,
    rates: HashMap<(GrantId, String), [Ring; 2]>,
}

/// What was seen of one tool.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) tool: String,
    pub(super) class: RiskClass,
    pub(super) calls: u64,
    pub(super) grants: HashSet<GrantId>,
    /// The most that one grant called in any minute, by the sums that limits are held against.
    pub(super) minute: u64,
    /// The same for an hour.
    pub(super) hour: u64,
    /// What the policies in force check of its calls besides, in words.
    pub(super) checks: Vec<String>,
    /// Arguments by name.
    values: BTreeMap<String, Values>,
}

/// The values of one argument, as JSON.
#[derive(Clone, Debug, Default)]
struct Values {
    calls: u64,
    /// None: too many, or none that could be one of a few choices.
    found: Option<BTreeSet<String>>,
}

impl Observer {
    pub(super) fn new(key: DataKey) -> Self {
        Self { key, tools: BTreeMap::new(), rates: HashMap::new() }
    }

    pub(super) fn see(&mut self, call: &PastCall) {
        let (Some(grant), Some(class)) = (call.grant, call.class) else { return };
        if self.tools.len() >= MOST_TOOLS && !self.tools.contains_key(&call.tool) {
            return;
        }
        let arguments = self.arguments(call);
        let seen = self.tools.entry(call.tool.clone()).or_insert_with(|| Seen::nothing(&call.tool));
        let rings = self.rates.entry((grant, call.tool.clone())).or_insert_with(|| [MINUTE, HOUR].map(Ring::new));
        let at: Timestamp = call.place.at.into();
        let [minute, hour] = rings.each_mut().map(|ring| {
            ring.add(at, &Decimal::ONE);
            ring.sum(at).to_i64().and_then(|sum| u64::try_from(sum).ok()).unwrap_or(0)
        });
        seen.class = class;
        seen.calls += 1;
        seen.grants.insert(grant);
        seen.minute = seen.minute.max(minute);
        seen.hour = seen.hour.max(hour);
        for (name, value) in arguments {
            if seen.values.len() < MOST_ARGUMENTS || seen.values.contains_key(&name) {
                seen.values.entry(name).or_default().see(&value);
            }
        }
    }

    /// The most called first.
    pub(super) fn done(self) -> Vec<Seen> {
        let mut seen: Vec<Seen> = self.tools.into_values().collect();
        seen.sort_by(|a, b| b.calls.cmp(&a.calls).then_with(|| a.tool.cmp(&b.tool)));
        seen
    }

    fn arguments(&self, call: &PastCall) -> Map<String, Value> {
        let Some(sealed) = &call.arguments else { return Map::new() };
        let opened = self.key.open(&CallDecided::arguments_context(call.place.id), sealed);
        opened.ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
    }
}

/// What shows as what it is wherever it stands.
fn is_plain(c: char) -> bool {
    c.is_alphanumeric() || c.is_ascii_graphic() || c == ' '
}

impl Seen {
    fn nothing(tool: &str) -> Self {
        Self {
            tool: tool.to_owned(),
            class: RiskClass::Destructive,
            calls: 0,
            grants: HashSet::new(),
            minute: 0,
            hour: 0,
            checks: Vec::new(),
            values: BTreeMap::new(),
        }
    }

    /// Notes what the policies in force check of the tool's calls.
    pub(super) fn compare(&mut self, in_force: &[CompiledPolicy]) {
        for policy in in_force {
            let standing = policy::standings(Some(policy), &self.tool, self.class);
            for check in standing.checks.into_iter().chain(standing.approval) {
                if self.checks.len() == MOST_CHECKS {
                    self.checks.push("and more".to_owned());
                }
                if self.checks.len() > MOST_CHECKS {
                    return;
                }
                if !self.checks.contains(&check) {
                    self.checks.push(check);
                }
            }
        }
    }

    /// Arguments that every call had, each time with one of very few values, and those values as JSON.
    pub(super) fn choices(&self) -> impl Iterator<Item = (&str, &BTreeSet<String>)> {
        let always = self.values.iter().filter(|(_, values)| values.calls == self.calls);
        always.filter_map(|(name, values)| Some((name.as_str(), values.found.as_ref()?)))
    }
}

impl Values {
    fn see(&mut self, value: &Value) {
        let choice = match value {
            Value::String(text) => text.chars().count() <= MOST_CHARS && text.chars().all(is_plain),
            Value::Bool(_) => true,
            Value::Null | Value::Number(_) | Value::Array(_) | Value::Object(_) => false,
        };
        if self.calls == 0 {
            self.found = Some(BTreeSet::new());
        }
        self.calls += 1;
        if let Some(found) = &mut self.found {
            found.insert(value.to_string());
            if !choice || found.len() > MOST_VALUES {
                self.found = None;
            }
        }
    }
}
