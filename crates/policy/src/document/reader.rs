//! The few ways in which a member of a document can be read, each reporting what it does not like.

use super::field::{Choice, Named};
use super::regexes::Regexes;
use super::slips::nearest;
use crate::json::{Member, Node, Value};
use crate::problem::{Problems, Unplaced};
use crate::{Decimal, DecimalError};

/// Text that all problems may have together, in bytes: tens of thousands of problems. More only come from documents
/// made to fill memory, with keys of many kilobytes around thousands of mistakes.
const MAX_TOLD: usize = 32 * 1024 * 1024;
/// Longest piece of a document that a problem repeats, in characters.
const QUOTED: usize = 60;

/// Collects problems while a document is read.
pub(crate) struct Reader<'t> {
    text: &'t str,
    problems: Vec<Unplaced>,
    told: usize,
    pub(super) regexes: Regexes,
}

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct At<'t> {
    pub(crate) node: &'t Node<'t>,
    pub(crate) pointer: String,
}

/// The members of an object whose names are known.
pub(crate) struct Fields<'t> {
    pub(crate) at: At<'t>,
    members: &'t [Member<'t>],
}

impl<'t> At<'t> {
    pub(crate) fn root(node: &'t Node<'t>) -> Self {
        Self { node, pointer: String::new() }
    }

    pub(crate) fn member(&self, member: &'t Member<'t>) -> At<'t> {
        At { node: &member.node, pointer: format!("{}/{}", self.pointer, escape(&member.key)) }
    }

    pub(crate) fn item(&self, index: usize, node: &'t Node<'t>) -> At<'t> {
        At { node, pointer: format!("{}/{index}", self.pointer) }
    }
}

/// A reference token of RFC 6901.
pub(crate) fn escape(token: &str) -> String {
    token.replace('~', "~0").replace('/', "~1")
}

impl<'t> Fields<'t> {
    pub(crate) fn get(&self, name: &str) -> Option<At<'t>> {
        self.members.iter().find(|member| member.key == name).map(|member| self.at.member(member))
    }
}

impl<'t> Reader<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        Self { text, problems: Vec::new(), told: 0, regexes: Regexes::new() }
    }

    pub(crate) fn is_clean(&self) -> bool {
        self.problems.is_empty()
    }

    pub(crate) fn finish(self) -> Problems {
        Problems::place(self.text, self.problems)
    }

    pub(crate) fn problem_at(&mut self, offset: usize, pointer: &str, message: String) {
        if self.told > MAX_TOLD {
            return;
        }
        self.told += pointer.len() + message.len();
        if self.told > MAX_TOLD {
            let message = "found more problems than can be told at once".to_owned();
            self.problems.push(Unplaced { offset, pointer: String::new(), message });
            return;
        }
        self.problems.push(Unplaced { offset, pointer: pointer.to_owned(), message });
    }

    /// Reports the value with what is allowed in its place.
    pub(crate) fn refuse(&mut self, at: &At<'_>, allowed: &str) {
        let message = format!("found {}; allowed: {allowed}", self.describe(at.node));
        self.problem_at(at.node.start, &at.pointer, message);
    }

    fn describe(&self, node: &Node<'_>) -> String {
        match &node.value {
            Value::Array(_) => return "an array".to_owned(),
            Value::Object(_) => return "an object".to_owned(),
            _ => {}
        }
        let source = self.text.get(node.start..node.end).unwrap_or_default();
        if source.chars().count() <= QUOTED {
            return source.to_owned();
        }
        format!("{}…", source.chars().take(QUOTED).collect::<String>())
    }

    /// Reports every key that came before in its object, at any depth.
    pub(crate) fn duplicates(&mut self, at: &At<'_>) {
        match &at.node.value {
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.duplicates(&at.item(index, item));
                }
            }
            Value::Object(members) => {
                for member in members {
                    let place = at.member(member);
                    if member.duplicate {
                        let message = format!("found the key {:?} again; allowed: each key once", member.key);
                        self.problem_at(member.key_start, &place.pointer, message);
                    }
                    self.duplicates(&place);
                }
            }
            _ => {}
        }
    }

    pub(crate) fn object<'n>(&mut self, at: &At<'n>, allowed: &[impl Named]) -> Option<Fields<'n>> {
        let members = self.members(at)?;
        let known = |key: &str| allowed.iter().any(|field| field.name() == key);
        for member in members.iter().filter(|member| !known(&member.key)) {
            let allowed: Vec<&str> = allowed.iter().map(Named::name).collect();
            let meant =
                nearest(&member.key, &allowed).map(|meant| format!(" (did you mean {meant:?}?)")).unwrap_or_default();
            let message = format!("found the unknown field {:?}{meant}; allowed: {}", member.key, allowed.join(", "));
            self.problem_at(member.key_start, &at.member(member).pointer, message);
        }
        Some(Fields { at: at.clone(), members })
    }

    /// The members of an object whose keys are free.
    pub(crate) fn members<'n>(&mut self, at: &At<'n>) -> Option<&'n [Member<'n>]> {
        let node: &'n Node<'n> = at.node;
        match &node.value {
            Value::Object(members) => Some(members),
            _ => {
                self.refuse(at, "an object");
                None
            }
        }
    }

    pub(crate) fn items<'n>(&mut self, at: &At<'n>) -> Option<Vec<At<'n>>> {
        let node: &'n Node<'n> = at.node;
        match &node.value {
            Value::Array(items) => Some(items.iter().enumerate().map(|(index, item)| at.item(index, item)).collect()),
            _ => {
                self.refuse(at, "an array");
                None
            }
        }
    }

    /// The member of that name, which is one of the table; its absence is a problem of the object.
    pub(crate) fn required<'n>(&mut self, fields: &Fields<'n>, table: &[impl Named], name: &str) -> Option<At<'n>> {
        let found = fields.get(name);
        if found.is_none() {
            let pointer = format!("{}/{name}", fields.at.pointer);
            let wanted = table.iter().find(|field| field.name() == name).map(Named::wanted).unwrap_or_default();
            self.problem_at(fields.at.node.start, &pointer, format!("found no {name:?}; it is required{wanted}"));
        }
        found
    }

    pub(crate) fn string(&mut self, at: &At<'_>) -> Option<String> {
        self.text_of(at, "a string")
    }

    pub(crate) fn text_of(&mut self, at: &At<'_>, allowed: &str) -> Option<String> {
        match &at.node.value {
            Value::String(text) => Some(text.clone().into_owned()),
            _ => {
                self.refuse(at, allowed);
                None
            }
        }
    }

    pub(crate) fn boolean(&mut self, at: &At<'_>) -> Option<bool> {
        match at.node.value {
            Value::Bool(value) => Some(value),
            _ => {
                self.refuse(at, "true or false");
                None
            }
        }
    }

    pub(crate) fn one_of<T: Copy>(&mut self, at: &At<'_>, choices: &[Choice<T>]) -> Option<T> {
        let chosen = match &at.node.value {
            Value::String(text) => choices.iter().find(|choice| choice.word == *text).map(|choice| choice.value),
            _ => None,
        };
        if chosen.is_none() {
            let names: Vec<String> = choices.iter().map(|choice| format!("{:?}", choice.word)).collect();
            self.refuse(at, &names.join(", "));
        }
        chosen
    }

    /// A number within the bounds that can be compared exactly; `allowed` names more than the type.
    pub(crate) fn decimal(&mut self, at: &At<'_>, allowed: &str) -> Option<Decimal> {
        let Value::Number(text) = &at.node.value else {
            self.refuse(at, allowed);
            return None;
        };
        match Decimal::parse(text) {
            Ok(number) => Some(number),
            Err(error) => {
                self.refuse_number(at, error);
                None
            }
        }
    }

    fn refuse_number(&mut self, at: &At<'_>, error: DecimalError) {
        let message = format!(
            "found {}, {error}; allowed: a number of at most 34 significant digits and an exponent within ±999",
            self.describe(at.node)
        );
        self.problem_at(at.node.start, &at.pointer, message);
    }

    /// A whole number within a range.
    pub(crate) fn integer(&mut self, at: &At<'_>, (least, most): (u32, u32), what: &str) -> Option<u32> {
        let allowed = format!("{what} from {least} to {most}");
        let number = self.decimal(at, &allowed)?;
        let value =
            number.to_i64().and_then(|value| u32::try_from(value).ok()).filter(|value| (least..=most).contains(value));
        if value.is_none() {
            self.refuse(at, &allowed);
        }
        value
    }

    /// Reports every number at or below a value that cannot be compared exactly.
    pub(crate) fn numbers(&mut self, at: &At<'_>) {
        match &at.node.value {
            Value::Number(text) => {
                if let Err(error) = Decimal::parse(text) {
                    self.refuse_number(at, error);
                }
            }
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.numbers(&at.item(index, item));
                }
            }
            Value::Object(members) => {
                for member in members {
                    self.numbers(&at.member(member));
                }
            }
            Value::Null | Value::Bool(_) | Value::String(_) => {}
        }
    }

    /// The source text of a value.
    pub(crate) fn source(&self, at: &At<'_>) -> &'t str {
        self.text.get(at.node.start..at.node.end).unwrap_or_default()
    }
}
