//! The consent page's facts in sentences.

use accounts::{ConsentServer, RedirectKind, RedirectUri, Resource, ToolCounts};
use domain::{Name, Scope, Scopes};

/// Where the browser goes with the answer.
pub(crate) fn returns_to(redirect: &RedirectUri) -> String {
    match redirect.kind() {
        RedirectKind::Web { host } => host.clone(),
        RedirectKind::App { scheme } => format!("whichever opens {scheme}: links"),
        RedirectKind::Loopback => {
            let uri = redirect.as_str();
            let rest = uri.split_once("://").map_or(uri, |(_, rest)| rest);
            rest.split(['/', '?']).next().unwrap_or(rest).to_owned()
        }
    }
}

/// What the URL stands for.
pub(crate) fn reaches(account: &Name, resource: &Resource) -> String {
    match &resource.server {
        Some(server) => format!("The server {server} of the account {account}, as you, and nothing else."),
        None => format!("Every server of the account {account} that you have a grant on, now or later, as you."),
    }
}

/// How the tools of a server stand for the person.
pub(crate) fn tools(counts: &ToolCounts) -> String {
    let ToolCounts { open_reading, open_changing, asking, denied } = *counts;
    if open_reading + open_changing + asking + denied == 0 {
        return "Its tools have not been read yet.".to_owned();
    }
    let parts = [
        (open_reading, "to look"),
        (open_changing, "to change things"),
        (asking, "after a person’s approval"),
        (denied, "denied"),
    ];
    let said: Vec<_> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    format!("Its tools: {}.", said.join(", "))
}

/// What ticking the box comes to.
pub(crate) fn changes(servers: &[ConsentServer]) -> String {
    let open: usize = servers.iter().map(|server| server.tools.open_changing).sum();
    let asking: usize = servers.iter().map(|server| server.tools.asking).sum();
    let means = "Call tools that write, run, delete or pay, where your policies allow it";
    let asks = match asking {
        0 => String::new(),
        1 => ", and one that asks a person first".to_owned(),
        many => format!(", and {many} that ask a person first"),
    };
    match open {
        0 if asking == 0 => format!("{means}: none at the moment. Without it, it only looks."),
        1 => format!("{means}: one at the moment{asks}. Without it, it only looks."),
        many => format!("{means}: {many} at the moment{asks}. Without it, it only looks."),
    }
}

/// How long it lasts.
pub(crate) fn life(scopes: Scopes) -> &'static str {
    if scopes.contains(Scope::OfflineAccess) {
        "It stays connected for at most 90 days, or until you disconnect it under “Connected apps”."
    } else {
        "It stays connected for ten minutes, and then has to ask you again."
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools_are_counted_by_what_becomes_of_their_calls() {
        let counts = ToolCounts { open_reading: 4, open_changing: 1, asking: 0, denied: 30 };
        assert_eq!(tools(&counts), "Its tools: 4 to look, 1 to change things, 30 denied.");
        assert_eq!(tools(&ToolCounts::default()), "Its tools have not been read yet.");
    }

    #[test]
    fn how_long_it_lasts_follows_from_what_was_asked_for() {
        assert!(life(Scopes::READ.with(Scope::OfflineAccess)).contains("90 days"));
        assert!(life(Scopes::READ).contains("ten minutes"));
    }
}
