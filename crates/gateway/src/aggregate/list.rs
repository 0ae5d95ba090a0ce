//! Lists of all servers as one: by the servers' slugs, each in its server's own order, page by page.
//!
//! A page asks several servers at once, each for a bounded number of entries; its cursor says where each of them goes on.
//! A server that fails costs its own entries and nothing else: the walk ends without it.

use std::sync::Arc;

use axum::response::Response;
use bytes::Bytes;
use futures_util::{FutureExt as _, StreamExt as _, future::BoxFuture, stream};
use http::StatusCode;
use mcp::{Keep, ListError, ListKind, ListPage, MergedCursor, Request};
use tokio::time::timeout;

use super::Ours;
use crate::{
    answer::json_answer,
    ask::Ask,
    authenticate::Caller,
    failure::{Failure, UpstreamFailure},
    link::Link,
    lists::{self, Page},
    methods, names,
    peer::Peer,
    resolve::{Place, everywhere},
    shared::Shared,
    space::Held,
};

/// Servers that one page asks.
const SERVERS_PER_PAGE: usize = 64;
/// Servers that are asked at the same time.
const AT_ONCE: usize = 16;
/// A server is asked for another of its pages until it has given as many entries or bytes.
const ENTRIES_PER_SERVER: usize = 500;
const BYTES_PER_SERVER: usize = 4 << 20;
/// And for no more than this many.
const PAGES_PER_SERVER: usize = 20;
/// Servers' lists are gone on with for so many pages of ours: one that has no end must not keep a client from the others'.
const MOST_PAGES: u32 = 40;
/// Longest cursor of a server that goes into ours, in bytes.
const CURSOR_BYTES: usize = 8 << 10;

/// One server's turn on a page.
struct Turn {
    place: Place,
    /// None: from the start.
    cursor: Option<String>,
}

/// What a server gave.
struct Part {
    server: String,
    page: ListPage,
}

/// Answers a list request.
pub(super) async fn answer(
    ask: &Ask<'_>,
    caller: &Caller,
    ours: &Ours,
    request: &Request<'_>,
) -> Result<Response, Failure> {
    let Some(kind) = ListKind::of(request.kind) else { return Err(Failure::method(&request.method)) };
    let owner = caller.owner();
    let cursor = match request.params.as_ref().and_then(|params| params.cursor.as_deref()) {
        None | Some("") => None,
        Some(text) => {
            let cursor = ask.shared.cursors.open(owner, kind, text);
            Some(cursor.ok_or(Failure::Params("Invalid cursor"))?)
        }
    };
    let places = everywhere(caller, ask.shared.clock.now()).into_iter().filter(|place| has(place, kind)).collect();
    let pages = 1 + cursor.as_ref().map_or(0, |cursor| cursor.pages);
    let (turns, begun_to) = plan(places, cursor);
    let asked: Vec<BoxFuture<'_, Part>> =
        turns.into_iter().map(|turn| part(ask.shared, ours, kind, turn).boxed()).collect();
    let parts: Vec<Part> = stream::iter(asked).buffered(AT_ONCE).collect().await;
    let more = parts.iter().filter(|_| pages < MOST_PAGES);
    let more = more.filter_map(|part| Some((part.server.clone(), part.page.next_cursor.clone()?))).collect();
    let next = ask.shared.cursors.seal(owner, kind, &MergedCursor { more, begun_to, pages });
    let parts = parts.iter().map(|part| &part.page);
    let merged = mcp::merge_lists(&request.id, ask.era, kind, parts, next.as_deref());
    let merged = Held::made(&ask.shared.held, caller.account.id, merged).map_err(UpstreamFailure::from)?;
    Ok(json_answer(StatusCode::OK, merged.into_bytes()))
}

/// Whether a server's list is a part: as on its own URL, where it may be switched off, and where only the list of tools
/// is told to those whose grants are suspended.
fn has(place: &Place, kind: ListKind) -> bool {
    let method = kind.method();
    let passes = methods::gate(method, method.name().unwrap_or_default(), &place.server.settings).is_ok();
    passes && (kind == ListKind::Tools || place.require_active().is_ok())
}

/// Whose turn it is on this page, in the order of slugs, and how far servers have been begun with then.
fn plan(places: Vec<Place>, cursor: Option<MergedCursor>) -> (Vec<Turn>, Option<String>) {
    let (mut more, mut begun_to, first) = match cursor {
        Some(cursor) => (cursor.more, cursor.begun_to, false),
        None => (Vec::new(), None, true),
    };
    let may_begin = first || begun_to.is_some();
    let mut turns = Vec::new();
    let mut left_over = false;
    for place in places {
        let slug = place.server.slug.as_str();
        let goes_on = more.iter().position(|(server, _)| server == slug).map(|at| more.swap_remove(at).1);
        let begins = may_begin && begun_to.as_deref().is_none_or(|begun_to| slug > begun_to);
        if goes_on.is_none() && (!begins || left_over) {
            continue;
        }
        if goes_on.is_none() && turns.len() >= SERVERS_PER_PAGE {
            left_over = true;
            continue;
        }
        if goes_on.is_none() {
            begun_to = Some(slug.to_owned());
        }
        turns.push(Turn { place, cursor: goes_on });
    }
    (turns, begun_to.filter(|_| left_over))
}

async fn part(shared: &Arc<Shared>, ours: &Ours, kind: ListKind, turn: Turn) -> Part {
    let Turn { place, cursor } = turn;
    let server = place.server.id;
    let whole = cursor.is_none();
    let within = ours.patience(shared, &place);
    let before = shared.peers.existing(&ours.key, &place);
    let mut got = Got { pages: Vec::new(), next: cursor };
    let failed = match timeout(within, Box::pin(fetch(shared, ours, (&place, kind), &mut got))).await {
        Ok(Ok(())) => None,
        Ok(Err(failure)) => Some(failure),
        Err(_) => Some(UpstreamFailure::Late.into()),
    };
    match &failed {
        None => {
            shared.memory.answered(server);
            shared.missed.is_listed(place.owner());
        }
        Some(failure) => {
            tracing::info!(%server, error = %failure, "entries of a server are missing from a list of the account's");
            got.next = None;
            if failure.is_away() {
                shared.memory.failed(server);
            }
            if failure.is_away() || failure.is_for_want_of_a_connector() {
                went_without(shared, ours, &place, before);
            }
        }
    }
    for (index, message) in got.pages.iter().enumerate().filter(|_| kind == ListKind::Tools) {
        let page = if index == 0 && whole { Page::First } else { Page::Further };
        shared.seen.note_list(shared, &place, (page, message)).await;
    }
    let mut items = Vec::new();
    for page in got.pages {
        let (shared_too, place_too) = (shared.clone(), place.clone());
        let named = move |page: &Bytes| named(&shared_too, &place_too, kind, page);
        let named = shared.checking.read(place.caller.account.id, page, named).await;
        items.extend(named.unwrap_or_default());
    }
    let next_cursor = got.next.filter(|cursor| cursor.len() <= CURSOR_BYTES);
    Part { server: place.server.slug.to_string(), page: ListPage { items, next_cursor } }
}

/// A list went without a server: whoever listens is told when that comes. Not if its session was there all the time: then
/// the list itself is what took too long, and would take as long another time.
fn went_without(shared: &Shared, ours: &Ours, place: &Place, before: Option<Arc<Peer>>) {
    let now = shared.peers.existing(&ours.key, place);
    if let (Some(before), Some(now)) = (&before, &now)
        && Arc::ptr_eq(before, now)
    {
        return;
    }
    shared.missed.went_without(place.owner());
    // It may have come in this very moment.
    if shared.peers.existing(&ours.key, place).is_some() {
        shared.missed.came(place.owner());
    }
}

/// The pages of one server so far, and its cursor for what follows them.
struct Got {
    pages: Vec<Bytes>,
    next: Option<String>,
}

/// Asks a server for its pages; what it gave before it failed stays.
async fn fetch(
    shared: &Arc<Shared>,
    ours: &Ours,
    (place, kind): (&Place, ListKind),
    got: &mut Got,
) -> Result<(), Failure> {
    let (account, mut entries, mut bytes) = (place.caller.account.id, 0, 0);
    loop {
        let Some(page) = page(shared, ours, (place, kind), got.next.as_deref()).await? else {
            got.next = None;
            return Ok(());
        };
        let read = shared.checking.read(account, page.clone(), move |page| read(kind, page)).await??;
        entries += read.items.len();
        bytes += page.len();
        let stuck = read.next_cursor.is_some() && read.next_cursor == got.next;
        got.next = read.next_cursor.filter(|_| !stuck);
        got.pages.push(page);
        let enough = entries >= ENTRIES_PER_SERVER || bytes >= BYTES_PER_SERVER || got.pages.len() >= PAGES_PER_SERVER;
        if enough && entries == 0 {
            got.next = None;
        }
        if got.next.is_none() || enough {
            return Ok(());
        }
    }
}

/// One page; none if the server has no such list. A server that has forgotten our session is greeted anew, once.
async fn page(
    shared: &Arc<Shared>,
    ours: &Ours,
    (place, kind): (&Place, ListKind),
    cursor: Option<&str>,
) -> Result<Option<Bytes>, Failure> {
    let mut last = Failure::NoSession;
    for _ in 0..2 {
        let peer = ours.peer(shared, place).await?;
        let described = shared.memory.greeted(&peer);
        if !offers(&described.capabilities, kind) {
            return Ok(None);
        }
        match ask_for(shared, &peer, kind, cursor).await {
            Err(
                failure @ (Failure::NoSession | Failure::Upstream(UpstreamFailure::Status { status: 404 | 400, .. })),
            ) => {
                last = failure;
                shared.peers.lost(&ours.key, &peer);
            }
            answered => return answered.map(Some),
        }
    }
    Err(last)
}

async fn ask_for(shared: &Arc<Shared>, peer: &Peer, kind: ListKind, cursor: Option<&str>) -> Result<Bytes, Failure> {
    let link = Link::to(shared, &peer.server, peer.session.as_ref()).await?;
    peer.list_page(shared, &link, kind, cursor).await
}

/// Whether a server says it has such a list. Of tools it need not say so.
fn offers(capabilities: &serde_json::Value, kind: ListKind) -> bool {
    match kind {
        ListKind::Tools => true,
        ListKind::Prompts => capabilities.get("prompts").is_some(),
        ListKind::Resources | ListKind::Templates => capabilities.get("resources").is_some(),
        ListKind::Tasks => capabilities["tasks"].get("list").is_some(),
    }
}

fn read(kind: ListKind, page: &Bytes) -> Result<ListPage, Failure> {
    let read = match kind {
        ListKind::Tools => mcp::select_tools(page, |_| Keep::Keep),
        _ => mcp::items_of(page, kind),
    };
    match read {
        // An error in place of a list: there is none.
        Err(ListError::Refused { .. }) => Ok(ListPage::default()),
        read => read.map_err(|error| UpstreamFailure::Invalid(error.to_string()).into()),
    }
}

/// The entries of a page that the caller may see, under their names on the account's URL.
fn named(shared: &Shared, place: &Place, kind: ListKind, page: &Bytes) -> Vec<Bytes> {
    let read = match kind {
        ListKind::Tools => mcp::select_tools(page, |tool| lists::keep(place, &tool.name)),
        _ => mcp::items_of(page, kind),
    };
    let slug = place.server.slug.as_str();
    let name = |item: &Bytes| {
        mcp::rename_item(item, kind, |name| {
            let public = names::public(slug, name);
            if let mcp::NewName::Text(public) = &public
                && matches!(name.kind, mcp::NameKind::Tool | mcp::NameKind::Prompt)
                && names::may_be_short(public)
            {
                shared.memory.note_name(place.server.id, kind, public, &name.text);
            }
            public
        })
    };
    read.unwrap_or_default().items.iter().filter_map(|item| name(item).ok()).collect()
}

/// The server's own name of a tool or prompt that is shortened on the account's URL. What this gateway has not listed
/// yet is looked for in the server's list.
pub(super) async fn whole_name(
    shared: &Arc<Shared>,
    ours: &Ours,
    (place, kind): (&Place, ListKind),
    public: &str,
) -> Option<Arc<str>> {
    let slug = place.server.slug.as_str();
    let accepted = place.server.tools.keys().filter(|_| kind == ListKind::Tools).map(AsRef::as_ref);
    if let Some(own) = names::own_name(public, slug, accepted) {
        return Some(own.into());
    }
    if let Some(own) = shared.memory.own_name(place.server.id, kind, public) {
        return Some(own);
    }
    let within = ours.patience(shared, place);
    let mut got = Got { pages: Vec::new(), next: None };
    let _what_came = timeout(within, Box::pin(fetch(shared, ours, (place, kind), &mut got))).await;
    for page in &got.pages {
        named(shared, place, kind, page);
    }
    shared.memory.own_name(place.server.id, kind, public)
}
