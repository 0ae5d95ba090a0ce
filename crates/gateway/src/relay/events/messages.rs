//! Answers and requests on a stream.

use bytes::Bytes;
use mcp::{Era, Id, Method, Part, ResponseFacts, SseEvent};

use super::{Events, Phase};
use crate::{
    failure::UpstreamFailure,
    lists, methods,
    relay::{conclude, filtered, greeted},
};

impl Events {
    /// An answer on the stream: to this request, it is the end; on the server's own stream, it is one that the client
    /// missed and asked for again. Any other belongs to nobody here.
    pub(super) async fn response(&mut self, event: SseEvent, payload: &Bytes, facts: &ResponseFacts<'_>) {
        let Some(id) = &self.forward.id else {
            let place = &self.forward.place;
            match lists::resumed(place, self.forward.era, payload, facts) {
                Some(bytes) if bytes == *payload => self.out.push_back(event.raw),
                Some(bytes) => self.out.push_back(event.with_data(bytes).raw),
                None => {
                    tracing::warn!(server = %place.server.id, "a list that cannot be filtered was left out of a stream")
                }
            }
            return;
        };
        if !facts.answers(id) {
            if facts.id.is_none() {
                self.fail(UpstreamFailure::Invalid("an error that names no request".to_owned())).await;
            }
            return;
        }
        let answer = if self.forward.kind == Method::ToolsList || facts.lists_tools() {
            filtered(&self.forward, payload.clone()).await
        } else {
            Ok(greeted(&self.forward, payload.clone()))
        };
        let named = answer.and_then(|answer| self.forward.named(Part::Answer(self.forward.kind), answer));
        let raw = match named {
            Ok(same) if same == *payload => event.raw,
            Ok(bytes) => event.with_data(bytes).raw,
            Err(failure) => return self.fail(failure).await,
        };
        if let Err(failure) = conclude(&mut self.forward, facts, payload).await {
            return self.fail(failure).await;
        }
        self.out.push_back(raw);
        self.phase = Phase::Answered;
    }

    /// Passes on what the server says by itself.
    pub(super) async fn pass(&mut self, event: SseEvent, part: Part) {
        let Some(payload) = event.payload().cloned() else { return self.out.push_back(event.raw) };
        match self.forward.named(part, payload.clone()) {
            Ok(same) if same == payload => self.out.push_back(event.raw),
            Ok(bytes) => self.out.push_back(event.with_data(bytes).raw),
            Err(failure) => self.fail(failure).await,
        }
    }

    /// A request of the server. In the stateless era servers send none; what the settings keep back is refused for the
    /// client, so that the server does not wait.
    pub(super) async fn request(&mut self, event: SseEvent, id: &Id<'_>, (kind, method): (Method, &str)) {
        let stateless = self.forward.era == Era::Stateless;
        if !stateless && methods::passes_from_server(kind, &self.forward.place.server.settings) {
            self.pass(event, Part::FromServer(kind)).await;
        } else if !stateless {
            let within = self.forward.shared.config.times.aggregate_part;
            if let Some(turn) = self.replies.turn(within).await {
                self.forward.post_aside(mcp::method_not_found(id, method), turn);
            }
        }
    }
}
