//! One process started ahead, so that a session begins without waiting for a program to load.

use std::{io, sync::Arc};

use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::{Shared, child::Child};
use crate::{report::Report, waits::Backoff};

const WANTS_WAITING: usize = 64;

/// Gives processes that nobody has used.
#[derive(Clone, Debug)]
pub(crate) struct Spares {
    wants: mpsc::Sender<oneshot::Sender<io::Result<Child>>>,
}

/// The task that keeps the spare.
struct Keeper {
    shared: Arc<Shared>,
    spare: Option<Child>,
    next_start: Instant,
    backoff: Backoff,
}

impl Spares {
    /// Keeps `first`, and a new one whenever it was taken or ended, until `stop`.
    pub(crate) fn keep(shared: &Arc<Shared>, first: Child, stop: CancellationToken) -> Self {
        let (wants, asked) = mpsc::channel(WANTS_WAITING);
        let keeper = Keeper {
            shared: Arc::clone(shared),
            spare: Some(first),
            next_start: Instant::now(),
            backoff: Backoff::new(shared.limits.restart),
        };
        shared.tasks.spawn(stop.run_until_cancelled_owned(keeper.run(asked)));
        Self { wants }
    }

    /// The spare, or a process started now.
    ///
    /// # Errors
    /// What starting it gave.
    pub(crate) async fn take(&self) -> io::Result<Child> {
        let (reply, answer) = oneshot::channel();
        let stopping = || io::Error::other("the connector is stopping");
        self.wants.send(reply).await.map_err(|_| stopping())?;
        answer.await.map_err(|_| stopping())?
    }
}

impl Keeper {
    async fn run(mut self, mut asked: mpsc::Receiver<oneshot::Sender<io::Result<Child>>>) {
        loop {
            tokio::select! {
                want = asked.recv() => match want {
                    Some(reply) => self.give(reply),
                    None => return,
                },
                () = end_of(&mut self.spare) => self.lost(),
                () = sleep_until(self.next_start), if self.spare.is_none() => self.refill(),
            }
        }
    }

    fn give(&mut self, reply: oneshot::Sender<io::Result<Child>>) {
        let child = self.spare.take().filter(|spare| !spare.has_ended()).map_or_else(|| Child::start(&self.shared), Ok);
        if child.is_ok() {
            self.next_start = self.next_start.max(Instant::now());
        }
        // Whoever asked and went away drops the process, which ends it.
        let _gone = reply.send(child);
    }

    fn refill(&mut self) {
        match Child::start(&self.shared) {
            Ok(child) => self.spare = Some(child),
            Err(error) => {
                self.shared.report.say(Report::ChildFailed { why: error.to_string() });
                self.lost();
            }
        }
    }

    /// The spare ended before anyone used it.
    fn lost(&mut self) {
        self.spare = None;
        let after = self.backoff.wait();
        self.shared.report.say(Report::ChildRestarting { after });
        self.next_start = Instant::now() + after;
    }
}

async fn end_of(spare: &mut Option<Child>) {
    match spare {
        Some(child) => drop(child.ended().await),
        None => std::future::pending().await,
    }
}
