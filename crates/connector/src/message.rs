//! Just enough of a JSON-RPC message to know where it goes. The bytes themselves pass untouched.
//!
//! This is not the strict reading that policy needs: the gateway has done that before a message gets here.

mod id;

use std::{borrow::Cow, ops::Range};

use bytes::{BufMut as _, Bytes, BytesMut};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

pub(crate) use self::id::Id;

/// The method that opens a session.
pub(crate) const INITIALIZE: &str = "initialize";
/// The notification that completes the handshake.
pub(crate) const INITIALIZED: &str = "notifications/initialized";
/// The notification that takes a request back.
pub(crate) const CANCELLED: &str = "notifications/cancelled";
/// The stateless era's long-lived request.
pub(crate) const LISTEN: &str = "subscriptions/listen";
const PROGRESS: &str = "notifications/progress";

/// One message: its text as a single line without the line's end, what it is, and where in it stands what names it.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) text: Bytes,
    pub(crate) kind: Kind,
    places: Places,
}

/// Where the values stand that are only unique to one client.
#[derive(Clone, Debug, Default)]
struct Places {
    id: Option<Range<usize>>,
    /// The progress token, of a request or a progress notification.
    token: Option<Range<usize>>,
}

/// What a message is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Wants an answer.
    Request(Request),
    /// Wants none.
    Notification(Notification),
    /// Is an answer; the id is missing where the other side could not read the request.
    Response { id: Option<Id>, is_error: bool },
}

/// A request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) id: Id,
    pub(crate) method: String,
    /// `params._meta.progressToken`.
    pub(crate) progress_token: Option<Id>,
    /// `params.name`, for `tools/call`.
    pub(crate) tool: Option<String>,
    /// `params._meta["io.modelcontextprotocol/protocolVersion"]`: there only in the stateless era.
    pub(crate) stateless_version: Option<String>,
}

/// A notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Notification {
    /// `notifications/initialized`.
    Initialized,
    /// `notifications/cancelled` of this request.
    Cancelled(Option<Id>),
    /// `notifications/progress` with this token.
    Progress(Option<Id>),
    /// Any other.
    Other,
}

/// Why bytes are not a message.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unreadable {
    #[error("not JSON-RPC: {0}")]
    Json(#[from] serde_json::Error),
    #[error("neither a request nor a notification nor a response")]
    Shape,
    #[error("an id must be a string or a number")]
    Id,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    method: Option<Cow<'a, str>>,
    #[serde(borrow)]
    params: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    result: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    error: Option<&'a RawValue>,
}

/// `null` is a value here: a result may be `null`.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Params<'a> {
    #[serde(borrow, rename = "_meta")]
    meta: Option<Meta<'a>>,
    #[serde(borrow, rename = "progressToken")]
    progress_token: Option<&'a RawValue>,
    #[serde(borrow, rename = "requestId")]
    request_id: Option<&'a RawValue>,
    #[serde(borrow)]
    name: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Meta<'a> {
    #[serde(borrow, rename = "progressToken")]
    progress_token: Option<&'a RawValue>,
    #[serde(borrow, rename = "io.modelcontextprotocol/protocolVersion")]
    protocol_version: Option<&'a RawValue>,
    #[serde(borrow, rename = "io.modelcontextprotocol/subscriptionId")]
    subscription: Option<&'a RawValue>,
}

impl Message {
    /// Reads one message. Line breaks between its tokens become spaces, since a line is what a process reads.
    pub(crate) fn read(bytes: Bytes) -> Result<Self, Unreadable> {
        let bytes = bytes.slice_ref(bytes.trim_ascii());
        let text = mcp::on_one_line(&bytes).unwrap_or(bytes);
        let (kind, places) = read_kind(&text)?;
        Ok(Self { text, kind, places })
    }

    /// The text with another id.
    pub(crate) fn with_id(&self, id: &Id) -> Bytes {
        replaced(&self.text, &[(self.places.id.clone(), id.raw())])
    }

    /// The text with another id and, if it has one, another progress token.
    pub(crate) fn with_id_and_token(&self, id: &Id, token: &Id) -> Bytes {
        replaced(&self.text, &[(self.places.id.clone(), id.raw()), (self.places.token.clone(), token.raw())])
    }

    /// The text with another progress token.
    pub(crate) fn with_token(&self, token: &Id) -> Bytes {
        replaced(&self.text, &[(self.places.token.clone(), token.raw())])
    }

    /// The id of the `subscriptions/listen` request that this message of a process belongs to.
    pub(crate) fn subscription(&self) -> Option<Id> {
        self.subscription_value().and_then(Id::read)
    }

    /// The text with another id, and the same as the subscription's, as far as it names either.
    pub(crate) fn with_subscription(&self, id: &Id) -> Bytes {
        let subscription = self.subscription_value().map(|value| place(&self.text, value));
        replaced(&self.text, &[(self.places.id.clone(), id.raw()), (subscription, id.raw())])
    }

    fn subscription_value(&self) -> Option<&RawValue> {
        let envelope: Envelope<'_> = serde_json::from_slice(&self.text).ok()?;
        let holder: Params<'_> = serde_json::from_str(envelope.params.or(envelope.result)?.get()).ok()?;
        holder.meta?.subscription
    }

    /// How many entries `result.tools` of this response has.
    pub(crate) fn tool_count(&self) -> Option<usize> {
        #[derive(Deserialize)]
        struct Listing<'a> {
            #[serde(borrow)]
            result: Tools<'a>,
        }
        #[derive(Deserialize)]
        struct Tools<'a> {
            #[serde(borrow)]
            tools: Vec<&'a RawValue>,
        }
        serde_json::from_slice::<Listing<'_>>(&self.text).ok().map(|listing| listing.result.tools.len())
    }
}

/// Takes back a request of our own.
pub(crate) fn cancelled(id: u64) -> Bytes {
    let params = serde_json::json!({"requestId": id});
    Bytes::from(format!(r#"{{"jsonrpc":"2.0","method":"{CANCELLED}","params":{params}}}"#))
}

/// The single messages of a line: one, or those of a batch (which revision 2025-03-26 allows).
pub(crate) fn split_line(line: Bytes) -> Result<Vec<Bytes>, Unreadable> {
    if line.first() != Some(&b'[') {
        return Ok(vec![line]);
    }
    let parts: Vec<&RawValue> = serde_json::from_slice(&line)?;
    Ok(parts.into_iter().map(|part| line.slice_ref(part.get().as_bytes())).collect())
}

fn read_kind(text: &[u8]) -> Result<(Kind, Places), Unreadable> {
    let envelope: Envelope<'_> = serde_json::from_slice(text)?;
    let id = envelope.id.map(|raw| Id::read(raw).ok_or(Unreadable::Id)).transpose()?;
    let is_answer = envelope.result.is_some() || envelope.error.is_some();
    let mut places = Places { id: envelope.id.map(|raw| place(text, raw)), token: None };
    let kind = match (envelope.method, id) {
        (Some(method), Some(id)) => {
            let params = read_params(envelope.params);
            let meta = params.meta.unwrap_or_default();
            places.token = meta.progress_token.map(|raw| place(text, raw));
            Kind::Request(Request {
                tool: if method == "tools/call" { string(params.name) } else { None },
                progress_token: meta.progress_token.and_then(Id::read),
                stateless_version: string(meta.protocol_version),
                method: method.into_owned(),
                id,
            })
        }
        (Some(method), None) => {
            let params = read_params(envelope.params);
            places.token = params.progress_token.map(|raw| place(text, raw));
            Kind::Notification(match &*method {
                INITIALIZED => Notification::Initialized,
                CANCELLED => Notification::Cancelled(params.request_id.and_then(Id::read)),
                PROGRESS => Notification::Progress(params.progress_token.and_then(Id::read)),
                _ => Notification::Other,
            })
        }
        (None, id) if is_answer => Kind::Response { id, is_error: envelope.error.is_some() },
        (None, _) => return Err(Unreadable::Shape),
    };
    Ok((kind, places))
}

fn string(raw: Option<&RawValue>) -> Option<String> {
    raw.and_then(|raw| serde_json::from_str(raw.get()).ok())
}

/// Where a value that was read from `text` stands in it.
fn place(text: &[u8], value: &RawValue) -> Range<usize> {
    let start = value.get().as_ptr().addr() - text.as_ptr().addr();
    start..start + value.get().len()
}

/// `text` with other values at some places; all else stays byte for byte.
fn replaced(text: &Bytes, values: &[(Option<Range<usize>>, &str)]) -> Bytes {
    let mut edits: Vec<(&Range<usize>, &str)> =
        values.iter().filter_map(|(place, value)| Some((place.as_ref()?, *value))).collect();
    edits.sort_by_key(|(place, _)| place.start);
    let mut out = BytesMut::with_capacity(text.len() + 32 * edits.len());
    let mut done = 0;
    for (place, value) in edits {
        out.put_slice(&text[done..place.start]);
        out.put_slice(value.as_bytes());
        done = place.end;
    }
    out.put_slice(&text[done..]);
    out.freeze()
}

/// Parameters of another shape than an object name nothing that matters here.
fn read_params(params: Option<&RawValue>) -> Params<'_> {
    params.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
