//! Notifications of servers.

use std::borrow::Cow;

use bytes::Bytes;

use super::object::Object;
use crate::edit::Edits;
use crate::id::Id;
use crate::json;
use crate::subscription::SUBSCRIPTION_META_KEY;

/// The token of a `notifications/progress`.
#[must_use]
pub fn progress_of(message: &[u8]) -> Option<Id<'_>> {
    Id::from_raw(param(message, "progressToken")?)
}

/// The resource of a `notifications/resources/updated`.
#[must_use]
pub fn resource_updated(message: &[u8]) -> Option<Cow<'_, str>> {
    param(message, "uri").filter(|raw| raw.starts_with('"')).map(json::decode)
}

/// The same notification with another progress token, as raw JSON.
#[must_use]
pub fn with_progress_token(message: &Bytes, token: &str) -> Option<Bytes> {
    let text = std::str::from_utf8(message).ok()?;
    let mut edits = Edits::new(text);
    edits.replace(Object::whole(text)?.inside(text, "params")?.value("progressToken")?, token.to_owned());
    Some(edits.apply())
}

/// The same notification as one of a subscription (2026-07-28 basic/patterns/subscriptions): names the request that
/// opened it.
#[must_use]
pub fn subscribed(message: &Bytes, id: &Id<'_>) -> Option<Bytes> {
    let text = std::str::from_utf8(message).ok()?;
    let whole = Object::whole(text)?;
    let mut edits = Edits::new(text);
    let meta = format!(r#"{{"{SUBSCRIPTION_META_KEY}":{}}}"#, id.raw());
    match whole.inside(text, "params") {
        Some(params) => match params.inside(text, "_meta") {
            Some(meta) => meta.put(&mut edits, &[(SUBSCRIPTION_META_KEY, id.raw())]),
            None => params.put(&mut edits, &[("_meta", &meta)]),
        },
        None => whole.put(&mut edits, &[("params", &format!(r#"{{"_meta":{meta}}}"#))]),
    }
    Some(edits.apply())
}

fn param<'a>(message: &'a [u8], key: &str) -> Option<&'a str> {
    let text = std::str::from_utf8(message).ok()?;
    let params = json::member(text, "params").map(|value| value.text).filter(|raw| raw.starts_with('{'))?;
    json::member(params, key).map(|value| value.text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_replaced_and_nothing_else() {
        let message = Bytes::from_static(
            br#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":0.50,"progressToken": 7,"x":1e2}}"#,
        );
        assert_eq!(progress_of(&message).unwrap().raw(), "7");
        let other = with_progress_token(&message, r#""a\u0062""#).unwrap();
        let expected = String::from_utf8(message.to_vec()).unwrap().replace(": 7", r#": "a\u0062""#);
        assert_eq!(other, expected.as_bytes());
        assert_eq!(with_progress_token(&Bytes::from_static(b"{}"), "1"), None);
    }

    #[test]
    fn a_subscription_is_named_wherever_there_is_room() {
        let cases = [
            (
                r#"{"method":"m"}"#,
                r#"{"params":{"_meta":{"io.modelcontextprotocol/subscriptionId":"s"}},"method":"m"}"#,
            ),
            (
                r#"{"params":{"uri":"a"}}"#,
                r#"{"params":{"_meta":{"io.modelcontextprotocol/subscriptionId":"s"},"uri":"a"}}"#,
            ),
            (
                r#"{"params":{"_meta":{"x":1}}}"#,
                r#"{"params":{"_meta":{"io.modelcontextprotocol/subscriptionId":"s","x":1}}}"#,
            ),
            (
                r#"{"params":{"_meta":{"io.modelcontextprotocol/subscriptionId":9}}}"#,
                r#"{"params":{"_meta":{"io.modelcontextprotocol/subscriptionId":"s"}}}"#,
            ),
        ];
        for (before, after) in cases {
            let tagged = subscribed(&Bytes::from_static(before.as_bytes()), &Id::string("s")).unwrap();
            assert_eq!(tagged, after.as_bytes(), "{before}");
        }
        assert_eq!(resource_updated(br#"{"params":{"uri":"a:\u0062"}}"#).as_deref(), Some("a:b"));
    }
}
