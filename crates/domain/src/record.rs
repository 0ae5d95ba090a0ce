//! What a gateway tells the control plane: the two records of a call, and what it saw of servers and connectors.
//!
//! Of the arguments, their keys are in here, and sealed the values that the policy which decided looks at.

use serde::{Deserialize, Serialize};

use crate::{
    AccountId, AppId, ApprovalAsked, ApprovalId, CallId, ConnectionRefused, ConnectorId, DecisionId, GatewayId,
    GrantId, KeyId, PolicyId, Principal, Sealed, ServerId, Timestamp,
};

/// Most top-level keys of a call's arguments that its record keeps: where so many are kept, some may be missing.
pub const MOST_ARGUMENT_KEYS: usize = 50;
/// Most characters that a record keeps of a tool's name or an argument's key: one of so many may have been cut.
pub const MOST_RECORDED_CHARS: usize = 200;

/// An event on its way. `(gateway, sequence)` names it: the same pair is the same event, however often it arrives.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EventEnvelope {
    /// The process that made it.
    pub gateway: GatewayId,
    /// Counts that process' events from 1, without gaps.
    pub sequence: u64,
    /// The account it belongs to.
    pub account: AccountId,
    /// What happened.
    pub event: Event,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// A request was judged (the *intent* record).
    Decided(Box<CallDecided>),
    /// A call waits for a person's approval.
    ApprovalAsked(Box<ApprovalAsked>),
    /// A forwarded call came to its end (the *outcome* record).
    Settled(CallSettled),
    /// A server's tools as a gateway read them.
    Inventory(Inventory),
    /// A connector came or went.
    Connector(ConnectorSeen),
    /// A server refused the token of a connection.
    ConnectionRefused(ConnectionRefused),
}

/// How a request was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Forwarded.
    Allow,
    /// Denied by policy.
    Deny,
    /// Waits for a person.
    ApprovalRequired,
    /// Refused before policy: unreadable, unauthenticated for this server, too large.
    Refused,
}

/// The intent record of a call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CallDecided {
    /// The call.
    pub call: CallId,
    /// The decision's id, as the caller was told it.
    pub decision: DecisionId,
    /// When it was judged; also in the outcome record, which it finds its row by.
    pub at: Timestamp,
    /// The server, when the request got that far.
    pub server: Option<ServerId>,
    /// Who called.
    pub principal: Option<Principal>,
    /// With which key.
    pub key: Option<KeyId>,
    /// By which app, instead of a key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<AppId>,
    /// The grant that was charged, or whose denial was told.
    pub grant: Option<GrantId>,
    /// The policy and version that decided.
    pub policy: Option<(PolicyId, u32)>,
    /// The JSON-RPC method; empty when it could not be read.
    pub method: String,
    /// The tool, for `tools/call`.
    pub tool: Option<String>,
    /// The tool's risk class at the time.
    pub class: Option<policy::RiskClass>,
    /// The decision.
    pub outcome: Outcome,
    /// The code of a denial or refusal.
    pub code: Option<String>,
    /// JSON Pointer of the deciding member; empty where none decided.
    pub rule: String,
    /// The text told to the caller; never argument values.
    pub message: Option<String>,
    /// Milliseconds after which the same call may pass.
    pub retry_after_ms: Option<u64>,
    /// Top-level argument keys, sorted, at most 50.
    pub argument_keys: Vec<String>,
    /// What the policy that decided looks at in the arguments ([`policy::CompiledPolicy::argument_paths`]): a JSON object
    /// pruned to those paths, sealed under the account's data key for [`CallDecided::arguments_context`]. None where the
    /// policy looks at nothing, or what it looks at is too large to keep.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arguments: Option<Sealed>,
    /// The approval that was asked for (`outcome: approval_required`), refused (`deny`), or used up (`allow`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<ApprovalId>,
    /// What a shadow rule would have denied.
    pub would_deny: Option<WouldDeny>,
    /// The client, as it named itself.
    pub client: Option<Client>,
    /// Our own time until the decision, in microseconds.
    pub decide_us: u64,
}

impl CallDecided {
    /// The place that a call's recorded arguments are sealed for.
    #[must_use]
    pub fn arguments_context(call: CallId) -> String {
        format!("{call}/arguments")
    }
}

/// A denial that a shadow rule would have given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WouldDeny {
    /// The code.
    pub code: String,
    /// JSON Pointer of the rule.
    pub rule: String,
}

/// How a client names itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Client {
    /// `clientInfo.name`, cut to 100 characters.
    pub name: String,
    /// `clientInfo.version`, cut to 100 characters.
    pub version: String,
}

/// The outcome record of a forwarded call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallSettled {
    /// The call.
    pub call: CallId,
    /// When it was judged.
    pub decided_at: Timestamp,
    /// How it ended.
    pub settlement: Settlement,
    /// The upstream's HTTP status, when it gave one.
    pub http_status: Option<u16>,
    /// From the first byte sent to the last byte received, in microseconds.
    pub upstream_us: u64,
    /// All our own time, in microseconds: whole time less the upstream's.
    pub gateway_us: u64,
    /// Bytes of the answer.
    pub response_bytes: u64,
}

/// How a forwarded call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Settlement {
    /// A result.
    Ok,
    /// A result with `isError`.
    IsError,
    /// A JSON-RPC error, or an HTTP error status.
    Error,
    /// Never delivered: connect, TLS or DNS failure. Counters are given back.
    Unreachable,
    /// No answer in time; the outcome is unknown.
    Timeout,
    /// The answer broke off or was not MCP; the outcome is unknown.
    Broken,
    /// The client went away; the outcome is unknown.
    Cancelled,
}

/// A server's tools as a gateway read them from it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Inventory {
    /// The server.
    pub server: ServerId,
    /// When.
    pub at: Timestamp,
    /// `serverInfo.name` and `.version`, cut to 100 characters each.
    pub server_info: Option<Client>,
    /// The protocol version it answered with.
    pub protocol_version: String,
    /// All its tools, or why they could not be listed.
    pub tools: Result<Vec<InventoryTool>, String>,
}

/// One tool's definition, as the server gave it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InventoryTool {
    /// Its name.
    pub name: String,
    /// The whole definition, the JSON text as it came.
    pub definition: String,
}

/// A connector came or went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectorSeen {
    /// The server it stands for.
    pub server: ServerId,
    /// Its token.
    pub connector: ConnectorId,
    /// When.
    pub at: Timestamp,
    /// Whether it is there now.
    pub connected: bool,
    /// What it says of itself: program version, command (never its arguments), host name; cut to 200 characters.
    pub about: String,
}
