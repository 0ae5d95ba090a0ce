//! The life of a connector: what it carries is started first, then the tunnel is kept up until someone says stop.

use std::{io, sync::Arc, time::Duration};

use domain::{Entropy, tunnel};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    config::{ChildCommand, ConnectConfig, Target},
    dial::{Dial, DialError, Dialler},
    error::ConnectError,
    forward::Forward,
    report::{Report, Reporter},
    serve::{Endpoint, Serving, serve},
    stdio::{Bridge, Files, Shared},
    token::TokenSource,
    waits::Backoff,
    wire::{CloseNote, Closed, byte_stream},
};

/// A tunnel that stood this long was well: the next attempt comes after the shortest wait.
const WELL_AFTER: Duration = Duration::from_secs(10);
/// How long a killed process and those it started may take to go.
const AFTER_KILL: Duration = Duration::from_secs(5);
/// What is said of itself may have this many characters.
const ABOUT_CHARS: usize = 200;

/// Carries a server to the gateway until `cancel`; `report` is told what happens.
///
/// A gateway that cannot be reached, and a process that ends, are tried again for ever.
///
/// # Errors
/// [`ConnectError`], for what trying again cannot mend. Its text is one clear sentence.
pub async fn run(
    config: ConnectConfig,
    entropy: Entropy,
    cancel: CancellationToken,
    report: impl Fn(Report) + Send + Sync + 'static,
) -> Result<(), ConnectError> {
    let report = Reporter::new(report);
    let tasks = TaskTracker::new();
    let instance = domain::hex(&entropy.bytes::<16>());
    let dialler = Dialler { extra_roots_pem: config.extra_roots_pem.clone(), instance, about: about(&config.target) };
    let dial = Dial::new(config.token.read()?, &dialler)?;
    let endpoint = Arc::new(start(&config, &entropy, &report, &tasks)?);
    let (stop_grace, silence) = (config.limits.stop_grace, config.limits.silence);
    let backoff = Backoff::new(config.limits.reconnect);
    let serving = Serving { endpoint: Arc::clone(&endpoint), tasks: tasks.clone(), silence, stop: cancel };
    let tunnel = Tunnel { source: config.token, dialler, serving, entropy, report };
    let ended = tunnel.keep(dial, backoff).await;
    endpoint.stop();
    tasks.close();
    // A process that is asked to end, told to, and killed is gone by then; if not, it is killed when it is dropped.
    let _killed = timeout(stop_grace * 2 + AFTER_KILL, tasks.wait()).await;
    ended
}

fn about(target: &Target) -> String {
    let about = format!("portcullis/{} {}", env!("CARGO_PKG_VERSION"), target.about());
    about.chars().map(|c| if matches!(c, ' '..='~') { c } else { '?' }).take(ABOUT_CHARS).collect()
}

fn start(
    config: &ConnectConfig,
    entropy: &Entropy,
    report: &Reporter,
    tasks: &TaskTracker,
) -> Result<Endpoint, ConnectError> {
    let limits = config.limits.clone();
    match &config.target {
        Target::Url(url) => Forward::new(url, config, report.clone()).map(|forward| Endpoint::Url(Box::new(forward))),
        Target::Child(command) => {
            let shared = Shared {
                command: command.clone(),
                limits,
                report: report.clone(),
                tasks: tasks.clone(),
                files: Files::default(),
            };
            let bridge = Bridge::start(shared, entropy.clone()).map_err(|error| cannot_run(command, error))?;
            Ok(Endpoint::Stdio(bridge))
        }
    }
}

fn cannot_run(command: &ChildCommand, reason: io::Error) -> ConnectError {
    let program = command.program.clone();
    match reason.kind() {
        io::ErrorKind::NotFound => ConnectError::MissingProgram { program },
        _ => ConnectError::UnusableProgram { program, reason },
    }
}

struct Tunnel {
    source: TokenSource,
    dialler: Dialler,
    serving: Serving,
    entropy: Entropy,
    report: Reporter,
}

/// How one tunnel, or the attempt at one, ended.
enum Ended {
    /// The gateway does not accept the token (any more).
    Refused,
    /// Anything else, and how long the tunnel stood.
    Broke { why: String, stood: Duration },
    /// Someone said stop.
    Stopped,
}

impl Tunnel {
    async fn keep(&self, mut dial: Dial, mut backoff: Backoff) -> Result<(), ConnectError> {
        if dial.is_exposed() {
            self.report.say(Report::NotEncrypted { origin: dial.origin().to_owned() });
        }
        loop {
            let ended = self.once(&dial).await;
            let renewed = self.renewed(&dial)?;
            match (ended, renewed.is_some()) {
                (Ended::Stopped, _) => return self.stopped(),
                (Ended::Refused, false) => return Err(refused(&dial)),
                (Ended::Refused, true) => {}
                (Ended::Broke { why, stood }, _) => {
                    if stood >= WELL_AFTER {
                        backoff.reset();
                    }
                    let after = backoff.scattered_wait(&self.entropy);
                    self.report.say(Report::Reconnecting { why, after });
                    if self.serving.stop.run_until_cancelled(sleep(after)).await.is_none() {
                        return self.stopped();
                    }
                }
            }
            if let Some(renewed) = renewed {
                self.report.say(Report::NewToken);
                dial = renewed;
            }
        }
    }

    /// With the token that is in the file now, if it is another.
    fn renewed(&self, dial: &Dial) -> Result<Option<Dial>, ConnectError> {
        match self.source.read() {
            Ok(token) if dial.shows(&token) => Ok(None),
            Ok(token) => Dial::new(token, &self.dialler).map(Some),
            Err(error) => {
                self.report.say(Report::TokenUnread { why: error.to_string() });
                Ok(None)
            }
        }
    }

    /// One attempt, and one tunnel if it succeeds.
    async fn once(&self, dial: &Dial) -> Ended {
        let socket = match self.serving.stop.run_until_cancelled(dial.dial()).await {
            None => return Ended::Stopped,
            Some(Err(DialError::Refused)) => return Ended::Refused,
            Some(Err(error)) => return Ended::Broke { why: error.to_string(), stood: Duration::ZERO },
            Some(Ok(socket)) => socket,
        };
        let (since, note) = (Instant::now(), CloseNote::default());
        self.report.say(Report::Connected { origin: dial.origin().to_owned(), server: dial.server() });
        let ended = serve(byte_stream(socket, note.clone(), self.serving.silence), &self.serving).await;
        if self.serving.stop.is_cancelled() {
            return Ended::Stopped;
        }
        let why = match (note.get(), ended) {
            (Some(Closed { code: tunnel::CLOSE_REFUSED, .. }), _) => return Ended::Refused,
            (Some(Closed { reason, .. }), _) if !reason.is_empty() => format!("the gateway closed: {reason}"),
            (_, Err(error)) => format!("the connection broke: {error}"),
            (_, Ok(())) => "the gateway closed the connection".to_owned(),
        };
        Ended::Broke { why, stood: since.elapsed() }
    }

    fn stopped(&self) -> Result<(), ConnectError> {
        self.report.say(Report::Stopping);
        Ok(())
    }
}

fn refused(dial: &Dial) -> ConnectError {
    ConnectError::TokenRefused { origin: dial.origin().to_owned() }
}
