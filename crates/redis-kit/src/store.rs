//! A store: one node, or a cluster whose nodes are found by key.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::future::try_join_all;
use redis::{Cmd, FromRedisValue, Pipeline, RedisError, RedisResult, ServerErrorKind, Value, aio::PubSub};

use crate::{
    Call, StoreError, address,
    node::Node,
    slots::{self, Range, slot_of},
};

/// Something to be said on a channel.
#[derive(Clone, Copy, Debug)]
pub struct Publish<'a> {
    /// Where.
    pub channel: &'a str,
    /// What.
    pub text: &'a str,
}

/// How to reach a store.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// How long opening waits for it.
    pub connect_within: Duration,
    /// How long an operation may take before it counts as failed.
    pub answer_within: Duration,
    /// How often a broken connection is tried again while operations wait for it; then they fail, and the next one starts anew.
    pub reconnects: usize,
}

/// A store. Cheap to clone; the connections are shared.
#[derive(Clone)]
pub struct Store(Arc<Shared>);

struct Shared {
    settings: Settings,
    /// As the address names them: the first places to ask for a cluster's map.
    first: Vec<Node>,
    /// None for a store that is one node.
    cluster: Option<Cluster>,
}

struct Cluster {
    map: Mutex<Arc<Map>>,
    refreshing: AtomicBool,
    /// Which node the next subscription is made at.
    turn: AtomicUsize,
}

/// Where an operation is sent.
enum Next {
    AsMapped,
    At(Node),
    /// It has the key only for the asking, until the slot's move is complete.
    Asking(Node),
}

#[derive(Default)]
struct Map {
    ranges: Vec<Range>,
    /// By host and port as the cluster announces them.
    nodes: HashMap<(String, u16), Node>,
}

/// How often one operation may be sent to where the cluster says that it belongs.
const REDIRECTIONS: usize = 6;
/// Least pause between two questions for the map.
const REFRESH_EVERY: Duration = Duration::from_millis(100);
/// Pause before what a cluster could not do while it moves keys is tried again.
const TRY_AGAIN_AFTER: Duration = Duration::from_millis(10);

impl Store {
    /// Opens a store and waits until it answers. Call it within a tokio runtime.
    ///
    /// # Errors
    /// [`StoreError::Address`] for an address that is none, [`StoreError::Refused`] at once for a wrong password or database,
    /// [`StoreError::Away`] when it does not answer in time. Later outages are survived.
    pub async fn open(url: &str, settings: Settings) -> Result<Self, StoreError> {
        let first: RedisResult<Vec<Node>> =
            address::parse(url)?.into_iter().map(|info| Node::new(info, settings)).collect();
        let mut shared = Shared { settings, first: first?, cluster: None };
        let within = settings.connect_within;
        let mut last = None;
        let found = tokio::time::timeout(within, shared.first_answer(&mut last)).await;
        shared.cluster = match found {
            Ok(found) => found?,
            Err(_) => {
                return Err(
                    last.unwrap_or_else(|| StoreError::Away(format!("no answer within {} s", within.as_secs())))
                );
            }
        };
        Ok(Self(Arc::new(shared)))
    }

    /// Runs a command that is about `key`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn run<T: FromRedisValue>(&self, key: &str, command: &Cmd) -> Result<T, StoreError> {
        self.in_time(self.command(key, command)).await
    }

    /// Runs a script at the node of its first key.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn script<T: FromRedisValue>(&self, call: &Call<'_>) -> Result<T, StoreError> {
        let work = async {
            match self.command(call.route(), &call.by_hash()).await {
                Err(error) if error.kind() == ServerErrorKind::NoScript.into() => {
                    self.command(call.route(), &call.in_full()).await
                }
                answer => answer,
            }
        };
        self.in_time(work).await
    }

    /// Runs commands, each about its key, and gives their answers in their order: in one message to each node, if that.
    ///
    /// # Errors
    /// [`StoreError`]: any of them may have been executed.
    pub async fn each<T: FromRedisValue>(&self, commands: Vec<(String, Cmd)>) -> Result<Vec<T>, StoreError> {
        if commands.is_empty() {
            return Ok(Vec::new());
        }
        let work = async {
            match &self.0.cluster {
                None => self.0.only().run_all(&pipeline(commands.into_iter().map(|(_, command)| command))).await,
                Some(_) => {
                    let each = commands.iter().map(|(key, command)| self.command(key, command));
                    try_join_all(each).await
                }
            }
        };
        self.in_time(work).await
    }

    /// Runs groups of commands, each group about its key, all or none of a group; on a single node all or none at all. What is
    /// to be published is published with them, or after them.
    ///
    /// On a cluster never in the same transaction: one that publishes is not held against a slot that is on the move, and is
    /// done at a node that has given the keys away already (seen with Redis 7.0 and Valkey 9.1).
    ///
    /// # Errors
    /// [`StoreError`]: some of the groups may have been executed.
    pub async fn transact(
        &self,
        groups: Vec<(String, Vec<Cmd>)>,
        publish: Option<Publish<'_>>,
    ) -> Result<(), StoreError> {
        let work = async {
            match &self.0.cluster {
                None => {
                    let said = publish.map(Publish::command);
                    let mut all = pipeline(groups.into_iter().flat_map(|(_, commands)| commands).chain(said));
                    self.0.only().run_all::<()>(all.atomic()).await
                }
                Some(_) => {
                    let each = groups.into_iter().map(async |(key, commands)| {
                        let mut all = pipeline(commands);
                        self.transaction(&key, all.atomic()).await
                    });
                    try_join_all(each).await?;
                    match publish {
                        Some(publish) => self.command(publish.channel, &publish.command()).await,
                        None => Ok(()),
                    }
                }
            }
        };
        self.in_time(work).await
    }

    /// A connection that hears what is published, at any node.
    ///
    /// # Errors
    /// [`StoreError`]; asked again, a cluster's next node is tried.
    pub async fn subscription(&self) -> Result<PubSub, StoreError> {
        let node = match &self.0.cluster {
            None => self.0.only().clone(),
            Some(cluster) => cluster.any().unwrap_or_else(|| self.0.only().clone()),
        };
        self.in_time(async { node.subscription().await }).await
    }

    /// Gives up on work that takes longer than an operation may.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn in_time<T>(&self, work: impl Future<Output = RedisResult<T>>) -> Result<T, StoreError> {
        match tokio::time::timeout(self.0.settings.answer_within, work).await {
            Ok(answer) => Ok(answer?),
            Err(_) => {
                self.refresh_soon();
                Err(StoreError::Away(format!("no answer within {} ms", self.0.settings.answer_within.as_millis())))
            }
        }
    }

    /// One command at the node that has the key. Sent again only where a node says that it did not do it.
    async fn command<T: FromRedisValue>(&self, key: &str, command: &Cmd) -> RedisResult<T> {
        let Some(cluster) = &self.0.cluster else { return self.0.only().run(command).await };
        let mut next = Next::AsMapped;
        for _ in 0..REDIRECTIONS {
            let answer = match &next {
                Next::AsMapped => cluster.node_of(key)?.run(command).await,
                Next::At(node) => node.run(command).await,
                Next::Asking(node) => node.run_asking(command).await,
            };
            let Err(error) = answer else { return answer };
            next = self.after(cluster, key, error).await?;
        }
        Err(lost())
    }

    /// Several commands that are about one slot, all or none.
    async fn transaction(&self, key: &str, commands: &Pipeline) -> RedisResult<()> {
        let Some(cluster) = &self.0.cluster else { return self.0.only().run_all(commands).await };
        for _ in 0..REDIRECTIONS {
            let Err(error) = cluster.node_of(key)?.run_all::<()>(commands).await else { return Ok(()) };
            if !was_refused_when_queued(&error) {
                self.refresh_soon();
                return Err(error);
            }
            self.0.refresh().await;
            tokio::time::sleep(TRY_AGAIN_AFTER).await;
        }
        Err(lost())
    }

    /// Where to send what was answered with `error`; the error itself if it may have been executed, or will not be.
    async fn after(&self, cluster: &Cluster, key: &str, error: RedisError) -> RedisResult<Next> {
        use redis::ErrorKind::Server;
        match error.kind() {
            Server(ServerErrorKind::Moved) => {
                self.refresh_soon();
                Ok(Next::At(self.redirected(cluster, key, &error)?))
            }
            Server(ServerErrorKind::Ask) => Ok(Next::Asking(self.redirected(cluster, key, &error)?)),
            Server(ServerErrorKind::TryAgain) => {
                tokio::time::sleep(TRY_AGAIN_AFTER).await;
                Ok(Next::AsMapped)
            }
            _ => {
                self.refresh_soon();
                Err(error)
            }
        }
    }

    /// The node that a redirection names: `MOVED 1234 host:port`.
    fn redirected(&self, cluster: &Cluster, key: &str, error: &RedisError) -> RedisResult<Node> {
        let target = error.redirect_node().and_then(|(target, _)| target.rsplit_once(':'));
        let (host, port) = target.ok_or_else(lost)?;
        let port = port.parse().map_err(|_| lost())?;
        let known = cluster.map().nodes.get(&(host.to_owned(), port)).cloned();
        let from = cluster.node_of(key)?;
        known.map_or_else(|| Node::new(address::of_node(&from.info, host, port), self.0.settings), Ok)
    }

    /// Asks for the map in the background: something does not answer as it should.
    fn refresh_soon(&self) {
        let Some(cluster) = &self.0.cluster else { return };
        if cluster.refreshing.swap(true, Ordering::AcqRel) {
            return;
        }
        let shared = Arc::clone(&self.0);
        tokio::spawn(async move {
            shared.refresh().await;
            tokio::time::sleep(REFRESH_EVERY).await;
            if let Some(cluster) = &shared.cluster {
                cluster.refreshing.store(false, Ordering::Release);
            }
        });
    }
}

impl Publish<'_> {
    fn command(self) -> Cmd {
        redis::cmd("PUBLISH").arg(self.channel).arg(self.text).to_owned()
    }
}

impl Shared {
    #[expect(clippy::expect_used, reason = "an address has at least one host")]
    fn only(&self) -> &Node {
        self.first.first().expect("parsed above: an address has a host")
    }

    /// Waits for the store to come up; a wrong password or database is told at once.
    async fn first_answer(&self, last: &mut Option<StoreError>) -> Result<Option<Cluster>, StoreError> {
        loop {
            for node in &self.first {
                match self.find_out(node).await {
                    Err(away @ StoreError::Away(_)) => *last = Some(away),
                    other => return other,
                }
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// What kind of store it is.
    async fn find_out(&self, node: &Node) -> Result<Option<Cluster>, StoreError> {
        let info: String = node.run(&redis::cmd("INFO")).await?;
        let value = |name: &str| info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        if let Some(policy) = value("maxmemory_policy").filter(|policy| *policy != "noeviction") {
            tracing::warn!(
                policy,
                "Redis may evict keys, which forgets limits and records: set maxmemory-policy to noeviction"
            );
        }
        if value("cluster_enabled") != Some("1") {
            return match self.first.len() {
                1 => Ok(None),
                _ => Err(StoreError::Address("several hosts that are no cluster".to_owned())),
            };
        }
        let map = self.map_from(node, &Map::default()).await?;
        if map.ranges.is_empty() {
            return Err(StoreError::Away("the cluster has no slots yet".to_owned()));
        }
        let map = Mutex::new(Arc::new(map));
        Ok(Some(Cluster { map, refreshing: AtomicBool::new(false), turn: AtomicUsize::new(0) }))
    }

    /// Asks whoever answers first, one after the other; if nobody does, the map stays as it is.
    async fn refresh(&self) {
        let Some(cluster) = &self.cluster else { return };
        let before = cluster.map();
        for node in before.nodes.values().chain(&self.first) {
            let asked = tokio::time::timeout(self.settings.answer_within, self.map_from(node, &before)).await;
            match asked {
                Ok(Ok(map)) if !map.ranges.is_empty() => {
                    *cluster.map.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(map);
                    return;
                }
                _ => tracing::debug!("a node of the cluster does not tell its map"),
            }
        }
    }

    async fn map_from(&self, node: &Node, before: &Map) -> RedisResult<Map> {
        let answer: Value = node.run(redis::cmd("CLUSTER").arg("SLOTS")).await?;
        let ranges = slots::ranges(answer).ok_or_else(lost)?;
        let mut nodes = HashMap::new();
        for range in &ranges {
            let name = (range.host.clone(), range.port);
            if nodes.contains_key(&name) {
                continue;
            }
            let known = before.nodes.get(&name).cloned();
            let new = || Node::new(address::of_node(&node.info, &range.host, range.port), self.settings);
            nodes.insert(name, known.map_or_else(new, Ok)?);
        }
        Ok(Map { ranges, nodes })
    }
}

impl Cluster {
    fn map(&self) -> Arc<Map> {
        Arc::clone(&self.map.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn node_of(&self, key: &str) -> RedisResult<Node> {
        let (map, slot) = (self.map(), slot_of(key));
        let range = map.ranges.iter().find(|range| (range.first..=range.last).contains(&slot));
        let node = range.and_then(|range| map.nodes.get(&(range.host.clone(), range.port)));
        node.cloned().ok_or_else(|| (ServerErrorKind::ClusterDown.into(), "no node has this slot").into())
    }

    fn any(&self) -> Option<Node> {
        let map = self.map();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        map.nodes.values().nth(turn % map.nodes.len().max(1)).cloned()
    }
}

fn pipeline(commands: impl IntoIterator<Item = Cmd>) -> Pipeline {
    let mut pipeline = redis::pipe();
    commands.into_iter().for_each(|command| {
        pipeline.add_command(command);
    });
    pipeline
}

/// Nothing of a transaction was done.
fn was_refused_when_queued(error: &RedisError) -> bool {
    use ServerErrorKind::{Ask, ExecAbort, Moved, TryAgain};
    [ExecAbort, Moved, Ask, TryAgain].iter().any(|kind| error.kind() == (*kind).into())
}

fn lost() -> RedisError {
    (ServerErrorKind::ClusterDown.into(), "the cluster does not tell where this is").into()
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.cluster.is_some() { "Store(cluster)" } else { "Store" })
    }
}
