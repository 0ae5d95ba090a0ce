//! What a client wants to hear of a server: as a filter in the stateless era (2026-07-28 basic/patterns/subscriptions), all
//! of it in the other.

use std::collections::BTreeSet;

use bytes::Bytes;
use mcp::{Id, Method, Params};
use serde_json::{Map, Value, json};

/// Resources that one subscription may name.
const MOST_RESOURCES: usize = 256;

/// What a client wants to hear.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub tools: bool,
    pub prompts: bool,
    pub resource_lists: bool,
    /// Resources by URI.
    pub resources: BTreeSet<String>,
}

impl Wanted {
    /// What a `subscriptions/listen` asks for.
    pub(crate) fn of(params: Option<&Params<'_>>) -> Self {
        params.and_then(|params| params.get("notifications")).map(Self::of_filter).unwrap_or_default()
    }

    /// What a filter of notifications says.
    pub(super) fn of_filter(filter: &str) -> Self {
        let filter: Map<String, Value> = serde_json::from_str(filter).unwrap_or_default();
        let is = |name: &str| filter.get(name).and_then(Value::as_bool).unwrap_or_default();
        let resources = filter.get("resourceSubscriptions").and_then(Value::as_array).into_iter().flatten();
        Self {
            tools: is("toolsListChanged"),
            prompts: is("promptsListChanged"),
            resource_lists: is("resourcesListChanged"),
            resources: resources.filter_map(Value::as_str).take(MOST_RESOURCES).map(str::to_owned).collect(),
        }
    }

    /// All lists.
    pub(crate) fn everything() -> Self {
        Self { tools: true, prompts: true, resource_lists: true, resources: BTreeSet::new() }
    }

    pub(crate) fn has(&self, kind: Method) -> bool {
        match kind {
            Method::ToolsListChanged => self.tools,
            Method::PromptsListChanged => self.prompts,
            Method::ResourcesListChanged => self.resource_lists,
            Method::ResourcesUpdated => !self.resources.is_empty(),
            _ => false,
        }
    }

    pub(super) fn filter(&self) -> Value {
        let mut filter = Map::new();
        let flags = [
            ("toolsListChanged", self.tools),
            ("promptsListChanged", self.prompts),
            ("resourcesListChanged", self.resource_lists),
        ];
        for (name, _) in flags.into_iter().filter(|(_, wanted)| *wanted) {
            filter.insert(name.to_owned(), json!(true));
        }
        if !self.resources.is_empty() {
            filter.insert("resourceSubscriptions".to_owned(), json!(self.resources));
        }
        Value::Object(filter)
    }

    /// The first message of a subscription.
    pub(crate) fn acknowledgement(&self, id: &Id<'_>) -> Bytes {
        mcp::acknowledgement(id, &self.filter())
    }
}
