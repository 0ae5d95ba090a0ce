//! What servers say their tools are, as it passes by: reported to the control plane, and compared with what was accepted
//! where a server holds changed tools back.
//!
//! A server knows its sessions apart, so it can show a changed tool to one principal only. To that one the tool is held until
//! it was shown as accepted to that one, whatever others are shown. Where all share one way in, what anybody was shown last
//! counts for everybody too; where each member has a connection of their own, servers show each what is theirs, and what
//! one is shown says nothing of another.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use aws_lc_rs::digest;
use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use bytes::Bytes;
use domain::{Client, DriftSetting, Event, Inventory, InventoryTool, Principal, ServerId};
use mcp::Keep;
use tokio::time::Instant;

use crate::{account::Server, lists::Page, resolve::Place, shared::Shared};

/// A server's passing list is looked at at most this often.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// A longer list is not reported; the control plane takes no more tools of a server either.
pub(crate) const MOST_REPORTED_BYTES: usize = 8 << 20;
/// Servers that are remembered at the same time.
const MOST_SERVERS: usize = 50_000;
/// Principals of a server to whom it shows something else than was accepted; further ones count as all.
const MOST_PRINCIPALS: usize = 1_000;
const PIN: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

type Hash = [u8; 32];

/// What was seen of each server.
#[derive(Debug, Default)]
pub(crate) struct Seen(Mutex<HashMap<ServerId, Sight>>);

#[derive(Debug, Default)]
struct Sight {
    looked_at: Option<Instant>,
    reported: Option<Hash>,
    /// Of the tools that are accepted, those that were last shown otherwise, and how; by whom they were shown to.
    changed: HashMap<Shown, HashMap<Arc<str>, Hash>>,
}

/// To whom a list was shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Shown {
    To(Principal),
    ToAnybody,
}

impl Seen {
    /// Whether a tool is held back from a principal: its server holds changes, and it is new or other than last accepted.
    pub(crate) fn is_held(&self, server: &Server, principal: Principal, tool: &str) -> bool {
        if server.settings.drift != DriftSetting::Hold {
            return false;
        }
        let Some(accepted) = server.tools.get(tool) else { return true };
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(sight) = seen.get(&server.id) else { return false };
        let shown =
            [Shown::To(principal), Shown::ToAnybody].into_iter().filter_map(|to| sight.changed.get(&to)?.get(tool));
        shown.into_iter().any(|hash| is_other(&accepted.pin, hash))
    }

    /// Looks at a page of a list that passes by. Where changes are held back, every page is compared with what was accepted:
    /// a server chooses in how many pages it answers. The first page is reported if it is the whole list and news.
    pub(crate) async fn note_list(&self, shared: &Shared, place: &Place, (page, message): (Page, &Bytes)) {
        let holds = place.server.settings.drift == DriftSetting::Hold;
        let due = page == Page::First && self.is_due(place.server.id);
        if !holds && !due {
            return;
        }
        let mut tools = Vec::new();
        let list = mcp::select_tools(message, |tool| {
            tools.push(InventoryTool { name: tool.name.clone().into_owned(), definition: tool.raw.to_owned() });
            Keep::Drop
        });
        let Ok(list) = list else { return };
        if holds {
            self.note_definitions(&place.server, place.caller.principal, &tools);
        }
        let is_whole = page == Page::First && list.next_cursor.is_none();
        let size: usize = tools.iter().map(|tool| tool.definition.len()).sum();
        if !due || !is_whole || size > MOST_REPORTED_BYTES || !self.is_news(&place.server, &tools) {
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
    pub(crate) fn is_news(&self, server: &Server, tools: &[InventoryTool]) -> bool {
        let hash = hash_of(&tools.iter().map(|tool| tool.definition.as_str()).collect::<Vec<_>>().join("\n"));
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        make_room(&mut seen, server.id);
        let sight = seen.entry(server.id).or_default();
        sight.looked_at = Some(Instant::now());
        sight.reported.replace(hash) != Some(hash)
    }

    /// Notes what the gateway was shown that asked a server for itself, in nobody's name.
    pub(crate) fn note_stock(&self, server: &Server, tools: &[InventoryTool]) {
        self.is_news(server, tools);
        self.note_shown(server, &[Shown::ToAnybody], definitions(server, tools));
    }

    fn note_definitions(&self, server: &Server, principal: Principal, tools: &[InventoryTool]) {
        let definitions = definitions(server, tools);
        match server.bearer.user() {
            Some(_) => self.note_shown(server, &[Shown::To(principal)], definitions),
            None => self.note_shown(server, &[Shown::To(principal), Shown::ToAnybody], definitions),
        }
    }

    fn note_shown(&self, server: &Server, to: &[Shown], definitions: HashMap<Arc<str>, Hash>) {
        let is_changed =
            |name: &str, hash| server.tools.get(name).is_some_and(|accepted| is_other(&accepted.pin, hash));
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        make_room(&mut seen, server.id);
        let sight = seen.entry(server.id).or_default();
        for to in to {
            let room = sight.changed.contains_key(to) || sight.changed.len() < MOST_PRINCIPALS;
            let to = if room { *to } else { Shown::ToAnybody };
            let changed = sight.changed.entry(to).or_default();
            for (name, hash) in &definitions {
                if is_changed(name, hash) {
                    changed.insert(name.clone(), *hash);
                } else {
                    changed.remove(name);
                }
            }
            if changed.is_empty() {
                sight.changed.remove(&to);
            }
        }
    }

    fn is_due(&self, server: ServerId) -> bool {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        make_room(&mut seen, server);
        let Some(sight) = seen.get_mut(&server) else { return true };
        let due = sight.looked_at.is_none_or(|at| at.elapsed() >= LOOK_EVERY);
        if due {
            sight.looked_at = Some(Instant::now());
        }
        due
    }
}

/// Whether a definition is another one than was accepted.
fn is_other(pin: &str, hash: &Hash) -> bool {
    PIN.decode(pin).is_ok_and(|pin| pin != hash)
}

fn make_room(seen: &mut HashMap<ServerId, Sight>, server: ServerId) {
    if seen.len() >= MOST_SERVERS && !seen.contains_key(&server) {
        seen.clear();
    }
}

/// The definitions of the tools that are accepted. Of two tools of one name nobody can say which a call means, so what is
/// remembered of them is like no definition.
fn definitions(server: &Server, tools: &[InventoryTool]) -> HashMap<Arc<str>, Hash> {
    let mut found: HashMap<Arc<str>, Hash> = HashMap::new();
    for tool in tools {
        let Some((name, _)) = server.tools.get_key_value(tool.name.as_str()) else { continue };
        let hash = hash_of(&tool.definition);
        found.entry(name.clone()).and_modify(|known| *known = [0; 32]).or_insert(hash);
    }
    found
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
