//! A cluster: its map, and operations that follow what its nodes say of it.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use redis::{Cmd, ErrorKind, FromRedisValue, Pipeline, RedisError, RedisResult, ServerErrorKind, Value};

use crate::{
    Settings, StoreError, address,
    node::Node,
    slots::{self, Range, slot_of},
};

/// A cluster whose primaries are found by key.
pub(crate) struct Cluster {
    this: Weak<Self>,
    settings: Settings,
    /// As the address names them: asked for the map, too.
    first: Vec<Node>,
    map: Mutex<Arc<Map>>,
    refreshing: AtomicBool,
    /// Which node the next subscription is made at.
    turn: AtomicUsize,
}

#[derive(Default)]
struct Map {
    ranges: Vec<Range>,
    /// By host and port as the cluster announces them.
    nodes: HashMap<(String, u16), Node>,
}

/// Where an operation is sent.
enum Next {
    AsMapped,
    At(Node),
    /// It has the key only for the asking, until the slot's move is complete.
    Asking(Node),
}

/// How often one operation may be sent to where the cluster says that it belongs.
const REDIRECTIONS: usize = 6;
/// Least pause between two questions for the map that nobody waits for.
const REFRESH_EVERY: Duration = Duration::from_millis(100);
/// Pause before what a cluster could not do while it moves keys is tried again.
const TRY_AGAIN_AFTER: Duration = Duration::from_millis(10);

impl Cluster {
    /// The cluster that `node` belongs to.
    pub(crate) async fn open(node: &Node, first: &[Node], settings: Settings) -> Result<Arc<Self>, StoreError> {
        let map = map_from(node, &Map::default(), settings).await?;
        if map.ranges.is_empty() {
            return Err(StoreError::Away("the cluster has no slots yet".to_owned()));
        }
        Ok(Arc::new_cyclic(|this| Self {
            this: this.clone(),
            settings,
            first: first.to_vec(),
            map: Mutex::new(Arc::new(map)),
            refreshing: AtomicBool::new(false),
            turn: AtomicUsize::new(0),
        }))
    }

    /// One command at the node that has the key. Sent again only where a node says that it did not do it.
    pub(crate) async fn command<T: FromRedisValue>(&self, key: &str, command: &Cmd) -> RedisResult<T> {
        let mut next = Next::AsMapped;
        for _ in 0..REDIRECTIONS {
            let answer = match &next {
                Next::AsMapped => self.node_of(key)?.run(command).await,
                Next::At(node) => node.run(command).await,
                Next::Asking(node) => node.run_asking(command).await,
            };
            let Err(error) = answer else { return answer };
            next = self.after(key, error).await?;
        }
        Err(lost())
    }

    /// Several commands that are about one slot, all or none.
    pub(crate) async fn transaction(&self, key: &str, commands: &Pipeline) -> RedisResult<()> {
        for _ in 0..REDIRECTIONS {
            let Err(error) = self.node_of(key)?.run_all::<()>(commands).await else { return Ok(()) };
            if !was_refused_when_queued(&error) {
                self.refresh_soon();
                return Err(error);
            }
            self.refresh().await;
            tokio::time::sleep(TRY_AGAIN_AFTER).await;
        }
        Err(lost())
    }

    /// Any node, another one each time.
    pub(crate) fn any(&self) -> RedisResult<Node> {
        let map = self.map();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        map.nodes.values().nth(turn % map.nodes.len().max(1)).cloned().ok_or_else(lost)
    }

    /// Asks for the map in the background: something does not answer as it should.
    pub(crate) fn refresh_soon(&self) {
        let Some(this) = self.this.upgrade() else { return };
        if self.refreshing.swap(true, Ordering::AcqRel) {
            return;
        }
        tokio::spawn(async move {
            this.refresh().await;
            tokio::time::sleep(REFRESH_EVERY).await;
            this.refreshing.store(false, Ordering::Release);
        });
    }

    /// Asks whoever answers first, one after the other; if nobody does, the map stays as it is.
    async fn refresh(&self) {
        let before = self.map();
        for node in before.nodes.values().chain(&self.first) {
            let asked = map_from(node, &before, self.settings);
            match tokio::time::timeout(self.settings.answer_within, asked).await {
                Ok(Ok(map)) if !map.ranges.is_empty() => {
                    *self.map.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(map);
                    return;
                }
                _ => tracing::debug!("a node of the cluster does not tell its map"),
            }
        }
    }

    fn map(&self) -> Arc<Map> {
        Arc::clone(&self.map.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn node_of(&self, key: &str) -> RedisResult<Node> {
        let (map, slot) = (self.map(), slot_of(key));
        let range = map.ranges.iter().find(|range| (range.first..=range.last).contains(&slot));
        let node = range.and_then(|range| map.nodes.get(&(range.host.clone(), range.port)));
        node.cloned().ok_or_else(|| {
            self.refresh_soon();
            (ServerErrorKind::ClusterDown.into(), "no node has this slot").into()
        })
    }

    /// Where to send what was answered with `error`; the error itself if it may have been executed, or will not be.
    async fn after(&self, key: &str, error: RedisError) -> RedisResult<Next> {
        match error.kind() {
            ErrorKind::Server(ServerErrorKind::Moved) => {
                self.refresh_soon();
                Ok(Next::At(self.redirected(key, &error)?))
            }
            ErrorKind::Server(ServerErrorKind::Ask) => Ok(Next::Asking(self.redirected(key, &error)?)),
            ErrorKind::Server(ServerErrorKind::TryAgain) => {
                tokio::time::sleep(TRY_AGAIN_AFTER).await;
                Ok(Next::AsMapped)
            }
            ErrorKind::Server(ServerErrorKind::NoScript | ServerErrorKind::ResponseError) => Err(error),
            _ => {
                self.refresh_soon();
                Err(error)
            }
        }
    }

    /// The node that a redirection names: `MOVED 1234 host:port`.
    fn redirected(&self, key: &str, error: &RedisError) -> RedisResult<Node> {
        let target = error.redirect_node().and_then(|(target, _)| target.rsplit_once(':'));
        let (host, port) = target.ok_or_else(lost)?;
        let port = port.parse().map_err(|_| lost())?;
        let known = self.map().nodes.get(&(host.to_owned(), port)).cloned();
        let from = self.node_of(key)?;
        known.map_or_else(|| Node::new(address::of_node(&from.info, host, port), self.settings), Ok)
    }
}

/// The map as a node sees it; connections that are there already are kept.
async fn map_from(node: &Node, before: &Map, settings: Settings) -> RedisResult<Map> {
    let answer: Value = node.run(redis::cmd("CLUSTER").arg("SLOTS")).await?;
    let ranges = slots::ranges(answer).ok_or_else(lost)?;
    let mut nodes = HashMap::new();
    for range in &ranges {
        let name = (range.host.clone(), range.port);
        if nodes.contains_key(&name) {
            continue;
        }
        let known = before.nodes.get(&name).cloned();
        let new = || Node::new(address::of_node(&node.info, &range.host, range.port), settings);
        nodes.insert(name, known.map_or_else(new, Ok)?);
    }
    Ok(Map { ranges, nodes })
}

/// Nothing of a transaction was done.
fn was_refused_when_queued(error: &RedisError) -> bool {
    use ServerErrorKind::{Ask, ExecAbort, Moved, TryAgain};
    [ExecAbort, Moved, Ask, TryAgain].iter().any(|kind| error.kind() == (*kind).into())
}

fn lost() -> RedisError {
    (ServerErrorKind::ClusterDown.into(), "the cluster does not tell where this is").into()
}
