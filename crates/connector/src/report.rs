//! What a connector says it does: one plain line each. No tokens, arguments, results.

use std::{fmt, sync::Arc, time::Duration};

/// How much of one line of a process' own output is shown.
const SHOWN_LINE_CHARS: usize = 2_000;

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Report {
    /// The tunnel stands.
    Connected {
        /// The gateway.
        origin: String,
        /// `<account>/<server>`.
        server: String,
    },
    /// The token would travel, or travelled, in clear over a network.
    NotEncrypted {
        /// The gateway.
        origin: String,
    },
    /// The token was replaced in its file; the next dial is with the new one.
    NewToken,
    /// The token's file cannot be used now; the token stays as it was.
    TokenUnread {
        /// Why, in words.
        why: String,
    },
    /// There is no tunnel; the next attempt comes after this long.
    Reconnecting {
        /// Why there is none.
        why: String,
        /// Until the next attempt.
        after: Duration,
    },
    /// A process of the server was started.
    ChildStarted {
        /// Its process id.
        pid: u32,
    },
    /// A process of the server ended.
    ChildEnded {
        /// Its process id.
        pid: u32,
        /// How, in words.
        how: String,
    },
    /// A process will be started again.
    ChildRestarting {
        /// Until then.
        after: Duration,
    },
    /// A session goes on with a new process.
    SessionRevived {
        /// The new process.
        pid: u32,
    },
    /// A process could not be started.
    ChildFailed {
        /// Why, in words.
        why: String,
    },
    /// A client opened a session.
    SessionOpened {
        /// Sessions open now.
        open: usize,
    },
    /// A session ended.
    SessionEnded {
        /// Why, in words.
        why: &'static str,
        /// Sessions open now.
        open: usize,
    },
    /// The server listed its tools.
    Tools {
        /// How many, on this page of the list.
        count: usize,
    },
    /// A request was answered.
    Answered {
        /// The JSON-RPC method.
        method: String,
        /// The tool, for `tools/call`.
        tool: Option<String>,
        /// How it ended, in words.
        how: &'static str,
        /// From the request's arrival here to its answer.
        elapsed: Duration,
    },
    /// A line of the process' standard error.
    Stderr {
        /// The process.
        pid: u32,
        /// The line, without its end.
        line: String,
    },
    /// The process wrote something to its standard output that is no JSON-RPC message; it is left out.
    NotAMessage {
        /// The process.
        pid: u32,
        /// What is wrong with it.
        why: String,
    },
    /// Everything is being ended, as asked.
    Stopping,
}

/// Where reports go.
#[derive(Clone)]
pub(crate) struct Reporter(Arc<dyn Fn(Report) + Send + Sync>);

impl Reporter {
    pub(crate) fn new(report: impl Fn(Report) + Send + Sync + 'static) -> Self {
        Self(Arc::new(report))
    }

    pub(crate) fn say(&self, report: Report) {
        (self.0)(report);
    }
}

impl fmt::Debug for Reporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reporter")
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connected { origin, server } => write!(f, "connected to {origin} as {server}"),
            Self::NotEncrypted { origin } => {
                write!(f, "warning: {origin} is not https, so the token travels unencrypted")
            }
            Self::Reconnecting { why, after } => write!(f, "{}; reconnecting in {}", shown(why), Seconds(*after)),
            Self::NewToken => f.write_str("the token was replaced; dialling with the new one"),
            Self::TokenUnread { why } => write!(f, "{}; going on with the token as it was", shown(why)),
            Self::ChildStarted { pid } => write!(f, "server process {pid} started"),
            Self::ChildEnded { pid, how } => write!(f, "server process {pid} ended: {how}"),
            Self::ChildRestarting { after } => write!(f, "starting the server again in {}", Seconds(*after)),
            Self::SessionRevived { pid } => write!(f, "session goes on with server process {pid}"),
            Self::ChildFailed { why } => write!(f, "cannot start the server: {}", shown(why)),
            Self::SessionOpened { open } => write!(f, "session opened ({open} open)"),
            Self::SessionEnded { why, open } => write!(f, "session ended: {why} ({open} open)"),
            Self::Tools { count } => write!(f, "server lists {count} tools"),
            Self::Answered { method, tool, how, elapsed } => {
                let tool = tool.as_deref().map(|name| format!(" {}", shown(name))).unwrap_or_default();
                write!(f, "{}{tool}: {how} after {} ms", shown(method), elapsed.as_millis())
            }
            Self::Stderr { pid, line } => write!(f, "[server {pid}] {}", shown(line)),
            Self::NotAMessage { pid, why } => {
                write!(f, "server process {pid} wrote a line to its standard output that is no message: {}", shown(why))
            }
            Self::Stopping => f.write_str("stopping"),
        }
    }
}

struct Seconds(Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1} s", self.0.as_secs_f64())
    }
}

/// Text from elsewhere, fit for a terminal: control characters (escape sequences begin with one) are replaced.
fn shown(text: &str) -> String {
    let clean = |c: char| if c.is_control() && c != '\t' { '\u{fffd}' } else { c };
    text.chars().take(SHOWN_LINE_CHARS).map(clean).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_elsewhere_cannot_steer_the_terminal() {
        let line = Report::Stderr { pid: 7, line: "\u{1b}[2Jgone\rover".to_owned() }.to_string();
        assert_eq!(line, "[server 7] \u{fffd}[2Jgone\u{fffd}over");
        let call = Report::Answered {
            method: "tools/call".to_owned(),
            tool: Some("a\nconnected to evil".to_owned()),
            how: "answered",
            elapsed: Duration::from_millis(12),
        };
        assert_eq!(call.to_string(), "tools/call a\u{fffd}connected to evil: answered after 12 ms");
    }
}
