//! Requests and notifications of clients.

use std::borrow::Cow;

use bytes::Bytes;

use super::object::Object;
use crate::edit::Edits;
use crate::handshake::OwnClient;
use crate::id::Id;
use crate::json;
use crate::message::{Params, Request};
use crate::read::{CLIENT_CAPABILITIES, CLIENT_INFO, PROTOCOL_VERSION};
use crate::version::STATELESS;

const LOG_LEVEL: &str = "io.modelcontextprotocol/logLevel";
/// What `_meta` has in the stateless era only.
const STATELESS_META: &[&str] = &[PROTOCOL_VERSION, CLIENT_INFO, CLIENT_CAPABILITIES, LOG_LEVEL];
/// What carries the input of a further round.
const ROUND: &[&str] = &["inputResponses", "requestState"];

/// What a request of the stateless era declares of its client.
#[derive(Debug, Clone, Copy)]
pub struct Declared<'a> {
    /// Who it is.
    pub client: OwnClient<'a>,
    /// The raw JSON object of its capabilities.
    pub capabilities: &'a str,
    /// The log messages that it wants, if it wants any.
    pub log_level: Option<&'a str>,
}

impl Declared<'_> {
    /// The members of `_meta`, as raw values.
    fn members(&self) -> Vec<(&'static str, String)> {
        let quoted = |text: &str| {
            let mut out = String::new();
            json::push_quoted(&mut out, text);
            out
        };
        let info = format!(r#"{{"name":{},"version":{}}}"#, quoted(self.client.name), quoted(self.client.version));
        let mut members = vec![
            (PROTOCOL_VERSION, quoted(STATELESS)),
            (CLIENT_CAPABILITIES, self.capabilities.to_owned()),
            (CLIENT_INFO, info),
        ];
        members.extend(self.log_level.map(|level| (LOG_LEVEL, quoted(level))));
        members
    }
}

/// A request of our own in the stateless era, with these members of `params`, as raw values.
pub fn own_request(id: &Id<'_>, method: &str, members: &[(&str, &str)], declared: &Declared<'_>) -> Bytes {
    let mut params = String::new();
    for (key, raw) in members {
        json::push_quoted(&mut params, key);
        params.push(':');
        params.push_str(raw);
        params.push(',');
    }
    let mut meta = String::new();
    for (key, raw) in declared.members() {
        json::push_quoted(&mut meta, key);
        meta.push(':');
        meta.push_str(&raw);
        meta.push(',');
    }
    meta.pop();
    let mut name = String::new();
    json::push_quoted(&mut name, method);
    Bytes::from(format!(
        r#"{{"jsonrpc":"2.0","id":{},"method":{name},"params":{{{params}"_meta":{{{meta}}}}}}}"#,
        id.raw()
    ))
}

impl Request<'_> {
    /// The same request in the stateless era, under another id. `None` if it claims to be of that era already.
    #[must_use]
    pub fn stateless(&self, id: &Id<'_>, declared: &Declared<'_>) -> Option<Bytes> {
        if self
            .params
            .as_ref()
            .and_then(|params| params.meta.as_ref())
            .is_some_and(|meta| meta.protocol_version.is_some())
        {
            return None;
        }
        let (text, whole) = (self.raw, Object::whole(self.raw)?);
        let mut edits = Edits::new(text);
        edits.replace(whole.value("id")?, id.raw().to_owned());
        let members = declared.members();
        let members: Vec<(&str, &str)> = members.iter().map(|(key, raw)| (*key, raw.as_str())).collect();
        let object = |members: &[(&str, &str)]| {
            let mut edits = Edits::new("{}");
            Object::whole("{}")?.put(&mut edits, members);
            String::from_utf8(edits.apply().to_vec()).ok()
        };
        let Some(params) = whole.inside(text, "params") else {
            whole.put(&mut edits, &[("params", &format!(r#"{{"_meta":{}}}"#, object(&members)?))]);
            return Some(edits.apply());
        };
        match params.inside(text, "_meta") {
            Some(meta) => meta.put(&mut edits, &members),
            None => params.put(&mut edits, &[("_meta", &object(&members)?)]),
        }
        params.remove(text, &mut edits, |key| ROUND.contains(&key));
        Some(edits.apply())
    }

    /// The same request in the `initialize` era, under another id and, if it wants progress, another token.
    #[must_use]
    pub fn with_handshake(&self, id: &Id<'_>, progress_token: &Id<'_>) -> Option<Bytes> {
        let (text, whole) = (self.raw, Object::whole(self.raw)?);
        let mut edits = Edits::new(text);
        edits.replace(whole.value("id")?, id.raw().to_owned());
        if let Some(params) = whole.inside(text, "params") {
            params.remove(text, &mut edits, |key| ROUND.contains(&key));
            if let Some(meta) = params.inside(text, "_meta") {
                meta.remove(text, &mut edits, |key| STATELESS_META.contains(&key));
                if let Some(at) = meta.value("progressToken") {
                    edits.replace(at, progress_token.raw().to_owned());
                }
            }
        }
        Some(edits.apply())
    }

    /// The same request, under another id and with the input of a further round: its values by key, and the state that
    /// the server gave, all as raw JSON.
    #[must_use]
    pub fn with_inputs(&self, id: &Id<'_>, inputs: &[(String, String)], state: Option<&str>) -> Option<Bytes> {
        let (text, whole) = (self.raw, Object::whole(self.raw)?);
        let mut edits = Edits::new(text);
        edits.replace(whole.value("id")?, id.raw().to_owned());
        let mut responses = String::from("{");
        for (index, (key, raw)) in inputs.iter().enumerate() {
            responses.push_str(if index == 0 { "" } else { "," });
            json::push_quoted(&mut responses, key);
            responses.push(':');
            responses.push_str(raw);
        }
        responses.push('}');
        let mut members = vec![("inputResponses", responses.as_str())];
        members.extend(state.map(|state| ("requestState", state)));
        whole.inside(text, "params")?.put(&mut edits, &members);
        Some(edits.apply())
    }

    /// The same request without the input of a further round: as it was first sent.
    #[must_use]
    pub fn without_round(&self) -> Option<Bytes> {
        let mut edits = Edits::new(self.raw);
        Object::whole(self.raw)?.inside(self.raw, "params")?.remove(self.raw, &mut edits, |key| ROUND.contains(&key));
        Some(edits.apply())
    }

    /// The log messages that it asks for (stateless era).
    #[must_use]
    pub fn log_level(&self) -> Option<Cow<'_, str>> {
        let raw = self.params.as_ref()?.meta.as_ref()?.get(LOG_LEVEL)?;
        raw.starts_with('"').then(|| json::decode(raw))
    }

    /// The raw JSON of the client's answer to the input that was asked for under a key.
    #[must_use]
    pub fn input(&self, key: &str) -> Option<&str> {
        let responses = self.params.as_ref()?.get("inputResponses").filter(|raw| raw.starts_with('{'))?;
        json::member(responses, key).map(|value| value.text)
    }

    /// The state that came with the input of a further round.
    #[must_use]
    pub fn request_state(&self) -> Option<Cow<'_, str>> {
        let raw = self.params.as_ref()?.get("requestState")?;
        raw.starts_with('"').then(|| json::decode(raw))
    }
}

impl Params<'_> {
    /// The capabilities that an `initialize` declares, as a raw JSON object.
    #[must_use]
    pub fn capabilities(&self) -> Option<&str> {
        self.get("capabilities").filter(|raw| raw.starts_with('{'))
    }

    /// The member that is a string, unescaped.
    #[must_use]
    pub fn text(&self, key: &str) -> Option<Cow<'_, str>> {
        self.get(key).filter(|raw| raw.starts_with('"')).map(json::decode)
    }
}

/// Whether `read` accepts it as a request; for tests.
#[cfg(test)]
fn request(text: &str) -> Request<'_> {
    match crate::read(text.as_bytes()) {
        Ok(crate::Message::Request(request)) => request,
        other => panic!("{text}: {other:?}"),
    }
}

#[cfg(test)]
mod tests;
