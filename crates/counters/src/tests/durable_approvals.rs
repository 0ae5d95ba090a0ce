//! Approvals that outlive their process.

use std::path::Path;

use domain::{Clock, Entropy, Timestamp};

use super::{
    approvals::Names,
    durable::start_child,
    fixture::{START_US, ids},
};
use crate::{Answered, ApprovalAnswer, ApprovalState, AskApproval, Counters, GiveBack, Reservation, Reserve, Reserved};

async fn ask(counters: &Counters, ask: AskApproval) -> Result<Reservation, ApprovalState> {
    let reserve = Reserve { account: ids(1).0, charges: &[], stream: "events", record: None, approval: Some(ask) };
    match counters.reserve(reserve).await.unwrap() {
        Reserved::Granted { reservation, .. } => Ok(reservation),
        Reserved::NotApproved(standing) => Err(standing.state),
        full @ Reserved::Full { .. } => panic!("{full:?}"),
    }
}

async fn answer(counters: &Counters, ask: AskApproval, answer: ApprovalAnswer) -> Answered {
    counters.answer_approval(ids(1).0, ask.binding, ask.id, answer).await.unwrap()
}

/// The names of the test and of its child: request, approved, used, refused, withdrawn, put back.
fn asks() -> [AskApproval; 6] {
    let names = Names::new(3);
    std::array::from_fn(|_| AskApproval { stands_seconds: 3600, ..names.ask() })
}

/// Not a test by itself: what the child process of the next test does, until it is killed.
#[tokio::test]
async fn child_that_asks() {
    let Ok(folder) = std::env::var(super::durable::CHILD_FOLDER) else { return };
    let counters = Counters::durable(Path::new(&folder), Clock::System).unwrap();
    let [waiting, approved, used, refused, withdrawn, put_back] = asks();
    for one in [waiting, approved, used, refused, withdrawn, put_back] {
        assert!(matches!(ask(&counters, one).await, Err(ApprovalState::Asked)));
    }
    for one in [approved, used, put_back] {
        assert_eq!(answer(&counters, one, ApprovalAnswer::Approved).await, Answered::Done);
    }
    answer(&counters, refused, ApprovalAnswer::Refused).await;
    ask(&counters, used).await.unwrap();
    counters.withdraw_approval(ids(1).0, withdrawn.binding, withdrawn.id).await.unwrap();
    let reservation = ask(&counters, put_back).await.unwrap();
    counters.give_back(reservation, GiveBack::All).await.unwrap();
    println!("\nasked");
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn approvals_are_as_they_were_after_kill_9() {
    let folder = tempfile::tempdir().unwrap();
    let (mut child, mut said) = start_child("durable_approvals::child_that_asks", folder.path());
    assert!(said.any(|line| line == "asked"), "the child ended early");
    child.kill().unwrap();
    child.wait().unwrap();
    let [waiting, approved, used, refused, withdrawn, put_back] = asks();
    // From the journal, then from a snapshot.
    for round in 0..2 {
        let counters = Counters::durable(folder.path(), Clock::System).unwrap();
        assert!(matches!(ask(&counters, waiting).await, Err(ApprovalState::Pending)), "{round}");
        assert!(matches!(ask(&counters, refused).await, Err(ApprovalState::Refused)), "{round}");
        for one in [approved, put_back] {
            let reservation = ask(&counters, one).await.expect("it was approved");
            counters.give_back(reservation, GiveBack::All).await.unwrap();
        }
    }
    let counters = Counters::durable(folder.path(), Clock::System).unwrap();
    for one in [used, withdrawn] {
        assert!(matches!(ask(&counters, one).await, Err(ApprovalState::Asked)));
    }
}

/// The same walk on durable counters, which are opened anew now and then, and on counters in memory, which are not.
#[tokio::test]
async fn like_approvals_that_never_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let (clock, entropy) = (Clock::fixed(Timestamp(START_US)), Entropy::seeded(9));
    let names = Names::new(4);
    let open = |long| Counters::durable_with(folder.path(), clock.clone(), long).unwrap();
    let (mut counters, twin) = (open(700), Counters::memory(clock.clone()));
    let calls: [AskApproval; 5] = std::array::from_fn(|_| names.ask());
    let (mut held, mut seen) = (Vec::new(), [0; 4]);
    for step in 0..2000 {
        let [what, which, pause, size] = entropy.bytes::<4>();
        clock.advance_seconds(i64::from(pause % 20));
        let call = AskApproval { id: names.approval(), ..calls[usize::from(which) % 5] };
        let last = twin.standing(ids(1).0, call.binding);
        match what {
            0..120 => match (ask(&counters, call).await, ask(&twin, call).await) {
                (Ok(a), Ok(b)) => {
                    seen[0] += 1;
                    held.push((a, b));
                }
                (Err(a), Err(b)) => {
                    seen[1] += 1;
                    assert_eq!(a, b, "step {step}");
                }
                (here, there) => panic!("step {step}: {here:?}, in memory {there:?}"),
            },
            120..220 => {
                let given = if what < 200 { ApprovalAnswer::Approved } else { ApprovalAnswer::Refused };
                let to = AskApproval { id: last.unwrap_or(call.id), ..call };
                let answered = answer(&counters, to, given).await;
                seen[2] += usize::from(answered == Answered::Done);
                assert_eq!(answered, answer(&twin, to, given).await, "step {step}");
            }
            220..240 if !held.is_empty() => {
                let (a, b) = held.swap_remove(usize::from(which) % held.len());
                seen[3] += 1;
                counters.give_back(a, GiveBack::All).await.unwrap();
                twin.give_back(b, GiveBack::All).await.unwrap();
            }
            252.. => {
                drop(counters);
                counters = open(u64::from(size) * 8);
            }
            _ => {}
        }
    }
    assert!(seen.iter().all(|seen| *seen > 30), "the walk shows everything: {seen:?}");
}
