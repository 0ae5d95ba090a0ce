//! The stream of the account's URL.

use axum::response::Response;

use super::{memory::owner, ours};
use crate::{authenticate::Caller, failure::Failure, own_stream::OwnStream, stack::Ask, standing::Watched};

/// Opens it.
pub(crate) async fn stream(ask: Ask<'_>, caller: &Caller) -> Result<Response, Failure> {
    ours(&ask, caller)?;
    let open = ask.shared.streams.open(owner(caller))?;
    let watched = Watched::account(ask.shared, caller);
    let stream = OwnStream { shared: ask.shared.clone(), watched, subscription: None, open: Some(open) };
    Ok(stream.answer().await)
}
