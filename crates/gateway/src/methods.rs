//! Which methods pass: no method but `tools/call` is judged by policy, so each family has a switch in the server's
//! settings, and what nobody knows is refused unless the settings let it through.

use domain::{Access, ServerSettings};
use mcp::{Family, Method, Sender};

use crate::failure::Failure;

/// Whether a client's message with this method may go to the server.
pub(crate) fn gate(kind: Method, name: &str, settings: &ServerSettings) -> Result<(), Failure> {
    let ours_to_send = kind.sender() != Sender::Server;
    if ours_to_send && family_access(kind, settings) == Access::On {
        return Ok(());
    }
    Err(Failure::method(name))
}

/// Whether a server's own request or notification may go to the client.
pub(crate) fn passes_from_server(kind: Method, settings: &ServerSettings) -> bool {
    kind.sender() != Sender::Client && family_access(kind, settings) == Access::On
}

fn family_access(kind: Method, settings: &ServerSettings) -> Access {
    match kind.family() {
        Family::Lifecycle | Family::Tools | Family::Subscriptions => Access::On,
        Family::Resources => settings.resources,
        Family::Prompts => settings.prompts,
        Family::Completion => settings.completion,
        Family::Logging => settings.logging,
        Family::Tasks => settings.tasks,
        Family::Sampling | Family::Elicitation | Family::Roots => settings.server_requests,
        Family::Unknown => settings.unknown_methods,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passes(name: &str, settings: &ServerSettings) -> bool {
        gate(Method::of(name), name, settings).is_ok()
    }

    #[test]
    fn defaults_let_known_methods_through_and_nothing_else() {
        let settings = ServerSettings::default();
        for name in
            ["initialize", "ping", "server/discover", "tools/list", "resources/read", "prompts/get", "tasks/get"]
        {
            assert!(passes(name, &settings), "{name}");
        }
        for name in ["tools/Call", "x/y", "notifications/unheard_of", "sampling/createMessage", "elicitation/create"] {
            assert!(!passes(name, &settings), "{name}");
        }
        assert!(passes_from_server(Method::SamplingCreateMessage, &settings));
        assert!(!passes_from_server(Method::ToolsCall, &settings));
    }

    #[test]
    fn each_family_has_its_switch() {
        let off = Access::Off;
        let cases: [(&str, ServerSettings); 5] = [
            ("resources/list", ServerSettings { resources: off, ..Default::default() }),
            ("prompts/list", ServerSettings { prompts: off, ..Default::default() }),
            ("completion/complete", ServerSettings { completion: off, ..Default::default() }),
            ("logging/setLevel", ServerSettings { logging: off, ..Default::default() }),
            ("tasks/list", ServerSettings { tasks: off, ..Default::default() }),
        ];
        for (name, settings) in &cases {
            assert!(!passes(name, settings), "{name}");
            assert!(passes("tools/call", settings));
            assert!(passes(name, &ServerSettings::default()), "{name}");
        }
        let open = ServerSettings { unknown_methods: Access::On, ..Default::default() };
        assert!(passes("x/y", &open) && passes("notifications/x", &open));
    }
}
