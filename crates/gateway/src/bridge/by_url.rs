//! A server of the `initialize` era that wants URLs opened before it does what it is asked (2025-11-25 client/elicitation "URL
//! Elicitation Required Error", -32042). No other revision has that error: a client of the stateless era gets a round
//! that asks for the same, and whose next one sends the request anew. The request has ended meanwhile, so nothing is parked,
//! and it is judged and charged each time, as it is for clients that know the error.

use bytes::Bytes;
use mcp::{Era, InputRequest, Message, Method, ResponseFacts, ResponseKind, code};
use serde_json::json;

use super::{parked::State, work::Work};

impl Work {
    /// What a client of the stateless era is answered when the server wants URLs opened; none when this is no such answer.
    pub(super) fn urls_first(&self, message: &Bytes, facts: &ResponseFacts<'_>) -> Option<Bytes> {
        let eras = (self.exchange.peer.era, self.passage.voice.era);
        let wanted = matches!(facts.kind, ResponseKind::Error { code: code::URL_ELICITATION_REQUIRED });
        if !wanted || eras != (Era::Initialize, Era::Stateless) {
            return None;
        }
        let asked = InputRequest::urls_of_error(message);
        self.as_round(&asked).or_else(|| self.as_words(message, &asked))
    }

    /// As a round, if the request may have one and the client can open URLs.
    fn as_round(&self, asked: &[InputRequest]) -> Option<Bytes> {
        let passage = &self.passage;
        let opens = |asked| mcp::is_supported(asked, &passage.voice.capabilities);
        if asked.is_empty() || !asked.iter().all(opens) || !self.may_have_rounds() {
            return None;
        }
        let Ok(Message::Request(request)) = mcp::read(&passage.bytes) else { return None };
        let state = State::anew(&passage.shared, &passage.place, &request)?;
        Some(mcp::input_required(&passage.id, asked, &state))
    }

    /// In words: where a model reads them, if it is a call; else as another error.
    fn as_words(&self, message: &Bytes, asked: &[InputRequest]) -> Option<Bytes> {
        if self.passage.kind != Method::ToolsCall {
            let error = mcp::with_code(message, crate::rescue::UPSTREAM)?;
            return mcp::with_id(&error, &self.passage.id);
        }
        let mut words = "The server wants something to be done in a browser first; call again after that.".to_owned();
        for url in asked.iter().filter_map(InputRequest::url) {
            words.push('\n');
            words.push_str(&url);
        }
        let result = json!({"resultType": "complete", "isError": true, "content": [{"type": "text", "text": words}]});
        Some(mcp::result_response(&self.passage.id, &result.to_string()))
    }
}
