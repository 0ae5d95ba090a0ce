//! Real processes of the product and its stores, on loopback, in folders of their own; all end with the test.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};

/// The product's binary, as this test run built it.
pub const PORTCULLIS: &str = env!("CARGO_BIN_EXE_portcullis");

/// The longest that anything may take before a test fails instead of waiting on. Longer than the product waits itself, which
/// gives its PostgreSQL two minutes to come up.
pub const PATIENCE: Duration = Duration::from_secs(180);
/// Ports below those that systems hand out by themselves, to whoever listens on any or connects to somewhere: what stops
/// listening on one of these finds it free again.
const PORTS: std::ops::Range<u32> = 20_000..32_000;

/// A folder that goes with its owner. World-readable: the private PostgreSQL runs as another user when the test is root.
#[derive(Debug)]
pub struct Folder(PathBuf);

/// A running program. Dropping it kills it.
#[derive(Debug)]
pub struct Running {
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Folder {
    pub fn new(name: &str) -> anyhow::Result<Self> {
        let path = std::env::temp_dir().join(format!("portcullis-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path)?;
        Ok(Self(path))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl Running {
    pub fn start(program: &str, args: &[&str], env: &[(&str, &str)]) -> anyhow::Result<Self> {
        let mut child = Command::new(program)
            .args(args)
            .env_remove("DATABASE_URL")
            .env_remove("REDIS_URL")
            .envs(env.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {program}; deploy/setup.sh test installs it"))?;
        let lines = Arc::new(Mutex::new(Vec::new()));
        for stream in [child.stdout.take().map(into_reader), child.stderr.take().map(into_reader)].into_iter().flatten()
        {
            let lines = Arc::clone(&lines);
            thread::spawn(move || {
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    lines.lock().expect("the lines").push(line);
                }
            });
        }
        Ok(Self { child, lines })
    }

    /// Waits until the program has printed a line with this text; the line.
    pub fn line_with(&self, text: &str) -> anyhow::Result<String> {
        let start = Instant::now();
        loop {
            if let Some(line) = self.lines.lock().expect("the lines").iter().find(|l| l.contains(text)) {
                return Ok(line.clone());
            }
            ensure!(start.elapsed() < PATIENCE, "never said {text:?}; said: {}", self.said());
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// The most memory that it ever had, in MB.
    pub fn peak_mb(&self) -> anyhow::Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("its memory")?;
        Ok(line.trim().trim_end_matches(" kB").parse::<f64>()? / 1024.0)
    }

    /// Everything it has printed.
    pub fn said(&self) -> String {
        self.lines.lock().expect("the lines").join("\n")
    }

    /// Sends a signal by name (`TERM`, `KILL`, `STOP`).
    pub fn signal(&self, name: &str) -> anyhow::Result<()> {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status()?;
        ensure!(sent.success(), "could not send {name}");
        Ok(())
    }

    /// Waits for the end; the exit code, none when a signal ended it.
    pub fn wait(&mut self) -> anyhow::Result<Option<i32>> {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status.code());
            }
            ensure!(start.elapsed() < PATIENCE, "does not end; said: {}", self.said());
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Asks for a clean stop and waits for it.
    pub fn stop(mut self) -> anyhow::Result<Option<i32>> {
        self.signal("TERM")?;
        self.wait()
    }

    /// Ends it at once, as a crash would.
    pub fn kill(mut self) -> anyhow::Result<()> {
        self.signal("KILL")?;
        self.wait().map(|_| ())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn into_reader(stream: impl std::io::Read + Send + 'static) -> Box<dyn std::io::Read + Send> {
    Box::new(stream)
}

/// A loopback address that nobody listens on, and that no other test is given.
pub fn free_address() -> anyhow::Result<SocketAddr> {
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    // Test processes that run at the same time begin at different places.
    let first = std::process::id().wrapping_mul(97);
    for _ in PORTS {
        let next = first.wrapping_add(GIVEN.fetch_add(1, Ordering::Relaxed));
        let port = u16::try_from(PORTS.start + next % (PORTS.end - PORTS.start))?;
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        if TcpListener::bind(address).is_ok() {
            return Ok(address);
        }
    }
    bail!("all ports of {PORTS:?} are taken")
}

/// Waits until something listens there.
pub fn wait_for(address: SocketAddr) -> anyhow::Result<()> {
    let start = Instant::now();
    while TcpStream::connect(address).is_err() {
        if start.elapsed() > PATIENCE {
            bail!("nothing listens on {address}");
        }
        thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

/// A private Redis.
pub fn redis() -> anyhow::Result<(Running, String)> {
    let address = free_address()?;
    let port = address.port().to_string();
    let args = ["--port", port.as_str(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
    let running = Running::start("redis-server", &args, &[])?;
    wait_for(address)?;
    Ok((running, format!("redis://{address}")))
}
