//! A client's request as the server gets it: in the server's era, with the headers that go with it.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use mcp::{Declared, Era, Id, Message, Request};
use serde_json::Value;

use super::Voice;
use crate::{account::Server, peer::Peer};

/// What goes on of a client's headers, whatever the era.
const TRACING: [&str; 3] = ["traceparent", "tracestate", "baggage"];
const PARAMETER: &str = "mcp-param-";

/// What is sent, in the server's era.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub id: Id<'static>,
    pub bytes: Bytes,
    pub headers: HeaderMap,
}

/// A request on its way.
pub(super) struct Departing<'a> {
    pub server: &'a Server,
    pub peer: &'a Peer,
    pub voice: &'a Voice,
    /// In the client's era.
    pub bytes: &'a Bytes,
    pub headers: &'a HeaderMap,
}

impl Departing<'_> {
    /// Puts it into the server's era; none when it cannot be put so.
    pub(super) fn prepare(&self) -> Option<Outgoing> {
        let Message::Request(request) = mcp::read(self.bytes).ok()? else { return None };
        let id = self.peer.next_id();
        let bytes = match (self.voice.era, self.peer.era) {
            (_, Era::Initialize) => request.with_handshake(&id, &id)?,
            (Era::Stateless, Era::Stateless) => mcp::with_id(self.bytes, &id)?,
            (Era::Initialize, Era::Stateless) => request.stateless(&id, &self.declared())?,
        };
        self.finish(id, bytes)
    }

    /// The same with the input that the server asked for, as raw JSON by key, and its state.
    pub(super) fn with_inputs(&self, inputs: &[(String, String)], state: Option<&str>) -> Option<Outgoing> {
        let first = self.prepare()?;
        let Message::Request(request) = mcp::read(&first.bytes).ok()? else { return None };
        let bytes = request.with_inputs(&first.id, inputs, state)?;
        self.finish(first.id, bytes)
    }

    fn finish(&self, id: Id<'static>, bytes: Bytes) -> Option<Outgoing> {
        let mut headers = match self.peer.era {
            Era::Initialize => self.peer.headers(),
            Era::Stateless => mirrored(&bytes, self.server)?,
        };
        for (name, value) in self.headers {
            let parameter = name.as_str().starts_with(PARAMETER)
                && (self.voice.era, self.peer.era) == (Era::Stateless, Era::Stateless)
                && !headers.contains_key(name);
            if TRACING.contains(&name.as_str()) || parameter {
                headers.append(name.clone(), value.clone());
            }
        }
        Some(Outgoing { id, bytes, headers })
    }

    fn declared(&self) -> Declared<'_> {
        let client = self.voice.client.as_ref();
        Declared {
            client: client.map_or(self.peer.hello.own_client(), |client| mcp::OwnClient {
                name: &client.name,
                version: &client.version,
            }),
            capabilities: &self.voice.capabilities,
            log_level: self.voice.log_level.as_deref(),
        }
    }
}

/// The headers that mirror a request of the stateless era, with those that its tool's schema asks for.
pub(super) fn mirrored(bytes: &[u8], server: &Server) -> Option<HeaderMap> {
    let message = mcp::read(bytes).ok()?;
    let mut headers = HeaderMap::new();
    for (name, value) in mcp::mirror_headers(&message) {
        headers.insert(name.parse::<HeaderName>().ok()?, HeaderValue::from_str(&value).ok()?);
    }
    if let Message::Request(request) = &message
        && request.kind == mcp::Method::ToolsCall
    {
        mirror_arguments(request, server, &mut headers)?;
    }
    Some(headers)
}

fn mirror_arguments(request: &Request<'_>, server: &Server, headers: &mut HeaderMap) -> Option<()> {
    let params = request.params.as_ref()?;
    let Some(tool) = server.tools.get(params.name.as_deref()?) else { return Some(()) };
    let arguments: Value = params.arguments.map_or(Some(Value::Null), |text| serde_json::from_str(text).ok())?;
    for mirrored in &*tool.mirrored {
        let value = mirrored.path.iter().try_fold(&arguments, |object, key| object.get(key));
        let text = match value {
            None | Some(Value::Null | Value::Object(_) | Value::Array(_)) => continue,
            Some(Value::String(text)) => mcp::encode_header_value(text),
            Some(other) => other.to_string(),
        };
        headers.insert(mirrored.header.parse::<HeaderName>().ok()?, HeaderValue::from_str(&text).ok()?);
    }
    Some(())
}
