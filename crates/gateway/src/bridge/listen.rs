//! What a server says on its own, for clients of the other era: the stream of a session's own in the `initialize` era,
//! subscriptions in the stateless one (2026-07-28 basic/patterns/subscriptions). Either also tells of changed tools, as
//! every stream of the gateway does.

use std::{collections::BTreeSet, pin::pin, sync::Arc};

use axum::response::Response;
use bytes::Bytes;
use mcp::{Era, Frame, Id, Method, Request};
use tokio::{sync::watch, time::Interval};

use super::{
    Kept, Voice,
    feed::Feed,
    respond::{self, Out, Said},
    wanted::Wanted,
    wishes::Wish,
};
use crate::{
    ask::Ask,
    failure::Failure,
    link::Link,
    methods,
    resolve::Place,
    shared::Shared,
    space::Held,
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
    let open = ask.shared.open_stream(place.owner())?;
    let name = domain::hex(&ask.shared.entropy.bytes::<16>());
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
        end(&shared, &ours);
    });
    respond::answer(ask.shared, Era::Stateless, id, said).await
}

/// The stream of a session of the `initialize` era.
pub(super) async fn stream(ask: Ask<'_>, place: &Place, voice: Voice, ours: Arc<str>) -> Result<Response, Failure> {
    let open = ask.shared.open_stream(place.owner())?;
    let wish = ask.shared.bridges.wishes.of(&ours);
    let feed = Feed::new(ask.shared, place, &voice, ours.clone());
    let (out, said) = respond::channel();
    let listener = Listener {
        shared: ask.shared.clone(),
        place: place.clone(),
        subscription: None,
        wanted: Wanted::everything(),
        out,
        _kept: (None, Some(open)),
    };
    ask.shared.tracker.spawn(listener.within_session(feed, ours, wish));
    Ok(respond::stream_of(ask.shared, said))
}

/// Ends the sessions with servers behind one of ours.
pub(crate) fn end(shared: &Arc<Shared>, ours: &Arc<str>) {
    for peer in shared.peers.end(ours) {
        let Some(turn) = shared.asides.turn(peer.server.account) else { continue };
        let shared = shared.clone();
        shared.clone().tracker.spawn(async move {
            let _turn = turn;
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

/// When the caller's standing is looked at.
struct Looks {
    standing: Standing,
    again: Interval,
}

/// What a listener hears.
enum News {
    /// From the server.
    Said(Held),
    /// The session asks for these resources from now on.
    Wants(BTreeSet<String>),
}

impl Listener {
    async fn subscribed(mut self, mut feed: Feed) {
        let offered = feed.subscribe(&self.wanted).await;
        let Some(id) = self.subscription.clone() else { return };
        self.wanted = offered;
        if !self.out.say(Said::Event(self.wanted.acknowledgement(&id).into())).await {
            return;
        }
        let (_keep, nothing) = watch::channel(BTreeSet::new());
        self.tell(feed, nothing).await;
        self.out.say(Said::Last(mcp::subscription_ended(&id).into())).await;
    }

    /// Until the session ends, what it asks for is not forgotten.
    async fn within_session(mut self, mut feed: Feed, ours: Arc<str>, wish: Arc<Wish>) {
        let mut resources = wish.resources.subscribe();
        let wanted = Wanted { resources: resources.borrow_and_update().clone(), ..self.wanted.clone() };
        feed.want(wanted);
        let shared = self.shared.clone();
        let mut keep = tokio::time::interval(shared.config.times.keep_alive);
        let keeping = async {
            loop {
                keep.tick().await;
                shared.bridges.wishes.keep(&ours, &wish);
            }
        };
        tokio::select! {
            () = wish.ended.cancelled() => {}
            () = keeping => {}
            () = self.tell(feed, resources) => {}
        }
    }

    /// Passes on what comes, until the client goes away, may no longer hear it, or the gateway closes.
    async fn tell(&mut self, mut feed: Feed, mut resources: watch::Receiver<BTreeSet<String>>) {
        let mut looks = Looks {
            standing: Standing::since(&self.shared, &self.place.caller.account).await,
            again: tokio::time::interval(self.shared.config.times.keep_alive),
        };
        while let Some(news) = self.news(&mut feed, &mut looks, &mut resources).await {
            match news {
                News::Wants(resources) => feed.want(Wanted { resources, ..self.wanted.clone() }),
                News::Said(message) => {
                    if let Some(said) = self.passed_on(&feed, &message.bytes)
                        && !self.out.say(Said::Event(message.edited(said))).await
                    {
                        return;
                    }
                }
            }
        }
    }

    /// What comes next; none when there is no more. Whatever is looked at meanwhile, the feed is waited for once: to open it
    /// takes several steps, which are not to begin anew.
    async fn news(
        &mut self,
        feed: &mut Feed,
        looks: &mut Looks,
        resources: &mut watch::Receiver<BTreeSet<String>>,
    ) -> Option<News> {
        let mut next = pin!(feed.next());
        loop {
            tokio::select! {
                biased;
                () = self.out.gone() => return None,
                () = self.shared.closing.cancelled() => return None,
                () = looks.standing.changed() => {}
                _ = looks.again.tick() => {}
                changed = resources.changed() => {
                    changed.ok()?;
                    return Some(News::Wants(resources.borrow_and_update().clone()));
                }
                message = &mut next => return Some(News::Said(message)),
            }
            self.refresh().await?;
        }
    }

    /// Puts the caller's place up to date; none when there is nobody any more to tell what has changed.
    async fn refresh(&mut self) -> Option<()> {
        match standing::refresh(&self.shared, &mut self.place).await {
            Change::None => Some(()),
            Change::Gone | Change::Moved => None,
            Change::Tools if self.wanted.tools => {
                let said = mcp::tools_list_changed(self.subscription.as_ref());
                self.out.say(Said::Event(said.into())).await.then_some(())
            }
            Change::Tools => Some(()),
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
