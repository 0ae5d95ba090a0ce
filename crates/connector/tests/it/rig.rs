//! A connector under test, and what it reports.

use std::time::Duration;

use connector::{AllowList, ChildCommand, ConnectConfig, ConnectError, ConnectToken, Limits, Report, Target, Waits};
use domain::Entropy;
use tokio::{sync::mpsc, task::JoinHandle, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::{child, gateway::Gateway};

/// Long enough for anything on a busy machine; only a failing test ever waits for it.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub struct Connector {
    pub reports: mpsc::UnboundedReceiver<Report>,
    cancel: CancellationToken,
    task: JoinHandle<Result<(), ConnectError>>,
}

/// Limits with short waits.
pub fn limits() -> Limits {
    let waits = Waits { first: Duration::from_millis(5), longest: Duration::from_millis(50) };
    Limits {
        restart: waits,
        reconnect: waits,
        stop_grace: Duration::from_millis(500),
        cancel_grace: Duration::from_millis(50),
        silence: PATIENCE,
        ..Limits::default()
    }
}

/// A connector that carries the fixture child.
pub fn carry(gateway: &Gateway, limits: Limits) -> Connector {
    carry_child(gateway, limits, child::command("normal"))
}

pub fn carry_child(gateway: &Gateway, limits: Limits, command: ChildCommand) -> Connector {
    Connector::start(&gateway.token, Target::Child(command), limits, Vec::new())
}

impl Connector {
    pub fn start(token: &ConnectToken, target: Target, limits: Limits, extra_roots_pem: Vec<u8>) -> Self {
        let token = token.clone().into();
        let config = ConnectConfig { token, target, allow: AllowList::default(), limits, extra_roots_pem };
        Self::run(config)
    }

    pub fn run(config: ConnectConfig) -> Self {
        let (sender, reports) = mpsc::unbounded_channel();
        let cancel = CancellationToken::new();
        let run = connector::run(config, Entropy::seeded(7), cancel.clone(), move |report| {
            let _test_is_over = sender.send(report);
        });
        Self { reports, cancel, task: tokio::spawn(run) }
    }

    /// The next report that `wanted` picks something from; those before it are passed over.
    pub async fn wait_for<T>(&mut self, wanted: impl Fn(&Report) -> Option<T>) -> T {
        let mut passed = Vec::new();
        let found = timeout(PATIENCE, async {
            loop {
                let report = self.reports.recv().await?;
                if let Some(found) = wanted(&report) {
                    return Some(found);
                }
                passed.push(report);
            }
        });
        found.await.ok().flatten().unwrap_or_else(|| panic!("never reported; instead: {passed:#?}"))
    }

    pub async fn wait_for_line(&mut self, part: &str) -> String {
        self.wait_for(|report| Some(report.to_string()).filter(|line| line.contains(part))).await
    }

    /// Asks it to stop and waits until it has.
    pub async fn stop(self) -> Result<(), ConnectError> {
        self.cancel.cancel();
        self.ended().await
    }

    /// Waits until it ends by itself.
    pub async fn ended(self) -> Result<(), ConnectError> {
        timeout(PATIENCE, self.task).await.expect("ends in time").expect("does not panic")
    }
}
