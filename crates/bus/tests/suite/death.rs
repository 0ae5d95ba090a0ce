//! The process dies without a chance to write anything down.

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Command, Stdio},
};

use bus::{Bus, Durability};
use domain::Clock;

use crate::support::Ids;

const CHILD_FOLDER: &str = "BUS_TEST_CHILD_FOLDER";
const DIES_AFTER: u64 = 500;

/// Not a test by itself: what the child process of the next test does. It appends, says how far it is, and hangs until
/// it is killed.
#[tokio::test]
async fn child() {
    let Ok(folder) = std::env::var(CHILD_FOLDER) else { return };
    let bus = Bus::memory(Path::new(&folder), Clock::System).unwrap();
    let ids = Ids::new();
    let (account, gateway) = (ids.account(), ids.gateway());
    for n in 1..=DIES_AFTER {
        let durability = if n % 100 == 0 { Durability::Durable } else { Durability::Soon };
        bus.append(&ids.event(gateway, n, account), durability).await.unwrap();
    }
    println!("\nappended");
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn nothing_appended_is_lost_when_the_process_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "death::child", "--nocapture"])
        .env(CHILD_FOLDER, folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    assert!(output.lines().any(|line| line.unwrap() == "appended"), "the child ended early");
    // SIGKILL: no destructor, no flush.
    child.kill().unwrap();
    child.wait().unwrap();

    let bus = Bus::memory(folder.path(), Clock::System).unwrap();
    let account = Ids::new().account();
    let taken = bus.take(&[account], 1000).await.unwrap();
    assert_eq!(taken.iter().map(|one| one.envelope.sequence).collect::<Vec<_>>(), (1..=DIES_AFTER).collect::<Vec<_>>());
}
