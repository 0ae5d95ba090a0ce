//! A store: one node, or a cluster whose nodes are found by key.

use std::{fmt, sync::Arc, time::Duration};

use futures_util::future::{join_all, try_join_all};
use redis::{Cmd, FromRedisValue, Pipeline, RedisResult, ServerErrorKind, aio::PubSub};

use crate::{Call, StoreError, address, cluster::Cluster, node::Node};

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
pub struct Store {
    answer_within: Duration,
    nodes: Nodes,
}

#[derive(Clone)]
enum Nodes {
    One(Arc<Node>),
    Cluster(Arc<Cluster>),
}

impl Store {
    /// Opens a store and waits until it answers. Call it within a tokio runtime.
    ///
    /// # Errors
    /// [`StoreError::Address`] for an address that is none, [`StoreError::Refused`] at once for a wrong password or database,
    /// [`StoreError::Away`] when it does not answer in time. Later outages are survived.
    pub async fn open(url: &str, settings: Settings) -> Result<Self, StoreError> {
        let first: RedisResult<Vec<Node>> =
            address::parse(url)?.into_iter().map(|info| Node::new(info, settings)).collect();
        let (first, within) = (first?, settings.connect_within);
        let mut last = StoreError::Away(format!("no answer within {} s", within.as_secs()));
        match tokio::time::timeout(within, first_answer(&first, settings, &mut last)).await {
            Ok(found) => Ok(Self { answer_within: settings.answer_within, nodes: found? }),
            Err(_) => Err(last),
        }
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
            match &self.nodes {
                Nodes::One(node) => node.run_all(&pipeline(commands.into_iter().map(|(_, command)| command))).await,
                Nodes::Cluster(cluster) => {
                    try_join_all(commands.iter().map(|(key, command)| cluster.command(key, command))).await
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
    /// Tells of each group whether it was done; of one that was not, it is unknown.
    pub async fn transact(
        &self,
        groups: Vec<(String, Vec<Cmd>)>,
        publish: Option<Publish<'_>>,
    ) -> Vec<Result<(), StoreError>> {
        let number = groups.len();
        match &self.nodes {
            Nodes::One(node) => {
                let said = publish.map(Publish::command);
                let mut all = pipeline(groups.into_iter().flat_map(|(_, commands)| commands).chain(said));
                let done = self.in_time(node.run_all::<()>(all.atomic())).await;
                vec![done; number]
            }
            Nodes::Cluster(cluster) => {
                let each = groups.into_iter().map(async |(key, commands)| {
                    let mut all = pipeline(commands);
                    self.in_time(cluster.transaction(&key, all.atomic())).await
                });
                let done = join_all(each).await;
                if let Some(publish) = publish
                    && let Err(error) = self.run::<()>(publish.channel, &publish.command()).await
                {
                    tracing::debug!(%error, "what was done could not be announced");
                }
                done
            }
        }
    }

    /// A connection that hears what is published, at any node.
    ///
    /// # Errors
    /// [`StoreError`]; asked again, a cluster's next node is tried.
    pub async fn subscription(&self) -> Result<PubSub, StoreError> {
        let work = async {
            match &self.nodes {
                Nodes::One(node) => node.subscription().await,
                Nodes::Cluster(cluster) => cluster.any()?.subscription().await,
            }
        };
        self.in_time(work).await
    }

    /// Gives up on work that takes longer than an operation may.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn in_time<T>(&self, work: impl Future<Output = RedisResult<T>>) -> Result<T, StoreError> {
        if let Ok(answer) = tokio::time::timeout(self.answer_within, work).await {
            return Ok(answer?);
        }
        if let Nodes::Cluster(cluster) = &self.nodes {
            cluster.refresh_soon();
        }
        Err(StoreError::Away(format!("no answer within {} ms", self.answer_within.as_millis())))
    }

    async fn command<T: FromRedisValue>(&self, key: &str, command: &Cmd) -> RedisResult<T> {
        match &self.nodes {
            Nodes::One(node) => node.run(command).await,
            // In a box: it is many times as large, and whoever has a single node would move it about as well.
            Nodes::Cluster(cluster) => Box::pin(cluster.command(key, command)).await,
        }
    }
}

impl Publish<'_> {
    fn command(self) -> Cmd {
        redis::cmd("PUBLISH").arg(self.channel).arg(self.text).to_owned()
    }
}

/// Waits for the store to come up; a wrong password or database is told at once.
async fn first_answer(first: &[Node], settings: Settings, last: &mut StoreError) -> Result<Nodes, StoreError> {
    loop {
        for node in first {
            match find_out(node, first, settings).await {
                Err(away @ StoreError::Away(_)) => *last = away,
                other => return other,
            }
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// What kind of store it is.
async fn find_out(node: &Node, first: &[Node], settings: Settings) -> Result<Nodes, StoreError> {
    let info: String = node.run(&redis::cmd("INFO")).await?;
    let value = |name: &str| info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    if let Some(policy) = value("maxmemory_policy").filter(|policy| *policy != "noeviction") {
        tracing::warn!(
            policy,
            "Redis may evict keys, which forgets limits and records: set maxmemory-policy to noeviction"
        );
    }
    if value("cluster_enabled") == Some("1") {
        return Ok(Nodes::Cluster(Cluster::open(node, first, settings).await?));
    }
    match first {
        [_] => Ok(Nodes::One(Arc::new(node.clone()))),
        _ => Err(StoreError::Address("several hosts that are no cluster".to_owned())),
    }
}

fn pipeline(commands: impl IntoIterator<Item = Cmd>) -> Pipeline {
    let mut pipeline = redis::pipe();
    commands.into_iter().for_each(|command| {
        pipeline.add_command(command);
    });
    pipeline
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.nodes {
            Nodes::One(_) => "Store",
            Nodes::Cluster(_) => "Store(cluster)",
        })
    }
}
