//! Requests whose clients of the stateless era are away with a round: the server's stream waits here for the input.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use domain::{GatewayId, Timestamp};
use mcp::{Id, Method, Request};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use super::{Kept, respond::Out};
use crate::{digest, resolve, session::Owner, settle::Settler, shared::Shared};

/// A person has this long to answer.
pub(super) const PARKED_FOR: Duration = Duration::from_secs(600);
/// Most requests that are parked at the same time: of one principal at one server, of one account, of all.
const MOST: (usize, usize, usize) = (32, 512, 4_096);
const PURPOSE: &str = "mcp-round";

/// What is parked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Parked(Arc<Mutex<HashMap<u64, Spot>>>);

#[derive(Debug)]
struct Spot {
    owner: Owner,
    resume: Option<oneshot::Sender<Resume>>,
}

/// A parked request's place; given back when this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    number: u64,
    parked: Parked,
}

/// The client is back with its input.
#[derive(Debug)]
pub(super) struct Resume {
    pub out: Out,
    pub id: Id<'static>,
    /// The request that carries the input.
    pub bytes: Bytes,
    pub settler: Option<Box<Settler>>,
    pub kept: Kept,
}

/// What a `requestState` of ours carries.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct State {
    #[serde(rename = "g")]
    gateway: GatewayId,
    /// None: nothing waits, the request is to be sent anew.
    #[serde(rename = "n", default, skip_serializing_if = "Option::is_none")]
    number: Option<u64>,
    /// What was asked: a digest of method, name and arguments.
    #[serde(rename = "d")]
    digest: String,
    /// Whom it was asked: one that has moved since is another.
    #[serde(rename = "r")]
    reach: String,
    #[serde(rename = "e")]
    expires: Timestamp,
}

/// Where a parked request waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waits {
    /// Under this number.
    Here(u64),
    /// At another process.
    At(GatewayId),
    /// It has ended, and is to be sent anew.
    Nowhere,
}

impl Parked {
    /// Room for one more request of this owner, if there is any, and where it is told to go on.
    pub(super) fn take(&self, shared: &Shared, owner: Owner) -> Option<(Place, oneshot::Receiver<Resume>)> {
        let mut spots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let accounts = || spots.values().filter(|spot| spot.owner.account == owner.account);
        let theirs = accounts().filter(|spot| spot.owner == owner).count();
        if theirs >= MOST.0 || accounts().count() >= MOST.1 || spots.len() >= MOST.2 {
            return None;
        }
        let number = u64::from_be_bytes(shared.entropy.bytes());
        let (sender, receiver) = oneshot::channel();
        spots.insert(number, Spot { owner, resume: Some(sender) });
        Some((Place { number, parked: self.clone() }, receiver))
    }

    /// Whether a request waits under this number.
    pub(super) fn waits(&self, number: u64) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&number).is_some_and(|spot| spot.resume.is_some())
    }

    /// Lets the request go on; what was to be given comes back if it no longer waits.
    pub(super) fn resume(&self, number: u64, resume: Resume) -> Result<(), Box<Resume>> {
        let mut spots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match spots.get_mut(&number).and_then(|spot| spot.resume.take()) {
            Some(sender) => sender.send(resume).map_err(Box::new),
            None => Err(Box::new(resume)),
        }
    }

    /// The client may not go on: nor does its request.
    pub(super) fn give_up(&self, number: u64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&number);
    }
}

impl Place {
    /// The state that leads back here.
    pub(super) fn state(&self, shared: &Shared, at: &resolve::Place, request: &Request<'_>) -> Option<String> {
        State::sealed(shared, at, request, Some(self.number))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.parked.give_up(self.number);
    }
}

impl State {
    /// The state of a request that is to be sent anew, to whichever gateway.
    pub(super) fn anew(shared: &Shared, at: &resolve::Place, request: &Request<'_>) -> Option<String> {
        Self::sealed(shared, at, request, None)
    }

    fn sealed(shared: &Shared, at: &resolve::Place, request: &Request<'_>, number: Option<u64>) -> Option<String> {
        let lifetime = i64::try_from(PARKED_FOR.as_micros()).unwrap_or(i64::MAX);
        let state = Self {
            gateway: shared.id,
            number,
            digest: digest_of(request)?,
            reach: at.server.reach(),
            expires: Timestamp(shared.clock.now().0.saturating_add(lifetime)),
        };
        Some(shared.sessions.seal_for(at.owner(), PURPOSE, &state))
    }

    /// The state that a request goes on with, if it is ours and of this owner.
    pub(super) fn opened(shared: &Shared, owner: Owner, request: &Request<'_>) -> Option<Self> {
        shared.sessions.open_for(owner, PURPOSE, &request.request_state()?)
    }

    /// Where the request waits, if the state is for this very request, at this very server, and in time.
    pub(super) fn waits(&self, shared: &Shared, at: &resolve::Place, request: &Request<'_>) -> Option<Waits> {
        let in_time = shared.clock.now() < self.expires && self.reach == at.server.reach();
        let fits = in_time && digest_of(request).is_some_and(|digest| digest == self.digest);
        match self.number.filter(|_| fits) {
            None => fits.then_some(Waits::Nowhere),
            Some(_) if self.gateway != shared.id => Some(Waits::At(self.gateway)),
            Some(number) => shared.bridges.parked.waits(number).then_some(Waits::Here(number)),
        }
    }
}

/// What a request asks for, whatever its `_meta` and id.
fn digest_of(request: &Request<'_>) -> Option<String> {
    let params = request.params.as_ref()?;
    let arguments = params.arguments.map_or(Some(String::new()), policy::canonical_json)?;
    let name = match request.kind {
        Method::ResourcesRead => params.uri.as_deref(),
        _ => params.name.as_deref(),
    };
    Some(domain::hex(&digest::of_parts(&[Some(&request.method), name, Some(&arguments)])))
}
