//! The life of a connector: what it carries is started first, then the tunnel is kept up until someone says stop.

use std::{io, sync::Arc, time::Duration};

use domain::{Entropy, tunnel};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    config::{ChildCommand, ConnectConfig, Target},
    dial::{Dial, DialError},
    error::ConnectError,
    forward::Forward,
    report::{Report, Reporter},
    serve::{Endpoint, Serving, serve},
    stdio::{Bridge, Shared},
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
    let instance = entropy.bytes::<16>().iter().map(|byte| format!("{byte:02x}")).collect();
    let dial = Dial::new(config.token.clone(), &config.extra_roots_pem, instance, about(&config.target))?;
    let endpoint = Arc::new(start(&config, &entropy, &report, &tasks)?);
    let (stop_grace, silence) = (config.limits.stop_grace, config.limits.silence);
    let backoff = Backoff::new(config.limits.reconnect);
    let serving = Serving { endpoint: Arc::clone(&endpoint), tasks: tasks.clone(), silence, stop: cancel };
    let tunnel = Tunnel { dial, serving, entropy, report };
    let ended = tunnel.keep(backoff).await;
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
        Target::Url(url) => {
            let bytes = limits.max_message_bytes;
            Forward::new(url, &config.extra_roots_pem, bytes, report.clone())
                .map(|forward| Endpoint::Url(Box::new(forward)))
        }
        Target::Child(command) => {
            let shared = Shared { command: command.clone(), limits, report: report.clone(), tasks: tasks.clone() };
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
    dial: Dial,
    serving: Serving,
    entropy: Entropy,
    report: Reporter,
}

impl Tunnel {
    async fn keep(&self, mut backoff: Backoff) -> Result<(), ConnectError> {
        if self.dial.is_exposed() {
            self.report.say(Report::NotEncrypted { origin: self.dial.origin().to_owned() });
        }
        loop {
            let why = match self.serving.stop.run_until_cancelled(self.dial.dial()).await {
                None => return self.stopped(),
                Some(Err(DialError::Refused)) => return Err(self.refused()),
                Some(Err(error)) => error.to_string(),
                Some(Ok(socket)) => {
                    let since = Instant::now();
                    let note = CloseNote::default();
                    let why = self.serve(byte_stream(socket, note.clone(), self.serving.silence), &note).await?;
                    if since.elapsed() >= WELL_AFTER {
                        backoff.reset();
                    }
                    why
                }
            };
            if self.serving.stop.is_cancelled() {
                return self.stopped();
            }
            let after = backoff.scattered_wait(&self.entropy);
            self.report.say(Report::Reconnecting { why, after });
            if self.serving.stop.run_until_cancelled(sleep(after)).await.is_none() {
                return self.stopped();
            }
        }
    }

    /// Serves one tunnel to its end; why it ended, in words.
    async fn serve(
        &self,
        io: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
        note: &CloseNote,
    ) -> Result<String, ConnectError> {
        let (origin, server) = (self.dial.origin().to_owned(), self.dial.server());
        self.report.say(Report::Connected { origin, server });
        let ended = serve(io, &self.serving).await;
        match (note.get(), ended) {
            (Some(Closed { code: tunnel::CLOSE_REFUSED, .. }), _) => Err(self.refused()),
            (Some(Closed { reason, .. }), _) if !reason.is_empty() => Ok(format!("the gateway closed: {reason}")),
            (_, Err(error)) => Ok(format!("the connection broke: {error}")),
            (_, Ok(())) => Ok("the gateway closed the connection".to_owned()),
        }
    }

    fn stopped(&self) -> Result<(), ConnectError> {
        self.report.say(Report::Stopping);
        Ok(())
    }

    fn refused(&self) -> ConnectError {
        ConnectError::TokenRefused { origin: self.dial.origin().to_owned() }
    }
}
