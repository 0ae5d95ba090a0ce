//! Messages of our own: errors and denials.

use bytes::Bytes;

use crate::fault::code;
use crate::id::Id;
use crate::json::push_quoted;
use crate::version::Era;

/// What a denial's text starts with, so that a model, and a person reading a log, knows who spoke.
pub const DENIAL_PREFIX: &str = "[POLICY DENIED] ";

/// The key of our decision in a result's `_meta`.
pub const DECISION_META_KEY: &str = "dev.portcullis/decision";

/// A decision as the caller is told it (POLICY.md §5).
#[derive(Debug, Clone, Copy)]
pub struct DenialBody<'a> {
    /// For the model: what was refused and what to do. [`DENIAL_PREFIX`] is put before it unless it is there already.
    pub text: &'a str,
    /// The decision's id, `dec_…`.
    pub decision_id: &'a str,
    /// `deny` or `approval`.
    pub outcome: &'a str,
    /// `rate_limited`, `denied`…: the codes of POLICY.md §5.
    pub code: &'a str,
    /// JSON Pointer of the deciding member of the policy; empty where none decided.
    pub rule: &'a str,
    /// After this wait, with nobody else calling, the same call passes. In milliseconds.
    pub retry_after_ms: Option<u64>,
    /// The id of the approval that is waited for.
    pub approval: Option<&'a str>,
}

/// A JSON-RPC error. Without an id, because the request's could not be read, the member is left out, as MCP wants it
/// (2026-07-28 basic/index "Error Responses").
pub fn error_response(id: Option<&Id<'_>>, code: i64, message: &str, data: Option<&serde_json::Value>) -> Bytes {
    let mut out = String::with_capacity(96 + message.len());
    out.push_str(r#"{"jsonrpc":"2.0","#);
    if let Some(id) = id {
        out.push_str(r#""id":"#);
        out.push_str(id.raw());
        out.push(',');
    }
    out.push_str(r#""error":{"code":"#);
    out.push_str(&code.to_string());
    out.push_str(r#","message":"#);
    push_quoted(&mut out, message);
    if let Some(data) = data {
        out.push_str(r#","data":"#);
        out.push_str(&data.to_string());
    }
    out.push_str("}}");
    Bytes::from(out)
}

/// A JSON-RPC success whose `result` is the raw JSON `result`, which must be one valid JSON value.
pub fn result_response(id: &Id<'_>, result: &str) -> Bytes {
    Bytes::from(format!(r#"{{"jsonrpc":"2.0","id":{},"result":{result}}}"#, id.raw()))
}

/// A denied `tools/call`: a successful response with a tool error, which a model can read and adapt to.
pub fn denial_result(id: &Id<'_>, era: Era, denial: DenialBody<'_>) -> Bytes {
    let mut result = String::with_capacity(320 + denial.text.len());
    result.push('{');
    push_result_type(&mut result, era);
    result.push_str(r#""isError":true,"content":[{"type":"text","text":"#);
    if denial.text.starts_with(DENIAL_PREFIX.trim_end()) {
        push_quoted(&mut result, denial.text);
    } else {
        push_quoted(&mut result, &format!("{DENIAL_PREFIX}{}", denial.text));
    }
    result.push_str(r#"}],"_meta":{"#);
    push_quoted(&mut result, DECISION_META_KEY);
    result.push_str(":{");
    let strings =
        [("id", denial.decision_id), ("outcome", denial.outcome), ("code", denial.code), ("rule", denial.rule)];
    for (key, value) in strings {
        push_quoted(&mut result, key);
        result.push(':');
        push_quoted(&mut result, value);
        result.push(',');
    }
    result.push_str(r#""retry_after_ms":"#);
    result.push_str(&denial.retry_after_ms.map_or("null".to_owned(), |wait_ms| wait_ms.to_string()));
    result.push_str(r#","approval":"#);
    match denial.approval {
        Some(approval) => push_quoted(&mut result, approval),
        None => result.push_str("null"),
    }
    result.push_str("}}}");
    result_response(id, &result)
}

/// The result of a call that could not be made, told to whoever called in words.
pub fn error_result(id: &Id<'_>, era: Era, text: &str) -> Bytes {
    let mut result = String::with_capacity(80 + text.len());
    result.push('{');
    push_result_type(&mut result, era);
    result.push_str(r#""isError":true,"content":[{"type":"text","text":"#);
    push_quoted(&mut result, text);
    result.push_str("}]}");
    result_response(id, &result)
}

/// The protocol's own answer to a tool that does not exist (server/tools "Error Handling"); hidden tools get the same.
pub fn unknown_tool(id: &Id<'_>, name: &str) -> Bytes {
    error_response(Some(id), code::INVALID_PARAMS, &format!("Unknown tool: {name}"), None)
}

/// The answer to a method that does not exist here. Goes with HTTP 404 in the stateless era.
pub fn method_not_found(id: &Id<'_>, method: &str) -> Bytes {
    error_response(Some(id), code::METHOD_NOT_FOUND, &format!("Method not found: {method}"), None)
}

/// The answer to a protocol version that is not spoken here. Goes with HTTP 400.
pub fn unsupported_version(id: Option<&Id<'_>>, requested: &str, supported: &[&str]) -> Bytes {
    let data = serde_json::json!({"supported": supported, "requested": requested});
    error_response(id, code::UNSUPPORTED_PROTOCOL_VERSION, "Unsupported protocol version", Some(&data))
}

/// The first member of a result in the stateless era, with its comma; nothing in the other.
pub(crate) fn push_result_type(out: &mut String, era: Era) {
    if era == Era::Stateless {
        out.push_str(r#""resultType":"complete","#);
    }
}

#[cfg(test)]
mod tests;
