//! Just enough of a JSON-RPC message to know where it goes. The bytes themselves pass untouched.
//!
//! This is not the strict reading that policy needs: the gateway has done that before a message gets here.

use std::borrow::Cow;

use bytes::Bytes;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// The method that opens a session.
pub(crate) const INITIALIZE: &str = "initialize";
/// The notification that completes the handshake.
pub(crate) const INITIALIZED: &str = "notifications/initialized";
/// The notification that takes a request back.
pub(crate) const CANCELLED: &str = "notifications/cancelled";
const PROGRESS: &str = "notifications/progress";

/// A JSON-RPC id or a progress token. `1` and `"1"` are different.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Id {
    /// The number's text.
    Number(String),
    /// The string, unescaped.
    Text(String),
}

/// One message: its text as a single line without the line's end, and what it is.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) text: Bytes,
    pub(crate) kind: Kind,
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
}

impl Id {
    pub(crate) fn read(raw: &RawValue) -> Option<Self> {
        let text = raw.get();
        match text.as_bytes().first()? {
            b'"' => serde_json::from_str(text).ok().map(Self::Text),
            b'-' | b'0'..=b'9' => Some(Self::Number(text.to_owned())),
            _ => None,
        }
    }

    /// As JSON text.
    pub(crate) fn to_json(&self) -> String {
        match self {
            Self::Number(text) => text.clone(),
            Self::Text(text) => serde_json::Value::from(text.as_str()).to_string(),
        }
    }
}

impl Message {
    /// Reads one message. Line breaks between its tokens become spaces, since a line is what a process reads.
    pub(crate) fn read(bytes: Bytes) -> Result<Self, Unreadable> {
        let text = one_line(bytes);
        let kind = read_kind(&text)?;
        Ok(Self { text, kind })
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

/// The single messages of a line: one, or those of a batch (which revision 2025-03-26 allows).
pub(crate) fn split_line(line: Bytes) -> Result<Vec<Bytes>, Unreadable> {
    if line.first() != Some(&b'[') {
        return Ok(vec![line]);
    }
    let parts: Vec<&RawValue> = serde_json::from_slice(&line)?;
    Ok(parts.into_iter().map(|part| line.slice_ref(part.get().as_bytes())).collect())
}

fn read_kind(text: &[u8]) -> Result<Kind, Unreadable> {
    let envelope: Envelope<'_> = serde_json::from_slice(text)?;
    let id = envelope.id.map(|raw| Id::read(raw).ok_or(Unreadable::Id)).transpose()?;
    let answer = envelope.result.is_some() || envelope.error.is_some();
    match (envelope.method, id) {
        (Some(method), Some(id)) => Ok(Kind::Request(read_request(id, method.into_owned(), envelope.params))),
        (Some(method), None) => Ok(Kind::Notification(read_notification(&method, envelope.params))),
        (None, id) if answer => Ok(Kind::Response { id, is_error: envelope.error.is_some() }),
        (None, _) => Err(Unreadable::Shape),
    }
}

fn read_request(id: Id, method: String, params: Option<&RawValue>) -> Request {
    let params = read_params(params);
    let meta = params.meta.unwrap_or_default();
    let string = |raw: Option<&RawValue>| raw.and_then(|raw| serde_json::from_str::<String>(raw.get()).ok());
    let tool = if method == "tools/call" { string(params.name) } else { None };
    let progress_token = meta.progress_token.and_then(Id::read);
    Request { id, method, progress_token, tool, stateless_version: string(meta.protocol_version) }
}

fn read_notification(method: &str, params: Option<&RawValue>) -> Notification {
    match method {
        INITIALIZED => Notification::Initialized,
        CANCELLED => Notification::Cancelled(read_params(params).request_id.and_then(Id::read)),
        PROGRESS => Notification::Progress(read_params(params).progress_token.and_then(Id::read)),
        _ => Notification::Other,
    }
}

/// Parameters of another shape than an object name nothing that matters here.
fn read_params(params: Option<&RawValue>) -> Params<'_> {
    params.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default()
}

/// In JSON a line break can only stand between tokens, where a space means the same.
fn one_line(bytes: Bytes) -> Bytes {
    let bytes = bytes.slice_ref(bytes.trim_ascii());
    let is_break = |byte: &u8| matches!(byte, b'\n' | b'\r');
    if !bytes.iter().any(is_break) {
        return bytes;
    }
    bytes.iter().map(|byte| if is_break(byte) { b' ' } else { *byte }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Message, Unreadable> {
        Message::read(Bytes::copy_from_slice(text.as_bytes()))
    }

    #[test]
    fn tells_the_kinds_apart() {
        let request = read(
            r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"a","_meta":{"progressToken":"7"}}}"#,
        );
        let Kind::Request(request) = request.unwrap().kind else { panic!("not a request") };
        assert_eq!(request.id, Id::Number("7".to_owned()));
        assert_eq!(request.progress_token, Some(Id::Text("7".to_owned())));
        assert_eq!(request.tool.as_deref(), Some("a"));

        let kind = |text| read(text).unwrap().kind;
        let seven = Id::Text("seven".to_owned());
        assert_eq!(
            kind(r#"{"id":"seven","result":null}"#),
            Kind::Response { id: Some(seven.clone()), is_error: false }
        );
        assert_eq!(kind(r#"{"id":null,"error":{}}"#), Kind::Response { id: None, is_error: true });
        assert_eq!(kind(r#"{"method":"notifications/initialized"}"#), Kind::Notification(Notification::Initialized));
        assert_eq!(
            kind(r#"{"method":"notifications/cancelled","params":{"requestId":"seven"}}"#),
            Kind::Notification(Notification::Cancelled(Some(seven)))
        );
        assert_eq!(kind(r#"{"method":"x","params":[1]}"#), Kind::Notification(Notification::Other));
    }

    #[test]
    fn refuses_what_is_no_message() {
        for odd in [
            "",
            "{}",
            "[]",
            "null",
            "hello",
            r#"{"id":1}"#,
            r#"{"id":{},"method":"x"}"#,
            r#"{"id":1,"id":2,"method":"x"}"#,
        ] {
            assert!(read(odd).is_err(), "{odd}");
        }
    }

    #[test]
    fn a_pretty_printed_message_becomes_one_line_and_nothing_else_changes() {
        let message = read("\n{\"id\":1.0,\r\n \"method\":\"a\\nb\"}\n").unwrap();
        assert_eq!(message.text, "{\"id\":1.0,   \"method\":\"a\\nb\"}");
        let Kind::Request(request) = message.kind else { panic!("not a request") };
        assert_eq!((request.id.to_json().as_str(), request.method.as_str()), ("1.0", "a\nb"));
    }

    #[test]
    fn a_batch_splits_into_its_messages() {
        let parts = split_line(Bytes::from_static(br#"[{"id":1,"result":{}}, {"method":"x"}]"#)).unwrap();
        assert_eq!(parts, [&br#"{"id":1,"result":{}}"#[..], &br#"{"method":"x"}"#[..]]);
    }

    #[test]
    fn counts_listed_tools() {
        assert_eq!(read(r#"{"id":1,"result":{"tools":[{"name":"a"},{"name":"b"}]}}"#).unwrap().tool_count(), Some(2));
        assert_eq!(read(r#"{"id":1,"result":{}}"#).unwrap().tool_count(), None);
    }
}
