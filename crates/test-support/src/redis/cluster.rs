//! A private cluster of three primaries on loopback ports; it ends with its value.

use std::{
    net::TcpListener,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use redis::{Cmd, Connection, FromRedisValue};

use super::program;
use crate::TempFolder;

/// A running cluster without replicas.
#[derive(Debug)]
pub struct RedisCluster {
    nodes: Vec<ClusterNode>,
}

#[derive(Debug)]
struct ClusterNode {
    _folder: TempFolder,
    port: u16,
    bus_port: u16,
    child: Child,
}

/// How often a node is started, each time on other ports.
const STARTS: usize = 10;
/// First and last slot of each node.
const SLOTS: [(u16, u16); 3] = [(0, 5460), (5461, 10922), (10923, 16383)];

impl RedisCluster {
    /// Starts an empty one and waits until every node says that the cluster is well.
    ///
    /// # Panics
    /// When there is no program `redis-server`, or it does not come up.
    #[must_use]
    pub fn start() -> Self {
        let cluster = Self { nodes: SLOTS.iter().map(|_| ClusterNode::start()).collect() };
        for (n, (node, (first, last))) in cluster.nodes.iter().zip(SLOTS).enumerate() {
            node.run::<()>(redis::cmd("CLUSTER").arg("SET-CONFIG-EPOCH").arg(n + 1));
            node.run::<()>(redis::cmd("CLUSTER").arg("ADDSLOTSRANGE").arg(first).arg(last));
        }
        for other in &cluster.nodes[1..] {
            let meet =
                redis::cmd("CLUSTER").arg("MEET").arg("127.0.0.1").arg(other.port).arg(other.bus_port).to_owned();
            cluster.nodes[0].run::<()>(&meet);
        }
        until("the cluster is well", || cluster.nodes.iter().all(ClusterNode::is_well));
        cluster.agree();
        cluster
    }

    /// The address of its first node.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.nodes[0].port)
    }

    /// The address with all its nodes.
    #[must_use]
    pub fn url_of_all(&self) -> String {
        let hosts: Vec<String> = self.nodes.iter().map(|node| format!("127.0.0.1:{}", node.port)).collect();
        format!("redis://{}", hosts.join(","))
    }

    /// How many keys each node has.
    #[must_use]
    pub fn sizes(&self) -> Vec<u64> {
        self.nodes.iter().map(|node| node.run(&redis::cmd("DBSIZE"))).collect()
    }

    /// Removes everything from every node.
    pub fn clear(&self) {
        for node in &self.nodes {
            node.run::<()>(&redis::cmd("FLUSHALL"));
        }
    }

    /// Stops the node that has `key` from doing anything, while its port goes on taking what is sent, until the answer is
    /// dropped.
    ///
    /// # Panics
    /// When no node has it.
    #[must_use]
    pub fn freeze(&self, key: &str) -> Frozen<'_> {
        let frozen = Frozen(self.node_of(self.slot_of(key)));
        frozen.0.signal(rustix::process::Signal::STOP);
        frozen
    }

    fn slot_of(&self, key: &str) -> u16 {
        self.nodes[0].run(redis::cmd("CLUSTER").arg("KEYSLOT").arg(key))
    }

    fn node_of(&self, slot: u16) -> &ClusterNode {
        self.nodes.iter().find(|node| node.has_slot(slot)).expect("a node has it")
    }

    /// Moves the slot of `key`, with what is in it, to the next node. Clients are told only by redirections. `between` is
    /// called while the slot is on the move: its keys are at the old node, and new ones are asked for at the new one.
    ///
    /// # Panics
    /// When a node does not do its part.
    pub fn move_slot(&self, key: &str, between: impl FnOnce()) {
        let slot = self.slot_of(key);
        let from = self.node_of(slot);
        let to = self.nodes.iter().cycle().skip_while(|node| node.port != from.port).nth(1).expect("there are three");
        let set = |node: &ClusterNode, how: &str, whose: &str| {
            node.run::<()>(redis::cmd("CLUSTER").arg("SETSLOT").arg(slot).arg(how).arg(whose));
        };
        set(to, "IMPORTING", &from.id());
        set(from, "MIGRATING", &to.id());
        between();
        let keys: Vec<String> = from.run(redis::cmd("CLUSTER").arg("GETKEYSINSLOT").arg(slot).arg(1000));
        for key in keys {
            from.run::<()>(redis::cmd("MIGRATE").arg("127.0.0.1").arg(to.port).arg(key).arg(0).arg(60_000));
        }
        for node in [to, from].into_iter().chain(&self.nodes) {
            set(node, "NODE", &to.id());
        }
        self.agree();
        assert!(to.has_slot(slot), "it has moved");
    }

    /// Waits until every node sees the same: a move that begins before may lose against an older claim that is on its way.
    fn agree(&self) {
        until("the nodes agree", || {
            let views: Vec<Vec<String>> = self.nodes.iter().map(ClusterNode::view).collect();
            views.iter().all(|view| *view == views[0])
        });
    }
}

/// A node that does nothing, for as long as this is there.
#[derive(Debug)]
pub struct Frozen<'a>(&'a ClusterNode);

impl Drop for Frozen<'_> {
    fn drop(&mut self) {
        self.0.signal(rustix::process::Signal::CONT);
    }
}

impl ClusterNode {
    fn start() -> Self {
        let started = (0..STARTS).find_map(|_| Self::start_on(two_free_ports()));
        started.expect("a node of the cluster comes up")
    }

    /// None when somebody else has taken one of the ports meanwhile: the node ends at once.
    fn start_on((port, bus_port): (u16, u16)) -> Option<Self> {
        let folder = TempFolder::new("redis-cluster");
        let child = Command::new(program())
            .args(["--bind", "127.0.0.1", "--cluster-enabled", "yes", "--save", "", "--loglevel", "warning"])
            .args(["--maxmemory-policy", "noeviction", "--cluster-config-file", "nodes.conf"])
            // A node that a test freezes, or that a busy machine keeps waiting, is not given up by the others.
            .args(["--cluster-node-timeout", "300000"])
            .args(["--port", &port.to_string(), "--cluster-port", &bus_port.to_string()])
            .arg("--dir")
            .arg(folder.path())
            .stdout(Stdio::null())
            .spawn()
            .expect("these tests need the program redis-server: install it, for example with `apt-get install redis-server`");
        let mut node = Self { _folder: folder, port, bus_port, child };
        let mut ended = false;
        until("a node of the cluster answers", || {
            ended = node.child.try_wait().expect("it is ours").is_some();
            ended || node.answers()
        });
        (!ended).then_some(node)
    }

    /// Whether it is this very process that answers at its port.
    fn answers(&self) -> bool {
        let client = redis::Client::open(self.url()).expect("an address");
        let about = |mut connection: Connection| redis::cmd("INFO").arg("server").query::<String>(&mut connection);
        let about = client.get_connection_with_timeout(Duration::from_secs(1)).and_then(about);
        let process = format!("process_id:{}", self.child.id());
        about.is_ok_and(|about| about.lines().any(|line| line == process))
    }

    fn signal(&self, signal: rustix::process::Signal) {
        rustix::process::kill_process(rustix::process::Pid::from_child(&self.child), signal).expect("it is ours");
    }

    fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    fn connection(&self) -> Connection {
        redis::Client::open(self.url()).expect("an address").get_connection().expect("it answers")
    }

    fn run<T: FromRedisValue>(&self, command: &Cmd) -> T {
        command.query(&mut self.connection()).expect("it does it")
    }

    fn id(&self) -> String {
        self.run(redis::cmd("CLUSTER").arg("MYID"))
    }

    /// It sees all nodes and all slots.
    fn is_well(&self) -> bool {
        let info: String = self.run(redis::cmd("CLUSTER").arg("INFO"));
        ["cluster_state:ok", "cluster_known_nodes:3", "cluster_size:3"].iter().all(|line| info.contains(line))
    }

    /// What it knows of each node: its id, its epoch, its slots.
    fn view(&self) -> Vec<String> {
        let nodes: String = self.run(redis::cmd("CLUSTER").arg("NODES"));
        let mut view: Vec<String> = nodes
            .lines()
            .map(|line| line.split(' ').collect::<Vec<_>>())
            .filter(|fields| fields.len() >= 8)
            .map(|fields| format!("{} {} {}", fields[0], fields[6], fields[8..].join(" ")))
            .collect();
        view.sort_unstable();
        view
    }

    fn has_slot(&self, slot: u16) -> bool {
        let (id, view) = (self.id(), self.view());
        let own = view.iter().find(|line| line.starts_with(&id)).expect("it knows itself");
        own.split(' ').skip(2).any(|range| {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            let number = |text: &str| text.parse::<u16>().ok();
            number(first).zip(number(last)).is_some_and(|(first, last)| (first..=last).contains(&slot))
        })
    }
}

impl Drop for ClusterNode {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Free a moment ago.
fn two_free_ports() -> (u16, u16) {
    let free = || TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let (a, b) = (free(), free());
    let port = |listener: &TcpListener| listener.local_addr().expect("an address").port();
    (port(&a), port(&b))
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(90);
    while !holds() {
        assert!(Instant::now() < deadline, "{what}: not within 90 s");
        std::thread::sleep(Duration::from_millis(20));
    }
}
