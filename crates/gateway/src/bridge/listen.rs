//! What a server says on its own, for clients of the other era: the stream of a session's own in the `initialize` era,
//! subscriptions in the stateless one (2026-07-28 basic/patterns/subscriptions). Either also tells of changed tools, as
//! every stream of the gateway does.

use std::{collections::BTreeSet, sync::Arc};

use axum::response::Response;
use bytes::Bytes;
use mcp::{Era, Frame, Id, Method, Request};
use tokio::sync::watch;

use super::{
    Kept, Voice,
    feed::{Feed, Wanted},
    respond::{self, Out, Said},
};
use crate::{
    failure::Failure,
    gateway::Shared,
    link::Link,
    methods,
    resolve::Place,
    stack::Ask,
    standing::{self, Change, Standing},
};

/// A subscription of the stateless era, at a server of the other. It has a session with the server to itself, so that
/// what it subscribes to ends with it.
pub(super) async fn answer(
    ask: Ask<'_>,
    place: &Place,
    request: &Request<'_>,
    voice: Voice,
) -> Result<Response, Failure> {
    let open = ask.shared.streams.open(place.owner())?;
    let random: [u8; 16] = ask.shared.entropy.bytes();
    let name: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    let ours: Arc<str> = format!("{}/listens/{name}", place.caller.principal).into();
    let id = request.id.clone().into_owned();
    let wanted = Wanted::of(request.params.as_ref());
    let feed = Feed::new(ask.shared, place, &voice, ours.clone());
    let (out, said) = respond::channel();
    let listener = Listener {
        shared: ask.shared.clone(),
        place: place.clone(),
        subscription: Some(id.clone()),
        wanted,
        out,
        _kept: (None, Some(open)),
    };
    let shared = ask.shared.clone();
    ask.shared.tracker.spawn(async move {
        listener.subscribed(feed).await;
        end(&shared, &ours).await;
    });
    respond::answer(ask.shared, Era::Stateless, id, said).await
}

/// The stream of a session of the `initialize` era.
pub(super) async fn stream(ask: Ask<'_>, place: &Place, voice: Voice, ours: Arc<str>) -> Result<Response, Failure> {
    let open = ask.shared.streams.open(place.owner())?;
    let resources = ask.shared.bridges.wishes.of(&ours).resources.subscribe();
    let feed = Feed::new(ask.shared, place, &voice, ours);
    let (out, said) = respond::channel();
    let listener = Listener {
        shared: ask.shared.clone(),
        place: place.clone(),
        subscription: None,
        wanted: Wanted::everything(),
        out,
        _kept: (None, Some(open)),
    };
    ask.shared.tracker.spawn(listener.within_session(feed, resources));
    Ok(respond::stream_of(ask.shared, said))
}

/// Ends the sessions with servers behind one of ours.
pub(crate) async fn end(shared: &Arc<Shared>, ours: &Arc<str>) {
    for peer in shared.peers.end(ours).await {
        let shared = shared.clone();
        shared.clone().tracker.spawn(async move {
            if let Ok(link) = Link::to(&shared, &peer.server, peer.session.as_ref()).await {
                peer.close(&shared, &link).await;
            }
        });
    }
}

struct Listener {
    shared: Arc<Shared>,
    place: Place,
    /// In the stateless era: the request that opened it.
    subscription: Option<Id<'static>>,
    wanted: Wanted,
    out: Out,
    _kept: Kept,
}

impl Listener {
    async fn subscribed(mut self, mut feed: Feed) {
        let offered = feed.subscribe(&self.wanted).await;
        let Some(id) = self.subscription.clone() else { return };
        self.wanted = offered;
        if !self.out.say(Said::Event(self.wanted.acknowledgement(&id))).await {
            return;
        }
        let (_keep, nothing) = watch::channel(BTreeSet::new());
        self.tell(feed, nothing).await;
        self.out.say(Said::Last(mcp::subscription_ended(&id), Vec::new())).await;
    }

    async fn within_session(mut self, mut feed: Feed, mut resources: watch::Receiver<BTreeSet<String>>) {
        let wanted = Wanted { resources: resources.borrow_and_update().clone(), ..self.wanted.clone() };
        feed.want(wanted);
        self.tell(feed, resources).await;
    }

    /// Passes on what comes, until the client goes away, may no longer hear it, or the gateway closes.
    async fn tell(&mut self, mut feed: Feed, mut resources: watch::Receiver<BTreeSet<String>>) {
        let mut standing = Standing::since(&self.shared, &self.place.caller.account).await;
        let mut look = tokio::time::interval(self.shared.config.times.keep_alive);
        loop {
            let message = tokio::select! {
                biased;
                () = self.out.gone() => return,
                () = self.shared.closing.cancelled() => return,
                () = standing.changed() => None,
                _ = look.tick() => None,
                changed = resources.changed(), if self.subscription.is_none() => {
                    let now = resources.borrow_and_update().clone();
                    if changed.is_ok() {
                        feed.want(Wanted { resources: now, ..self.wanted.clone() });
                    }
                    continue;
                }
                message = feed.next() => Some(message),
            };
            let said = match message {
                Some(message) => self.passed_on(&feed, &message),
                None => match standing::refresh(&self.shared, &mut self.place).await {
                    Change::None => None,
                    Change::Gone | Change::Moved => return,
                    Change::Tools if self.wanted.tools => Some(mcp::tools_list_changed(self.subscription.as_ref())),
                    Change::Tools => None,
                },
            };
            if let Some(said) = said
                && !self.out.say(Said::Event(said)).await
            {
                return;
            }
        }
    }

    /// A message as the client gets it, if it does.
    fn passed_on(&self, feed: &Feed, message: &Bytes) -> Option<Bytes> {
        let kind = match mcp::frame(message).ok()? {
            Frame::Notification { kind, .. } => kind,
            Frame::Request { id, kind, method } => {
                feed.answer(&id, kind, &method);
                return None;
            }
            Frame::Response(_) => return None,
        };
        let passes = methods::passes_from_server(kind, &self.place.server.settings);
        match &self.subscription {
            _ if !passes => None,
            Some(id) if self.wanted.has(kind) => mcp::subscribed(message, id),
            None if kind.exists_in(Era::Initialize) && kind != Method::Cancelled => Some(message.clone()),
            _ => None,
        }
    }
}
