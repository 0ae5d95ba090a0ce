//! The server process: starting it, noticing when it is ready, stopping it, and ending one that was left behind.

use std::{
    fs::{self, File},
    io::{self, Read as _, Seek as _, SeekFrom},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use tokio::sync::watch;

use super::{ClusterError, SyncToDisk, folder::Folder, os_user::OsUser, programs::Programs};

/// There is no TCP listener; the number is only part of the socket's name.
pub(super) const PORT: u16 = 5432;

const POLL: Duration = Duration::from_millis(10);
const READY_LIMIT: Duration = Duration::from_secs(120);
const LEFTOVER_LIMIT: Duration = Duration::from_secs(20);
const LOG_LIMIT_BYTES: u64 = 10 * 1024 * 1024;

/// A running server.
#[derive(Debug)]
pub(super) struct Postmaster {
    pid: Pid,
    ended: watch::Receiver<bool>,
}

/// What is needed to start one.
#[derive(Debug)]
pub(super) struct StartOptions<'a> {
    pub(super) folder: &'a Folder,
    pub(super) programs: &'a Programs,
    pub(super) user: &'a OsUser,
    pub(super) socket: &'a Path,
    pub(super) sync: SyncToDisk,
}

impl Postmaster {
    /// Starts the server and waits until it takes connections.
    pub(super) fn start(options: &StartOptions<'_>) -> Result<Self, ClusterError> {
        let log = open_log(&options.folder.log())?;
        let postmaster = Self::spawn(command(options, log)?, &options.folder.log())?;
        postmaster.wait_ready(options.folder)?;
        Ok(postmaster)
    }

    /// Asks for a fast shutdown and waits for the end.
    pub(super) async fn stop(&mut self, limit: Duration) -> Result<(), ClusterError> {
        signal(self.pid, Signal::INT);
        let ended = tokio::time::timeout(limit, self.ended.wait_for(|ended| *ended)).await;
        ended.map(|_| ()).map_err(|_| ClusterError::Stop(self.pid.as_raw_nonzero().get()))
    }

    /// The kernel sends the server its parent-death signal when the *thread* that started it ends, so one thread is given
    /// to it for its whole life.
    fn spawn(mut command: Command, log: &Path) -> Result<Self, ClusterError> {
        let failed = |error: io::Error| ClusterError::Start { reason: error.to_string(), log: log.to_owned() };
        let (ended_tx, ended) = watch::channel(false);
        let (pid_tx, pid_rx) = std::sync::mpsc::sync_channel(1);
        let keeper = move || {
            let child = command.spawn();
            let waits = pid_tx.send(child.as_ref().map(Child::id).map_err(|e| io::Error::from(e.kind())));
            if let (Ok(mut child), Ok(())) = (child, waits) {
                // An error means that there is nothing left to wait for.
                let _ = child.wait();
            }
            // Nobody listening means that nobody waits.
            let _ = ended_tx.send(true);
        };
        thread::Builder::new().name("postgres-keeper".to_owned()).spawn(keeper).map_err(failed)?;
        let id = pid_rx.recv().map_err(|_| ClusterError::Interrupted)?.map_err(failed)?;
        let pid = i32::try_from(id).ok().and_then(Pid::from_raw).ok_or(ClusterError::Interrupted)?;
        Ok(Self { pid, ended })
    }

    fn wait_ready(&self, folder: &Folder) -> Result<(), ClusterError> {
        let status = folder.data().join("postmaster.pid");
        for _ in 0..polls(READY_LIMIT) {
            if *self.ended.borrow() {
                return Err(ClusterError::Start { reason: last_words(&folder.log()), log: folder.log() });
            }
            let state = fs::read_to_string(&status).ok().and_then(|text| PidFile::parse(&text));
            if state.is_some_and(|state| state.pid == Some(self.pid) && state.ready) {
                return Ok(());
            }
            thread::sleep(POLL);
        }
        signal(self.pid, Signal::INT);
        let reason = format!("it was not ready within {} seconds", READY_LIMIT.as_secs());
        Err(ClusterError::Start { reason, log: folder.log() })
    }
}

impl Drop for Postmaster {
    fn drop(&mut self) {
        if !*self.ended.borrow() {
            signal(self.pid, Signal::INT);
        }
    }
}

/// Ends a server that a killed process left behind. We hold the folder's lock, so no living process of ours uses it.
pub(super) fn end_leftover(folder: &Folder) -> Result<(), ClusterError> {
    let path = folder.data().join("postmaster.pid");
    let Ok(text) = fs::read_to_string(&path) else { return Ok(()) };
    let Some(pid) = PidFile::parse(&text).and_then(|state| state.pid) else { return Ok(()) };
    if serves(pid, &folder.data()) {
        tracing::info!(pid = pid.as_raw_nonzero().get(), "ending the database server that an earlier run left behind");
        end(pid, &folder.data(), &[Signal::INT, Signal::QUIT])?;
    }
    // Those of a server that was itself killed end as soon as they notice, which one with much to do may not for long; before
    // the last of them no other server starts.
    for orphan in processes().filter(|process| serves(*process, &folder.data())) {
        end(orphan, &folder.data(), &[Signal::KILL])?;
    }
    // Left by a server that was killed. Its number may belong to another process by now (after a reboot, in a
    // container), which would keep the new server from starting.
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(ClusterError::folder("remove", path)(error)),
        _ => Ok(()),
    }
}

/// Every process there is, where the system tells.
fn processes() -> impl Iterator<Item = Pid> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok().and_then(Pid::from_raw))
}

fn end(pid: Pid, data: &Path, ways: &[Signal]) -> Result<(), ClusterError> {
    for how in ways {
        signal(pid, *how);
        for _ in 0..polls(LEFTOVER_LIMIT) {
            if !serves(pid, data) {
                return Ok(());
            }
            thread::sleep(POLL);
        }
    }
    Err(ClusterError::Stop(pid.as_raw_nonzero().get()))
}

/// Whether that process is a server of this very cluster, or one of its sessions: they work in its data folder, as the shell
/// of somebody who looks around there does.
fn serves(pid: Pid, data: &Path) -> bool {
    let process = PathBuf::from(format!("/proc/{}", pid.as_raw_nonzero()));
    if test_kill_process(pid).is_err()
        || fs::read_to_string(process.join("comm")).is_ok_and(|name| name != "postgres\n")
    {
        return false;
    }
    match fs::read_link(process.join("cwd")) {
        Ok(cwd) => fs::canonicalize(data).is_ok_and(|data| cwd == data),
        // Another user's process, or one that is just ending: not a server that we could have started.
        Err(_) => false,
    }
}

#[derive(Debug, PartialEq, Eq)]
struct PidFile {
    pid: Option<Pid>,
    ready: bool,
}

impl PidFile {
    /// Line 1 is the process, line 8 its state.
    fn parse(text: &str) -> Option<Self> {
        let pid = text.lines().next()?.trim().parse().ok().and_then(Pid::from_raw);
        let ready = text.lines().nth(7).is_some_and(|state| state.trim() == "ready");
        Some(Self { pid, ready })
    }
}

fn command(options: &StartOptions<'_>, log: File) -> Result<Command, ClusterError> {
    let errors = log.try_clone().map_err(ClusterError::folder("write to", options.folder.log()))?;
    let mut command = match setpriv() {
        Some(setpriv) => {
            let mut command = Command::new(setpriv);
            command.env_clear().env("LC_ALL", "C").env("PATH", "/usr/bin:/bin").current_dir("/");
            command.args(["--pdeathsig", "INT"]).args(options.user.setpriv_arguments());
            command.arg("--").arg(&options.programs.postgres);
            command
        }
        None => options.user.command(&options.programs.postgres),
    };
    command.arg("-D").arg(options.folder.data());
    for setting in settings(options) {
        command.arg("-c").arg(setting);
    }
    command.stdin(Stdio::null()).stdout(log).stderr(errors).process_group(0);
    Ok(command)
}

fn settings(options: &StartOptions<'_>) -> Vec<String> {
    let socket = options.socket.display().to_string().replace('"', "\"\"");
    let mut settings = vec![
        "listen_addresses=".to_owned(),
        format!("port={PORT}"),
        format!("unix_socket_directories=\"{socket}\""),
        "unix_socket_permissions=0700".to_owned(),
        "max_connections=100".to_owned(),
        "shared_buffers=64MB".to_owned(),
        "max_wal_size=256MB".to_owned(),
        // Parallel workers want more of /dev/shm than containers give.
        "max_parallel_workers_per_gather=0".to_owned(),
        "timezone=UTC".to_owned(),
        "log_timezone=UTC".to_owned(),
        // The log must not hold what people typed.
        "log_min_error_statement=panic".to_owned(),
        "log_error_verbosity=terse".to_owned(),
    ];
    if options.sync == SyncToDisk::NeverForTests {
        settings.extend(
            ["fsync=off", "synchronous_commit=off", "full_page_writes=off", "autovacuum=off"].map(str::to_owned),
        );
    }
    settings
}

/// A `setpriv` that can set the parent-death signal (util-linux can, busybox cannot).
fn setpriv() -> Option<PathBuf> {
    let places = ["/usr/bin/setpriv", "/bin/setpriv"].map(PathBuf::from);
    places.into_iter().find(|path| {
        let help = Command::new(path).arg("--help").stdin(Stdio::null()).output();
        help.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains("--pdeathsig"))
    })
}

fn open_log(path: &Path) -> Result<File, ClusterError> {
    let long = fs::metadata(path).is_ok_and(|meta| meta.len() > LOG_LIMIT_BYTES);
    if long {
        fs::remove_file(path).map_err(ClusterError::folder("remove", path))?;
    }
    File::options().create(true).append(true).open(path).map_err(ClusterError::folder("write to", path))
}

/// The last lines of the log that say something went wrong, cut to 2 kB.
fn last_words(log: &Path) -> String {
    let mut text = String::new();
    let read = File::open(log).and_then(|mut file| {
        let end = file.metadata()?.len();
        file.seek(SeekFrom::Start(end.saturating_sub(2048)))?;
        file.read_to_string(&mut text)
    });
    let told: Vec<&str> = text
        .lines()
        .filter_map(|line| line.split_once("FATAL:").or_else(|| line.split_once("PANIC:")))
        .map(|(_, words)| words.trim())
        .collect();
    match (read, told.last()) {
        (Ok(_), Some(words)) => (*words).to_owned(),
        _ => "it ended at once".to_owned(),
    }
}

fn signal(pid: Pid, signal: Signal) {
    // A process that is gone needs no signal; one of another user is not ours to end.
    let _ = kill_process(pid, signal);
}

fn polls(limit: Duration) -> u128 {
    limit.as_millis() / POLL.as_millis()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_is_on_line_eight() {
        let text = "4711\n/data\n1700000000\n5432\n/socket\n\n  1 2\nready   \n";
        assert_eq!(PidFile::parse(text), Some(PidFile { pid: Pid::from_raw(4711), ready: true }));
        assert_eq!(PidFile::parse("4711\n/data\n"), Some(PidFile { pid: Pid::from_raw(4711), ready: false }));
        assert_eq!(PidFile::parse(""), None);
    }

    #[test]
    fn another_process_with_the_number_is_not_a_server_of_ours() {
        let own = Pid::from_raw(i32::try_from(std::process::id()).unwrap()).unwrap();
        assert!(!serves(own, Path::new("/usr/lib")));
    }
}
