//! Ids of requests that the gateway sends to clients of the `initialize` era. They carry the way back, sealed for their
//! owner: so an answer finds what it is for without a store, and nobody else can give it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use domain::{GatewayId, ServerId};
use mcp::Id;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use crate::{session::Owner, shared::Shared};

const PURPOSE: &str = "mcp-question";

/// Where an answer of the client's goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Way {
    /// The process that asked.
    #[serde(rename = "g")]
    pub gateway: GatewayId,
    #[serde(rename = "t")]
    pub to: To,
}

/// Where it goes there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum To {
    /// To a server, in a session of ours.
    #[serde(rename = "u")]
    Server {
        #[serde(rename = "o")]
        ours: String,
        #[serde(rename = "s")]
        server: ServerId,
        /// The server's own id, raw.
        #[serde(rename = "i")]
        id: String,
    },
    /// To a request that waits for it.
    #[serde(rename = "w")]
    Waiting {
        #[serde(rename = "n")]
        number: u64,
    },
}

impl Way {
    /// The id that leads it.
    pub(super) fn id(&self, shared: &Shared, owner: Owner) -> Id<'static> {
        Id::string(&shared.sessions.seal_for(owner, PURPOSE, self))
    }

    /// The way that an answer with this id goes; none if it is not one of this owner's.
    pub(crate) fn of(shared: &Shared, owner: Owner, id: &Id<'_>) -> Option<Self> {
        shared.sessions.open_for(owner, PURPOSE, &id.as_text()?)
    }
}

/// Questions that something here waits for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Waiting(Arc<Mutex<HashMap<u64, oneshot::Sender<Bytes>>>>);

/// One question; it can be answered as long as this lives.
#[derive(Debug)]
pub(super) struct Question {
    number: u64,
    waiting: Waiting,
    pub answer: oneshot::Receiver<Bytes>,
}

impl Waiting {
    /// A new question, and the id to ask it under.
    pub(super) fn ask(&self, shared: &Shared, owner: Owner) -> (Question, Id<'static>) {
        let number = u64::from_be_bytes(shared.entropy.bytes());
        let (sender, answer) = oneshot::channel();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(number, sender);
        let way = Way { gateway: shared.id, to: To::Waiting { number } };
        (Question { number, waiting: self.clone(), answer }, way.id(shared, owner))
    }

    /// The client's answer is here.
    pub(crate) fn answered(&self, number: u64, message: Bytes) {
        let asked = self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&number);
        if let Some(sender) = asked {
            let _nobody_waits = sender.send(message);
        }
    }
}

impl Drop for Question {
    fn drop(&mut self) {
        self.waiting.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.number);
    }
}
