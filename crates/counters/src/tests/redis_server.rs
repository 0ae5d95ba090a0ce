//! A private `redis-server` on a unix socket in a folder of its own; it ends with its value.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;

pub struct RedisServer {
    folder: TempDir,
    child: Option<Child>,
}

impl RedisServer {
    pub fn start() -> Self {
        let mut server = Self { folder: tempfile::tempdir().expect("a temporary folder"), child: None };
        server.start_again();
        server
    }

    /// Starts it on the same socket, with what it had when it was stopped.
    pub fn start_again(&mut self) {
        assert!(self.child.is_none(), "it is running");
        let child = Command::new("redis-server")
            .args(["--port", "0", "--appendonly", "yes", "--appendfsync", "no", "--save", ""])
            .arg("--unixsocket")
            .arg(self.socket())
            .arg("--dir")
            .arg(self.folder.path())
            .stdout(Stdio::null())
            .spawn()
            .expect("these tests need the program redis-server: install it, for example with `apt-get install redis-server`");
        self.child = Some(child);
        let deadline = Instant::now() + Duration::from_secs(20);
        while !self.answers() {
            assert!(Instant::now() < deadline, "redis-server does not answer");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// An orderly end: what it holds is on its disk.
    pub fn stop(&mut self) {
        let mut child = self.child.take().expect("it is running");
        let client = redis::Client::open(self.url()).expect("an address");
        if let Ok(mut connection) = client.get_connection() {
            // The connection breaks before an answer.
            let _ = redis::cmd("SHUTDOWN").arg("NOSAVE").query::<()>(&mut connection);
        }
        child.wait().expect("it ends");
    }

    /// Stops it from doing anything, while its socket goes on taking what is sent.
    pub fn freeze(&self) {
        self.signal(rustix::process::Signal::STOP);
    }

    pub fn thaw(&self) {
        self.signal(rustix::process::Signal::CONT);
    }

    fn signal(&self, signal: rustix::process::Signal) {
        let child = self.child.as_ref().expect("it is running");
        rustix::process::kill_process(rustix::process::Pid::from_child(child), signal).expect("it is ours");
    }

    pub fn url(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    /// Opens a loopback port as well, with a password from now on; the port.
    pub fn open_port(&self, password: &str) -> u16 {
        let mut connection = self.look();
        let mut set = |name: &str, value: &str| {
            redis::cmd("CONFIG").arg("SET").arg(name).arg(value).query::<()>(&mut connection).is_ok()
        };
        let port = (20_000..60_000).step_by(7).find(|port| set("port", &port.to_string())).expect("a free port");
        assert!(set("requirepass", password), "a password can be set");
        port
    }

    /// A plain connection, to look behind the product's back.
    pub fn look(&self) -> redis::Connection {
        redis::Client::open(self.url()).expect("an address").get_connection().expect("it answers")
    }

    fn answers(&self) -> bool {
        let client = redis::Client::open(self.url()).expect("an address");
        let ping = |mut connection: redis::Connection| redis::cmd("PING").query::<String>(&mut connection);
        client.get_connection().and_then(ping).is_ok()
    }

    fn socket(&self) -> PathBuf {
        self.folder().join("redis.sock")
    }

    fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
