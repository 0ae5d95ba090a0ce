//! A link to a store that delays, cuts and resets its connections at random.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use domain::Entropy;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream, UnixStream},
    sync::{Notify, watch},
    task::JoinSet,
};

/// How a link treats what passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Faults {
    /// As it comes.
    None,
    /// Of a thousand pieces that pass, so many are held for up to 40 ms, and so many end their connection: half of these by
    /// an orderly end, half by a reset. What ends a connection may be lost or may have arrived: both happen.
    Random {
        /// Held pieces in a thousand.
        delayed: u16,
        /// Fatal pieces in a thousand.
        fatal: u16,
    },
    /// Nobody is let through, and whoever is connected is cut off.
    Away,
}

/// A loopback port that leads to a store's unix socket, badly.
#[derive(Debug)]
pub struct FaultyLink {
    address: SocketAddr,
    faults: watch::Sender<Faults>,
    ended: Arc<AtomicU64>,
    closing: Arc<Notify>,
    tasks: JoinSet<()>,
}

/// What a piece that arrived comes to.
enum Fate {
    Pass,
    Hold(Duration),
    /// The connection ends; whether the piece still passes.
    End {
        passes: bool,
        reset: bool,
    },
}

impl FaultyLink {
    /// A link to the unix socket at `path`, without faults at first; `seed` decides which pieces are hit.
    ///
    /// # Panics
    /// When no port is free.
    pub async fn to(path: &str, seed: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (faults, watched) = watch::channel(Faults::None);
        let ended = Arc::new(AtomicU64::new(0));
        let (path, counter, entropy) = (path.to_owned(), Arc::clone(&ended), Entropy::seeded(seed));
        let closing = Arc::new(Notify::new());
        let closed = Arc::clone(&closing);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let client = tokio::select! {
                    Ok((client, _)) = listener.accept() => client,
                    () = closed.notified() => break,
                };
                let one = Connection { faults: watched.clone(), entropy: entropy.clone(), ended: Arc::clone(&counter) };
                let path = path.clone();
                connections.spawn(async move {
                    if let Ok(store) = UnixStream::connect(&path).await {
                        one.carry(client, store).await;
                    }
                });
                while connections.try_join_next().is_some() {}
            }
            while connections.join_next().await.is_some() {}
        });
        Self { address, faults, ended, closing, tasks }
    }

    /// Cuts off whoever is connected. What has not passed when this returns never will; the store reads what has before
    /// anything that it is sent from then on.
    pub async fn close(mut self) {
        self.behave(Faults::Away);
        self.closing.notify_one();
        while self.tasks.join_next().await.is_some() {}
    }

    /// From now on.
    pub fn behave(&self, faults: Faults) {
        self.faults.send_replace(faults);
    }

    /// The address that a client of Redis uses.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    /// How many connections were ended by a fault so far.
    #[must_use]
    pub fn ended(&self) -> u64 {
        self.ended.load(Ordering::Relaxed)
    }
}

/// One connection through the link.
struct Connection {
    faults: watch::Receiver<Faults>,
    entropy: Entropy,
    ended: Arc<AtomicU64>,
}

impl Connection {
    async fn carry(&self, mut client: TcpStream, mut store: UnixStream) {
        let mut faults = self.faults.clone();
        let ((mut from_client, mut to_client), (mut from_store, mut to_store)) = (client.split(), store.split());
        let reset = tokio::select! {
            reset = self.one_way(&mut from_client, &mut to_store) => reset,
            reset = self.one_way(&mut from_store, &mut to_client) => reset,
            _ = faults.wait_for(|faults| *faults == Faults::Away) => true,
        };
        if reset {
            let _ = client.set_zero_linger();
        }
    }

    /// Carries pieces until the connection ends; whether it is to end by a reset.
    async fn one_way(&self, from: &mut (impl AsyncRead + Unpin), to: &mut (impl AsyncWrite + Unpin)) -> bool {
        let mut piece = [0; 4096];
        loop {
            let Ok(length @ 1..) = from.read(&mut piece).await else { return false };
            let fate = self.fate();
            if let Fate::Hold(time) = fate {
                tokio::time::sleep(time).await;
            }
            if !matches!(fate, Fate::End { passes: false, .. }) && to.write_all(&piece[..length]).await.is_err() {
                return false;
            }
            if let Fate::End { reset, .. } = fate {
                self.ended.fetch_add(1, Ordering::Relaxed);
                return reset;
            }
        }
    }

    fn fate(&self) -> Fate {
        let Faults::Random { delayed, fatal } = *self.faults.borrow() else { return Fate::Pass };
        let [a, b, time, bits] = self.entropy.bytes::<4>();
        let drawn = u16::from_be_bytes([a, b]) % 1000;
        match drawn {
            _ if drawn < fatal => Fate::End { passes: bits & 1 == 0, reset: bits & 2 == 0 },
            _ if drawn < fatal + delayed => Fate::Hold(Duration::from_millis(u64::from(time % 40))),
            _ => Fate::Pass,
        }
    }
}
