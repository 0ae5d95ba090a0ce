//! What becomes of a value that has come, and of an object or array that ends.

use bytes::Bytes;

use super::level::{Act, Plan};
use super::output::Output;
use super::{AnswerEditor, Edits, PassingError, Rename, Sink, State};
use crate::json::{decode, push_quoted};
use crate::qualify::{self, Name, NameKind, NewName};

impl AnswerEditor {
    pub(super) fn value_ends(&mut self, out: &mut Output<'_>) -> Result<(), PassingError> {
        self.state = State::After;
        if self.sink != Sink::Value {
            return Ok(());
        }
        let value = std::mem::take(&mut self.value);
        let text = String::from_utf8_lossy(&value);
        match (self.act, &self.edits) {
            (Act::Id, Edits { id: Some(id), .. }) => out.put(id.as_bytes()),
            (Act::Name(kind), _) => out.put(renamed(&mut self.rename, kind, &text).as_bytes()),
            (Act::Type, _) => self.type_is_known(&text, out)?,
            _ => out.put(&value),
        }
        Ok(())
    }

    /// The type of an entry has come, and so the meaning of what was put off.
    pub(super) fn type_is_known(&mut self, raw: &str, out: &mut Output<'_>) -> Result<(), PassingError> {
        let Some(level) = self.levels.last_mut() else { return Ok(()) };
        let kind = if raw.starts_with('"') { decode(raw) } else { "".into() };
        level.plan = level.plan.of_type(&kind);
        match level.deferred.take() {
            None => out.put(raw.as_bytes()),
            Some(mut deferred) => {
                deferred.extend_from_slice(raw.as_bytes());
                let plan = level.plan;
                out.put(&self.members_renamed(&deferred, plan)?);
            }
        }
        Ok(())
    }

    /// Members of an object, with their names rewritten.
    pub(super) fn members_renamed(&mut self, members: &[u8], plan: Plan) -> Result<Vec<u8>, PassingError> {
        let (Some(rule), Some(rename)) = (plan.rule(), &mut self.rename) else { return Ok(members.to_vec()) };
        let start = members.iter().take_while(|byte| byte.is_ascii_whitespace() || **byte == b',').count();
        let (before, members) = members.split_at(start);
        let object = Bytes::from([b"{", members, b"}"].concat());
        let object = qualify::rewritten(&object, rule, rename)?;
        let renamed = object.strip_prefix(b"{").and_then(|object| object.strip_suffix(b"}")).unwrap_or_default();
        Ok([before, renamed].concat())
    }

    /// The object or array that is being looked into ends.
    pub(super) fn closes(&mut self, pos: usize, out: &mut Output<'_>) -> Result<(), PassingError> {
        if let Some(mut level) = self.levels.pop() {
            if let Some(added) = level.added.take() {
                out.put(added.as_bytes());
            }
            if let Some(deferred) = level.deferred.take() {
                let renamed = self.members_renamed(&deferred, level.plan.of_type(""))?;
                out.put(&renamed);
            }
        }
        out.put(&self.pending);
        self.pending.clear();
        out.pass(pos..pos + 1);
        self.state = State::After;
        Ok(())
    }
}

/// A name's JSON as it is to be.
fn renamed(rename: &mut Option<Rename>, kind: NameKind, raw: &str) -> String {
    let Some(rename) = rename else { return raw.to_owned() };
    let text = if raw.starts_with('"') { decode(raw) } else { raw.into() };
    match rename(&Name { kind, text, raw }) {
        NewName::Same => raw.to_owned(),
        NewName::Raw(raw) => raw,
        NewName::Text(text) => {
            let mut quoted = String::with_capacity(text.len() + 2);
            push_quoted(&mut quoted, &text);
            quoted
        }
    }
}
