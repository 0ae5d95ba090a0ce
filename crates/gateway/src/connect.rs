//! Asking the person behind a request to connect their own account with a server: by a page that their client opens for
//! them, where it says that it can (2026-07-28 client/elicitation, URL mode), else in words.
//!
//! Invariants: the question carries no right to anything: whoever opens the page connects for themselves, and it says so to
//! anybody but the caller; a request is sent away with it once; what answers it never reaches a server.

use bytes::Bytes;
use mcp::{Era, InputRequest, Message, Method, Request};
use serde_json::json;

use crate::{
    ask::{Asked, Pages},
    credential::CredentialError,
};

/// Names the question and its round. It is no secret: a request that names it is treated as one that was never sent away.
const ROUND: &str = "dev.portcullis.connect";

/// What a request of the stateless era says of it.
pub(crate) fn pages(request: &Request<'_>) -> Pages {
    let rounds = matches!(request.kind, Method::ToolsCall | Method::PromptsGet | Method::ResourcesRead);
    let meta = request.params.as_ref().and_then(|params| params.meta.as_ref()).filter(|_| rounds);
    // Most clients do not, and are not read further.
    let declared = meta.and_then(|meta| meta.client_capabilities).filter(|declared| declared.contains("url"));
    match declared {
        Some(declared) if mcp::is_supported(&asking("", ""), declared) => Pages::Opened,
        _ => Pages::No,
    }
}

/// The question in place of a failure's words, where it can be asked.
pub(crate) fn question(error: &CredentialError, asked: &Asked) -> Option<Bytes> {
    let page = error.own_page().filter(|_| asked.pages == Pages::Opened && asked.era == Era::Stateless)?;
    let words = match error {
        CredentialError::NeedsMore { .. } => {
            "The server wants more than your connection with it allows. Connect again on the page that opens, then go on."
        }
        _ => "This server wants an account of your own. Connect it on the page that opens, then go on.",
    };
    Some(mcp::input_required(asked.id.as_ref()?, &[asking(page, words)], ROUND))
}

/// A request that answers the question, as it was before it was asked: whether the person has connected shows by itself.
pub(crate) fn as_first_sent(message: &Message<'_>, asked: &mut Asked) -> Option<Bytes> {
    let Message::Request(request) = message else { return None };
    if request.request_state()? != ROUND {
        return None;
    }
    asked.pages = Pages::WasOpened;
    request.without_round()
}

fn asking(url: &str, message: &str) -> InputRequest {
    let params = json!({ "mode": "url", "message": message, "url": url });
    InputRequest { key: ROUND.to_owned(), kind: Method::ElicitationCreate, params: Some(params.to_string()) }
}
