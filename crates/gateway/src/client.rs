//! What a client says of itself, cut to what is kept.

use domain::Client;
use mcp::{ClientInfo, Request};

/// Most characters kept of what a client calls itself.
const CLIENT_CHARS: usize = 100;
/// Most bytes kept of what a client can do.
const CAPABILITIES_BYTES: usize = 2_048;

/// What the client says it is, cut.
pub(crate) fn named(info: &ClientInfo<'_>) -> Client {
    let cut = |text: Option<&str>| text.unwrap_or_default().chars().take(CLIENT_CHARS).collect();
    Client { name: cut(info.name.as_deref()), version: cut(info.version.as_deref()) }
}

/// What a client of the `initialize` era can do, as it said in its greeting: a raw JSON object, short enough to be carried
/// in a session id. Of a longer one the parts that servers ask for are kept.
pub(crate) fn capabilities(request: &Request<'_>) -> String {
    let declared = request.params.as_ref().and_then(|params| params.capabilities()).unwrap_or("{}");
    if declared.len() <= CAPABILITIES_BYTES {
        return declared.to_owned();
    }
    let all: serde_json::Map<String, serde_json::Value> = serde_json::from_str(declared).unwrap_or_default();
    let kept = all.into_iter().filter(|(name, value)| {
        matches!(name.as_str(), "elicitation" | "sampling" | "roots")
            && value.to_string().len() <= CAPABILITIES_BYTES / 4
    });
    serde_json::Value::Object(kept.collect()).to_string()
}
