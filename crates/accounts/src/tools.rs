//! What is known of a server's tools: read from what the server gives, classed, and shown.
//!
//! Whoever looks at a server (a gateway, a connector's arrival, a person who asks) brings an inventory; it goes through
//! [`Accounts::take_inventory`], which publishes only when something changed.

mod alike;

use std::collections::HashSet;

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use catalogue::{KnownServer, Parameter, ToolFacts};
use domain::{DriftSetting, Inventory, InventoryTool, Permission, ServerId, SnapshotTool, Timestamp};
use policy::{Likenesses, RiskClass};
use serde::Deserialize;
use serde_json::{json, value::RawValue};
use storage::{Acceptance, AccountScope, Freshness, InventoryNote, PutTool, ServerRow, ToolRow};

pub(crate) use alike::identity;
use alike::{carried, look_alikes};

use crate::{Accounts, Caller, Error};

/// What is over one of these is not taken: a name must fit an index, and a definition a page.
const MAX_NAME_BYTES: usize = 256;
const MAX_DEFINITION_BYTES: usize = 256 * 1024;
const MAX_TOOLS: usize = 2_000;
/// All definitions of a server together: every gateway keeps them with the account's snapshot.
const MAX_ALL_BYTES: usize = 4 << 20;

/// A tool, ready to show. Name, title and description are the server's own words: escape them.
#[derive(Clone, Debug)]
pub struct ToolView {
    /// Its name.
    pub name: String,
    /// Its title, when it has one.
    pub title: Option<String>,
    /// Its description; empty when it has none.
    pub description: String,
    /// Its risk class.
    pub class: RiskClass,
    /// What speaks for the class.
    pub evidence: Vec<String>,
    /// Its parameters, in the schema's order.
    pub parameters: Vec<Parameter>,
    /// The JSON text of its input schema, as the server gives it; none when it gives none.
    pub input_schema: Option<String>,
    /// How its definition stands.
    pub standing: ToolStanding,
    /// Since when its definition is the present one.
    pub changed_at: Timestamp,
    /// The catalogue's page about it: server and tool.
    pub catalogue: Option<(String, String)>,
}

/// How a tool's definition stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToolStanding {
    /// As it was let in.
    Accepted,
    /// Never let in: calls are refused until a person accepts it.
    New,
    /// Changed since it was let in: calls are refused until a person accepts it.
    Changed,
    /// Never let in, because its name looks like another tool's, whatever the server's setting says: it is neither listed
    /// nor called until a person accepts it.
    LookAlike,
}

/// Whether an inventory brought something new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InventoryEffect {
    /// The tools changed, and the snapshot was published.
    Changed,
    /// They did not.
    Same,
}

impl Accounts {
    /// Takes in what a look at a server brought.
    ///
    /// # Errors
    /// [`Error::Storage`].
    pub async fn take_inventory(&self, scope: &AccountScope, inventory: &Inventory) -> Result<InventoryEffect, Error> {
        let mut tx = self.db().account(scope).await?;
        let Some(server) = tx.server(inventory.server).await? else { return Ok(InventoryEffect::Same) };
        let known = tx.tools(inventory.server).await?;
        let found = inventory.tools.as_ref().ok().map(|tools| read(&server, &known, tools));
        let changed = found.as_ref().is_some_and(|found| differ(&known, found));
        if changed {
            // The account's lock comes before any other, as in every change.
            tx.bump_snapshot(self.now()).await?;
        }
        let fresh = tx.note_inventory(inventory.server, &note(inventory)).await?;
        if fresh == Freshness::Stale {
            return Ok(InventoryEffect::Same);
        }
        if let Some(found) = found.filter(|_| changed) {
            tx.put_tools(inventory.server, &found, inventory.at).await?;
        }
        tx.commit().await?;
        if !changed {
            return Ok(InventoryEffect::Same);
        }
        self.published(scope).await;
        Ok(InventoryEffect::Changed)
    }

    /// Lets a held tool's present definition in.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn accept_tool(&self, caller: &Caller, server: ServerId, tool: &str) -> Result<(), Error> {
        let mut change = self.change(caller, Permission::ManageServers).await?;
        if !change.tx.accept_tool(server, tool, change.at).await? {
            return Err(Error::NotFound);
        }
        change.done("tool.accepted", server, json!({ "tool": tool })).await
    }
}

/// The tools of a server as a snapshot carries them.
pub(crate) fn snapshot_tools(drift: DriftSetting, tools: &[ToolRow]) -> Vec<SnapshotTool> {
    let tool = |tool: &ToolRow| SnapshotTool {
        name: tool.name.as_str().into(),
        class: tool.class,
        pin: tool.pin.clone(),
        input_schema: input_schema(&tool.definition).map(Into::into),
    };
    carried(drift, tools).map(tool).collect()
}

/// The tools of a server, ready to show.
pub(crate) fn views(drift: DriftSetting, kind: Option<&KnownServer>, tools: Vec<ToolRow>) -> Vec<ToolView> {
    let like: Vec<bool> = {
        let names = look_alikes(&tools);
        tools.iter().map(|tool| names.contains(tool.name.as_str())).collect()
    };
    let shown = |(tool, like): (ToolRow, bool)| {
        let standing = if like { ToolStanding::LookAlike } else { standing(drift, &tool) };
        view(kind, tool, standing)
    };
    tools.into_iter().zip(like).map(shown).collect()
}

fn standing(drift: DriftSetting, tool: &ToolRow) -> ToolStanding {
    match (drift, &tool.accepted_pin) {
        _ if tool.is_accepted() => ToolStanding::Accepted,
        (DriftSetting::Note, _) => ToolStanding::Accepted,
        (DriftSetting::Hold, None) => ToolStanding::New,
        (DriftSetting::Hold, Some(_)) => ToolStanding::Changed,
    }
}

fn view(kind: Option<&KnownServer>, tool: ToolRow, standing: ToolStanding) -> ToolView {
    let facts = ToolFacts::from_definition(&tool.definition).unwrap_or_default();
    let page = kind.filter(|kind| kind.tool(&tool.name).is_some());
    ToolView {
        catalogue: page.map(|kind| (kind.slug.clone(), tool.name.clone())),
        title: facts.title,
        description: facts.description,
        parameters: facts.parameters,
        input_schema: input_schema(&tool.definition),
        class: tool.class,
        evidence: tool.evidence,
        standing,
        changed_at: tool.changed_at,
        name: tool.name,
    }
}

/// Pins and classes what a server gives. Where changes are held, the first look ever lets everything in: that is what the
/// person who registered the server saw. A tool that looks like another one is let in by nobody but a person, except names
/// in ASCII at that first look, which differ to whoever looks; of such two that are new later, the first in the list is the
/// one.
fn read(server: &ServerRow, known: &[ToolRow], tools: &[InventoryTool]) -> Vec<PutTool> {
    let names: Vec<&str> = tools.iter().map(|t| t.name.as_str()).collect();
    let of_kind = server.kind.as_deref().and_then(catalogue::server);
    let kind = of_kind.or_else(|| catalogue::recognise(&names));
    let first_look = known.is_empty();
    let old: HashSet<&str> = known.iter().filter(|k| k.accepted_pin.is_some()).map(|k| k.name.as_str()).collect();
    let is_seen = |name: &str| first_look && name.is_ascii();
    let mut like: Likenesses = names.iter().copied().filter(|name| old.contains(name) || is_seen(name)).collect();
    let fits = |tool: &&InventoryTool| {
        (1..=MAX_NAME_BYTES).contains(&tool.name.len())
            && tool.definition.len() <= MAX_DEFINITION_BYTES
            && !tool.name.contains('\0')
            && !tool.definition.contains('\0')
    };
    let mut bytes = 0;
    let all_fit = |tool: &&InventoryTool| {
        bytes += tool.definition.len();
        bytes <= MAX_ALL_BYTES
    };
    let mut found: Vec<PutTool> = Vec::new();
    for tool in tools.iter().filter(fits).take(MAX_TOOLS).take_while(all_fit) {
        // Of two tools with one name nobody can say which a call means; the first is kept, and its pin will not match.
        if found.iter().any(|f| f.name == tool.name) {
            continue;
        }
        let pin = pin(&tool.definition);
        let before = known.iter().find(|k| k.name == tool.name);
        let is_like = !old.contains(tool.name.as_str()) && like.insert(&tool.name);
        let let_in = is_seen(&tool.name)
            || !is_like && (first_look || server.settings.drift == DriftSetting::Note)
            || before.is_some_and(|b| b.accepted_pin.as_deref() == Some(pin.as_str()));
        let (class, evidence) = class_of(kind, tool);
        let acceptance = if let_in { Acceptance::Accepted } else { Acceptance::Held };
        found.push(PutTool {
            name: tool.name.clone(),
            definition: tool.definition.clone(),
            pin,
            acceptance,
            class,
            evidence,
        });
    }
    found
}

/// The classifier's class, or the catalogue's where a person set a severer one for the known tool.
fn class_of(kind: Option<&KnownServer>, tool: &InventoryTool) -> (RiskClass, Vec<String>) {
    let facts = ToolFacts::from_definition(&tool.definition)
        .unwrap_or_else(|| ToolFacts { name: tool.name.clone(), ..ToolFacts::default() });
    let found = catalogue::classify(&facts);
    match kind.and_then(|kind| kind.tool(&tool.name)) {
        Some(known) if known.class >= found.class => (known.class, known.why.clone()),
        _ => (found.class, found.evidence.iter().map(ToString::to_string).collect()),
    }
}

fn differ(known: &[ToolRow], found: &[PutTool]) -> bool {
    let same = |(row, put): (&ToolRow, &PutTool)| {
        let accepted = put.acceptance == Acceptance::Held || row.accepted_pin.as_deref() == Some(put.pin.as_str());
        row.name == put.name && row.pin == put.pin && row.class == put.class && accepted
    };
    known.len() != found.len() || !known.iter().zip(found).all(same)
}

fn note(inventory: &Inventory) -> InventoryNote {
    let version = inventory.protocol_version.as_str();
    InventoryNote {
        at: inventory.at,
        server_info: inventory.server_info.clone(),
        protocol_version: (!version.is_empty()).then(|| version.chars().take(40).collect()),
        error: inventory.tools.as_ref().err().map(|words| words.chars().take(1_000).collect()),
    }
}

fn pin(definition: &str) -> String {
    STANDARD_NO_PAD.encode(digest(&SHA256, definition.as_bytes()))
}

/// The raw JSON of a definition's `inputSchema`.
pub(crate) fn input_schema(definition: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Schema<'a> {
        #[serde(rename = "inputSchema", borrow)]
        input_schema: Option<&'a RawValue>,
    }
    let read: Schema<'_> = serde_json::from_str(definition).ok()?;
    read.input_schema.map(|raw| raw.get().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tool(name: &str, rest: &str) -> InventoryTool {
        InventoryTool { name: name.to_owned(), definition: format!("{{\"name\":\"{name}\"{rest}}}") }
    }

    #[test]
    fn a_curated_class_counts_where_it_is_the_severer_one() {
        let kind = catalogue::server("mlflow");
        assert_eq!(class_of(kind, &tool("prepare_model_env", "")).0, RiskClass::Execute);
        // A tool that took a known harmless name but says that it destroys is classed by what it says.
        let turned = tool("get_trace", r#","annotations":{"readOnlyHint":false,"destructiveHint":true}"#);
        assert_eq!(class_of(kind, &turned).0, RiskClass::Destructive);
    }

    #[test]
    fn the_schema_keeps_its_text() {
        let definition = r#"{"name":"x","inputSchema":{"b":1.0,  "a":9007199254740993}}"#;
        assert_eq!(input_schema(definition).as_deref(), Some(r#"{"b":1.0,  "a":9007199254740993}"#));
        assert_eq!(input_schema("{}"), None);
    }
}
