//! What a server says of itself, in the words of the other era.

use bytes::Bytes;

use super::object::Object;
use crate::answer;
use crate::edit::Edits;
use crate::id::Id;
use crate::json;

const SERVER_INFO: &str = "io.modelcontextprotocol/serverInfo";
const TASKS_EXTENSION: &str = "io.modelcontextprotocol/tasks";

/// The answer to `server/discover`, made of a server's answer to `initialize`. Tasks are another thing in each era, and
/// are left out.
#[must_use]
pub fn discover_from_handshake(id: &Id<'_>, greeting: &[u8], versions: &[&str]) -> Option<Bytes> {
    let text = std::str::from_utf8(greeting).ok()?;
    let result = Object::whole(text)?.inside(text, "result")?;
    let raw = |key: &str| result.value(key).map(|at| &text[at]);
    let versions = serde_json::to_string(versions).ok()?;
    let capabilities = without(raw("capabilities").unwrap_or("{}"), &["tasks"]);
    let instructions = raw("instructions").map_or(String::new(), |raw| format!(r#","instructions":{raw}"#));
    let meta = raw("serverInfo").map_or(String::new(), |raw| format!(r#","_meta":{{"{SERVER_INFO}":{raw}}}"#));
    let answer = format!(
        r#"{{"resultType":"complete","supportedVersions":{versions},"capabilities":{capabilities}{instructions},"ttlMs":0,"cacheScope":"private"{meta}}}"#
    );
    Some(answer::result_response(id, &answer))
}

/// The answer to `initialize`, made of a server's answer to `server/discover`.
#[must_use]
pub fn handshake_from_discover(id: &Id<'_>, greeting: &[u8], version: &str) -> Option<Bytes> {
    let text = std::str::from_utf8(greeting).ok()?;
    let result = Object::whole(text)?.inside(text, "result")?;
    let raw = |key: &str| result.value(key).map(|at| &text[at]);
    let info = result.inside(text, "_meta").and_then(|meta| meta.value(SERVER_INFO)).map(|at| &text[at]);
    let capabilities = raw("capabilities").unwrap_or("{}");
    let extensions = json::member(capabilities, "extensions").map(|value| without(value.text, &[TASKS_EXTENSION]));
    let capabilities = match extensions {
        Some(extensions) => {
            let mut edits = Edits::new(capabilities);
            Object::whole(capabilities)?.put(&mut edits, &[("extensions", &extensions)]);
            String::from_utf8(edits.apply().to_vec()).ok()?
        }
        None => capabilities.to_owned(),
    };
    let instructions = raw("instructions").map_or(String::new(), |raw| format!(r#","instructions":{raw}"#));
    let mut quoted = String::new();
    json::push_quoted(&mut quoted, version);
    let info = info.unwrap_or(r#"{"name":"","version":""}"#);
    let answer =
        format!(r#"{{"protocolVersion":{quoted},"capabilities":{capabilities},"serverInfo":{info}{instructions}}}"#);
    Some(answer::result_response(id, &answer))
}

/// A server's answer to our `initialize` as the answer to a client's, in the version that the client is told.
#[must_use]
pub fn handshake_again(id: &Id<'_>, greeting: &[u8], version: &str) -> Option<Bytes> {
    let text = std::str::from_utf8(greeting).ok()?;
    let whole = Object::whole(text)?;
    let mut quoted = String::new();
    json::push_quoted(&mut quoted, version);
    let mut edits = Edits::new(text);
    whole.put(&mut edits, &[("id", id.raw())]);
    whole.inside(text, "result")?.put(&mut edits, &[("protocolVersion", &quoted)]);
    Some(edits.apply())
}

/// An answer to `initialize` or `server/discover` without these capabilities, in either era's place for them; none if it has
/// none of them. Every other byte stays.
#[must_use]
pub fn without_capabilities(greeting: &[u8], unwanted: &[&str]) -> Option<Bytes> {
    let text = std::str::from_utf8(greeting).ok()?;
    let capabilities = Object::whole(text)?.inside(text, "result")?.inside(text, "capabilities")?;
    let mut edits = Edits::new(text);
    capabilities.remove(text, &mut edits, |key| unwanted.contains(&key));
    let tasks = unwanted.contains(&"tasks");
    if let Some(extensions) = capabilities.inside(text, "extensions").filter(|_| tasks) {
        extensions.remove(text, &mut edits, |key| key == TASKS_EXTENSION);
    }
    (!edits.is_empty()).then(|| edits.apply())
}

fn without(object: &str, keys: &[&str]) -> String {
    let Some(read) = Object::whole(object) else { return "{}".to_owned() };
    let mut edits = Edits::new(object);
    read.remove(object, &mut edits, |key| keys.contains(&key));
    String::from_utf8_lossy(&edits.apply()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back_keeps_what_both_eras_have() {
        let greeting = br#"{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-11-25","capabilities":{"tasks":{"list":{}},"tools":{"x":1.0}},"serverInfo":{"name":"s","version":"1","icons":[]},"instructions":"be \u0062rief"}}"#;
        let discover = discover_from_handshake(&Id::number(2), greeting, &["2025-11-25", "2026-07-28"]).unwrap();
        assert_eq!(
            std::str::from_utf8(&discover).unwrap(),
            r#"{"jsonrpc":"2.0","id":2,"result":{"resultType":"complete","supportedVersions":["2025-11-25","2026-07-28"],"capabilities":{"tools":{"x":1.0}},"instructions":"be \u0062rief","ttlMs":0,"cacheScope":"private","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"s","version":"1","icons":[]}}}}"#
        );
        let back = handshake_from_discover(&Id::string("h"), &discover, "2025-06-18").unwrap();
        let again = handshake_again(&Id::string("h"), greeting, "2025-06-18").unwrap();
        let expected = String::from_utf8(greeting.to_vec()).unwrap();
        assert_eq!(again, expected.replace(r#""id":1"#, r#""id":"h""#).replace("2025-11-25", "2025-06-18").as_bytes());
        assert_eq!(
            std::str::from_utf8(&back).unwrap(),
            r#"{"jsonrpc":"2.0","id":"h","result":{"protocolVersion":"2025-06-18","capabilities":{"tools":{"x":1.0}},"serverInfo":{"name":"s","version":"1","icons":[]},"instructions":"be \u0062rief"}}"#
        );
    }

    #[test]
    fn capabilities_are_taken_out_where_either_era_has_them() {
        let greeting = br#"{"jsonrpc":"2.0","id":1,"result":{"capabilities":{"logging":{}, "tasks":{"list":{}},"tools":{"x":1.0},"extensions":{"io.modelcontextprotocol/tasks":{},"x/y":{"tasks":1}}},"tasks":2}}"#;
        let kept = |unwanted: &[&str]| {
            without_capabilities(greeting, unwanted).map(|edited| String::from_utf8(edited.to_vec()).unwrap())
        };
        let whole = |capabilities: &str| {
            format!(r#"{{"jsonrpc":"2.0","id":1,"result":{{"capabilities":{capabilities},"tasks":2}}}}"#)
        };
        assert_eq!(kept(&[]), None);
        assert_eq!(kept(&["prompts"]), None);
        let expected = r#"{"logging":{},"tools":{"x":1.0},"extensions":{"x/y":{"tasks":1}}}"#;
        assert_eq!(kept(&["tasks"]), Some(whole(expected)));
        let expected = r#"{ "tasks":{"list":{}},"tools":{"x":1.0},"extensions":{"io.modelcontextprotocol/tasks":{},"x/y":{"tasks":1}}}"#;
        assert_eq!(kept(&["logging", "resources"]), Some(whole(expected)));
        assert_eq!(without_capabilities(br#"{"result":{"capabilities":7}}"#, &["tasks"]), None);
    }

    #[test]
    fn tasks_are_left_out_either_way() {
        let discover = br#"{"result":{"capabilities":{"extensions":{"io.modelcontextprotocol/tasks":{},"io.modelcontextprotocol/ui":{}}}}}"#;
        let answer = handshake_from_discover(&Id::number(1), discover, "2025-11-25").unwrap();
        let answer: serde_json::Value = serde_json::from_slice(&answer).unwrap();
        assert_eq!(
            answer["result"]["capabilities"],
            serde_json::json!({"extensions": {"io.modelcontextprotocol/ui": {}}})
        );
        for not in [&br#"{"error":{"code":1}}"#[..], b"[]", b"x"] {
            assert_eq!(handshake_from_discover(&Id::number(1), not, "v"), None);
            assert_eq!(discover_from_handshake(&Id::number(1), not, &[]), None);
        }
    }
}
