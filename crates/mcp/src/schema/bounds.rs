//! How much work a schema can make, found out before it is used.
//!
//! At one place of the arguments a schema visits itself and whatever applies at the same place (`allOf`, `$ref`…): its
//! weight there. One place can be visited several times over, when several of these lead on to it (`allOf` of two
//! schemas with `properties` of the same name): its visits, which multiply from level to level. References can blow up both
//! without end, so both are computed with references followed, and what is too heavy is not used.

mod visits;

use std::collections::HashMap;

use serde_json::{Map, Value};

/// Heaviest schema that is used.
const MOST_WEIGHT: u64 = 20_000;
/// Deepest nesting of a schema, references followed.
const MOST_NESTING: u64 = 96;
/// Deepest arguments that visits are computed for; a message nests at most so deep.
const MOST_DEPTH: usize = 64;

/// Most patterns of a schema.
const MOST_PATTERNS: usize = 256;
/// Largest compiled pattern, in bytes.
const PATTERN_BYTES: usize = 256 << 10;
/// What all patterns of a schema may take when they are compiled: so much for each byte of the schema, and in bytes at least
/// and at most. A few characters of a pattern can stand for thousands of states.
const PATTERNS_TIMES: usize = 16;
const ALL_PATTERNS_BYTES: (usize, usize) = (256 << 10, 2 << 20);

/// Keywords whose value applies at the same place.
const SAME_PLACE: [&str; 4] = ["not", "if", "then", "else"];
/// Keywords that hold a list of schemas for the same place.
const SAME_PLACE_ALL: [&str; 3] = ["allOf", "anyOf", "oneOf"];
/// Keywords that hold schemas for the same place by property.
const SAME_PLACE_BY_NAME: [&str; 2] = ["dependentSchemas", "dependencies"];
/// References that are resolved only while checking.
const MOVING: [&str; 3] = ["$dynamicRef", "$recursiveRef", "$recursiveAnchor"];

/// What bounds the work of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bounds {
    /// The most work of one visit at one place.
    pub weight: u64,
    /// The deepest nesting at one place.
    pub nesting: u64,
    /// How many patterns there are.
    patterns: usize,
    /// The most visits of one place, by its depth.
    visits: Vec<u64>,
}

impl Bounds {
    pub(super) fn of(schema: &Value) -> Result<Self, &'static str> {
        let mut walk = Walk { root: schema, known: HashMap::new(), most: Cost::default(), patterns: 0 };
        walk.all(schema, 0)?;
        let Cost { weight, nesting } = walk.most;
        if weight > MOST_WEIGHT {
            return Err("its references multiply");
        }
        let visits = visits::by_depth(schema, MOST_DEPTH)?;
        Ok(Self { weight, nesting, patterns: walk.patterns, visits })
    }

    /// What one pattern may take when it is compiled, in bytes, in a schema of this length; none if there are too many.
    pub(super) fn bytes_of_a_pattern(&self, schema_bytes: usize) -> Option<usize> {
        let (least, most) = ALL_PATTERNS_BYTES;
        let all = schema_bytes.saturating_mul(PATTERNS_TIMES).clamp(least, most);
        (self.patterns <= MOST_PATTERNS).then(|| (all / self.patterns.max(1)).min(PATTERN_BYTES))
    }

    /// The most work of checking arguments of so many bytes and this nesting.
    pub(super) fn work(&self, bytes: usize, depth: u64) -> u64 {
        let deepest = self.visits.len().saturating_sub(1);
        let depth = usize::try_from(depth).map_or(deepest, |depth| depth.min(deepest));
        let visits = self.visits.get(depth).copied().unwrap_or(1);
        (bytes as u64).saturating_mul(self.weight).saturating_mul(visits)
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Cost {
    weight: u64,
    nesting: u64,
}

impl Cost {
    fn add(&mut self, inner: Self) {
        self.weight = self.weight.saturating_add(inner.weight);
        self.nesting = self.nesting.max(inner.nesting + 1);
    }
}

struct Walk<'s> {
    root: &'s Value,
    /// By reference; none while it is being computed.
    known: HashMap<&'s str, Option<Cost>>,
    most: Cost,
    patterns: usize,
}

impl<'s> Walk<'s> {
    /// Every value of the document, as if each were a schema: too much rather than too little.
    fn all(&mut self, value: &'s Value, nesting: u64) -> Result<(), &'static str> {
        if nesting > MOST_NESTING {
            return Err("it nests too deep");
        }
        match value {
            Value::Object(members) => {
                let cost = self.at_one_place(members, nesting)?;
                self.most.weight = self.most.weight.max(cost.weight);
                self.most.nesting = self.most.nesting.max(cost.nesting);
                let by_pattern = members.get("patternProperties").and_then(Value::as_object).map_or(0, Map::len);
                self.patterns += by_pattern + usize::from(members.get("pattern").is_some_and(Value::is_string));
                members.values().try_for_each(|value| self.all(value, nesting + 1))
            }
            Value::Array(items) => items.iter().try_for_each(|value| self.all(value, nesting + 1)),
            _ => Ok(()),
        }
    }

    fn at_one_place(&mut self, schema: &'s Map<String, Value>, nesting: u64) -> Result<Cost, &'static str> {
        if nesting > MOST_NESTING {
            return Err("its references nest too deep");
        }
        if MOVING.iter().any(|keyword| schema.contains_key(*keyword)) {
            return Err("it has references that are resolved only while checking");
        }
        let mut cost = Cost { weight: 1 + breadth(schema), nesting: 1 };
        for inner in same_place(schema).filter_map(Value::as_object) {
            cost.add(self.at_one_place(inner, nesting + 1)?);
        }
        if let Some(Value::String(reference)) = schema.get("$ref") {
            cost.add(self.referenced(reference, nesting + 1)?);
        }
        Ok(cost)
    }

    fn referenced(&mut self, reference: &'s str, nesting: u64) -> Result<Cost, &'static str> {
        match self.known.get(reference) {
            Some(Some(known)) => return Ok(*known),
            Some(None) => return Err("a reference leads back to itself"),
            None => {}
        }
        self.known.insert(reference, None);
        let cost = match target(self.root, reference)?.as_object() {
            Some(schema) => self.at_one_place(schema, nesting)?,
            None => Cost { weight: 1, nesting: 1 },
        };
        self.known.insert(reference, Some(cost));
        Ok(cost)
    }
}

/// The schemas that apply at the same place, but for references.
fn same_place(schema: &Map<String, Value>) -> impl Iterator<Item = &Value> {
    let lists = SAME_PLACE_ALL.iter().filter_map(|keyword| schema.get(*keyword)?.as_array()).flatten();
    let ones = SAME_PLACE.iter().filter_map(|keyword| schema.get(*keyword));
    let named = SAME_PLACE_BY_NAME.iter().filter_map(|keyword| schema.get(*keyword)?.as_object()).flat_map(Map::values);
    lists.chain(ones).chain(named)
}

/// What a schema looks at besides other schemas.
fn breadth(schema: &Map<String, Value>) -> u64 {
    let size = |keyword: &str| match schema.get(keyword) {
        Some(Value::Array(items)) => items.len(),
        Some(Value::Object(members)) => members.len(),
        _ => 0,
    };
    let looked_at = schema.len() + size("enum") + size("required") + size("properties") + 4 * size("patternProperties");
    looked_at as u64
}

/// What a reference leads to.
fn target<'s>(root: &'s Value, reference: &str) -> Result<&'s Value, &'static str> {
    let pointer = reference.strip_prefix('#').filter(|rest| rest.is_empty() || rest.starts_with('/'));
    let pointer = pointer.ok_or("it has a reference that is no pointer into it")?;
    root.pointer(&unescaped(pointer)).ok_or("it has a reference that leads nowhere")
}

/// A pointer in a URL's fragment may be percent-encoded.
fn unescaped(pointer: &str) -> String {
    let mut bytes = Vec::with_capacity(pointer.len());
    let mut rest = pointer.as_bytes();
    while let [first, tail @ ..] = rest {
        let hex = tail.get(..2).and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        match hex.filter(|_| *first == b'%') {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
