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

/// Not a test by itself: what the child process of the next test does. It appends, says after each how far it is, and
/// goes on until it is killed.
#[tokio::test]
async fn child() {
    let Ok(folder) = std::env::var(CHILD_FOLDER) else { return };
    let bus = Bus::memory(Path::new(&folder), Clock::System).unwrap();
    let ids = Ids::new();
    let (account, gateway) = (ids.account(), ids.gateway());
    for n in 1.. {
        let durability = if n % 100 == 0 { Durability::Durable } else { Durability::Soon };
        bus.append(&ids.event(gateway, n, account), durability).await.unwrap();
        println!("\nappended {n}");
    }
}

#[tokio::test]
async fn nothing_appended_is_lost_when_the_process_is_killed() {
    for dies_after in [1, 2, 137, 500] {
        let folder = tempfile::tempdir().unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "death::child", "--nocapture"])
            .env(CHILD_FOLDER, folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap())
            .lines()
            .filter_map(|line| line.unwrap().strip_prefix("appended ").map(|n| n.parse::<u64>().unwrap()));
        let reached = said.by_ref().find(|n| *n >= dies_after).expect("the child ended early");
        // SIGKILL in the middle of its work: no destructor, no flush.
        child.kill().unwrap();
        child.wait().unwrap();
        let last_said = said.last().unwrap_or(reached);

        let bus = Bus::memory(folder.path(), Clock::System).unwrap();
        let account = Ids::new().account();
        let taken = bus.take(&[account], 1_000_000).await.unwrap();
        let sequences: Vec<u64> = taken.iter().map(|one| one.envelope.sequence).collect();
        let last = *sequences.last().expect("events");
        assert_eq!(sequences, (1..=last).collect::<Vec<_>>());
        assert!(last >= last_said, "{last_said} was appended, {last} is there");
    }
}
