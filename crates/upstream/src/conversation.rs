//! Our own side of an MCP conversation, in either era: for probes and test calls. Calls that pass through the gateway do
//! not come by here; they keep their own bytes.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use mcp::{Era, HandshakeError, Id, OwnCall, OwnClient, ServerDescription};

use crate::{
    events::Events,
    exchange::{Answer, Exchange, Failure, exchange, shown},
};

const SESSION: HeaderName = HeaderName::from_static("mcp-session-id");
const PROTOCOL_VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
const METHOD: HeaderName = HeaderName::from_static("mcp-method");
const NAME: HeaderName = HeaderName::from_static("mcp-name");

/// Where to, and as whom.
#[derive(Clone)]
pub struct Target<'a> {
    /// The absolute URI.
    pub uri: http::Uri,
    /// Headers added to every request; their values are secrets.
    pub headers: HeaderMap,
    /// Who we say we are.
    pub client: OwnClient<'a>,
    /// How long and how much.
    pub limits: Limits,
}

/// How long and how much.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// For one request and its answer.
    pub per_request: Duration,
    /// For one answer, in bytes.
    pub answer_bytes: usize,
    /// Pages of a list.
    pub pages: usize,
    /// Tools of a server.
    pub tools: usize,
}

/// A conversation that has been opened.
pub struct Conversation<'a, E: Exchange> {
    via: &'a E,
    target: Target<'a>,
    era: Era,
    version: String,
    session: Option<HeaderValue>,
    /// Where answers come on, where the server speaks HTTP+SSE.
    events: Option<Events>,
    description: ServerDescription,
    next_id: u64,
}

/// What a conversation could not get.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.words)]
pub struct Failed(pub Failure);

impl Default for Limits {
    fn default() -> Self {
        Self { per_request: Duration::from_secs(10), answer_bytes: 8 * 1024 * 1024, pages: 50, tools: 2_000 }
    }
}

impl<'a, E: Exchange> Conversation<'a, E> {
    /// Opens a conversation: `server/discover` first, and the `initialize` handshake where the server is of that era, over
    /// HTTP+SSE where it does not take it by Streamable HTTP.
    ///
    /// # Errors
    /// [`Failed`].
    pub async fn open(via: &'a E, target: Target<'a>) -> Result<Self, Failed> {
        let mut conversation = Self {
            via,
            target,
            era: Era::Stateless,
            version: mcp::STATELESS.to_owned(),
            session: None,
            events: None,
            description: ServerDescription::default(),
            next_id: 0,
        };
        if !conversation.discover().await? {
            conversation.introduce().await?;
        }
        Ok(conversation)
    }

    /// The era that the server speaks.
    pub fn era(&self) -> Era {
        self.era
    }

    /// The protocol version agreed on.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// What the server says of itself.
    pub fn description(&self) -> &ServerDescription {
        &self.description
    }

    /// Every tool's definition, with its name, over all pages.
    ///
    /// # Errors
    /// [`Failed`]: also when there are more pages or tools than the limits allow.
    pub async fn tools(&mut self) -> Result<Vec<(String, Bytes)>, Failed> {
        let mut found: Vec<(String, Bytes)> = Vec::new();
        let mut cursor: Option<String> = None;
        for _ in 0..self.target.limits.pages {
            let id = self.id();
            let request = mcp::tools_list_request(&id, self.era, self.target.client, cursor.as_deref());
            let message = self.ask(&id, "tools/list", None, request).await?;
            let mut names = Vec::new();
            let page = mcp::select_tools(&message, |tool| {
                names.push(tool.name.clone().into_owned());
                mcp::Keep::Keep
            });
            let page = page.map_err(|error| Failed(list_failure(&error, &message)))?;
            found.extend(names.into_iter().zip(page.items));
            if found.len() > self.target.limits.tools {
                return Err(failed(format!("it has more than {} tools", self.target.limits.tools)));
            }
            match page.next_cursor {
                None => return Ok(found),
                same if same == cursor => return Err(failed("its tools list repeats the same page for ever")),
                next => cursor = next,
            }
        }
        Err(failed(format!("its tools list has more than {} pages", self.target.limits.pages)))
    }

    /// Calls a tool; the request as it was sent, and the whole answer.
    ///
    /// # Errors
    /// [`Failed`] when there is no JSON-RPC answer; an answer that is an error is an answer.
    pub async fn call(&mut self, call: OwnCall<'_>) -> Result<(Bytes, Bytes), Failed> {
        let id = self.id();
        let tool = call.tool;
        let request = mcp::tools_call_request(&id, self.era, self.target.client, call);
        let answer = self.ask(&id, "tools/call", Some(tool), request.clone()).await?;
        Ok((request, answer))
    }

    /// Ends the session, where there is one; over HTTP+SSE the stream is it. Whether the server heard it makes no difference.
    pub async fn close(self) {
        if self.session.is_none() {
            return;
        }
        let mut request = self.request("", None, Bytes::new());
        *request.method_mut() = Method::DELETE;
        let limit = self.target.limits.per_request;
        let _unheard = tokio::time::timeout(limit, self.via.send(request)).await;
    }

    /// Whether the server is of the stateless era. An answer that says no, or makes no sense, says that it is older.
    async fn discover(&mut self) -> Result<bool, Failed> {
        let mut answer = self.described().await?;
        if let Some(Err(HandshakeError::Refused { supported, .. })) = &answer
            && supported.iter().any(|version| version == mcp::STATELESS)
        {
            // Refused with our own version among those it speaks (-32022): asked once more, as clients are to do
            // (2026-07-28 basic/versioning).
            answer = self.described().await?;
        }
        match answer {
            Some(Ok(found)) if found.protocol_versions.iter().any(|version| version == mcp::STATELESS) => {
                self.description = found;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// What the server says to `server/discover`; none where that is nothing of MCP.
    async fn described(&mut self) -> Result<Option<Result<ServerDescription, HandshakeError>>, Failed> {
        let id = self.id();
        let request = mcp::discover_request(&id, self.target.client);
        let answer = match self.exchange(Some(&id), "server/discover", None, request).await {
            Ok(answer) => answer,
            Err(failure) if failure.reached == crate::Reached::Nothing => return Err(Failed(failure)),
            Err(_) => return Ok(None),
        };
        if matches!(answer.status.as_u16(), 401 | 403 | 407) || answer.status.is_redirection() {
            return Err(Failed(answer.failure()));
        }
        let said = answer.message.as_deref().map(mcp::discover_result);
        // A description counts with a status that says so.
        Ok(said.filter(|said| said.is_err() || answer.status.is_success()))
    }

    /// The handshake of the `initialize` era, by the one transport or the other. Where neither is spoken, what was said to the
    /// newer one is told.
    async fn introduce(&mut self) -> Result<(), Failed> {
        self.era = Era::Initialize;
        self.version.clear();
        let mut answer = self.greet().await.map_err(Failed)?;
        if answer.is_of_another_transport() && self.open_events().await {
            answer = self.greet().await.map_err(Failed)?;
        }
        if !answer.status.is_success() {
            return Err(Failed(answer.failure()));
        }
        self.greeted(&answer).await
    }

    async fn greet(&mut self) -> Result<Answer, Failure> {
        let id = self.id();
        let request = mcp::initialize_request(&id, self.target.client);
        self.exchange(Some(&id), "initialize", None, request).await
    }

    /// Opens the stream of HTTP+SSE; whether there is one.
    async fn open_events(&mut self) -> bool {
        let mut request = self.request("", None, Bytes::new());
        *request.method_mut() = Method::GET;
        request.headers_mut().remove(header::CONTENT_TYPE);
        request.headers_mut().insert(header::ACCEPT, HeaderValue::from_static("text/event-stream"));
        let limits = self.target.limits;
        let opening = Events::open(self.via, request, limits.answer_bytes);
        self.events = tokio::time::timeout(limits.per_request, opening).await.ok().and_then(Result::ok);
        self.events.is_some()
    }

    async fn greeted(&mut self, answer: &Answer) -> Result<(), Failed> {
        let Some(message) = &answer.message else { return Err(Failed(answer.failure())) };
        let description = mcp::initialize_result(message).map_err(|error| failed(shown(&error.to_string())))?;
        self.session = answer.headers.get(SESSION).cloned();
        self.version = description.protocol_versions.first().cloned().unwrap_or_default();
        self.description = description;
        self.exchange(None, "notifications/initialized", None, mcp::initialized_notification())
            .await
            .map_err(Failed)?;
        Ok(())
    }

    /// Asks, and gives the message that answers.
    async fn ask(&mut self, id: &Id<'_>, method: &str, name: Option<&str>, message: Bytes) -> Result<Bytes, Failed> {
        let answer = self.exchange(Some(id), method, name, message).await.map_err(Failed)?;
        match &answer.message {
            // An error may come with an HTTP status of its own; the message says more.
            Some(message) if answer.status.is_success() || mcp::response_facts(message).is_ok() => Ok(message.clone()),
            _ => Err(Failed(answer.failure())),
        }
    }

    async fn exchange(
        &mut self,
        id: Option<&Id<'_>>,
        method: &str,
        name: Option<&str>,
        message: Bytes,
    ) -> Result<Answer, Failure> {
        let limits = self.target.limits;
        let request = self.request(method, name, message);
        let sending = async {
            match &mut self.events {
                Some(events) => events.exchange(self.via, request, id).await,
                None => exchange(self.via, request, id, limits.answer_bytes).await,
            }
        };
        match tokio::time::timeout(limits.per_request, sending).await {
            Ok(result) => result,
            Err(_) => {
                Err(Failure::answered(format!("no answer to {method} within {} s", limits.per_request.as_secs())))
            }
        }
    }

    fn request(&self, method: &str, name: Option<&str>, message: Bytes) -> http::Request<Bytes> {
        let mut request = http::Request::new(message);
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.target.uri.clone();
        let headers = request.headers_mut();
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json, text/event-stream"));
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if let Ok(version) = HeaderValue::from_str(&self.version)
            && !version.is_empty()
        {
            headers.insert(PROTOCOL_VERSION, version);
        }
        if let Some(session) = &self.session {
            headers.insert(SESSION, session.clone());
        }
        if self.era == Era::Stateless {
            mirror(headers, METHOD, Some(method));
            mirror(headers, NAME, name);
        }
        headers.extend(self.target.headers.clone());
        request
    }

    fn id(&mut self) -> Id<'static> {
        self.next_id += 1;
        Id::number(self.next_id)
    }
}

/// A header that mirrors the body, encoded where a header cannot carry the text as it is.
fn mirror(headers: &mut HeaderMap, header: HeaderName, text: Option<&str>) {
    let value = text.and_then(|text| HeaderValue::from_str(&mcp::encode_header_value(text)).ok());
    if let Some(value) = value {
        headers.insert(header, value);
    }
}

fn failed(words: impl Into<String>) -> Failed {
    Failed(Failure::answered(words))
}

fn list_failure(error: &mcp::ListError, message: &[u8]) -> Failure {
    let json: Option<serde_json::Value> = serde_json::from_slice(message).ok();
    let words = json.as_ref().and_then(|v| v.pointer("/error/message")?.as_str()).map(shown);
    Failure { upstream_words: words, ..Failure::answered(shown(&error.to_string())) }
}

impl<E: Exchange> std::fmt::Debug for Conversation<'_, E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Conversation").field("era", &self.era).field("version", &self.version).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Target<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Target")
    }
}
