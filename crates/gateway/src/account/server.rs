//! A server as the data plane uses it: how it is reached and with which credential, and its tools as last accepted.

use std::{collections::HashMap, sync::Arc};

use domain::{
    AccountId, DataKey, Principal, ServerId, ServerSettings, ServerSlug, SnapshotHeader, SnapshotServer, SnapshotTool,
    Transport,
};
use http::{HeaderName, HeaderValue};
use mcp::ParamHeader;
use policy::{Identity, Likenesses, RiskClass};

use crate::{
    credential::{Bearer, CredentialError, OAuth},
    digest,
    schemas::Schema,
};

/// A server and how it is reached.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    pub account: AccountId,
    pub id: ServerId,
    pub slug: ServerSlug,
    pub transport: Transport,
    /// Headers for every request to it; an error when one does not open or is no header.
    pub headers: Result<Vec<(HeaderName, HeaderValue)>, CredentialError>,
    /// How it is connected by OAuth, where it is.
    pub oauth: Option<Arc<OAuth>>,
    /// What it is shown of that by whoever uses this value.
    pub bearer: Bearer,
    pub settings: ServerSettings,
    pub tools: Arc<HashMap<Arc<str>, Tool>>,
    /// What the names of the tools look like.
    likenesses: Arc<Likenesses>,
}

/// A tool as last accepted.
#[derive(Debug)]
pub(crate) struct Tool {
    pub class: RiskClass,
    pub pin: String,
    /// The arguments that are mirrored into headers.
    pub mirrored: Arc<[ParamHeader]>,
    /// What its arguments are held against.
    pub schema: Option<Arc<Schema>>,
}

impl Server {
    /// Opens what a snapshot carries; what did not change is taken over from `before`.
    pub(super) fn open(
        account: AccountId,
        server: SnapshotServer,
        data_key: Option<&DataKey>,
        before: Option<&Arc<Self>>,
    ) -> Self {
        let headers = server.headers.iter().map(|header| open_header(server.id, header, data_key)).collect();
        if let Err(error) = &headers {
            tracing::error!(server = %server.id, %error, "an upstream credential cannot be used; calls to its server fail");
        }
        let connected_before = before.and_then(|server| server.oauth.as_ref());
        let oauth = server.oauth.map(|carried| Arc::new(OAuth::open(server.id, carried, data_key, connected_before)));
        if let (None, Some(before)) = (&oauth, connected_before) {
            before.close();
        }
        let tool = |tool: SnapshotTool| {
            let same = before.and_then(|server| server.tools.get(&tool.name));
            (tool.name.clone(), Tool::of(server.id, tool, same))
        };
        let tools = server.tools.into_iter().map(tool).collect::<HashMap<_, _>>();
        let same_names = |before: &&Arc<Self>| {
            before.tools.len() == tools.len() && tools.keys().all(|name| before.tools.contains_key(name))
        };
        let likenesses = match before.filter(same_names) {
            Some(before) => before.likenesses.clone(),
            None => Arc::new(tools.keys().map(|name| &**name).collect()),
        };
        Self {
            account,
            id: server.id,
            slug: server.slug,
            transport: server.transport,
            headers,
            bearer: oauth.as_ref().map_or(Bearer::None, |oauth| oauth.of_nobody()),
            oauth,
            settings: server.settings,
            tools: Arc::new(tools),
            likenesses,
        }
    }

    /// The server as this principal uses it: with the principal's own connection, where each member has one.
    pub(crate) fn used_by(self: &Arc<Self>, principal: Principal) -> Arc<Self> {
        match self.oauth.as_ref().and_then(|oauth| oauth.of_principal(principal)) {
            Some(bearer) => Arc::new(Self { bearer, ..Self::clone(self) }),
            None => self.clone(),
        }
    }

    /// Whether it is at the same address and is shown the same credential: a session with the one is a session with the
    /// other. What was begun elsewhere, or as somebody else, is no business of the server that is there now.
    pub(crate) fn is_reached_like(&self, other: &Self) -> bool {
        let same_place = self.id == other.id && self.transport == other.transport;
        same_place && self.headers == other.headers && self.bearer.is_like(&other.bearer)
    }

    /// A name for where it is and what it is shown, as [`Server::is_reached_like`] compares them: what goes through a client's
    /// hands carries it, so that it is not brought to another server.
    pub(crate) fn reach(&self) -> String {
        let url = match &self.transport {
            Transport::Http { url } => Some(url.as_str()),
            Transport::Tunnel => None,
        };
        let connection = self.bearer.connection().map(|id| id.to_string());
        let headers = self.headers.as_deref().unwrap_or_default();
        let values: Vec<_> = headers.iter().map(|(_, value)| String::from_utf8_lossy(value.as_bytes())).collect();
        let mut parts = vec![url, connection.as_deref()];
        for ((name, _), value) in headers.iter().zip(&values) {
            parts.extend([Some(name.as_str()), Some(value)]);
        }
        domain::hex(&digest::of_parts(&parts)[..8])
    }

    /// Whether the tools as accepted, or what is shown of them, are others than before.
    pub(crate) fn shows_other_tools_than(&self, before: &Self) -> bool {
        let pins = |server: &Self| -> HashMap<Arc<str>, (RiskClass, String)> {
            server.tools.iter().map(|(name, tool)| (name.clone(), (tool.class, tool.pin.clone()))).collect()
        };
        self.settings != before.settings || pins(self) != pins(before)
    }

    /// Whether the server has such a tool, as far as is known: before its tools were listed it may have any.
    pub(crate) fn may_have(&self, tool: &str) -> bool {
        self.tools.is_empty() || self.tools.contains_key(tool)
    }

    /// Whether it is known to have a tool of exactly this name, or only one that looks so. A known name costs one look-up.
    pub(crate) fn identity_of(&self, tool: &str) -> Identity {
        if self.tools.contains_key(tool) {
            Identity::Known
        } else if self.likenesses.has(tool) {
            Identity::LookAlike
        } else {
            Identity::Unknown
        }
    }

    /// The risk class of a tool. One that is not in the inventory yet could do anything that the protocol's own
    /// defaults say of it: destructive unless told otherwise.
    pub(crate) fn class_of(&self, tool: &str) -> RiskClass {
        self.tools.get(tool).map_or(RiskClass::Destructive, |tool| tool.class)
    }
}

impl Tool {
    /// What is read of a schema is taken over from `before` as long as the schema is the same.
    fn of(server: ServerId, tool: SnapshotTool, before: Option<&Self>) -> Self {
        let Some(text) = tool.input_schema else {
            return Self { class: tool.class, pin: tool.pin, mirrored: Arc::default(), schema: None };
        };
        let old = before.and_then(|tool| tool.schema.as_ref());
        let schema = Schema::of(server, text.clone(), old);
        let mirrored = match (before, old) {
            (Some(before), Some(old)) if Arc::ptr_eq(old, &schema) => before.mirrored.clone(),
            _ => mcp::param_headers(&text).unwrap_or_default().into(),
        };
        Self { class: tool.class, pin: tool.pin, mirrored, schema: Some(schema) }
    }
}

fn open_header(
    server: ServerId,
    header: &SnapshotHeader,
    data_key: Option<&DataKey>,
) -> Result<(HeaderName, HeaderValue), CredentialError> {
    let name = HeaderName::from_bytes(header.name.as_bytes()).map_err(|_| CredentialError::Header)?;
    let context = SnapshotHeader::context(server, &header.name);
    let plain =
        data_key.ok_or(CredentialError::Header)?.open(&context, &header.value).map_err(|_| CredentialError::Header)?;
    let mut value = HeaderValue::from_bytes(&plain).map_err(|_| CredentialError::Header)?;
    value.set_sensitive(true);
    Ok((name, value))
}
