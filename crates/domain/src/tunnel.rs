//! The words that a gateway and a connector say to each other; `connector`'s README describes the whole exchange.
//!
//! The connector dials `GET <origin>/tunnel?server=<account>/<server>` as a WebSocket with its token as bearer
//! credential. Binary messages are one byte stream each way (their borders mean nothing). Over that stream the
//! gateway is the HTTP/2 *client* (prior knowledge) and the connector the *server*, which speaks Streamable HTTP.

/// Path of the WebSocket on the gateway.
pub const PATH: &str = "/tunnel";

/// Query parameter naming the server, `<account>/<server>`.
pub const SERVER_PARAMETER: &str = "server";

/// Path of the MCP endpoint inside the tunnel, on the connector's side.
pub const MCP_PATH: &str = "/mcp";

/// Authority the gateway puts into requests inside the tunnel; it names nothing that is resolved.
pub const AUTHORITY: &str = "connector";

/// Request header of the dial: the connector process, 32 hexadecimal digits. It stays the same when the process
/// reconnects, and so do the MCP sessions behind it.
pub const INSTANCE_HEADER: &str = "portcullis-instance";

/// Request header of the dial: what the connector says of itself, for people: version, program (never its arguments).
pub const ABOUT_HEADER: &str = "portcullis-about";

/// Header of an answer from inside the tunnel whose request was never handed to the server's process (or, with an
/// upstream URL, to that upstream): it had no effect, and what was counted for it can be given back. Its value is `1`.
pub const UNDELIVERED_HEADER: &str = "portcullis-undelivered";

/// WebSocket close code of a gateway that no longer accepts the token: the connector ends instead of reconnecting.
pub const CLOSE_REFUSED: u16 = 4401;
