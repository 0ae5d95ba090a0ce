//! A held answer in the client's era.

use bytes::Bytes;
use mcp::{Era, Method, ResponseFacts, ResponseKind, code};

use super::work::{Work, unreadable};
use crate::{
    failure::UpstreamFailure,
    lists::{self, Page},
};

impl Work {
    /// The answer as the client gets it: filtered if it lists tools, in the client's era, under the client's id.
    pub(super) async fn translated(
        &self,
        message: &Bytes,
        facts: &ResponseFacts<'_>,
    ) -> Result<Bytes, UpstreamFailure> {
        let passage = &self.passage;
        let (shared, place, kind) = (&passage.shared, &passage.place, passage.kind);
        let mut answer = message.clone();
        if kind == Method::ToolsList || facts.lists_tools() {
            if kind == Method::ToolsList {
                shared.seen.note_list(shared, place, (page_of(&passage.bytes), message)).await;
            }
            answer = lists::filter(place, self.exchange.peer.era, &answer).map_err(invalid)?;
        }
        answer = match (self.exchange.peer.era, passage.voice.era) {
            (Era::Initialize, Era::Stateless) => mcp::completed(&answer, kind).ok_or_else(unreadable)?,
            (Era::Stateless, Era::Initialize) => mcp::plain(&answer).ok_or_else(unreadable)?,
            _ => answer,
        };
        if let ResponseKind::Error { code } = facts.kind
            && let Some(code) = code_in((self.exchange.peer.era, passage.voice.era), (kind, code), &answer)
        {
            answer = mcp::with_code(&answer, code).ok_or_else(unreadable)?;
        }
        answer = mcp::with_id(&answer, &passage.id).ok_or_else(unreadable)?;
        passage.names.answer(kind, answer)
    }
}

/// The code that a server's error has in the client's era, if it is another one there: that of a resource that does not exist
/// (2026-07-28 changelog), which is told from other wrong parameters by the resource that it names.
fn code_in(eras: (Era, Era), (kind, code): (Method, i64), answer: &[u8]) -> Option<i64> {
    match (eras, code) {
        ((_, Era::Stateless), code::RESOURCE_NOT_FOUND) => Some(code::INVALID_PARAMS),
        ((Era::Stateless, Era::Initialize), code::INVALID_PARAMS)
            if kind == Method::ResourcesRead && mcp::error_names_uri(answer) =>
        {
            Some(code::RESOURCE_NOT_FOUND)
        }
        _ => None,
    }
}

fn page_of(request: &[u8]) -> Page {
    let first = mcp::read(request).is_ok_and(|request| request.params().is_none_or(|params| params.cursor.is_none()));
    if first { Page::First } else { Page::Further }
}

fn invalid(error: mcp::ListError) -> UpstreamFailure {
    UpstreamFailure::Invalid(error.to_string())
}
