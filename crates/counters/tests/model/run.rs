//! Many cases, and what they have to have seen to prove anything.

use std::{
    env,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use policy::CompiledPolicy;

use super::{
    case::{self, Case},
    dice::Dice,
    entry,
    play::{Play, Seen},
    shrink,
    verdicts::Disagreement,
};

/// Enough for an edit loop; `make test-model` runs a million.
const SEQUENCES: u64 = 5_000;

/// Everything that calls can come to.
const ALL_SEEN: [&str; 18] = [
    "no_policy",
    "hidden",
    "tool_changed",
    "denied",
    "default_deny",
    "invalid_arguments",
    "argument_denied",
    "asked",
    "asked_again",
    "approved",
    "rate_limited",
    "passed",
    "would_deny",
    "shadow_rate_limited",
    "either",
    "exact",
    "sound",
    "clash",
];

#[test]
fn generated_policies_and_calls_come_out_as_the_page_says() {
    let (first, count) = range(SEQUENCES);
    let next = AtomicU64::new(first);
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let seen = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(|| work(&next, first + count))).collect();
        workers.into_iter().fold(Seen::new(), |mut all, worker| {
            worker.join().unwrap().into_iter().for_each(|(what, times)| *all.entry(what).or_default() += times);
            all
        })
    });
    println!("{count} sequences from seed {first}: {seen:?}");
    if count >= SEQUENCES {
        let unseen: Vec<_> = ALL_SEEN.into_iter().filter(|what| !seen.contains_key(what)).collect();
        assert!(unseen.is_empty(), "never generated, so nothing was proved about: {unseen:?}");
    }
}

/// The first seed, and how many.
pub fn range(default: u64) -> (u64, u64) {
    (number("PORTCULLIS_MODEL_SEED", 1), number("PORTCULLIS_MODEL_SEQUENCES", default))
}

fn number(name: &str, default: u64) -> u64 {
    env::var(name).map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name} is not a number: {text}")))
}

/// Takes seeds until there are none. Stops everybody at the first disagreement.
fn work(next: &AtomicU64, end: u64) -> Seen {
    let mut seen = Seen::new();
    loop {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if seed >= end {
            return seen;
        }
        let case = case::case(&mut Dice::seeded(seed));
        match play(&case) {
            Ok(more) => more.into_iter().for_each(|(what, times)| *seen.entry(what).or_default() += times),
            Err(_) => {
                next.store(end, Ordering::Relaxed);
                fail(seed, case);
            }
        }
    }
}

fn fail(seed: u64, case: Case) -> ! {
    // A policy that was sound has to stay so.
    let small =
        if sound(&case).is_ok() { shrink::shrink(case, |case| is_sound(case) && play(case).is_err()) } else { case };
    let policies: Vec<String> = small.policies.iter().map(super::json::Tree::render).collect();
    let arguments: Vec<_> = small.arguments.iter().map(|tree| tree.as_ref().map(super::json::Tree::render)).collect();
    panic!(
        "the model and the real disagree, seed {seed}\npolicies: {}\narguments: {arguments:?}\nevents:\n{}\n{}",
        policies.join("\n"),
        small.events.iter().map(|event| format!("  {event:?}\n")).collect::<String>(),
        play(&small).err().unwrap_or_default(),
    );
}

/// What came of it, or how model and real differ; a panic is a difference too.
pub fn play(case: &Case) -> Result<Seen, String> {
    let played = catch_unwind(AssertUnwindSafe(|| sound(case).and_then(|()| calls(case))));
    match played {
        Ok(Ok(seen)) => Ok(seen),
        Ok(Err(disagreement)) => Err(disagreement.to_string()),
        Err(panic) => Err(panic.downcast_ref::<String>().map_or_else(|| "it panicked".to_owned(), Clone::clone)),
    }
}

/// A policy is refused exactly for its clashes.
fn sound(case: &Case) -> Result<(), Disagreement> {
    for policy in &case.policies {
        let mut expected = entry::clashes(policy);
        let found = CompiledPolicy::compile(&policy.render()).err();
        let mut found: Vec<_> = found.into_iter().flat_map(|problems| problems.0).map(|found| found.pointer).collect();
        expected.sort();
        found.sort();
        found.dedup();
        if expected != found {
            let which = policy.render();
            return Err(Disagreement::new(format!("problems {expected:?} of {which}"), format!("{found:?}")));
        }
    }
    Ok(())
}

fn is_sound(case: &Case) -> bool {
    case.policies.iter().all(|policy| CompiledPolicy::compile(&policy.render()).is_ok())
}

fn calls(case: &Case) -> Result<Seen, Disagreement> {
    let Some(mut play) = Play::new(case) else { return Ok(Seen::from([("clash", 1)])) };
    play.run()?;
    play.seen.insert("sound", 1);
    Ok(play.seen)
}
