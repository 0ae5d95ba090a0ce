//! The open connections: how many of each address, and which of them wait for a request and can make room.

use std::{
    collections::{BTreeMap, HashMap},
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use hyper::Version;
use ipnet::IpNet;
use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};

use super::Connections;

/// All open connections.
#[derive(Debug)]
pub(super) struct Book {
    open: Arc<Mutex<Open>>,
    per_address: usize,
    uncounted: Vec<IpNet>,
}

#[derive(Debug, Default)]
struct Open {
    next: u64,
    addresses: HashMap<IpAddr, Address>,
    /// Those that nothing is worked on for, in the order in which they make room.
    waiting: BTreeMap<Turn, Waiting>,
}

/// The connections of one address.
#[derive(Debug, Default)]
struct Address {
    open: usize,
    waiting: BTreeMap<Turn, Waiting>,
}

/// When a waiting connection is to make room: those that never asked for anything before those that did, and of each kind
/// the one that waits the longest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Turn {
    First(u64),
    Again(u64),
}

#[derive(Clone, Debug)]
struct Waiting {
    address: Option<IpAddr>,
    leave: Arc<Notify>,
}

/// One open connection; it is counted as long as this lives.
#[derive(Debug)]
pub(super) struct Entry {
    open: Arc<Mutex<Open>>,
    waiting: Waiting,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Requests so far.
    asked: u64,
    /// Requests that are worked on.
    working: usize,
    /// Of the last request.
    version: Version,
    /// None: something is worked on, or it was told to leave.
    turn: Option<Turn>,
    /// Since when it waits.
    since: Instant,
}

/// A request that is worked on, until its answer has been given away.
#[derive(Debug)]
pub(super) struct Asking(Arc<Entry>);

/// How a connection is to be let go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leave {
    AtOnce,
    /// What is on its way still counts, and over HTTP/2 the client is told.
    Politely,
}

impl Book {
    pub(super) fn new(connections: &Connections) -> Self {
        Self { open: Arc::default(), per_address: connections.per_address, uncounted: connections.uncounted.clone() }
    }

    /// Counts a connection in. When its address has as many as it may, one of them that waits leaves; if there is none,
    /// this one may not stay. It makes room for others once it has a place itself ([`Entry::begins`]).
    pub(super) fn enter(&self, address: IpAddr) -> Option<Entry> {
        let address = self.counted(address);
        let mut open = lock(&self.open);
        if let Some(address) = address {
            let full = open.addresses.get(&address).is_some_and(|of| of.open >= self.per_address);
            if full && !open.dismiss_one_of(address) {
                return None;
            }
            open.addresses.entry(address).or_default().open += 1;
        }
        drop(open);
        let waiting = Waiting { address, leave: Arc::default() };
        let state = State { asked: 0, working: 0, version: Version::HTTP_11, turn: None, since: Instant::now() };
        Some(Entry { open: self.open.clone(), waiting, state: Mutex::new(state) })
    }

    /// Asks the connection to leave whose turn it is.
    pub(super) fn make_room(&self) {
        lock(&self.open).dismiss_one();
    }

    /// Whose connections are counted together; none if they are not counted.
    fn counted(&self, address: IpAddr) -> Option<IpAddr> {
        let address = address.to_canonical();
        if self.uncounted.iter().any(|network| network.contains(&address)) {
            return None;
        }
        Some(match address {
            IpAddr::V4(_) => address,
            IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64)).into(),
        })
    }
}

impl Open {
    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn waits(&mut self, turn: Turn, waiting: &Waiting) {
        self.waiting.insert(turn, waiting.clone());
        if let Some(of) = waiting.address.and_then(|address| self.addresses.get_mut(&address)) {
            of.waiting.insert(turn, waiting.clone());
        }
    }

    fn waits_no_more(&mut self, turn: Turn, address: Option<IpAddr>) {
        self.waiting.remove(&turn);
        if let Some(of) = address.and_then(|address| self.addresses.get_mut(&address)) {
            of.waiting.remove(&turn);
        }
    }

    fn dismiss_one(&mut self) -> bool {
        let first = self.waiting.first_key_value().map(|(turn, waiting)| (*turn, waiting.clone()));
        self.dismiss(first)
    }

    fn dismiss_one_of(&mut self, address: IpAddr) -> bool {
        let of = self.addresses.get(&address);
        let first = of.and_then(|of| of.waiting.first_key_value()).map(|(turn, waiting)| (*turn, waiting.clone()));
        self.dismiss(first)
    }

    fn dismiss(&mut self, first: Option<(Turn, Waiting)>) -> bool {
        let Some((turn, waiting)) = first else { return false };
        self.waits_no_more(turn, waiting.address);
        waiting.leave.notify_one();
        true
    }
}

impl Entry {
    /// It has a place, and waits for its first request.
    pub(super) fn begins(&self) {
        self.waits(&mut lock(&self.state), Turn::First);
    }

    fn waits(&self, state: &mut State, turn: impl Fn(u64) -> Turn) {
        let mut open = lock(&self.open);
        let turn = turn(open.number());
        open.waits(turn, &self.waiting);
        state.turn = Some(turn);
        state.since = Instant::now();
    }

    /// A whole head has come: the connection is in use until the answer is given away.
    pub(super) fn asks(self: &Arc<Self>, version: Version) -> Asking {
        let mut state = lock(&self.state);
        state.asked += 1;
        state.working += 1;
        state.version = version;
        if let Some(turn) = state.turn.take() {
            lock(&self.open).waits_no_more(turn, self.waiting.address);
        }
        Asking(self.clone())
    }

    /// How many requests there were before the one that is waited for now, where its head is what comes next: not before
    /// the first, for which the connection has its own time, nor over HTTP/2, where other things come.
    pub(super) fn waits_for_another(&self) -> Option<u64> {
        let state = lock(&self.state);
        let waits = state.asked > 0 && state.working == 0 && state.version != Version::HTTP_2;
        waits.then_some(state.asked)
    }

    /// Whether something is worked on.
    pub(super) fn is_used(&self) -> bool {
        lock(&self.state).working > 0
    }

    /// Waits until the connection is to be let go: when it has asked for nothing in time, or its place is wanted.
    pub(super) async fn let_go(&self, connections: &Connections) -> Leave {
        loop {
            let (due, leave) = self.due(connections);
            // What it waits for may change meanwhile.
            let look = due.min(Instant::now() + connections.idle);
            tokio::select! {
                () = self.waiting.leave.notified() => {
                    if !self.is_used() {
                        return Leave::AtOnce;
                    }
                    // It has just asked for something: another one makes room.
                    lock(&self.open).dismiss_one();
                }
                () = sleep_until(look) => {
                    if due <= Instant::now() && self.due(connections).0 <= Instant::now() {
                        self.leaves();
                        return leave;
                    }
                }
            }
        }
    }

    /// When it has waited for too long, if nothing comes before. While something is worked on that cannot be known; it is
    /// looked at again in time.
    fn due(&self, connections: &Connections) -> (Instant, Leave) {
        let state = lock(&self.state);
        match (state.working, state.asked) {
            (0, 0) => (state.since + connections.header_deadline, Leave::AtOnce),
            (0, _) => (state.since + connections.idle, Leave::Politely),
            _ => (Instant::now() + connections.idle, Leave::Politely),
        }
    }

    /// It makes room already.
    fn leaves(&self) {
        let mut state = lock(&self.state);
        if let Some(turn) = state.turn.take() {
            lock(&self.open).waits_no_more(turn, self.waiting.address);
        }
    }
}

impl Asking {
    /// The connection is not one of requests any more: it stays in use.
    pub(super) fn for_good(self) {
        lock(&self.0.state).working += 1;
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        let mut state = lock(&self.0.state);
        state.working -= 1;
        if state.working == 0 {
            self.0.waits(&mut state, Turn::Again);
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let (turn, address) = (lock(&self.state).turn, self.waiting.address);
        let mut open = lock(&self.open);
        if let Some(turn) = turn {
            open.waits_no_more(turn, address);
        }
        let Some(address) = address else { return };
        if let Some(of) = open.addresses.get_mut(&address) {
            of.open -= 1;
            if of.open == 0 {
                open.addresses.remove(&address);
            }
        }
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
