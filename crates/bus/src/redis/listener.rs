//! Listens for notices and for the word that events came. What is said while the line is down is lost: gateways check
//! versions and recorders look by themselves besides.

use std::{sync::Arc, time::Duration};

use futures_util::StreamExt as _;
use tokio::sync::{Notify, broadcast};

use redis_kit::Store;

use crate::{BusError, Notice};

/// Channel of notices.
pub(super) const NOTICES: &str = "pcl:notices";
/// Channel on which a gateway says that it appended events.
pub(super) const EVENTS: &str = "pcl:events";

const RETRY_AFTER: Duration = Duration::from_millis(200);
/// A line on which nothing is said is asked this often whether it is there still: a peer that vanished says nothing, too.
const ASK_EVERY: Duration = Duration::from_secs(5);

pub(super) struct Listener {
    pub(super) store: Store,
    pub(super) notices: broadcast::Sender<Notice>,
    pub(super) events: Arc<Notify>,
}

impl Listener {
    pub(super) async fn run(self) {
        loop {
            if let Err(error) = self.listen().await {
                tracing::debug!(%error, "the line for notices is down");
            }
            tokio::time::sleep(RETRY_AFTER).await;
        }
    }

    async fn listen(&self) -> Result<(), BusError> {
        let mut subscription = self.store.subscription().await?;
        self.store.in_time(subscription.subscribe(&[NOTICES, EVENTS])).await?;
        // Something may have been said before we listened.
        self.events.notify_one();
        let (mut line, mut messages) = subscription.split();
        loop {
            match tokio::time::timeout(ASK_EVERY, messages.next()).await {
                Ok(Some(said)) => {
                    self.heard(said.get_channel_name(), &said.get_payload::<String>().unwrap_or_default())
                }
                Ok(None) => return Ok(()),
                Err(_) => self.store.in_time(line.ping::<redis::Value>()).await.map(drop)?,
            }
        }
    }

    fn heard(&self, channel: &str, text: &str) {
        if channel == EVENTS {
            self.events.notify_one();
            return;
        }
        match Notice::parse(text) {
            // Nobody listening is no error.
            Some(notice) => drop(self.notices.send(notice)),
            None => tracing::warn!("a notice does not read and is ignored"),
        }
    }
}
