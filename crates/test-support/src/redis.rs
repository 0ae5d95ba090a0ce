//! A private `redis-server` on a unix socket in a folder of its own; it ends with its value.

use std::{
    ffi::OsString,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use crate::TempFolder;

mod cluster;

pub use cluster::{Frozen, RedisCluster};

/// A running `redis-server`, which may be stopped, frozen and started again.
#[derive(Debug)]
pub struct RedisServer {
    folder: TempFolder,
    child: Option<Child>,
}

impl RedisServer {
    /// Starts an empty one.
    ///
    /// # Panics
    /// When there is no program `redis-server`, or it does not come up.
    #[must_use]
    pub fn start() -> Self {
        let mut server = Self { folder: TempFolder::new("redis"), child: None };
        server.start_again();
        server
    }

    /// Starts it on the same socket, with what it had when it was stopped.
    ///
    /// # Panics
    /// When it is running, or does not come up.
    pub fn start_again(&mut self) {
        assert!(self.child.is_none(), "it is running");
        let child = Command::new(program())
            .args(["--port", "0", "--appendonly", "yes", "--appendfsync", "no", "--save", ""])
            .arg("--unixsocket")
            .arg(self.socket())
            .arg("--dir")
            .arg(self.folder.path())
            .stdout(Stdio::null())
            .spawn()
            .expect("these tests need the program redis-server: install it, for example with `apt-get install redis-server`");
        self.child = Some(child);
        let deadline = Instant::now() + Duration::from_secs(90);
        while !answers(&self.url()) {
            assert!(Instant::now() < deadline, "redis-server does not answer");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// An orderly end: what it holds is on its disk.
    ///
    /// # Panics
    /// When it is not running.
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
    ///
    /// # Panics
    /// When it is not running.
    pub fn freeze(&self) {
        self.signal(rustix::process::Signal::STOP);
    }

    /// Lets a frozen one go on.
    ///
    /// # Panics
    /// When it is not running.
    pub fn thaw(&self) {
        self.signal(rustix::process::Signal::CONT);
    }

    fn signal(&self, signal: rustix::process::Signal) {
        let child = self.child.as_ref().expect("it is running");
        rustix::process::kill_process(rustix::process::Pid::from_child(child), signal).expect("it is ours");
    }

    /// The address of its socket.
    #[must_use]
    pub fn url(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    /// Opens a loopback port as well, with a password from now on; the port.
    ///
    /// # Panics
    /// When it does not answer, or no port is free.
    #[must_use]
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
    ///
    /// # Panics
    /// When it does not answer.
    #[must_use]
    pub fn look(&self) -> redis::Connection {
        redis::Client::open(self.url()).expect("an address").get_connection().expect("it answers")
    }

    /// The path of its socket.
    ///
    /// # Panics
    /// Never: the folder's name is text.
    #[must_use]
    pub fn socket_path(&self) -> String {
        self.socket().to_str().expect("a name of text").to_owned()
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("redis.sock")
    }
}

/// The program of the server: `redis-server`, or what `PORTCULLIS_REDIS_SERVER` names (a Valkey, another version).
fn program() -> OsString {
    std::env::var_os("PORTCULLIS_REDIS_SERVER").unwrap_or_else(|| "redis-server".into())
}

fn answers(url: &str) -> bool {
    let client = redis::Client::open(url).expect("an address");
    let ping = |mut connection: redis::Connection| redis::cmd("PING").query::<String>(&mut connection);
    client.get_connection().and_then(ping).is_ok()
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
