//! One process of a server: its lines in and out, and its end.
//!
//! Invariant: a [`Child`] that is dropped is stopped (input closed, then SIGTERM, then SIGKILL, to its whole process
//! group), and [`Lines::next`] gives every whole line the process wrote before it gives `None`.

use std::{
    io,
    process::{ExitStatus, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{
    io::{AsyncWriteExt as _, BufReader},
    process::{ChildStderr, ChildStdin, ChildStdout, Command},
    sync::{mpsc, watch},
    task::JoinHandle,
    time::timeout,
};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    Shared,
    filed::{self, Large},
    lines::{self, Read},
};
use crate::report::Report;

/// Lines of the process waiting to be looked at.
const LINES_WAITING: usize = 4;
/// Messages waiting to be read by the process, and how many bytes they may have together besides the last one.
const INPUT_WAITING: usize = 256;
const INPUT_WAITING_BYTES: usize = 64 << 20;
/// How long a descendant may keep the output open after the process itself has ended.
const OUTPUT_GRACE: Duration = Duration::from_secs(1);
/// How long the exit status may come after the end of the output: at once, but on a machine that has no time for it. Only a
/// process that goes on without its output is waited for so long.
const STATUS_GRACE: Duration = Duration::from_secs(5);
const STDERR_LINE_BYTES: usize = 16 << 10;

/// A process that runs, or ran until just now.
#[derive(Debug)]
pub(crate) struct Child {
    pid: u32,
    input: mpsc::Sender<Bytes>,
    waiting_bytes: Arc<AtomicUsize>,
    lines: mpsc::Receiver<Line>,
    ended: watch::Receiver<Option<String>>,
    _stop_when_dropped: DropGuard,
}

/// What comes out of a process.
#[derive(Debug)]
pub(crate) enum Line {
    /// A line, without its end.
    Whole(Bytes),
    /// An answer that is too large to be held.
    Large(Large),
    /// A long line that is no message.
    Unreadable,
    /// A line over the limit; the process is of no more use.
    TooLong,
}

/// The process does not read its input, or has closed it.
#[derive(Debug)]
pub(crate) struct NotReading;

impl Child {
    /// Starts a process.
    pub(crate) fn start(shared: &Arc<Shared>) -> io::Result<Self> {
        let mut process = command(shared).spawn()?;
        let pid = process.id().unwrap_or_default();
        shared.report.say(Report::ChildStarted { pid });
        let (input, queue) = mpsc::channel(INPUT_WAITING);
        let (line_sender, lines) = mpsc::channel(LINES_WAITING);
        let (ended_sender, ended) = watch::channel(None);
        let waiting_bytes = Arc::new(AtomicUsize::new(0));
        let stop = CancellationToken::new();
        let (stdin, stdout, stderr) = (process.stdin.take(), process.stdout.take(), process.stderr.take());
        if let Some(stdin) = stdin {
            let write = write_input(stdin, queue, Arc::clone(&waiting_bytes));
            shared.tasks.spawn(stop.clone().run_until_cancelled_owned(write));
        }
        if let Some(stderr) = stderr {
            shared.tasks.spawn(show_stderr(stderr, pid, Arc::clone(shared)));
        }
        let reader = stdout.map(|stdout| shared.tasks.spawn(read_output(stdout, Arc::clone(shared), line_sender)));
        let keeper = Keeper { process, pid, reader, stop: stop.clone(), shared: Arc::clone(shared) };
        shared.tasks.spawn(keeper.keep(ended_sender));
        Ok(Self { pid, input, waiting_bytes, lines, ended, _stop_when_dropped: stop.drop_guard() })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// Hands over one line. It is on its way to the process when this returns.
    pub(crate) fn write(&self, line: Bytes) -> Result<(), NotReading> {
        let waiting = self.waiting_bytes.load(Ordering::Relaxed);
        if waiting > INPUT_WAITING_BYTES {
            return Err(NotReading);
        }
        let length = line.len();
        self.input.try_send(line).map_err(|_| NotReading)?;
        self.waiting_bytes.fetch_add(length, Ordering::Relaxed);
        Ok(())
    }

    /// The next line; `None` once the process has ended or closed its output. Can be cancelled without loss.
    pub(crate) async fn next_line(&mut self) -> Option<Line> {
        self.lines.recv().await
    }

    /// Whether the process is known to have ended.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended.borrow().is_some()
    }

    /// Waits for the end of the process; in words.
    pub(crate) async fn ended(&mut self) -> String {
        let end = self.ended.wait_for(Option::is_some).await;
        end.ok().and_then(|end| end.clone()).unwrap_or_else(|| "unknown".to_owned())
    }

    /// How the process ended, which its output says it did; `otherwise` when the status does not come.
    pub(crate) async fn end_in_words(&mut self, otherwise: &str) -> String {
        timeout(STATUS_GRACE, self.ended()).await.unwrap_or_else(|_| otherwise.to_owned())
    }
}

fn command(shared: &Shared) -> Command {
    let child = &shared.command;
    let mut command = Command::new(&child.program);
    command.args(&child.args).envs(child.env.iter().map(|(name, value)| (name, value)));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    // Its own group: Ctrl-C in the terminal reaches only us, and a launcher's own children are stopped with it.
    command.process_group(0);
    command
}

async fn write_input(mut stdin: ChildStdin, mut queue: mpsc::Receiver<Bytes>, waiting_bytes: Arc<AtomicUsize>) {
    while let Some(line) = queue.recv().await {
        let written = async {
            stdin.write_all(&line).await?;
            stdin.write_all(b"\n").await?;
            stdin.flush().await
        };
        // A failure means that the process closed its input; its end is noticed elsewhere.
        if written.await.is_err() {
            return;
        }
        waiting_bytes.fetch_sub(line.len(), Ordering::Relaxed);
    }
}

async fn read_output(stdout: ChildStdout, shared: Arc<Shared>, lines: mpsc::Sender<Line>) {
    let mut reader = BufReader::with_capacity(64 << 10, stdout);
    loop {
        let line = match next_line(&mut reader, &shared).await {
            Ok(Some(Line::Whole(line))) if line.trim_ascii().is_empty() => continue,
            Ok(Some(line)) => line,
            Err(error) if error.kind() == io::ErrorKind::FileTooLarge => Line::TooLong,
            Ok(None) | Err(_) => return,
        };
        let last = matches!(line, Line::TooLong);
        if lines.send(line).await.is_err() || last {
            return;
        }
    }
}

async fn next_line(reader: &mut BufReader<ChildStdout>, shared: &Shared) -> io::Result<Option<Line>> {
    let limits = &shared.limits;
    match lines::read_line(reader, filed::HELD.min(limits.max_message_bytes)).await? {
        Some(Read::Line(line)) => Ok(Some(Line::Whole(line))),
        Some(Read::Start(start)) => shared.files.read(reader, start, limits).await,
        None => Ok(None),
    }
}

async fn show_stderr(stderr: ChildStderr, pid: u32, shared: Arc<Shared>) {
    let mut reader = BufReader::new(stderr);
    while let Ok(Some(line)) = lines::read_piece(&mut reader, STDERR_LINE_BYTES).await {
        let line = String::from_utf8_lossy(&line).trim_end().to_owned();
        if !line.is_empty() {
            shared.report.say(Report::Stderr { pid, line });
        }
    }
}

/// Waits for the end of a process and brings it about when asked.
struct Keeper {
    process: tokio::process::Child,
    pid: u32,
    reader: Option<JoinHandle<()>>,
    stop: CancellationToken,
    shared: Arc<Shared>,
}

impl Keeper {
    async fn keep(mut self, ended: watch::Sender<Option<String>>) {
        let asked = tokio::select! {
            () = self.stop.cancelled() => true,
            _ = self.process.wait() => false,
        };
        let status = if asked { self.end().await } else { self.process.wait().await };
        let how = if asked { "stopped".to_owned() } else { in_words(status) };
        self.shared.report.say(Report::ChildEnded { pid: self.pid, how: how.clone() });
        if let Some(mut reader) = self.reader.take()
            && timeout(OUTPUT_GRACE, &mut reader).await.is_err()
        {
            // A descendant holds the output open; nobody is left to answer through it.
            self.signal(Signal::KILL);
            reader.abort();
        }
        ended.send_replace(Some(how));
    }

    /// The order that MCP gives for stdio: close the input, wait, SIGTERM, wait, SIGKILL. The input is closed by the
    /// writer's end, which the same token brings about.
    async fn end(&mut self) -> io::Result<ExitStatus> {
        let grace = self.shared.limits.stop_grace;
        if let Ok(status) = timeout(grace, self.process.wait()).await {
            return status;
        }
        self.signal(Signal::TERM);
        if let Ok(status) = timeout(grace, self.process.wait()).await {
            return status;
        }
        self.signal(Signal::KILL);
        self.process.wait().await
    }

    /// To the whole group. A group that is gone already is as good.
    fn signal(&self, signal: Signal) {
        if let Some(group) = i32::try_from(self.pid).ok().and_then(Pid::from_raw) {
            let _gone = kill_process_group(group, signal);
        }
    }
}

fn in_words(status: io::Result<ExitStatus>) -> String {
    match status {
        Ok(status) => status.to_string(),
        Err(error) => format!("its status could not be read: {error}"),
    }
}
