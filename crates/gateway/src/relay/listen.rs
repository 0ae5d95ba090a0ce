//! Long streams on which a client is told that its tools have changed: the server's own, with the gateway's word put in,
//! or the gateway's own where the server has none.

use axum::response::Response;
use bytes::Bytes;
use mcp::{Era, Frame, Id, Message, Method, ResponseFacts, ResponseKind, SseEvent, code};

use crate::{forward::Forward, own_stream::OwnStream, standing::Watched};

/// Whether and how a stream's client is told of changed tools.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Telling {
    /// Not on this stream.
    No,
    /// On the server's own stream of the `initialize` era.
    Plain,
    /// On a subscription that the server has not acknowledged yet; nothing may come before that.
    Unacknowledged {
        /// Whether there is something to tell.
        owes: Owes,
    },
    /// On an acknowledged subscription.
    Subscribed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owes {
    Nothing,
    Change,
}

impl Telling {
    pub(super) fn on(forward: &Forward) -> Self {
        match &forward.id {
            None if forward.era == Era::Initialize => Self::Plain,
            Some(_) if wants_tools(forward) => Self::Unacknowledged { owes: Owes::Nothing },
            _ => Self::No,
        }
    }

    /// The tools have changed: what is said of it now.
    pub(super) fn changed(&mut self, id: Option<&Id<'_>>) -> Option<Bytes> {
        match self {
            Self::No => None,
            Self::Plain => Some(SseEvent::message(mcp::tools_list_changed(None)).raw),
            Self::Subscribed => Some(SseEvent::message(mcp::tools_list_changed(id)).raw),
            Self::Unacknowledged { owes } => {
                *owes = Owes::Change;
                None
            }
        }
    }

    /// The server acknowledges: its event, with our promise, and what was owed.
    pub(super) fn acknowledged(&mut self, event: SseEvent, id: Option<&Id<'_>>) -> Vec<Bytes> {
        let Self::Unacknowledged { owes } = *self else { return vec![event.raw] };
        *self = Self::Subscribed;
        let promised = event.payload().and_then(|payload| mcp::acknowledging_tools_list_changed(payload));
        let event = match promised {
            Some(promised) => event.with_data(promised),
            None => event,
        };
        let owed = if owes == Owes::Change { self.changed(id) } else { None };
        std::iter::once(event.raw).chain(owed).collect()
    }
}

/// The stream of our own instead of an answer that says that the server has no such thing.
pub(super) async fn instead(forward: &mut Forward, answer: &[u8]) -> Option<Response> {
    if !wants_tools(forward) {
        return None;
    }
    let unknown = matches!(
        mcp::frame(answer),
        Ok(Frame::Response(ResponseFacts { kind: ResponseKind::Error { code: code::METHOD_NOT_FOUND }, .. }))
    );
    if unknown { Some(Box::pin(own(forward)).await) } else { None }
}

/// The gateway's own stream for this request.
pub(super) async fn own(forward: &mut Forward) -> Response {
    let stream = OwnStream {
        shared: forward.shared.clone(),
        watched: Watched::Server(Box::new(forward.place.clone())),
        subscription: forward.id.clone(),
        open: forward.kept.1.take(),
    };
    stream.answer().await
}

fn wants_tools(forward: &Forward) -> bool {
    if forward.kind != Method::SubscriptionsListen {
        return false;
    }
    let Ok(Message::Request(request)) = mcp::read(&forward.bytes) else { return false };
    request.params.is_some_and(|params| params.wants_tools_list_changed())
}
