//! What a gateway says on its own when the tools have changed: the notification in both eras, the stateless era's
//! subscription (2026-07-28 basic/patterns/subscriptions), and the capability that makes clients listen.

use std::ops::Range;

use bytes::Bytes;

use crate::edit::Edits;
use crate::id::Id;
use crate::json::{self, Kind};
use crate::message::Params;
use crate::method::Method;

/// Names a subscription on each of its messages: the id of the request that opened it.
pub(crate) const SUBSCRIPTION_META_KEY: &str = "io.modelcontextprotocol/subscriptionId";

impl Params<'_> {
    /// Whether a `subscriptions/listen` asks for `notifications/tools/list_changed`.
    #[must_use]
    pub fn wants_tools_list_changed(&self) -> bool {
        let notifications = self.get("notifications").filter(|raw| raw.starts_with('{'));
        notifications.and_then(|raw| json::member(raw, "toolsListChanged")).is_some_and(|value| value.is_true())
    }
}

/// `notifications/tools/list_changed`; with the subscription it goes to, in the stateless era.
#[must_use]
pub fn tools_list_changed(subscription: Option<&Id<'_>>) -> Bytes {
    list_changed(Method::ToolsListChanged, subscription)
}

/// The notification with this method and nothing to say but that; with the subscription it goes to, in the stateless era.
#[must_use]
pub fn list_changed(method: Method, subscription: Option<&Id<'_>>) -> Bytes {
    let params = subscription.map_or(String::new(), |id| format!(r#","params":{{{}}}"#, meta(id)));
    Bytes::from(format!(r#"{{"jsonrpc":"2.0","method":"{}"{params}}}"#, method.name().unwrap_or_default()))
}

/// What a server's acknowledgement of a subscription says it will tell, as raw JSON; none if the message is none.
#[must_use]
pub fn acknowledged(message: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(message).ok()?;
    object_at(text, &["params", "notifications"]).map(|at| &text[at])
}

/// The first message of a subscription that is served for changes of the tools and nothing else.
#[must_use]
pub fn subscription_acknowledged(id: &Id<'_>) -> Bytes {
    acknowledgement(id, &serde_json::json!({"toolsListChanged": true}))
}

/// The first message of a subscription that is served for what this filter says.
#[must_use]
pub fn acknowledgement(id: &Id<'_>, notifications: &serde_json::Value) -> Bytes {
    let meta = meta(id);
    Bytes::from(format!(
        r#"{{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{{{meta},"notifications":{notifications}}}}}"#
    ))
}

/// The last message of a subscription that is ended in good order.
#[must_use]
pub fn subscription_ended(id: &Id<'_>) -> Bytes {
    crate::answer::result_response(id, &format!(r#"{{"resultType":"complete",{}}}"#, meta(id)))
}

/// A server's acknowledgement that also promises changes of the tools; none if it does already, or is none.
#[must_use]
pub fn acknowledging_tools_list_changed(message: &[u8]) -> Option<Bytes> {
    set_true(message, &["params", "notifications"], "toolsListChanged")
}

/// An answer to `initialize` or `server/discover` of a server with tools that also promises
/// `notifications/tools/list_changed`; none if it does already, or has no tools.
#[must_use]
pub fn promising_tools_list_changed(message: &[u8]) -> Option<Bytes> {
    set_true(message, &["result", "capabilities", "tools"], "listChanged")
}

fn meta(id: &Id<'_>) -> String {
    format!(r#""_meta":{{"{SUBSCRIPTION_META_KEY}":{}}}"#, id.raw())
}

/// Sets a member of the object at a path to `true`; every other byte stays. None if it is so already, or there is no such
/// object.
fn set_true(message: &[u8], path: &[&str], name: &str) -> Option<Bytes> {
    let text = std::str::from_utf8(message).ok()?;
    let object = object_at(text, path)?;
    let inside = &text[object.clone()];
    let mut edits = Edits::new(text);
    match json::member(inside, name) {
        Some(value) if value.is_true() => return None,
        Some(value) => edits.replace(object.start + value.start..object.start + value.range().end, "true".to_owned()),
        None => {
            let comma = if inside[1..].trim_start().starts_with('}') { "" } else { "," };
            edits.replace(object.start + 1..object.start + 1, format!(r#""{name}":true{comma}"#));
        }
    }
    Some(edits.apply())
}

fn object_at(text: &str, path: &[&str]) -> Option<Range<usize>> {
    path.iter().try_fold(0..text.len(), |outer, name| {
        let value = json::member(&text[outer.clone()], name).filter(|value| value.kind == Kind::Object)?;
        Some(outer.start + value.start..outer.start + value.range().end)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn promised(message: &str) -> Option<String> {
        promising_tools_list_changed(message.as_bytes()).map(|bytes| String::from_utf8(bytes.to_vec()).unwrap())
    }

    #[test]
    fn the_promise_is_added_and_nothing_else_changes() {
        let cases = [
            (
                r#" {"id":1, "result":{"x":1.0,"capabilities":{ "tools":{}},"y":1e5}}"#,
                r#" {"id":1, "result":{"x":1.0,"capabilities":{ "tools":{"listChanged":true}},"y":1e5}}"#,
            ),
            (
                r#"{"result":{"capabilities":{"tools":{ "z":null }}}}"#,
                r#"{"result":{"capabilities":{"tools":{"listChanged":true, "z":null }}}}"#,
            ),
            (
                r#"{"result":{"capabilities":{"tools":{"z":1,"listChanged" : false}}}}"#,
                r#"{"result":{"capabilities":{"tools":{"z":1,"listChanged" : true}}}}"#,
            ),
        ];
        for (before, after) in cases {
            assert_eq!(promised(before).as_deref(), Some(after));
        }
        for same in [
            r#"{"result":{"capabilities":{"tools":{"listChanged":true}}}}"#,
            r#"{"result":{"capabilities":{"prompts":{}}}}"#,
            r#"{"result":{"capabilities":{"tools":true}}}"#,
            r#"{"error":{"code":1}}"#,
            "[]",
            "not json",
        ] {
            assert_eq!(promised(same), None, "{same}");
        }
        let ack = r#"{"method":"notifications/subscriptions/acknowledged","params":{"notifications":{"promptsListChanged":true}}}"#;
        let told = acknowledging_tools_list_changed(ack.as_bytes()).unwrap();
        assert_eq!(told, ack.replace(r#"{"prom"#, r#"{"toolsListChanged":true,"prom"#));
    }

    #[test]
    fn messages_name_the_subscription_as_it_was_named() {
        let id = Id::number(7);
        let changed = r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":7}}}"#;
        assert_eq!(tools_list_changed(Some(&id)), changed);
        assert_eq!(tools_list_changed(None), r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#);
        for message in [subscription_acknowledged(&id), subscription_ended(&id)] {
            let message: serde_json::Value = serde_json::from_slice(&message).unwrap();
            let holder = message.get("params").or(message.get("result")).unwrap();
            assert_eq!(holder["_meta"][SUBSCRIPTION_META_KEY], 7, "{message}");
        }
    }

    #[test]
    fn only_true_asks_for_it() {
        let wants = |notifications: &str| {
            let text = format!(
                r#"{{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","params":{{"notifications":{notifications}}}}}"#
            );
            crate::read(text.as_bytes()).unwrap().params().unwrap().wants_tools_list_changed()
        };
        assert!(wants(r#"{"promptsListChanged":false,"toolsListChanged":true}"#));
        for not in [r#"{"toolsListChanged":false}"#, "{}", "[]", "null", r#"{"toolsListChanged":"true"}"#] {
            assert!(!wants(not), "{not}");
        }
    }
}
