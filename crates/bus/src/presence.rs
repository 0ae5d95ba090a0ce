//! Presence: which connectors are there now, and where gateways reach each other; said again and again by the gateways.

use domain::{ConnectorId, GatewayId};
use serde::{Deserialize, Serialize};

/// The connectors of one server at one gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Presence {
    /// The gateway that says so.
    pub gateway: GatewayId,
    /// Where other gateways reach it (`host:port`); none: they cannot.
    pub mesh: Option<String>,
    /// The connectors whose tunnels it holds, in the order in which they came.
    pub tunnels: Vec<TunnelPresence>,
}

/// One connector process at a gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TunnelPresence {
    /// Whose token it dialled with.
    pub connector: ConnectorId,
    /// The process, the same over all its reconnects; 32 hexadecimal digits.
    pub instance: String,
    /// What it says of itself.
    pub about: String,
    /// Requests under way when this was said.
    pub in_flight: u32,
}
