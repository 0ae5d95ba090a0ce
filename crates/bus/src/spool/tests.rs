use super::*;

const ROOMY: SpoolLimit = SpoolLimit { bytes: 1 << 20 };

fn tag(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

fn texts(spool: &Spool, max: usize) -> Vec<String> {
    let records = spool.peek(|_| true, max).unwrap();
    records.into_iter().map(|record| String::from_utf8(record.payload).unwrap()).collect()
}

fn fill(spool: &Spool, range: std::ops::Range<usize>) {
    for n in range {
        spool.append(tag(1), format!("record {n}").as_bytes()).unwrap();
    }
}

#[test]
fn records_come_out_in_order_until_they_are_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::open(dir.path(), ROOMY).unwrap();
    fill(&spool, 0..5);
    assert_eq!(texts(&spool, 2), ["record 0", "record 1"]);
    assert_eq!(texts(&spool, 2), ["record 0", "record 1"], "taking is not acknowledging");
    let first: Vec<EntryId> = spool.peek(|_| true, 2).unwrap().iter().map(|r| r.id).collect();
    spool.ack(&first);
    assert_eq!(texts(&spool, 9), ["record 2", "record 3", "record 4"]);
}

#[test]
fn records_survive_reopening_and_acknowledged_ones_stay_away() {
    let dir = tempfile::tempdir().unwrap();
    for round in 0..3 {
        let spool = Spool::open(dir.path(), ROOMY).unwrap();
        fill(&spool, round * 3..round * 3 + 3);
        let first = spool.peek(|_| true, 1).unwrap();
        assert_eq!(String::from_utf8_lossy(&first[0].payload), format!("record {round}"));
        spool.ack(&[first[0].id]);
    }
    let spool = Spool::open(dir.path(), ROOMY).unwrap();
    assert_eq!(texts(&spool, 9), (3..9).map(|n| format!("record {n}")).collect::<Vec<_>>());
}

#[test]
fn after_all_is_acknowledged_new_records_are_not_taken_for_old_ones() {
    let dir = tempfile::tempdir().unwrap();
    for round in 0..3 {
        let spool = Spool::open(dir.path(), ROOMY).unwrap();
        assert!(spool.is_empty(), "round {round}");
        fill(&spool, 0..4);
        assert_eq!(texts(&spool, 9).len(), 4, "round {round}");
        let all: Vec<EntryId> = spool.peek(|_| true, 9).unwrap().iter().map(|r| r.id).collect();
        spool.ack(&all);
    }
}

#[test]
fn tags_choose_and_forget() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::open(dir.path(), ROOMY).unwrap();
    for n in 0..6 {
        spool.append(tag(n % 2), n.to_string().as_bytes()).unwrap();
    }
    let odd = spool.peek(|t| t == tag(1), 9).unwrap();
    assert_eq!(odd.iter().map(|r| r.payload[0]).collect::<Vec<_>>(), b"135");
    spool.forget(tag(0));
    assert_eq!(texts(&spool, 9), ["1", "3", "5"]);
}

#[test]
fn the_bound_holds_and_room_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::open(dir.path(), SpoolLimit { bytes: 64 << 10 }).unwrap();
    let payload = [7; 1000];
    let mut taken = 0;
    while spool.append(tag(1), &payload).is_ok() {
        taken += 1;
    }
    assert_eq!(spool.append(tag(1), &payload), Err(SpoolError::Full));
    assert_eq!(taken, (64 << 10) / Spool::cost(1000));
    let on_disk: u64 = fs::read_dir(dir.path())
        .unwrap()
        .map(|file| file.unwrap())
        .filter(|file| file.file_name().to_string_lossy().ends_with(".events"))
        .map(|file| file.metadata().unwrap().len())
        .sum();
    assert!(on_disk <= 64 << 10, "{on_disk}");
    let ids: Vec<EntryId> = spool.peek(|_| true, 20).unwrap().iter().map(|r| r.id).collect();
    spool.ack(&ids);
    assert!(spool.append(tag(1), &payload).is_ok(), "whole files were done and deleted");
}

#[test]
fn one_tags_records_leave_room_for_the_others() {
    let dir = tempfile::tempdir().unwrap();
    let limit = SpoolLimit { bytes: 64 << 10 };
    let spool = Spool::open(dir.path(), limit).unwrap();
    let (payload, cost) = ([7; 1000], Spool::cost(1000));
    let mut taken = 0;
    while spool.has_share(tag(1), cost) {
        spool.append(tag(1), &payload).unwrap();
        taken += 1;
    }
    assert_eq!(taken, (16 << 10) / cost);
    assert!(spool.has_share(tag(2), cost) && spool.has_room(cost));
    drop(spool);
    let spool = Spool::open(dir.path(), limit).unwrap();
    assert!(!spool.has_share(tag(1), cost), "what was there before counts");
    let first = spool.peek(|_| true, 1).unwrap()[0].id;
    spool.ack(&[first, first]);
    assert!(spool.has_share(tag(1), cost) && !spool.has_share(tag(1), 2 * cost), "what is stored comes back, once");
    spool.append(tag(2), &payload).unwrap();
    spool.forget(tag(1));
    assert!(spool.has_share(tag(1), 16 << 10) && !spool.has_share(tag(2), 16 << 10));
}

#[test]
fn a_torn_tail_is_dropped_wherever_it_is_torn() {
    for cut in 1..=Spool::cost("record 2".len()) {
        let dir = tempfile::tempdir().unwrap();
        let spool = Spool::open(dir.path(), ROOMY).unwrap();
        fill(&spool, 0..3);
        drop(spool);
        let file = segment_file(dir.path());
        let whole = file.metadata().unwrap().len();
        file.set_len(whole - cut).unwrap();
        let spool = Spool::open(dir.path(), ROOMY).unwrap();
        assert_eq!(texts(&spool, 9), ["record 0", "record 1"], "cut {cut}");
        fill(&spool, 3..4);
        drop(spool);
        let spool = Spool::open(dir.path(), ROOMY).unwrap();
        assert_eq!(texts(&spool, 9), ["record 0", "record 1", "record 3"], "cut {cut}");
    }
}

#[test]
fn a_damaged_record_and_a_tail_of_zeros_are_not_read() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::open(dir.path(), ROOMY).unwrap();
    fill(&spool, 0..3);
    drop(spool);
    let file = segment_file(dir.path());
    let whole = file.metadata().unwrap().len();
    file.write_all_at(b"X", whole - 1).unwrap();
    file.set_len(whole + 4096).unwrap();
    let spool = Spool::open(dir.path(), ROOMY).unwrap();
    assert_eq!(texts(&spool, 9), ["record 0", "record 1"]);
}

fn segment_file(folder: &Path) -> File {
    let path = fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        .find(|path| path.extension().is_some_and(|e| e == "events"))
        .unwrap();
    File::options().read(true).write(true).open(path).unwrap()
}

#[test]
fn a_second_process_is_kept_out() {
    let dir = tempfile::tempdir().unwrap();
    let first = Spool::open(dir.path(), ROOMY).unwrap();
    assert!(matches!(Spool::open(dir.path(), ROOMY), Err(SpoolOpenError::InUse(_))));
    drop(first);
    assert!(Spool::open(dir.path(), ROOMY).is_ok());
}

#[tokio::test]
async fn many_waiters_are_all_told_when_it_is_on_the_disk() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Arc::new(Spool::open(dir.path(), SpoolLimit { bytes: 8 << 20 }).unwrap());
    let mut waiting = tokio::task::JoinSet::new();
    for n in 0..200 {
        let spool = Arc::clone(&spool);
        waiting.spawn(async move {
            let position = spool.append(tag(1), &[0; 3000]).unwrap();
            tokio::time::timeout(std::time::Duration::from_secs(90), spool.synced(position)).await.unwrap().unwrap();
            n
        });
    }
    assert_eq!(waiting.join_all().await.len(), 200);
}

#[test]
fn a_record_set_aside_is_out_of_the_way_and_not_lost() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::open(dir.path(), ROOMY).unwrap();
    fill(&spool, 0..2);
    let first = spool.peek(|_| true, 1).unwrap();
    spool.set_aside(&first[0]).unwrap();
    assert_eq!(texts(&spool, 9), ["record 1"]);
    assert_eq!(fs::read_to_string(dir.path().join("unread")).unwrap(), "record 0\n");
}
