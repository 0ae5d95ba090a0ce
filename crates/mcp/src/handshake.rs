//! What a client of ours says to a server, and what the server tells about itself.
//!
//! For probes and test calls, not for the calls that pass through: those keep their own bytes.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::fault::Fault;
use crate::id::Id;
use crate::merge::ListKind;
use crate::read::{CLIENT_CAPABILITIES, CLIENT_INFO, PROTOCOL_VERSION, ReadError};
use crate::response::{ResponseKind, response_facts};
use crate::version::{Era, LATEST_INITIALIZE, STATELESS};

/// The key of `serverInfo` in a stateless result's `_meta`.
const SERVER_INFO: &str = "io.modelcontextprotocol/serverInfo";

/// Who we say we are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnClient<'a> {
    /// Our name.
    pub name: &'a str,
    /// Our version.
    pub version: &'a str,
}

/// A call of our own.
#[derive(Debug, Clone)]
pub struct OwnCall<'a> {
    /// The tool.
    pub tool: &'a str,
    /// Its arguments.
    pub arguments: Map<String, Value>,
}

/// What a server tells about itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ServerDescription {
    /// Its name: self-reported, not unique, never trusted.
    pub name: Option<String>,
    /// Its title for people.
    pub title: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// What it tells models about how to use it.
    pub instructions: Option<String>,
    /// The raw JSON of its capabilities.
    pub capabilities: String,
    /// The protocol versions it speaks: the one agreed in a handshake, or all that it lists.
    pub protocol_versions: Vec<String>,
}

/// Why a handshake gave no description.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HandshakeError {
    /// Not a JSON-RPC response.
    #[error("the answer is not a JSON-RPC response: {0}")]
    Unreadable(#[from] ReadError),
    /// The server answered with an error.
    #[error("the server answered with error {code}: {message}")]
    Refused {
        /// The JSON-RPC code.
        code: i64,
        /// The server's own words.
        message: String,
        /// The protocol versions it says it speaks, if it says so (-32022).
        supported: Vec<String>,
    },
    /// The result lacks what the handshake is about.
    #[error("the server's answer has no {0}")]
    Incomplete(&'static str),
}

/// An `initialize` request for the newest version that has one.
pub fn initialize_request(id: &Id<'_>, client: OwnClient<'_>) -> Bytes {
    initialize_request_with(id, client, "{}")
}

/// An `initialize` request that declares these capabilities, a raw JSON object.
pub fn initialize_request_with(id: &Id<'_>, client: OwnClient<'_>, capabilities: &str) -> Bytes {
    let info = json!({"name": client.name, "version": client.version});
    let params =
        format!(r#"{{"protocolVersion":"{LATEST_INITIALIZE}","capabilities":{capabilities},"clientInfo":{info}}}"#);
    Bytes::from(format!(r#"{{"jsonrpc":"2.0","id":{},"method":"initialize","params":{params}}}"#, id.raw()))
}

/// The notification that ends the handshake.
pub fn initialized_notification() -> Bytes {
    Bytes::from_static(br#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#)
}

/// `notifications/cancelled` for a request of ours.
pub fn cancelled_notification(id: &Id<'_>, reason: &str) -> Bytes {
    let reason = json!(reason);
    Bytes::from(format!(
        r#"{{"jsonrpc":"2.0","method":"notifications/cancelled","params":{{"requestId":{},"reason":{reason}}}}}"#,
        id.raw()
    ))
}

/// A `resources/subscribe` request (`initialize` era).
pub fn subscribe_request(id: &Id<'_>, uri: &str) -> Bytes {
    request(id, "resources/subscribe", Some(json!({"uri": uri})))
}

/// A `logging/setLevel` request (`initialize` era).
pub fn set_level_request(id: &Id<'_>, level: &str) -> Bytes {
    request(id, "logging/setLevel", Some(json!({"level": level})))
}

/// A `server/discover` request (stateless era).
pub fn discover_request(id: &Id<'_>, client: OwnClient<'_>) -> Bytes {
    request(id, "server/discover", params(Era::Stateless, client, Map::new()))
}

/// A `tools/list` request for the page at `cursor`, or the first. An empty cursor is a cursor.
pub fn tools_list_request(id: &Id<'_>, era: Era, client: OwnClient<'_>, cursor: Option<&str>) -> Bytes {
    list_request(id, (era, ListKind::Tools), client, cursor)
}

/// A request for a list, in the words of an era: the page at `cursor`, or the first. An empty cursor is a cursor.
pub fn list_request(id: &Id<'_>, (era, kind): (Era, ListKind), client: OwnClient<'_>, cursor: Option<&str>) -> Bytes {
    let members = cursor.map(|cursor| ("cursor".to_owned(), json!(cursor))).into_iter().collect();
    request(id, kind.method().name().unwrap_or_default(), params(era, client, members))
}

/// A `tools/call` request.
pub fn tools_call_request(id: &Id<'_>, era: Era, client: OwnClient<'_>, call: OwnCall<'_>) -> Bytes {
    let mut members = Map::new();
    members.insert("name".to_owned(), json!(call.tool));
    members.insert("arguments".to_owned(), Value::Object(call.arguments));
    request(id, "tools/call", params(era, client, members))
}

/// Reads the answer to `initialize`.
///
/// # Errors
/// When it is an error, no response at all, or names no protocol version.
pub fn initialize_result(bytes: &[u8]) -> Result<ServerDescription, HandshakeError> {
    let result = result_of(bytes)?;
    let version = text(&result, "protocolVersion").ok_or(HandshakeError::Incomplete("`protocolVersion`"))?;
    Ok(describe(&result, result.get("serverInfo"), vec![version]))
}

/// Reads the answer to `server/discover`.
///
/// # Errors
/// When it is an error, no response at all, or lists no protocol version.
pub fn discover_result(bytes: &[u8]) -> Result<ServerDescription, HandshakeError> {
    let result = result_of(bytes)?;
    let versions = texts(result.get("supportedVersions"));
    if versions.is_empty() {
        return Err(HandshakeError::Incomplete("`supportedVersions`"));
    }
    Ok(describe(&result, result.get("_meta").and_then(|meta| meta.get(SERVER_INFO)), versions))
}

fn result_of(bytes: &[u8]) -> Result<Map<String, Value>, HandshakeError> {
    let kind = response_facts(bytes)?.kind;
    let not_json = |_| ReadError { fault: Fault::Syntax { wanted: "JSON that can be kept" }, offset: 0, id: None };
    let mut message: Value = serde_json::from_slice(bytes).map_err(not_json)?;
    if let ResponseKind::Error { code } = kind {
        let error = &message["error"];
        let words = error["message"].as_str().unwrap_or_default().to_owned();
        return Err(HandshakeError::Refused { code, message: words, supported: texts(error["data"].get("supported")) });
    }
    match message["result"].take() {
        Value::Object(result) => Ok(result),
        _ => Err(HandshakeError::Incomplete("object as its result")),
    }
}

fn describe(result: &Map<String, Value>, info: Option<&Value>, protocol_versions: Vec<String>) -> ServerDescription {
    let of_info = |key: &str| info.and_then(Value::as_object).and_then(|info| text(info, key));
    ServerDescription {
        name: of_info("name"),
        title: of_info("title"),
        version: of_info("version"),
        instructions: text(result, "instructions"),
        capabilities: result.get("capabilities").map_or("{}".to_owned(), Value::to_string),
        protocol_versions,
    }
}

/// The members with the `_meta` that the stateless era requires; none at all if there would be nothing in it.
fn params(era: Era, client: OwnClient<'_>, mut members: Map<String, Value>) -> Option<Value> {
    if era == Era::Stateless {
        let info = json!({"name": client.name, "version": client.version});
        let meta = json!({PROTOCOL_VERSION: STATELESS, CLIENT_INFO: info, CLIENT_CAPABILITIES: {}});
        members.insert("_meta".to_owned(), meta);
    }
    (!members.is_empty()).then_some(Value::Object(members))
}

fn request(id: &Id<'_>, method: &str, params: Option<Value>) -> Bytes {
    let params = params.map_or(String::new(), |params| format!(r#","params":{params}"#));
    Bytes::from(format!(r#"{{"jsonrpc":"2.0","id":{},"method":"{method}"{params}}}"#, id.raw()))
}

fn text(object: &Map<String, Value>, key: &str) -> Option<String> {
    object.get(key)?.as_str().map(str::to_owned)
}

fn texts(array: Option<&Value>) -> Vec<String> {
    let items = array.and_then(Value::as_array);
    items.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests;
