//! What a connector is told: where to dial, what to carry, and its limits.

use std::{ffi::OsString, fmt, time::Duration};

use upstream::UpstreamUrl;

use crate::{allow::AllowList, token::TokenSource};

/// Everything [`run`](crate::run) needs to know.
#[derive(Clone, Debug)]
pub struct ConnectConfig {
    /// Where to dial and with which credential.
    pub token: TokenSource,
    /// What stands behind the tunnel.
    pub target: Target,
    /// What a URL may lead to.
    pub allow: AllowList,
    /// Limits and waiting times.
    pub limits: Limits,
    /// Certificate authorities trusted besides the web's when dialling the gateway or an `https` target, in PEM; empty
    /// for none.
    pub extra_roots_pem: Vec<u8>,
}

/// What a connector carries.
#[derive(Clone, Debug)]
pub enum Target {
    /// A program that speaks MCP on its standard input and output.
    Child(ChildCommand),
    /// A Streamable HTTP endpoint that only this machine can reach.
    Url(UpstreamUrl),
}

/// A program to run for each MCP session.
#[derive(Clone)]
pub struct ChildCommand {
    /// A path, or a name looked up in `PATH`.
    pub program: OsString,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// Variables set besides the inherited environment.
    pub env: Vec<(OsString, OsString)>,
}

/// Limits and waiting times; the defaults are what `portcullis connect` uses.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Sessions at a time, each with a process of its own; one more process waits as a spare, and one serves the stateless
    /// era if the program speaks it.
    pub max_sessions: usize,
    /// A session that is unused this long ends; one whose client listens on a stream is in use.
    pub idle: Duration,
    /// The longest message, from either side, in bytes.
    pub max_message_bytes: usize,
    /// The longest answer of a process, in bytes: one over 1 MiB waits in a file for its client.
    pub max_answer_bytes: usize,
    /// How long a request waits for a process that is being started again.
    pub restart_wait: Duration,
    /// How long a process that is started again may take to answer the replayed handshake.
    pub handshake: Duration,
    /// How long a process has to end by itself after its input was closed, and again after SIGTERM.
    pub stop_grace: Duration,
    /// How long a cancelled request may still be answered by the process.
    pub cancel_grace: Duration,
    /// How long a client may leave its stream unread before that stream is cut.
    pub slow_client: Duration,
    /// How long the gateway may say nothing at all, not even answer a ping, before it is taken for gone.
    pub silence: Duration,
    /// The waits between starts of a process that keeps ending.
    pub restart: Waits,
    /// The waits between attempts to reach the gateway.
    pub reconnect: Waits,
}

/// Waits that double from `first` to `longest`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waits {
    /// The first wait.
    pub first: Duration,
    /// No wait is longer.
    pub longest: Duration,
}

impl Target {
    /// What it is, for people: never arguments, which may hold secrets.
    #[must_use]
    pub(crate) fn about(&self) -> String {
        match self {
            Self::Child(command) => format!("stdio {}", command.name()),
            Self::Url(url) => format!("http {}", url.authority()),
        }
    }
}

impl ChildCommand {
    /// The program's file name.
    pub(crate) fn name(&self) -> String {
        let path = std::path::Path::new(&self.program);
        path.file_name().unwrap_or(&self.program).to_string_lossy().into_owned()
    }
}

/// Prints the program and nothing else: arguments and variables may be secrets.
impl fmt::Debug for ChildCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ChildCommand({})", self.name())
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_sessions: 16,
            idle: Duration::from_secs(30 * 60),
            max_message_bytes: 64 << 20,
            max_answer_bytes: 1 << 30,
            restart_wait: Duration::from_secs(20),
            handshake: Duration::from_secs(60),
            stop_grace: Duration::from_secs(2),
            cancel_grace: Duration::from_secs(5),
            slow_client: Duration::from_secs(10),
            silence: Duration::from_secs(15),
            restart: Waits { first: Duration::from_millis(500), longest: Duration::from_secs(30) },
            reconnect: Waits { first: Duration::from_millis(500), longest: Duration::from_secs(30) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_of_a_target_holds_no_arguments() {
        let command = ChildCommand {
            program: "/usr/bin/uvx".into(),
            args: vec!["--token=hunter2".into()],
            env: vec![("KEY".into(), "hunter2".into())],
        };
        assert_eq!(format!("{command:?}"), "ChildCommand(uvx)");
        assert_eq!(Target::Child(command).about(), "stdio uvx");
        let url = UpstreamUrl::parse("http://127.0.0.1:5001/secret/mcp").unwrap();
        assert_eq!(Target::Url(url).about(), "http 127.0.0.1:5001");
    }
}
