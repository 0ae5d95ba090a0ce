//! The open connections: how many of each address, and which of them have asked for nothing yet.

use std::{
    collections::{BTreeMap, HashMap},
    net::{IpAddr, Ipv6Addr},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use ipnet::IpNet;
use tokio::sync::Notify;

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
    counts: HashMap<IpAddr, usize>,
    /// Those that have asked for nothing, the longest first.
    silent: BTreeMap<u64, Silent>,
}

#[derive(Debug)]
struct Silent {
    address: Option<IpAddr>,
    signs: Arc<Signs>,
}

/// What is told to a connection that has asked for nothing.
#[derive(Debug, Default)]
struct Signs {
    leave: Notify,
    asked: Notify,
}

/// One open connection; it is counted as long as this lives.
#[derive(Debug)]
pub(super) struct Entry {
    open: Arc<Mutex<Open>>,
    number: u64,
    /// None: its address is not counted.
    address: Option<IpAddr>,
    signs: Arc<Signs>,
    has_asked: AtomicBool,
}

impl Book {
    pub(super) fn new(connections: &Connections) -> Self {
        Self { open: Arc::default(), per_address: connections.per_address, uncounted: connections.uncounted.clone() }
    }

    /// Counts a connection in. When its address has as many as it may, one of them that has asked for nothing leaves; if
    /// there is none, this one may not stay.
    pub(super) fn enter(&self, address: IpAddr) -> Option<Entry> {
        let address = self.counted(address);
        let mut open = lock(&self.open);
        if let Some(address) = address {
            let count = open.counts.get(&address).copied().unwrap_or(0);
            if count >= self.per_address && !open.dismiss(|silent| silent.address == Some(address)) {
                return None;
            }
            *open.counts.entry(address).or_insert(0) += 1;
        }
        let number = open.next;
        open.next += 1;
        let signs = Arc::<Signs>::default();
        open.silent.insert(number, Silent { address, signs: signs.clone() });
        Some(Entry { open: self.open.clone(), number, address, signs, has_asked: AtomicBool::new(false) })
    }

    /// Asks the connection to leave that has asked for nothing the longest.
    pub(super) fn make_room(&self) {
        lock(&self.open).dismiss(|_| true);
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
    /// Tells the first silent one of these to leave, if there is one.
    fn dismiss(&mut self, which: impl Fn(&Silent) -> bool) -> bool {
        let found = self.silent.iter().find(|(_, silent)| which(silent)).map(|(number, _)| *number);
        let Some(silent) = found.and_then(|number| self.silent.remove(&number)) else { return false };
        silent.signs.leave.notify_one();
        true
    }
}

impl Entry {
    /// A whole request has come: from now on the connection is in use.
    pub(super) fn asks(&self) {
        if !self.has_asked.swap(true, Ordering::Relaxed) {
            lock(&self.open).silent.remove(&self.number);
            self.signs.asked.notify_one();
        }
    }

    /// Waits until the connection is to be let go: when it has asked for nothing in time, or its place is wanted before.
    pub(super) async fn let_go(&self, deadline: Duration) {
        let asked = tokio::select! {
            () = self.signs.asked.notified() => true,
            () = self.signs.leave.notified() => false,
            () = tokio::time::sleep(deadline) => false,
        };
        if asked {
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut open = lock(&self.open);
        open.silent.remove(&self.number);
        let Some(address) = self.address else { return };
        if let Some(count) = open.counts.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                open.counts.remove(&address);
            }
        }
    }
}

fn lock(open: &Mutex<Open>) -> MutexGuard<'_, Open> {
    open.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn book(per_address: usize) -> Book {
        Book::new(&Connections::new(per_address, &["10.0.0.0/8".parse().unwrap()]))
    }

    #[test]
    fn an_address_has_so_many_connections() {
        let book = book(2);
        let address: IpAddr = "192.0.2.1".parse().unwrap();
        let (first, second) = (book.enter(address).unwrap(), book.enter(address).unwrap());
        first.asks();
        let third = book.enter(address).unwrap();
        assert_eq!(lock(&book.open).silent.len(), 1, "the silent one was asked to leave");
        third.asks();
        drop(second);
        assert!(book.enter(address).is_none(), "both are in use");
        assert!(book.enter("192.0.2.2".parse().unwrap()).is_some());
        drop((first, third));
        assert!(book.enter(address).is_some());
    }

    #[test]
    fn an_ipv6_network_is_one_address_and_proxies_are_none() {
        let book = book(1);
        let entries =
            ["2001:db8::1", "2001:db8:0:1::1", "::ffff:192.0.2.1", "10.1.2.3", "10.1.2.3", "127.0.0.1", "::1"];
        let entries = entries.map(|address| book.enter(address.parse().unwrap()).unwrap());
        for entry in &entries {
            entry.asks();
        }
        for taken in ["2001:db8::2", "192.0.2.1"] {
            assert!(book.enter(taken.parse().unwrap()).is_none(), "{taken}");
        }
        for free in ["10.1.2.3", "127.0.0.1", "::1", "2001:db8:0:2::1"] {
            assert!(book.enter(free.parse().unwrap()).is_some(), "{free}");
        }
        drop(entries);
        assert!(lock(&book.open).counts.is_empty() && lock(&book.open).silent.is_empty());
    }
}
