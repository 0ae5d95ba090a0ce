//! The stream of the account's URL: says when the tools have changed, and keeps the connection open.

use std::convert::Infallible;

use axum::{body::Body, response::Response};
use bytes::Bytes;
use futures_util::stream as streams;
use mcp::SseEvent;
use tokio::{sync::watch, time::sleep};

use super::{ours, owner};
use crate::{
    authenticate::Caller, failure::Failure, gateway::Shared, relay::event_stream, resolve::everywhere, stack::Ask,
    streams::OpenStream,
};

/// Opens it.
pub(crate) async fn stream(ask: Ask<'_>, caller: &Caller) -> Result<Response, Failure> {
    ours(&ask, caller)?;
    let open = ask.shared.streams.open(owner(caller))?;
    let versions = ask.shared.snapshots.follow(&caller.account.slug).await;
    let state = State { shared: ask.shared.clone(), caller: caller.clone(), versions, _open: open };
    Ok(event_stream(Body::from_stream(streams::unfold(state, |mut state| async move {
        let bytes = state.next().await?;
        Some((Ok::<_, Infallible>(bytes), state))
    }))))
}

struct State {
    shared: std::sync::Arc<Shared>,
    caller: Caller,
    versions: Option<watch::Receiver<u64>>,
    _open: OpenStream,
}

impl State {
    async fn next(&mut self) -> Option<Bytes> {
        let changed = async {
            match &mut self.versions {
                Some(versions) => versions.changed().await.is_ok(),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            followed = changed => {
                if !followed {
                    self.versions = None;
                }
                self.look_again().await?;
                let message = &br#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#[..];
                Some(SseEvent::message(message).raw)
            }
            () = self.shared.closing.cancelled() => None,
            () = sleep(self.shared.config.times.keep_alive) => {
                self.look_again().await?;
                Some(SseEvent::keep_alive().raw)
            }
        }
    }

    /// None: the key no longer opens the account.
    async fn look_again(&mut self) -> Option<()> {
        let now = self.shared.clock.now();
        let account = self.shared.snapshots.account(&self.caller.account.slug).await.ok()??;
        account.key(&self.caller.hash, now)?;
        self.caller.account = account;
        (!everywhere(&self.caller, now).is_empty()).then_some(())
    }
}
