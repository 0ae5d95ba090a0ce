//! One server's part of a stream.

use std::{collections::BTreeSet, sync::Arc};

use bytes::Bytes;
use domain::ServerId;
use mcp::{Era, Frame, Id, InputRequest, Method, Part};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    bridge::{Feed, Out, Said, Wanted},
    methods, names,
    resolve::Place,
};

/// A server that is listened to.
pub(super) struct Line {
    pub place: Place,
    pub feed: Feed,
    /// What the client can be asked, as a raw JSON object.
    pub capabilities: Arc<str>,
    /// In the stateless era: the request that opened the stream.
    pub subscription: Option<Id<'static>>,
    /// In the server's own names.
    pub wanted: Wanted,
    /// The resources that the client's session asks for, in the server's own names; none in the stateless era.
    pub wishes: Option<watch::Receiver<BTreeSet<String>>>,
    pub out: Out,
    pub stops: CancellationToken,
}

/// Where a session's wishes for one server are kept.
pub(crate) fn wish_key(ours: &Arc<str>, server: ServerId) -> Arc<str> {
    format!("{ours}/{server}").into()
}

/// What is wanted of one server, in its own names.
pub(super) fn wanted_of(wanted: &Wanted, place: &Place) -> Wanted {
    let own = |uri: &String| {
        let (server, own) = mcp::split_qualified_uri(uri)?;
        (server == place.server.slug.as_str()).then_some(own)
    };
    Wanted { resources: wanted.resources.iter().filter_map(own).collect(), ..wanted.clone() }
}

impl Line {
    /// Passes on what comes, until it is stopped or the client goes away.
    pub(super) async fn run(mut self) {
        if let Some(wishes) = &mut self.wishes {
            let resources = wishes.borrow_and_update().clone();
            self.feed.want(Wanted { resources, ..self.wanted.clone() });
        }
        loop {
            let message = tokio::select! {
                biased;
                () = self.stops.cancelled() => return,
                () = self.out.gone() => return,
                resources = wished(&mut self.wishes) => {
                    self.feed.want(Wanted { resources, ..self.wanted.clone() });
                    continue;
                }
                message = self.feed.next() => message,
            };
            if let Some(said) = self.passed_on(&message.bytes)
                && !self.out.say(Said::Event(message.edited(said))).await
            {
                return;
            }
        }
    }

    /// A message as the client gets it, if it does.
    fn passed_on(&self, message: &Bytes) -> Option<Bytes> {
        let settings = &self.place.server.settings;
        let named = |kind| names::outgoing(&self.place.server.slug, Part::FromServer(kind), message).ok();
        match mcp::frame(message).ok()? {
            Frame::Response(_) => None,
            Frame::Request { id, kind, method } => {
                let can = InputRequest::of_request(message, "input")
                    .is_some_and(|asked| mcp::is_supported(&asked, &self.capabilities));
                if self.subscription.is_none() && can && methods::passes_from_server(kind, settings) {
                    return named(kind);
                }
                self.feed.answer(&id, kind, &method);
                None
            }
            Frame::Notification { kind, .. } if !methods::passes_from_server(kind, settings) => None,
            Frame::Notification { kind, .. } => match &self.subscription {
                Some(id) if self.wanted.has(kind) => mcp::subscribed(&named(kind)?, id),
                None if kind.exists_in(Era::Initialize) && kind != Method::SubscriptionsAcknowledged => named(kind),
                _ => None,
            },
        }
    }
}

/// The resources that are asked for, when they are others than before.
async fn wished(wishes: &mut Option<watch::Receiver<BTreeSet<String>>>) -> BTreeSet<String> {
    if let Some(receiver) = wishes {
        if receiver.changed().await.is_ok() {
            return receiver.borrow_and_update().clone();
        }
        *wishes = None;
    }
    std::future::pending().await
}
