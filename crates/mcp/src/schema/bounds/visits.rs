//! How often a schema can visit one place of the arguments, by the place's depth.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::{same_place, target};

/// Ways down that are looked at, over the whole schema.
const MOST_WAYS: usize = 50_000;
/// Keywords whose value is a schema for every member or element.
const EACH: [&str; 6] =
    ["additionalProperties", "unevaluatedProperties", "additionalItems", "unevaluatedItems", "items", "contains"];

/// The most visits of one place, by depth from 0 to `deepest`.
pub(super) fn by_depth(root: &Value, deepest: usize) -> Result<Vec<u64>, &'static str> {
    let mut visits = Visits { root, ways: HashMap::new(), count: 0, known: HashMap::new() };
    (0..=deepest).map(|depth| visits.below(root, depth)).collect()
}

/// Where a schema leads on to.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Way<'s> {
    Name(&'s str),
    Index(usize),
    /// Any member or element.
    Each,
}

struct Visits<'s> {
    root: &'s Value,
    /// By the schema's address.
    ways: HashMap<usize, std::rc::Rc<[(Way<'s>, &'s Value)]>>,
    count: usize,
    /// By the schema's address and the depth below it.
    known: HashMap<(usize, usize), u64>,
}

impl<'s> Visits<'s> {
    /// The most visits of one place so deep below a visit of this schema.
    fn below(&mut self, schema: &'s Value, depth: usize) -> Result<u64, &'static str> {
        let address = std::ptr::from_ref(schema).addr();
        if depth == 0 {
            return Ok(1);
        }
        if let Some(known) = self.known.get(&(address, depth)) {
            return Ok(*known);
        }
        let ways = self.ways(schema)?;
        let (mut each, mut named) = (0_u64, HashMap::<Way<'_>, u64>::new());
        for (way, inner) in &*ways {
            let visits = self.below(inner, depth - 1)?;
            let sum = if *way == Way::Each { &mut each } else { named.entry(*way).or_default() };
            *sum = sum.saturating_add(visits);
        }
        let most = each.saturating_add(named.into_values().max().unwrap_or(0)).max(1);
        self.known.insert((address, depth), most);
        Ok(most)
    }

    fn ways(&mut self, schema: &'s Value) -> Result<std::rc::Rc<[(Way<'s>, &'s Value)]>, &'static str> {
        let address = std::ptr::from_ref(schema).addr();
        if let Some(known) = self.ways.get(&address) {
            return Ok(known.clone());
        }
        let mut ways = Vec::new();
        self.collect(schema, &mut ways)?;
        self.count += ways.len();
        let ways: std::rc::Rc<[_]> = ways.into();
        self.ways.insert(address, ways.clone());
        Ok(ways)
    }

    /// Every way down of a schema and of what applies at the same place, which ends: the weights have been found.
    fn collect(&self, schema: &'s Value, ways: &mut Vec<(Way<'s>, &'s Value)>) -> Result<(), &'static str> {
        let Value::Object(schema) = schema else { return Ok(()) };
        down(schema, ways);
        if self.count + ways.len() > MOST_WAYS {
            return Err("too much of it leads on");
        }
        if let Some(Value::String(reference)) = schema.get("$ref") {
            self.collect(target(self.root, reference)?, ways)?;
        }
        same_place(schema).try_for_each(|inner| self.collect(inner, ways))
    }
}

fn down<'s>(schema: &'s Map<String, Value>, ways: &mut Vec<(Way<'s>, &'s Value)>) {
    let named = schema.get("properties").and_then(Value::as_object);
    ways.extend(named.into_iter().flatten().map(|(name, inner)| (Way::Name(name), inner)));
    let patterns = schema.get("patternProperties").and_then(Value::as_object);
    ways.extend(patterns.into_iter().flat_map(Map::values).map(|inner| (Way::Each, inner)));
    for list in ["prefixItems", "items"].iter().filter_map(|keyword| schema.get(*keyword)?.as_array()) {
        ways.extend(list.iter().enumerate().map(|(index, inner)| (Way::Index(index), inner)));
    }
    let each = EACH.iter().filter_map(|keyword| schema.get(*keyword)).filter(|inner| inner.is_object());
    ways.extend(each.map(|inner| (Way::Each, inner)));
}
