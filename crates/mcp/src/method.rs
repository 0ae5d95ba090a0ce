//! The methods of every protocol version, and what a gateway needs to know of each.

use crate::version::Era;

/// What a method belongs to; servers' settings switch families on and off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Family {
    /// Handshake, discovery, ping, and the notifications about requests themselves.
    Lifecycle,
    /// `tools/*`.
    Tools,
    /// `resources/*`.
    Resources,
    /// `prompts/*`.
    Prompts,
    /// `completion/complete`.
    Completion,
    /// `logging/setLevel` and `notifications/message`.
    Logging,
    /// `tasks/*`, in core (2025-11-25) or as an extension (2026-07-28).
    Tasks,
    /// `subscriptions/listen`.
    Subscriptions,
    /// `sampling/createMessage`.
    Sampling,
    /// `elicitation/create`.
    Elicitation,
    /// `roots/list`.
    Roots,
    /// A method that no protocol version has.
    Unknown,
}

/// Which side sends the method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sender {
    /// Clients.
    Client,
    /// Servers.
    Server,
    /// Either.
    Both,
}

macro_rules! methods {
    ($($name:ident = $text:literal, $family:ident, $sender:ident, $eras:ident;)*) => {
        /// A method by name.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Method {
            $(#[doc = concat!("`", $text, "`.")] $name,)*
            /// A notification that no protocol version has.
            OtherNotification,
            /// A request method that no protocol version has.
            Unknown,
        }

        impl Method {
            /// Every method with a name.
            pub const NAMED: &'static [Method] = &[$(Method::$name),*];

            /// Classifies a method name. Case matters.
            pub fn of(name: &str) -> Self {
                match name {
                    $($text => Method::$name,)*
                    _ if name.starts_with(NOTIFICATIONS) => Method::OtherNotification,
                    _ => Method::Unknown,
                }
            }

            /// The name on the wire; `None` for the two that have none.
            pub fn name(self) -> Option<&'static str> {
                match self {
                    $(Method::$name => Some($text),)*
                    Method::OtherNotification | Method::Unknown => None,
                }
            }

            /// The family it belongs to.
            pub fn family(self) -> Family {
                match self {
                    $(Method::$name => Family::$family,)*
                    Method::OtherNotification | Method::Unknown => Family::Unknown,
                }
            }

            /// Which side sends it.
            pub fn sender(self) -> Sender {
                match self {
                    $(Method::$name => Sender::$sender,)*
                    Method::OtherNotification | Method::Unknown => Sender::Both,
                }
            }

            fn eras(self) -> Eras {
                match self {
                    $(Method::$name => Eras::$eras,)*
                    Method::OtherNotification | Method::Unknown => Eras::Both,
                }
            }
        }
    };
}

// Source: schema.ts of 2024-11-05 to 2026-07-28, and of the tasks extension.
methods! {
    Initialize = "initialize", Lifecycle, Client, Initialize;
    Ping = "ping", Lifecycle, Both, Initialize;
    Discover = "server/discover", Lifecycle, Client, Stateless;
    ToolsList = "tools/list", Tools, Client, Both;
    ToolsCall = "tools/call", Tools, Client, Both;
    ResourcesList = "resources/list", Resources, Client, Both;
    ResourcesTemplatesList = "resources/templates/list", Resources, Client, Both;
    ResourcesRead = "resources/read", Resources, Client, Both;
    ResourcesSubscribe = "resources/subscribe", Resources, Client, Initialize;
    ResourcesUnsubscribe = "resources/unsubscribe", Resources, Client, Initialize;
    PromptsList = "prompts/list", Prompts, Client, Both;
    PromptsGet = "prompts/get", Prompts, Client, Both;
    CompletionComplete = "completion/complete", Completion, Client, Both;
    LoggingSetLevel = "logging/setLevel", Logging, Client, Initialize;
    SubscriptionsListen = "subscriptions/listen", Subscriptions, Client, Stateless;
    TasksGet = "tasks/get", Tasks, Both, Both;
    TasksResult = "tasks/result", Tasks, Both, Initialize;
    TasksList = "tasks/list", Tasks, Both, Initialize;
    TasksUpdate = "tasks/update", Tasks, Client, Stateless;
    TasksCancel = "tasks/cancel", Tasks, Both, Both;
    SamplingCreateMessage = "sampling/createMessage", Sampling, Server, Initialize;
    ElicitationCreate = "elicitation/create", Elicitation, Server, Initialize;
    RootsList = "roots/list", Roots, Server, Initialize;
    Initialized = "notifications/initialized", Lifecycle, Client, Initialize;
    Cancelled = "notifications/cancelled", Lifecycle, Both, Both;
    Progress = "notifications/progress", Lifecycle, Both, Both;
    LogMessage = "notifications/message", Logging, Server, Both;
    RootsListChanged = "notifications/roots/list_changed", Roots, Client, Initialize;
    ToolsListChanged = "notifications/tools/list_changed", Tools, Server, Both;
    PromptsListChanged = "notifications/prompts/list_changed", Prompts, Server, Both;
    ResourcesListChanged = "notifications/resources/list_changed", Resources, Server, Both;
    ResourcesUpdated = "notifications/resources/updated", Resources, Server, Both;
    TasksStatus = "notifications/tasks/status", Tasks, Both, Initialize;
    TasksNotification = "notifications/tasks", Tasks, Server, Stateless;
    ElicitationComplete = "notifications/elicitation/complete", Elicitation, Server, Initialize;
    SubscriptionsAcknowledged = "notifications/subscriptions/acknowledged", Subscriptions, Server, Stateless;
}

/// Where every notification's name starts.
const NOTIFICATIONS: &str = "notifications/";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Eras {
    Initialize,
    Stateless,
    Both,
}

impl Method {
    /// Whether it is a notification: sent without an id, never answered.
    pub fn is_notification(self) -> bool {
        match self.name() {
            Some(name) => name.starts_with(NOTIFICATIONS),
            None => self == Method::OtherNotification,
        }
    }

    /// Whether a version of the era has it. Unknown methods may exist in either.
    pub fn exists_in(self, era: Era) -> bool {
        match self.eras() {
            Eras::Both => true,
            Eras::Initialize => era == Era::Initialize,
            Eras::Stateless => era == Era::Stateless,
        }
    }

    /// The member of `params` that names what the request is about, mirrored by `Mcp-Name`. Source: 2026-07-28
    /// basic/transports/streamable-http "Standard Request Headers" and the tasks extension.
    pub fn name_field(self) -> Option<&'static str> {
        match self {
            Method::ToolsCall | Method::PromptsGet => Some("name"),
            Method::ResourcesRead | Method::ResourcesSubscribe | Method::ResourcesUnsubscribe => Some("uri"),
            Method::TasksGet | Method::TasksUpdate | Method::TasksCancel | Method::TasksResult => Some("taskId"),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        for method in Method::NAMED {
            assert_eq!(Method::of(method.name().unwrap()), *method);
        }
    }

    #[test]
    fn case_and_prefix_matter() {
        assert_eq!(Method::of("Tools/Call"), Method::Unknown);
        assert_eq!(Method::of("tools/call "), Method::Unknown);
        assert_eq!(Method::of("notifications/x"), Method::OtherNotification);
        assert!(Method::of("notifications/x").is_notification());
        assert!(!Method::Unknown.is_notification() && !Method::ToolsCall.is_notification());
    }

    #[test]
    fn methods_removed_by_the_stateless_revision() {
        for name in ["initialize", "ping", "logging/setLevel", "resources/subscribe", "resources/unsubscribe"] {
            assert!(!Method::of(name).exists_in(Era::Stateless), "{name}");
        }
        assert!(!Method::Discover.exists_in(Era::Initialize));
        assert!(Method::ToolsCall.exists_in(Era::Stateless) && Method::ToolsCall.exists_in(Era::Initialize));
    }
}
