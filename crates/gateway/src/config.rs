//! What an operator can set. Every duration and size has its unit in its name; the defaults are what `up` runs with.

use std::time::Duration;

/// How a gateway behaves; nothing in it belongs to an account.
#[derive(Clone, Debug)]
pub struct Config {
    /// Scheme, host and port under which clients reach this gateway, without a slash at the end.
    pub public_origin: String,
    /// The origin of the OAuth server whose access tokens are taken, without a slash at the end.
    pub issuer: String,
    /// Origins, besides [`Config::public_origin`], whose pages may call the gateway.
    pub allowed_origins: Vec<String>,
    /// Pages and `Host` names of the machine itself (`localhost`, `127.0.0.1`, `[::1]`, any port).
    pub loopback: Loopback,
    /// Which `Host` names are answered.
    pub hosts: Hosts,
    /// Where the other gateways reach this one (`host:port`), once [`Gateway::serve_mesh`](crate::Gateway::serve_mesh)
    /// listens there; none: they cannot.
    pub mesh_address: Option<String>,
    /// How much is accepted.
    pub limits: Limits,
    /// How long is waited.
    pub times: Times,
}

/// Whether the machine's own names count as ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loopback {
    /// They do: a gateway on a person's own machine.
    Ours,
    /// They do not.
    Foreign,
}

/// Which `Host` names are answered; a page that rebinds its name to our address sends its own (DNS rebinding).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hosts {
    /// Any: a proxy in front has checked it.
    Any,
    /// The host of the public origin, the loopback names if they are ours, and these.
    Ours {
        /// Further host names, without ports.
        also: Vec<String>,
    },
}

/// How much is accepted. Of what all share, one account takes a quarter at most (or room for two of the largest).
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of one request body.
    pub request_bytes: usize,
    /// Bytes of request bodies over 64 KiB that are held at the same time; beyond it such requests are shed (503). Four of
    /// the largest have room in any case.
    pub requests_bytes: usize,
    /// Bytes of one message from an upstream that has to be held: a list of tools, what is edited, what the server sends of
    /// its own.
    pub answer_bytes: usize,
    /// Bytes of one answer that passes while it is read.
    pub streamed_bytes: usize,
    /// Bytes of upstream messages that are held at the same time, over all calls.
    pub held_bytes: usize,
    /// Requests being worked on at the same time; beyond it they are shed (503).
    pub requests: usize,
    /// Long-lived streams (GET, `subscriptions/listen`) of one principal on one server.
    pub streams_per_principal: usize,
    /// Connectors of one server, at all gateways together.
    pub tunnels_per_server: usize,
}

/// How long is waited.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// For a request body to arrive.
    pub request_body: Duration,
    /// For the head of an upstream's answer, and then for its next sign of life: progress, or anything else it sends.
    pub upstream_silence: Duration,
    /// For the whole of an upstream's answer once its head is here, whatever its signs of life.
    pub upstream_whole: Duration,
    /// For one server's part of an answer on the account's own URL.
    pub aggregate_part: Duration,
    /// For what a server says of itself, in a greeting on the account's own URL, when nothing is known of it yet.
    pub greeting: Duration,
    /// For a call's turn to reserve its limits, when the counter store is asked as much at once as it may be.
    pub reserve_turn: Duration,
    /// For a session's connector, which may be on its way from one gateway to another.
    pub connector_back: Duration,
    /// For a connection to another gateway: looking it up, TCP, TLS and HTTP/2; and for one of theirs to show who it is.
    pub gateway_connect: Duration,
    /// For another gateway's answer to a ping, sent as often; then it is gone.
    pub gateway_silence: Duration,
    /// For a connector's answer to a ping, sent as often; then it is gone.
    pub connector_silence: Duration,
    /// Between two keep-alive comments on a silent stream.
    pub keep_alive: Duration,
    /// Between two checks of the versions of the snapshots in use.
    pub snapshot_check: Duration,
    /// After this time without a request a snapshot is dropped from memory.
    pub snapshot_idle: Duration,
    /// After this time without a call an upstream session of the account's own URL is dropped.
    pub session_idle: Duration,
}

impl Config {
    /// The defaults, for a gateway that clients reach at `public_origin`.
    #[must_use]
    pub fn new(public_origin: &str) -> Self {
        Self {
            public_origin: public_origin.trim_end_matches('/').to_owned(),
            issuer: public_origin.trim_end_matches('/').to_owned(),
            allowed_origins: Vec::new(),
            loopback: Loopback::Ours,
            hosts: Hosts::Ours { also: Vec::new() },
            mesh_address: None,
            limits: Limits::default(),
            times: Times::default(),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            request_bytes: 4 << 20,
            requests_bytes: 256 << 20,
            answer_bytes: 64 << 20,
            streamed_bytes: 1 << 30,
            held_bytes: 512 << 20,
            requests: 8_192,
            streams_per_principal: 64,
            tunnels_per_server: 16,
        }
    }
}

impl Default for Times {
    fn default() -> Self {
        Self {
            request_body: Duration::from_secs(30),
            upstream_silence: Duration::from_secs(300),
            upstream_whole: Duration::from_secs(3_600),
            aggregate_part: Duration::from_secs(10),
            greeting: Duration::from_secs(3),
            reserve_turn: Duration::from_secs(5),
            connector_back: Duration::from_secs(2),
            gateway_connect: Duration::from_secs(3),
            gateway_silence: Duration::from_secs(5),
            connector_silence: Duration::from_secs(10),
            keep_alive: Duration::from_secs(20),
            snapshot_check: Duration::from_secs(1),
            snapshot_idle: Duration::from_secs(900),
            session_idle: Duration::from_secs(1_800),
        }
    }
}
