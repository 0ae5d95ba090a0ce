//! Sliding windows against a log of every call: no interval of the window's length ever holds more than the maximum, and
//! a call is refused only if too much was admitted in the last 17/16 of the window.

use domain::Entropy;
use policy::{Decimal, window::Ring};

use super::fixture::{Fixture, START_US, charge, sliding};
use crate::Reserved;

super::on_each! {
    like_a_log_of_every_call
    like_the_ring_of_the_language
}

const WINDOW_US: i64 = 60_000_000;

/// A repeatable walk: steps of very different lengths, and small amounts.
fn walk(seed: u64, steps: usize) -> impl Iterator<Item = (i64, u64)> {
    let entropy = Entropy::seeded(seed);
    let mut at = START_US;
    (0..steps).map(move |_| {
        let [shape, a, b, amount] = entropy.bytes::<4>();
        let fine = i64::from(u16::from_le_bytes([a, b]));
        at += match shape % 8 {
            0 => 0,
            1..=4 => fine * 40,
            5 => WINDOW_US / 16 * (i64::from(a) % 18),
            6 => fine * 300,
            _ => WINDOW_US + fine - 32_768,
        };
        (at, u64::from(amount % 4))
    })
}

async fn like_a_log_of_every_call(f: &Fixture) {
    const MAX: u64 = 7;
    let key = f.key("c", sliding(60));
    let mut log: Vec<(i64, u64)> = Vec::new();
    let sum_since = |log: &[(i64, u64)], after: i64| log.iter().filter(|c| c.0 > after).map(|c| c.1).sum::<u64>();
    let (mut granted, mut refused) = (0, 0);
    for (at, amount) in walk(1, 1500) {
        f.set_us(at);
        match f.reserve(&[charge(key.clone(), &amount.to_string(), &MAX.to_string())]).await {
            Reserved::Granted { .. } => {
                log.push((at, amount));
                granted += 1;
                let held = sum_since(&log, at - WINDOW_US);
                assert!(held <= MAX, "{held} within one window at {at}");
            }
            Reserved::Full { .. } => {
                refused += 1;
                let held = sum_since(&log, at - WINDOW_US * 17 / 16 - 1) + amount;
                assert!(held > MAX, "refused with only {held} at {at}");
            }
            other @ Reserved::NotApproved(_) => panic!("{other:?}"),
        }
    }
    assert!(granted > 200 && refused > 200, "the walk shows both: {granted}, {refused}");
}

async fn like_the_ring_of_the_language(f: &Fixture) {
    let max: Decimal = 9.into();
    let key = f.key("c", sliding(60));
    let mut ring = Ring::new(sliding(60));
    let mut taken = Vec::new();
    for (step, (at, amount)) in walk(2, 1000).enumerate() {
        f.set_us(at);
        let amount = Decimal::from(amount);
        let here = ring.reserve(policy::Timestamp(at), &amount, &max);
        let there = f.reserve(&[charge(key.clone(), &amount.to_string(), "9")]).await;
        match (here, there) {
            (Ok(slot), Reserved::Granted { reservation, .. }) => taken.push((slot, amount, reservation)),
            (Err(full), Reserved::Full { retry_after_us, .. }) => {
                assert_eq!(full.retry_after_us, retry_after_us, "step {step}");
            }
            (here, there) => panic!("step {step}: the ring says {here:?}, the counter {there:?}"),
        }
        if step % 5 == 4 && !taken.is_empty() {
            let (slot, amount, reservation) = taken.swap_remove(step % taken.len());
            ring.refund(slot, &amount);
            f.give_back(reservation, crate::GiveBack::All).await;
        }
        assert_eq!(f.sum(&key).await, ring.sum(policy::Timestamp(at)).to_string(), "step {step}");
    }
}
