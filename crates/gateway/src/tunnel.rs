//! Tunnels: connectors dial in by WebSocket, and requests to their servers travel back through it as HTTP/2.
//!
//! Here: accepting them ([`accept`]) and the byte stream over the WebSocket ([`socket`]). Not here: the tunnels that are up
//! (`hub`), and which connector a request goes through (`link`). The words on the wire are in `domain::tunnel`. Invariant: a
//! tunnel stands only as long as its token does.

pub(crate) mod accept;
mod socket;
