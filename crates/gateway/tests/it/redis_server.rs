//! A private `redis-server` on a unix socket in a folder of its own, and gateways on it; it ends with its value.

use std::{
    os::unix::net::UnixStream,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use bus::Bus;
use counters::Counters;
use domain::{Clock, Entropy, Secret};

use crate::world::{PATIENCE, Parts, World};

pub struct RedisServer {
    folder: Arc<tempfile::TempDir>,
    child: Child,
}

impl RedisServer {
    pub fn start() -> Self {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        let socket = folder.path().join("redis.sock");
        let child = Command::new("redis-server")
            .args(["--port", "0", "--save", "", "--unixsocket"])
            .arg(&socket)
            .arg("--dir")
            .arg(folder.path())
            .stdout(Stdio::null())
            .spawn()
            .expect("these tests need the program redis-server: install it, for example with `apt-get install redis-server`");
        let deadline = Instant::now() + Duration::from_secs(20);
        while UnixStream::connect(&socket).is_err() {
            assert!(Instant::now() < deadline, "redis-server does not answer");
            std::thread::sleep(Duration::from_millis(5));
        }
        Self { folder, child }
    }

    /// One more gateway process, as it were.
    pub async fn world(&self) -> World {
        let url = Secret::new(format!("unix://{}", self.folder.path().join("redis.sock").display()));
        let spool = tempfile::tempdir_in(self.folder.path()).unwrap().keep();
        let bus = Bus::redis(bus::RedisConfig::new(url.clone()).with_spool(spool)).await.unwrap();
        // What is tested is the count, not how fast a busy machine is.
        let patient = counters::RedisConfig { answer_within: PATIENCE, ..counters::RedisConfig::new(url) };
        let counters = Counters::redis(patient).await.unwrap();
        // Ids of two processes must differ, so their randomness does.
        let parts = Parts { dir: self.folder.clone(), clock: Clock::System, entropy: Entropy::System, bus, counters };
        World::of(parts, |_| {}).await
    }

    pub fn stop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}
