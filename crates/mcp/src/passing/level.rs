//! The objects and arrays on the way to what is edited.

use super::Edits;
use crate::qualify::{NameKind, Rule};

/// An object or array that is looked into.
#[derive(Debug)]
pub(super) struct Level {
    pub plan: Plan,
    shape: Shape,
    /// A member of it has passed.
    pub kept: bool,
    /// The next comma goes with a member that was left out.
    pub swallows_comma: bool,
    /// Members to put in front.
    pub added: Option<String>,
    /// Members that wait for the type.
    pub deferred: Option<Vec<u8>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Object,
    Array,
}

/// What is done inside.
#[derive(Debug, Clone, Copy)]
pub(super) enum Plan {
    /// The message.
    Envelope,
    /// Its result, with the names in it.
    Result(Option<&'static Rule>),
    Names(&'static Rule),
    /// The type is known, and gives nothing a meaning.
    Nothing,
}

/// What becomes of a value.
#[derive(Debug, Clone, Copy, Default)]
pub(super) enum Act {
    #[default]
    Pass,
    /// It is left out, with its key.
    Drop,
    Id,
    /// It says what the other members mean.
    Type,
    Name(NameKind),
    /// It is looked into, if it is what the plan is for.
    Enter(Plan),
}

impl PartialEq for Act {
    fn eq(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

impl Level {
    pub(super) fn new(plan: Plan, opened_by: u8, added: Option<String>) -> Self {
        let shape = if opened_by == b'{' { Shape::Object } else { Shape::Array };
        Self { plan, shape, kept: false, swallows_comma: false, added, deferred: None }
    }

    pub(super) fn is_object(&self) -> bool {
        self.shape == Shape::Object
    }

    /// What becomes of a member's value.
    pub(super) fn member(&mut self, key: &str, edits: &Edits) -> Act {
        let of_envelope = |member: &str| edits.names.and_then(|rule| member_of(rule, member));
        match (self.plan, key) {
            (Plan::Envelope, "id") if edits.id.is_some() => Act::Id,
            (Plan::Envelope, "result") => Act::Enter(Plan::Result(of_envelope(key))),
            (Plan::Nothing, _) => Act::Pass,
            (Plan::Result(_), key) if edits.removed.contains(&key) => Act::Drop,
            (Plan::Envelope, key) => named(of_envelope(key)),
            (Plan::Result(rule), key) => named(rule.and_then(|rule| member_of(rule, key))),
            (Plan::Names(Rule::Typed(_)), "type") => Act::Type,
            (Plan::Names(Rule::Typed(variants)), key) => {
                let meant = variants.iter().any(|(_, rule)| member_of(rule, key).is_some());
                if meant {
                    self.deferred.get_or_insert_default();
                }
                Act::Pass
            }
            (Plan::Names(rule), key) => named(member_of(rule, key)),
        }
    }
}

impl Plan {
    pub(super) fn is_result(self) -> bool {
        matches!(self, Self::Result(_))
    }

    /// The plan for a value that begins so, if it is looked into.
    pub(super) fn opened_by(self, byte: u8) -> Option<Self> {
        match (self, byte) {
            (Self::Envelope | Self::Result(_) | Self::Names(Rule::In(_) | Rule::Typed(_)), b'{')
            | (Self::Names(Rule::Each(_)), b'[') => Some(self),
            (Self::Names(Rule::Each(rule)), b'{') => Self::Names(rule).opened_by(byte),
            _ => None,
        }
    }

    /// What becomes of an entry of an array.
    pub(super) fn entry(self) -> Act {
        match self {
            Self::Names(Rule::Each(rule)) => named(Some(rule)),
            _ => Act::Pass,
        }
    }

    /// The plan for the rest of an object whose type is known.
    pub(super) fn of_type(self, kind: &str) -> Self {
        let Self::Names(Rule::Typed(variants)) = self else { return self };
        let named = |wanted: &str| variants.iter().find(|(name, _)| *name == wanted);
        named(kind).or_else(|| named("")).map_or(Self::Nothing, |(_, rule)| Self::Names(rule))
    }

    pub(super) fn rule(self) -> Option<&'static Rule> {
        match self {
            Self::Names(rule) => Some(rule),
            _ => None,
        }
    }
}

impl Act {
    /// The same for a value that begins so: only some kinds of values are replaced.
    pub(super) fn of_value(self, byte: u8) -> Self {
        let (text, number) = (byte == b'"', matches!(byte, b'-' | b'0'..=b'9'));
        match self {
            Self::Name(NameKind::Request | NameKind::Progress) if text || number => self,
            Self::Name(_) | Self::Type if text => self,
            Self::Id | Self::Drop => self,
            _ => Self::Pass,
        }
    }
}

fn named(rule: Option<&'static Rule>) -> Act {
    match rule {
        Some(Rule::Name(kind)) => Act::Name(*kind),
        Some(rule) => Act::Enter(Plan::Names(rule)),
        None => Act::Pass,
    }
}

fn member_of(rule: &'static Rule, key: &str) -> Option<&'static Rule> {
    let Rule::In(members) = rule else { return None };
    members.iter().find(|(name, _)| *name == key).map(|(_, rule)| rule)
}
