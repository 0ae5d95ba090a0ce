//! Counters that outlive their process.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use domain::{Clock, Timestamp};

use super::fixture::{START_US, charge, ids, sliding};
use crate::{Charge, CounterKey, Counters, GiveBack, Reservation, Reserve, Reserved, Shadow};

const CHILD_FOLDER: &str = "COUNTERS_TEST_CHILD_FOLDER";
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
    let reserve = Reserve { account: ids(1).0, charges: call, stream: "events", record: None };
    match counters.reserve(reserve).await.unwrap() {
        Reserved::Granted { reservation, .. } => Some(reservation),
        Reserved::Full { .. } => None,
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

/// Not a test by itself: what the child process of the next test does. It fills a day limit, gives one back, fills it
/// again, says so, and hangs until it is killed.
#[tokio::test]
async fn child() {
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
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "tests::durable::child", "--nocapture"])
        .env(CHILD_FOLDER, folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    assert!(output.lines().any(|line| line.unwrap() == "full"), "the child ended early");
    // SIGKILL: no destructor, no flush.
    child.kill().unwrap();
    child.wait().unwrap();

    let counters = Counters::durable(folder.path(), Clock::System).unwrap();
    assert_eq!(sum(&counters, "daily").await, "30");
    assert!(ask(&counters, &of("daily", 30)).await.is_none());
    assert!(ask(&counters, &of("daily", 31)).await.is_some());
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
    let reserve = Reserve { account: ids(1).0, charges: &call, stream: "events", record: None };
    assert!(matches!(counters.reserve(reserve).await, Err(crate::CountersUnavailable::Disk(_))));
    assert_eq!(sum(&counters, "c").await, "0", "what could not be written is not counted");
    drop(counters);
    assert!(Counters::durable(folder.path(), clock()).is_ok());
}
