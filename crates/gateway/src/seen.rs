//! What servers say their tools are, as it passes by: reported to the control plane, and compared with what was accepted
//! where a server holds changed tools back.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use aws_lc_rs::digest;
use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use bytes::Bytes;
use domain::{Client, DriftSetting, Event, Inventory, InventoryTool, ServerId};
use mcp::Keep;
use tokio::time::Instant;

use crate::{account::Server, gateway::Shared, resolve::Place};

/// A server's passing list is looked at at most this often.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// Servers that are remembered at the same time.
const MOST_SERVERS: usize = 50_000;
const PIN: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

type Hash = [u8; 32];

/// What was seen of each server.
#[derive(Debug, Default)]
pub(crate) struct Seen(Mutex<HashMap<ServerId, Sight>>);

#[derive(Debug)]
struct Sight {
    looked_at: Instant,
    reported: Option<Hash>,
    definitions: HashMap<String, Hash>,
}

impl Seen {
    /// Whether a tool is held back: its server holds changes, and it is new or other than last accepted.
    pub(crate) fn is_held(&self, server: &Server, tool: &str) -> bool {
        if server.settings.drift != DriftSetting::Hold {
            return false;
        }
        let Some(accepted) = server.tools.get(tool) else { return true };
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let definition = seen.get(&server.id).and_then(|sight| sight.definitions.get(tool));
        definition.is_some_and(|hash| PIN.decode(&accepted.pin).is_ok_and(|pin| pin != hash))
    }

    /// Looks at the first page of a list that passes by; reports it if it is the whole list and not what was reported.
    pub(crate) async fn note_list(&self, shared: &Shared, place: &Place, message: &Bytes) {
        if !self.is_due(place.server.id) {
            return;
        }
        let mut tools = Vec::new();
        let page = mcp::select_tools(message, |tool| {
            tools.push(InventoryTool { name: tool.name.clone().into_owned(), definition: tool.raw.to_owned() });
            Keep::Drop
        });
        let Ok(page) = page else { return };
        if page.next_cursor.is_some() || !self.is_news(place.server.id, &tools) {
            return;
        }
        let inventory = Inventory {
            server: place.server.id,
            at: shared.clock.now(),
            server_info: None,
            protocol_version: String::new(),
            tools: Ok(tools),
        };
        shared.records.note(place.caller.account.id, Event::Inventory(inventory)).await;
    }

    /// Remembers a whole list; whether it differs from the last one.
    pub(crate) fn is_news(&self, server: ServerId, tools: &[InventoryTool]) -> bool {
        let hash = hash_of(&tools.iter().map(|tool| tool.definition.as_str()).collect::<Vec<_>>().join("\n"));
        let definitions = tools.iter().map(|tool| (tool.name.clone(), hash_of(&tool.definition))).collect();
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let sight = Sight { looked_at: Instant::now(), reported: Some(hash), definitions };
        seen.insert(server, sight).is_none_or(|before| before.reported != Some(hash))
    }

    fn is_due(&self, server: ServerId) -> bool {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match seen.get_mut(&server) {
            Some(sight) if sight.looked_at.elapsed() < LOOK_EVERY => false,
            Some(sight) => {
                sight.looked_at = Instant::now();
                true
            }
            None => {
                if seen.len() >= MOST_SERVERS {
                    seen.clear();
                }
                true
            }
        }
    }
}

/// A server's name and version, cut to what a record keeps.
pub(crate) fn server_info(description: &mcp::ServerDescription) -> Option<Client> {
    let cut = |text: &Option<String>| text.as_deref().unwrap_or_default().chars().take(100).collect();
    let known = description.name.is_some() || description.version.is_some();
    known.then(|| Client { name: cut(&description.name), version: cut(&description.version) })
}

fn hash_of(text: &str) -> Hash {
    let mut out = [0; 32];
    out.copy_from_slice(digest::digest(&digest::SHA256, text.as_bytes()).as_ref());
    out
}
