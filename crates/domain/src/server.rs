//! How a registered server is reached and what passes besides tool calls.

use serde::{Deserialize, Serialize};

/// How the gateway reaches a server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// Streamable HTTP at this URL.
    Http {
        /// `http` or `https`, with a host, without user info or fragment.
        url: String,
    },
    /// Through the tunnel of a connector that stands beside the server.
    Tunnel,
}

/// Whether a family of methods passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// It passes.
    On,
    /// It is refused.
    Off,
}

/// What happens to a tool whose definition changed since it was last accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DriftSetting {
    /// It can be called, and the change is noted.
    Note,
    /// It is refused (`tool_changed`) until a person accepts it.
    Hold,
}

/// Whether tools that are denied (not hidden) stay in `tools/list`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ListDenied {
    /// They stay visible (the default).
    Show,
    /// They are left out.
    Omit,
}

/// A server's settings; the defaults are what a new server has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerSettings {
    /// `resources/*`.
    pub resources: Access,
    /// `prompts/*`.
    pub prompts: Access,
    /// `completion/*`.
    pub completion: Access,
    /// Sampling, elicitation and roots asked for by the server.
    pub server_requests: Access,
    /// `logging/*` and log messages.
    pub logging: Access,
    /// `tasks/*`.
    pub tasks: Access,
    /// Methods that we do not know.
    pub unknown_methods: Access,
    /// Denied tools in the list.
    pub list_denied: ListDenied,
    /// Changed tool definitions.
    pub drift: DriftSetting,
}

impl Default for ServerSettings {
    fn default() -> Self {
        Self {
            resources: Access::On,
            prompts: Access::On,
            completion: Access::On,
            server_requests: Access::On,
            logging: Access::On,
            tasks: Access::On,
            unknown_methods: Access::Off,
            list_denied: ListDenied::Show,
            drift: DriftSetting::Note,
        }
    }
}
