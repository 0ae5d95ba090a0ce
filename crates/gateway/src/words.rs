//! An upstream's own words in an error answer: short, readable, harmless to a terminal.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;

/// Most bytes read of an error body.
const READ_BYTES: usize = 16 << 10;
/// Most characters passed on.
const SHOWN_CHARS: usize = 500;
/// An error body that takes longer has nothing to say.
const WITHIN: Duration = Duration::from_secs(2);

/// The words of an error answer's body.
pub(crate) async fn of_body(body: Incoming) -> String {
    of_bytes(&start_of(body).await)
}

/// The first bytes of a body.
pub(crate) async fn start_of(mut body: Incoming) -> Bytes {
    let mut start = Vec::new();
    let reading = async {
        while let Some(Ok(frame)) = body.frame().await {
            let Ok(data) = frame.into_data() else { continue };
            start.extend_from_slice(&data[..data.len().min(READ_BYTES - start.len())]);
            if start.len() == READ_BYTES {
                break;
            }
        }
    };
    let _late = tokio::time::timeout(WITHIN, reading).await;
    Bytes::from(start)
}

/// The words in a body: the message of a JSON error, or the text itself.
pub(crate) fn of_bytes(body: &[u8]) -> String {
    let json: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    let message = json.as_ref().and_then(message_in);
    let text = message.map_or_else(|| String::from_utf8_lossy(body), Into::into);
    if json.is_none() && text.trim_start().starts_with('<') {
        return String::new();
    }
    shorten(&text)
}

fn message_in(json: &serde_json::Value) -> Option<&str> {
    let error = json.get("error");
    let places = [error.and_then(|e| e.get("message")), json.get("message"), json.get("error_description"), error];
    places.into_iter().flatten().find_map(serde_json::Value::as_str)
}

/// Cut, and without control characters.
pub(crate) fn shorten(text: &str) -> String {
    let clean = text.trim().chars().map(|c| if c.is_control() { ' ' } else { c });
    clean.take(SHOWN_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_is_found_where_servers_put_it() {
        assert_eq!(of_bytes(br#"{"jsonrpc":"2.0","id":1,"error":{"code":-1,"message":"no\u001b[31m"}}"#), "no [31m");
        assert_eq!(of_bytes(br#"{"error":"invalid_token","error_description":"expired"}"#), "expired");
        assert_eq!(of_bytes(br#"{"message":"m"}"#), "m");
        assert_eq!(of_bytes(b" plain\nwords "), "plain words");
        assert_eq!(of_bytes(b"<html>whatever</html>"), "");
        assert_eq!(of_bytes(b""), "");
        assert_eq!(of_bytes(&[b'x'; 10_000]).len(), SHOWN_CHARS);
    }
}
