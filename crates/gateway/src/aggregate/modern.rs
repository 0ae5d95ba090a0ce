//! A call of the first era put into the stateless one, for servers that speak nothing else: `_meta` is spliced into the
//! judged bytes, and the headers that mirror them are made. Everything else of the call stays byte for byte.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use mcp::{Message, Params};
use serde_json::{Value, json};

use crate::forward::Forward;

/// The call and its headers; none when it already has a `_meta` of that era, or cannot be put so.
pub(super) fn prepare(forward: &Forward, judged: &Bytes) -> Option<(HeaderMap, Bytes)> {
    let text = std::str::from_utf8(judged).ok()?;
    let Message::Request(request) = mcp::read(judged).ok()? else { return None };
    let params = request.params.as_ref()?;
    let client = forward.client.as_ref();
    let info = json!({
        "name": client.map_or("portcullis", |client| &client.name),
        "version": client.map_or(env!("CARGO_PKG_VERSION"), |client| &client.version),
    });
    let meta = format!(
        r#""io.modelcontextprotocol/protocolVersion":"{}","io.modelcontextprotocol/clientCapabilities":{{}},"io.modelcontextprotocol/clientInfo":{info}"#,
        mcp::STATELESS,
    );
    let bytes = Bytes::from(spliced(text, params, &meta)?);
    let headers = headers(forward, &bytes)?;
    Some((headers, bytes))
}

fn spliced(text: &str, params: &Params<'_>, members: &str) -> Option<String> {
    let (object, addition) = match &params.meta {
        Some(meta) if meta.protocol_version.is_some() => return None,
        Some(meta) => (meta.raw(), members.to_owned()),
        None => (params.raw(), format!(r#""_meta":{{{members}}}"#)),
    };
    // Both are slices of the same text, so the distance between them is where the object stands in it.
    let at = object.as_ptr().addr().checked_sub(text.as_ptr().addr())?;
    let inside = at + 1;
    let (before, after) = (text.get(..inside)?, text.get(inside..)?);
    let comma = if after.trim_start().starts_with('}') { "" } else { "," };
    before.ends_with('{').then(|| format!("{before}{addition}{comma}{after}"))
}

fn headers(forward: &Forward, bytes: &Bytes) -> Option<HeaderMap> {
    let message = mcp::read(bytes).ok()?;
    let mut headers = HeaderMap::new();
    for (name, value) in mcp::mirror_headers(&message) {
        headers.insert(name.parse::<HeaderName>().ok()?, HeaderValue::from_str(&value).ok()?);
    }
    let params = message.params()?;
    let tool = forward.place.server.tools.get(params.name.as_deref()?);
    let arguments: Value = params.arguments.map_or(Some(Value::Null), |text| serde_json::from_str(text).ok())?;
    for mirrored in tool.map_or(&[][..], |tool| &*tool.mirrored) {
        let value = mirrored.path.iter().try_fold(&arguments, |object, key| object.get(key));
        let text = match value {
            None | Some(Value::Null | Value::Object(_) | Value::Array(_)) => continue,
            Some(Value::String(text)) => mcp::encode_header_value(text),
            Some(other) => other.to_string(),
        };
        headers.insert(mirrored.header.parse::<HeaderName>().ok()?, HeaderValue::from_str(&text).ok()?);
    }
    Some(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn splice(text: &str) -> Option<String> {
        let Ok(Message::Request(request)) = mcp::read(text.as_bytes()) else { panic!("{text}") };
        spliced(text, request.params.as_ref().unwrap(), "\"k\":1")
    }

    #[test]
    fn meta_is_added_where_it_belongs_and_nothing_else_changes() {
        let call = |params: &str| format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{params}}}"#);
        let cases = [
            (r#"{"name":"a"}"#, r#"{"_meta":{"k":1},"name":"a"}"#),
            (r#"{ "name":"a","arguments":{"x":1.0}}"#, r#"{"_meta":{"k":1}, "name":"a","arguments":{"x":1.0}}"#),
            (r#"{"name":"a","_meta":{"progressToken":1}}"#, r#"{"name":"a","_meta":{"k":1,"progressToken":1}}"#),
            (r#"{"name":"a","_meta":{ }}"#, r#"{"name":"a","_meta":{"k":1 }}"#),
        ];
        for (before, after) in cases {
            assert_eq!(splice(&call(before)), Some(call(after)));
        }
        let modern = call(r#"{"name":"a","_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}"#);
        assert_eq!(splice(&modern), None);
    }
}
