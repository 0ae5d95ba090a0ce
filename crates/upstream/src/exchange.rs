//! One request and the one JSON-RPC answer to it, whether it comes as JSON or on an event stream.

use std::future::Future;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use mcp::{Frame, Id};

use crate::{Dialer, SendError, authorization::Challenge};

/// A way to an upstream: the dialler, or a tunnel.
pub trait Exchange: Sync {
    /// Sends a request and gives the answer's head.
    fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> impl Future<Output = Result<http::Response<Incoming>, SendError>> + Send;
}

/// Why there is no answer to read, in words for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What went wrong.
    pub words: String,
    /// What the upstream itself said about it, made safe to show.
    pub upstream_words: Option<String>,
    /// Whether anything answered at all.
    pub reached: Reached,
    /// The HTTP status, where that is what went wrong.
    pub status: Option<u16>,
    /// Whether it asks for a bearer token, as servers that want OAuth do.
    pub wants_oauth: bool,
}

/// Whether anything answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reached {
    /// An HTTP answer came.
    Answered,
    /// Nothing came.
    Nothing,
}

/// An answer's head and the JSON-RPC message in its body.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: http::StatusCode,
    pub(crate) headers: http::HeaderMap,
    /// The message that answers the request; none when the body holds none.
    pub(crate) message: Option<Bytes>,
    /// The body's first bytes, for the upstream's own words.
    pub(crate) start: Bytes,
}

const WORDS: usize = 300;

impl Exchange for Dialer {
    fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> impl Future<Output = Result<http::Response<Incoming>, SendError>> + Send {
        Dialer::send(self, request)
    }
}

impl Failure {
    pub(crate) fn unreached(error: &SendError) -> Self {
        Self {
            words: error.to_string(),
            upstream_words: None,
            reached: Reached::Nothing,
            status: None,
            wants_oauth: false,
        }
    }

    pub(crate) fn answered(words: impl Into<String>) -> Self {
        Self { words: words.into(), upstream_words: None, reached: Reached::Answered, status: None, wants_oauth: false }
    }
}

/// Sends `request` and reads the answer to `id` (any first answer when there is none), up to `max_bytes`.
pub(crate) async fn exchange<E: Exchange>(
    via: &E,
    request: http::Request<Bytes>,
    id: Option<&Id<'_>>,
    max_bytes: usize,
) -> Result<Answer, Failure> {
    let answer = via.send(request).await.map_err(|error| Failure::unreached(&error))?;
    let (head, body) = answer.into_parts();
    let is_stream = content_type(&head.headers).starts_with("text/event-stream");
    let (message, start) = match id {
        Some(id) if is_stream && head.status.is_success() => (from_stream(body, id, max_bytes).await?, Bytes::new()),
        _ => {
            let body = whole(body, max_bytes).await?;
            let is_answer = id.is_none_or(|id| answers(&body, id));
            (is_answer.then(|| body.clone()), body.slice(..body.len().min(4 * WORDS)))
        }
    };
    Ok(Answer { status: head.status, headers: head.headers, message, start })
}

impl Answer {
    /// An answer of which only the head is looked at.
    pub(crate) fn of_status(status: http::StatusCode, headers: http::HeaderMap) -> Self {
        Self { status, headers, message: None, start: Bytes::new() }
    }

    /// Whether it is what a server that only speaks HTTP+SSE answers to a POST (2025-11-25 basic/transports "Backwards
    /// Compatibility").
    pub(crate) fn is_of_another_transport(&self) -> bool {
        matches!(self.status.as_u16(), 400 | 404 | 405)
    }

    /// What an answer says that holds no message for us, or an HTTP error.
    pub(crate) fn failure(&self) -> Failure {
        let status = self.status;
        let html = content_type(&self.headers).starts_with("text/html");
        let wants_oauth = status == 401 && Challenge::of(&self.headers) != Challenge::default();
        let words = match status.as_u16() {
            401 if wants_oauth => {
                format!("it wants OAuth (HTTP {status}): register it and connect it, or add a header")
            }
            401 | 403 => format!("it asks for credentials (HTTP {status}): add a header such as Authorization"),
            _ if html => format!(
                "it answered with a web page (HTTP {status}), not MCP; is the path right? many servers answer at /mcp"
            ),
            404 | 405 => format!("it answered HTTP {status}; is the path right? many servers answer at /mcp"),
            _ if status.is_redirection() => {
                let to = self.headers.get("location").and_then(|v| v.to_str().ok()).map(shown).unwrap_or_default();
                format!(
                    "it answered with a redirect to {to}, which is not followed; use that URL if it is the right one"
                )
            }
            _ if status.is_success() => format!("its answer (HTTP {status}) is not an MCP answer to what was asked"),
            _ => format!("it answered HTTP {status}"),
        };
        let upstream_words = if html { None } else { self.words() };
        Failure { words, upstream_words, reached: Reached::Answered, status: Some(status.as_u16()), wants_oauth }
    }

    /// The upstream's own words: a JSON error's message, or the text.
    fn words(&self) -> Option<String> {
        let json: Option<serde_json::Value> = serde_json::from_slice(&self.start).ok();
        let of_json = json.as_ref().and_then(|v| {
            let places = [
                v.pointer("/error/message"),
                v.get("error_description"),
                v.get("message"),
                v.get("detail"),
                v.get("error"),
            ];
            places.into_iter().flatten().find_map(|p| p.as_str().map(str::to_owned))
        });
        let text = of_json.unwrap_or_else(|| String::from_utf8_lossy(&self.start).into_owned());
        Some(shown(&text)).filter(|t| !t.is_empty())
    }
}

/// Foreign text made safe to show: one line, no control characters or invisible marks, cut.
pub(crate) fn shown(text: &str) -> String {
    let visible = |c: char| {
        !c.is_control()
            && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
    };
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ").chars().filter(|c| visible(*c)).collect();
    let mut cut: String = line.chars().take(WORDS).collect();
    if cut.len() < line.len() {
        cut.push('…');
    }
    cut
}

fn content_type(headers: &http::HeaderMap) -> String {
    let value = headers.get(http::header::CONTENT_TYPE).and_then(|v| v.to_str().ok());
    value.unwrap_or_default().trim().to_ascii_lowercase()
}

pub(crate) fn answers(message: &[u8], id: &Id<'_>) -> bool {
    match mcp::frame(message) {
        // An error about a request that could not be read has no id.
        Ok(Frame::Response(facts)) => facts.answers(id) || (facts.id.is_none() && facts.is_failure()),
        _ => false,
    }
}

async fn whole(mut body: Incoming, max_bytes: usize) -> Result<Bytes, Failure> {
    let mut out = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Failure::answered("the answer broke off"))?;
        let Ok(data) = frame.into_data() else { continue };
        if out.len() + data.len() > max_bytes {
            return Err(too_large(max_bytes));
        }
        out.extend_from_slice(&data);
    }
    Ok(out.freeze())
}

async fn from_stream(mut body: Incoming, id: &Id<'_>, max_bytes: usize) -> Result<Option<Bytes>, Failure> {
    let mut parser = mcp::SseParser::new(max_bytes);
    let mut seen = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Failure::answered("the answer's stream broke off"))?;
        let Ok(data) = frame.into_data() else { continue };
        seen += data.len();
        let events = parser.push(&data).map_err(|_| too_large(max_bytes))?;
        let payloads = events.iter().filter_map(mcp::SseEvent::payload);
        if let Some(found) = payloads.into_iter().find(|payload| answers(payload, id)) {
            return Ok(Some(found.clone()));
        }
        if seen > max_bytes {
            return Err(too_large(max_bytes));
        }
    }
    Ok(None)
}

pub(crate) fn too_large(max_bytes: usize) -> Failure {
    Failure::answered(format!("the answer is larger than {} MiB", max_bytes / (1024 * 1024)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_is_shown_on_one_line_without_tricks() {
        assert_eq!(shown("a\n\tb\u{1b}[31m\u{202e}c\u{200b}"), "a b[31mc");
        assert_eq!(shown(&"x".repeat(400)).chars().count(), WORDS + 1);
    }
}
