//! What the servers say on their own, as one stream: a session's own in the `initialize` era, a subscription in the
//! stateless one (2026-07-28 basic/patterns/subscriptions). On either the gateway itself says when what the caller may see
//! has changed. A server that comes is listened to, one that goes is not heard any more.

mod line;

use std::{collections::HashMap, sync::Arc, time::Duration};

use axum::response::Response;
use domain::ServerId;
use futures_util::{StreamExt as _, future::BoxFuture, stream as streams};
use mcp::{Era, Id, Method, Request};
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{Ours, missed::Ear, ours};
use crate::{
    account::Server,
    ask::Ask,
    authenticate::Caller,
    bridge::{self, Feed, Out, Said, Voice, Wanted, Wish},
    failure::Failure,
    pot::OpenStream,
    resolve::Place,
    shared::Shared,
    standing::{Change, Standing, Watched},
};
use line::Line;

pub(super) use line::wish_key;

/// Servers that one stream listens to.
const MOST_SERVERS: usize = 64;
/// Servers that are subscribed to at the same time.
const AT_ONCE: usize = 16;

/// Opens the stream of a session.
pub(crate) async fn stream(ask: Ask<'_>, caller: &Caller) -> Result<Response, Failure> {
    let Ours { key, voice, .. } = ours(&ask, caller, None)?;
    let (out, said) = bridge::channel();
    let merged = Merged {
        shared: ask.shared.clone(),
        watched: Watched::account(ask.shared, caller),
        key,
        voice,
        subscription: None,
        ear: ask.shared.missed.hear(caller.owner()),
        wanted: Wanted::everything(),
        out,
        lines: HashMap::new(),
        _open: ask.shared.open_stream(caller.owner())?,
    };
    ask.shared.tracker.spawn(merged.within_session());
    Ok(bridge::stream_of(ask.shared, said))
}

/// Answers `subscriptions/listen`. It has sessions with servers to itself, so that what it subscribes to ends with it.
pub(super) async fn listen(
    ask: Ask<'_>,
    caller: &Caller,
    ours: Ours,
    request: &Request<'_>,
) -> Result<Response, Failure> {
    let name = domain::hex(&ask.shared.entropy.bytes::<16>());
    let key: Arc<str> = format!("{}/listens/{name}", caller.principal).into();
    let id = request.id.clone().into_owned();
    let (out, said) = bridge::channel();
    let merged = Merged {
        shared: ask.shared.clone(),
        watched: Watched::account(ask.shared, caller),
        key: key.clone(),
        voice: ours.voice,
        subscription: Some(id.clone()),
        ear: ask.shared.missed.hear(caller.owner()),
        wanted: Wanted::of(request.params.as_ref()),
        out,
        lines: HashMap::new(),
        _open: ask.shared.open_stream(caller.owner())?,
    };
    let shared = ask.shared.clone();
    let subscription = id.clone();
    ask.shared.tracker.spawn(async move {
        merged.subscribed(subscription).await;
        bridge::end(&shared, &key);
    });
    bridge::answer(ask.shared, Era::Stateless, id, said).await
}

/// One stream out of many.
struct Merged {
    shared: Arc<Shared>,
    watched: Watched,
    /// What the sessions with servers are kept under.
    key: Arc<str>,
    voice: Voice,
    /// In the stateless era: the request that opened it.
    subscription: Option<Id<'static>>,
    /// For servers that come after a list went without them.
    ear: Ear,
    /// In the account's own names.
    wanted: Wanted,
    out: Out,
    lines: HashMap<ServerId, Heard>,
    _open: OpenStream,
}

/// A server that is listened to as long as this lives.
struct Heard {
    server: Arc<Server>,
    /// What the session has asked for there, which is not forgotten meanwhile; none in the stateless era.
    wish: Option<(Arc<str>, Arc<Wish>)>,
    _stops: DropGuard,
}

/// Whether other servers are listened to than before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Servers {
    Same,
    Others,
}

impl Merged {
    async fn within_session(mut self) {
        self.reconcile();
        let wish = self.shared.bridges.wishes.of(&self.key);
        tokio::select! {
            () = wish.ended.cancelled() => {}
            () = self.tell() => {}
        }
    }

    /// Subscribes with every server, each within its time, acknowledges what they offer, and goes on with it.
    async fn subscribed(mut self, id: Id<'static>) {
        let within = self.shared.config.times.aggregate_part;
        let mut asked: Vec<BoxFuture<'_, (Place, Feed, Wanted)>> = Vec::new();
        for place in self.places() {
            let mut feed = self.feed(&place);
            let wanted = line::wanted_of(&self.wanted, &place);
            let memory = &self.shared.memory;
            asked.push(Box::pin(async move {
                let patience = memory.patience(place.server.id, within, Duration::ZERO);
                let offered = timeout(patience, feed.subscribe(&wanted)).await;
                if offered.is_err() {
                    memory.failed(place.server.id);
                }
                (place, feed, offered.unwrap_or_default())
            }));
        }
        let subscribed: Vec<(Place, Feed, Wanted)> = streams::iter(asked).buffered(AT_ONCE).collect().await;
        // Lists change also when servers come and go, which the gateway tells.
        let mut offered = Wanted { resources: Default::default(), ..self.wanted.clone() };
        for (place, _, theirs) in &subscribed {
            let slug = place.server.slug.as_str();
            offered.resources.extend(theirs.resources.iter().map(|uri| mcp::qualified_uri(slug, uri)));
        }
        if !self.out.say(Said::Event(offered.acknowledgement(&id).into())).await {
            return;
        }
        self.wanted = offered;
        for (place, feed, _) in subscribed {
            self.begin(place, feed);
        }
        self.tell().await;
        self.out.say(Said::Last(mcp::subscription_ended(&id).into())).await;
    }

    /// Follows the caller's standing, until the client goes away, may no longer hear it, or the gateway closes.
    async fn tell(&mut self) {
        let mut standing = Standing::since(&self.shared, self.watched.snapshot()).await;
        let mut look = tokio::time::interval(self.shared.config.times.keep_alive);
        loop {
            let came = tokio::select! {
                biased;
                () = self.out.gone() => return,
                () = self.shared.closing.cancelled() => return,
                () = standing.changed() => false,
                () = self.ear.heard() => true,
                _ = look.tick() => false,
            };
            let mut change = self.watched.refresh(&self.shared).await;
            if change == Change::Gone {
                return;
            }
            let mut servers = self.reconcile();
            if came {
                (change, servers) = (Change::Tools, Servers::Others);
            }
            for (key, wish) in self.lines.values().filter_map(|heard| heard.wish.as_ref()) {
                self.shared.bridges.wishes.keep(key, wish);
            }
            for said in self.told(change, servers) {
                if !self.out.say(Said::Event(said.into())).await {
                    return;
                }
            }
        }
    }

    /// What the gateway itself says of a change.
    fn told(&self, change: Change, servers: Servers) -> Vec<bytes::Bytes> {
        let others = servers == Servers::Others;
        let changed = [
            (change == Change::Tools && self.wanted.tools, Method::ToolsListChanged),
            (others && self.wanted.prompts, Method::PromptsListChanged),
            (others && self.wanted.resource_lists, Method::ResourcesListChanged),
        ];
        let said = changed.into_iter().filter(|(tell, _)| *tell);
        said.map(|(_, kind)| mcp::list_changed(kind, self.subscription.as_ref())).collect()
    }

    /// The servers to listen to.
    fn places(&self) -> Vec<Place> {
        let Watched::Account { places, .. } = &self.watched else { return Vec::new() };
        places.iter().filter(|place| place.require_active().is_ok()).take(MOST_SERVERS).cloned().collect()
    }

    /// Listens to those and to no others.
    fn reconcile(&mut self) -> Servers {
        let places = self.places();
        let before = self.lines.len();
        self.lines.retain(|id, heard| {
            places.iter().any(|place| {
                let (now, then) = (&place.server, &heard.server);
                let same = now.id == *id && now.slug == then.slug && now.settings == then.settings;
                same && now.is_reached_like(then)
            })
        });
        let mut servers = if self.lines.len() == before { Servers::Same } else { Servers::Others };
        for place in places {
            if !self.lines.contains_key(&place.server.id) {
                servers = Servers::Others;
                let feed = self.feed(&place);
                self.begin(place, feed);
            }
        }
        servers
    }

    fn feed(&self, place: &Place) -> Feed {
        Feed::new(&self.shared, place, &self.voice, self.key.clone())
    }

    fn begin(&mut self, place: Place, feed: Feed) {
        let stops = CancellationToken::new();
        let wish = self.subscription.is_none().then(|| {
            let key = line::wish_key(&self.key, place.server.id);
            let wish = self.shared.bridges.wishes.of(&key);
            (key, wish)
        });
        let wanted = line::wanted_of(&self.wanted, &place);
        let wishes = wish.as_ref().map(|(_, wish)| wish.resources.subscribe());
        let heard = Heard { server: place.server.clone(), wish, _stops: stops.clone().drop_guard() };
        self.lines.insert(place.server.id, heard);
        let line = Line {
            place,
            feed,
            capabilities: self.voice.capabilities.clone(),
            subscription: self.subscription.clone(),
            wanted,
            wishes,
            out: self.out.clone(),
            stops,
        };
        self.shared.tracker.spawn(line.run());
    }
}
