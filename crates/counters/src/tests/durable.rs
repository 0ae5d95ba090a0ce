//! Counters that outlive their process.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use domain::{Clock, Timestamp};

use super::fixture::{START_US, charge, ids, sliding};
use crate::{Charge, CounterKey, Counters, GiveBack, Reservation, Reserve, Reserved, Shadow};

pub(super) const CHILD_FOLDER: &str = "COUNTERS_TEST_CHILD_FOLDER";
const DAY: u32 = 86_400;

fn key(name: &str) -> CounterKey {
    let (account, server) = ids(1);
    let subject = "grant:g1".to_owned();
    CounterKey { account, server, subject, counter: name.into(), window: sliding(DAY), shadow: Shadow::No }
}

fn of(name: &str, max: u64) -> [Charge; 1] {
    [charge(key(name), "1", &max.to_string())]
}

async fn ask(counters: &Counters, call: &[Charge]) -> Option<Reservation> {
    let reserve = Reserve { account: ids(1).0, charges: call, stream: "events", record: None, approval: None };
    match counters.reserve(reserve).await.unwrap() {
        Reserved::Granted { reservation, .. } => Some(reservation),
        Reserved::Full { .. } | Reserved::NotApproved(_) => None,
    }
}

fn clock() -> Clock {
    Clock::fixed(Timestamp(START_US))
}

async fn sum(counters: &Counters, name: &str) -> String {
    counters.read(&[key(name)]).await.unwrap()[0].to_string()
}

fn files(folder: &Path, start: &str) -> Vec<PathBuf> {
    let all = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let mut files: Vec<_> = all.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with(start)).collect();
    files.sort();
    files
}

/// Starts the test `name` as a process of its own, and gives what it prints.
pub(super) fn start_child(name: &str, folder: &Path) -> (Child, impl Iterator<Item = String>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &format!("tests::{name}"), "--nocapture"])
        .env(CHILD_FOLDER, folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    (child, lines.map(Result::unwrap))
}

/// Not a test by itself: what the child process of the next test does. It fills a day limit, gives one back, fills it
/// again, says so, and hangs until it is killed.
#[tokio::test]
async fn child_that_fills() {
    let Ok(folder) = std::env::var(CHILD_FOLDER) else { return };
    let counters = Counters::durable(Path::new(&folder), Clock::System).unwrap();
    for _ in 0..29 {
        assert!(ask(&counters, &of("daily", 30)).await.is_some());
    }
    let last = ask(&counters, &of("daily", 30)).await.unwrap();
    counters.give_back(last, GiveBack::All).await.unwrap();
    assert!(ask(&counters, &of("daily", 30)).await.is_some());
    assert!(ask(&counters, &of("daily", 30)).await.is_none());
    println!("\nfull");
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn a_day_limit_that_was_full_is_full_after_kill_9() {
    let folder = tempfile::tempdir().unwrap();
    let (mut child, mut said) = start_child("durable::child_that_fills", folder.path());
    assert!(said.any(|line| line == "full"), "the child ended early");
    // SIGKILL: no destructor, no flush.
    child.kill().unwrap();
    child.wait().unwrap();

    let counters = Counters::durable(folder.path(), Clock::System).unwrap();
    assert_eq!(sum(&counters, "daily").await, "30");
    assert!(ask(&counters, &of("daily", 30)).await.is_none());
    assert!(ask(&counters, &of("daily", 31)).await.is_some());
}

/// Not a test by itself: what the child process of the next test does. It counts and says after each how far it is, with
/// a journal so short that snapshots are taken all the time, and goes on until it is killed.
#[tokio::test]
async fn child_that_counts() {
    let Ok(folder) = std::env::var(CHILD_FOLDER) else { return };
    let counters = Counters::durable_with(Path::new(&folder), Clock::System, 1024).unwrap();
    let before: u64 = sum(&counters, "all").await.parse().unwrap();
    for n in before + 1.. {
        ask(&counters, &of("all", u64::MAX)).await.unwrap();
        println!("\ncounted {n}");
    }
}

#[tokio::test]
async fn nothing_answered_is_forgotten_wherever_the_process_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let mut there = 0;
    for dies_after in [1, 7, 60, 300, 11, 150] {
        let (mut child, lines) = start_child("durable::child_that_counts", folder.path());
        let mut said = lines.filter_map(|line| line.strip_prefix("counted ").map(|n| n.parse::<u64>().unwrap()));
        let reached = said.by_ref().find(|n| *n >= there + dies_after).expect("the child ended early");
        child.kill().unwrap();
        child.wait().unwrap();
        let last_said = said.last().unwrap_or(reached);
        let counters = Counters::durable(folder.path(), Clock::System).unwrap();
        there = sum(&counters, "all").await.parse().unwrap();
        assert!(there >= last_said, "{last_said} were answered, {there} are counted");
        assert!(there <= last_said + 1, "{last_said} were answered and one was under way, {there} are counted");
    }
}

/// The same walk on durable counters, which are opened anew now and then, and on counters in memory, which are not.
#[tokio::test]
async fn like_counters_that_never_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let (clock, entropy) = (clock(), domain::Entropy::seeded(5));
    let twin = Counters::memory(clock.clone());
    let open = |long| Counters::durable_with(folder.path(), clock.clone(), long).unwrap();
    let mut counters = open(600);
    let mut held = Vec::new();
    for step in 0..3000 {
        let [what, which, amount, pause] = entropy.bytes::<4>();
        let name = format!("c{}", which % 5);
        clock.advance_seconds(if pause < 8 { i64::from(DAY) / 3 } else { i64::from(pause % 90) });
        let call = [charge(key(&name), &format!("{}.{}", amount % 7, amount % 9), "40.5")];
        match what {
            0..160 => match (ask(&counters, &call).await, ask(&twin, &call).await) {
                (Some(a), Some(b)) => held.push((a, b)),
                (None, None) => {}
                (here, there) => panic!("step {step}: {here:?}, in memory {there:?}"),
            },
            160..220 if !held.is_empty() => {
                let (a, b) = held.swap_remove(usize::from(which) % held.len());
                counters.give_back(a, GiveBack::All).await.unwrap();
                twin.give_back(b, GiveBack::All).await.unwrap();
            }
            220..226 => {
                drop(counters);
                counters = open(600 * u64::from(amount % 4 + 1));
            }
            _ => {}
        }
        for name in ["c0", "c1", "c2", "c3", "c4"] {
            assert_eq!(sum(&counters, name).await, sum(&twin, name).await, "step {step}: {name}");
        }
    }
}

#[tokio::test]
async fn counts_survive_many_restarts_and_refunds() {
    let folder = tempfile::tempdir().unwrap();
    for round in 1..=5 {
        let counters = Counters::durable(folder.path(), clock()).unwrap();
        let (a, _b) = (ask(&counters, &of("c", 99)).await.unwrap(), ask(&counters, &of("c", 99)).await.unwrap());
        counters.give_back(a, GiveBack::All).await.unwrap();
        assert_eq!(sum(&counters, "c").await, round.to_string());
        drop(counters);
        assert_eq!(files(folder.path(), "counters.journal").len(), 1);
    }
}

#[tokio::test]
async fn a_torn_end_is_dropped_wherever_it_is_torn() {
    let folder = tempfile::tempdir().unwrap();
    let counters = Counters::durable(folder.path(), clock()).unwrap();
    let journal = files(folder.path(), "counters.journal").remove(0);
    for _ in 0..2 {
        ask(&counters, &of("c", 9)).await.unwrap();
    }
    let whole = fs::metadata(&journal).unwrap().len();
    ask(&counters, &of("c", 9)).await.unwrap();
    drop(counters);
    let content = fs::read(&journal).unwrap();
    let snapshot = fs::read(folder.path().join("counters.snapshot")).unwrap();
    for end in usize::try_from(whole).unwrap()..content.len() {
        let copy = tempfile::tempdir().unwrap();
        fs::write(copy.path().join("counters.snapshot"), &snapshot).unwrap();
        fs::write(copy.path().join(journal.file_name().unwrap()), &content[..end]).unwrap();
        let counters = Counters::durable(copy.path(), clock()).unwrap();
        assert_eq!(sum(&counters, "c").await, "2", "torn at {end}");
        ask(&counters, &of("c", 9)).await.unwrap();
        drop(counters);
        let counters = Counters::durable(copy.path(), clock()).unwrap();
        assert_eq!(sum(&counters, "c").await, "3", "torn at {end}, then one more");
    }
}

#[tokio::test]
async fn a_tail_of_zeros_is_no_record() {
    let folder = tempfile::tempdir().unwrap();
    let counters = Counters::durable(folder.path(), clock()).unwrap();
    ask(&counters, &of("c", 9)).await.unwrap();
    drop(counters);
    let journal = files(folder.path(), "counters.journal").remove(0);
    fs::File::options().append(true).open(journal).unwrap().write_all(&[0; 4096]).unwrap();
    let counters = Counters::durable(folder.path(), clock()).unwrap();
    assert_eq!(sum(&counters, "c").await, "1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn snapshots_taken_while_calls_go_on_count_each_once() {
    let folder = tempfile::tempdir().unwrap();
    let counters = Counters::durable_with(folder.path(), clock(), 2048).unwrap();
    let mut callers = tokio::task::JoinSet::new();
    for caller in 0..8 {
        let counters = counters.clone();
        callers.spawn(async move {
            for n in 0..300 {
                let own = [charge(key(&format!("caller {caller}")), "1", "999"), charge(key("all"), "1", "9999")];
                let reservation = ask(&counters, &own).await.unwrap();
                if n % 3 == 0 {
                    counters.give_back(reservation, GiveBack::All).await.unwrap();
                }
            }
        });
    }
    callers.join_all().await;
    drop(counters);
    let generation = files(folder.path(), "counters.journal").pop().unwrap();
    assert!(!generation.to_string_lossy().ends_with("000000000001"), "no snapshot was taken meanwhile: {generation:?}");
    let counters = Counters::durable(folder.path(), clock()).unwrap();
    assert_eq!(sum(&counters, "all").await, (8 * 200).to_string());
    for caller in 0..8 {
        assert_eq!(sum(&counters, &format!("caller {caller}")).await, "200");
    }
}

#[tokio::test]
async fn idle_counters_are_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let clock = clock();
    let counters = Counters::durable(folder.path(), clock.clone()).unwrap();
    for n in 0..50 {
        ask(&counters, &of(&format!("old {n}"), 1)).await.unwrap();
    }
    drop(counters);
    drop(Counters::durable(folder.path(), clock.clone()).unwrap());
    let before = fs::metadata(folder.path().join("counters.snapshot")).unwrap().len();
    clock.advance_seconds(2 * i64::from(DAY));
    let counters = Counters::durable(folder.path(), clock).unwrap();
    let after = fs::metadata(folder.path().join("counters.snapshot")).unwrap().len();
    assert!(after * 10 < before, "{before} to {after} bytes");
    assert!(ask(&counters, &of("old 1", 1)).await.is_some());
}

#[tokio::test]
async fn a_damaged_snapshot_is_told_not_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let counters = Counters::durable(folder.path(), clock()).unwrap();
    ask(&counters, &of("c", 9)).await.unwrap();
    drop(counters);
    drop(Counters::durable(folder.path(), clock()).unwrap());
    let snapshot = folder.path().join("counters.snapshot");
    let mut content = fs::read(&snapshot).unwrap();
    let middle = content.len() / 2;
    content[middle] ^= 1;
    fs::write(&snapshot, content).unwrap();
    let error = Counters::durable(folder.path(), clock()).expect_err("damaged").to_string();
    assert!(error.contains("damaged") && error.contains("counters.snapshot"), "{error}");
}

#[tokio::test]
async fn one_process_at_a_time_and_nothing_after_closing() {
    let folder = tempfile::tempdir().unwrap();
    let counters = Counters::durable(folder.path(), clock()).unwrap();
    let error = Counters::durable(folder.path(), clock()).expect_err("in use").to_string();
    assert!(error.contains("in use"), "{error}");
    counters.close().await;
    let call = of("c", 9);
    let reserve = Reserve { account: ids(1).0, charges: &call, stream: "events", record: None, approval: None };
    assert!(matches!(counters.reserve(reserve).await, Err(crate::CountersUnavailable::Disk(_))));
    assert_eq!(sum(&counters, "c").await, "0", "what could not be written is not counted");
    drop(counters);
    assert!(Counters::durable(folder.path(), clock()).is_ok());
}
