//! What must be equal, and what may differ: which of several full limits is named, and calls at the edge of a window.

use policy::Permit;

use super::{
    limits::{self, Counted, Room},
    number::Number,
    verdicts::{Disagreement, differ},
};

pub fn same(what: &str, expected: &str, came: &str) -> Result<(), Disagreement> {
    if expected == came { Ok(()) } else { Err(Disagreement::new(format!("{what}: {expected}"), came)) }
}

/// A refusal names a limit that may be full, and tells a wait that can be true.
pub fn full(
    now_us: i64,
    limits: &[Counted],
    room: &[Room],
    (index, retry_after_us): (usize, Option<i64>),
    permit: &Permit,
) -> Result<(), Disagreement> {
    let Some(charge) = permit.charges().get(index) else {
        return differ("an enforced limit is full", index);
    };
    let named = limits.iter().position(|counted| counted.limit.rule == *charge.rule);
    if named.is_none_or(|named| room[named] == Room::Yes) {
        return differ(("room", limits, room), ("full", &charge.rule, retry_after_us));
    }
    let never = limits.iter().any(|counted| alone(limits, counted).compare(&counted.limit.max).is_gt());
    let waits = limits.iter().zip(room).filter(|(_, room)| **room != Room::Yes);
    let longest = waits.map(|(counted, _)| limits::longest_wait_us(now_us, counted.key.window)).max().unwrap_or(0);
    match retry_after_us {
        None if never => Ok(()),
        Some(wait) if !never && wait > 0 && wait <= longest => Ok(()),
        told => differ(("never", never, "at most", longest, limits), told),
    }
}

/// What a call adds to a counter by itself.
fn alone(limits: &[Counted], counted: &Counted) -> Number {
    let same = limits.iter().filter(|other| other.key == counted.key).map(|other| &other.limit.amount);
    same.max_by(|a, b| a.compare(b)).cloned().unwrap_or_else(Number::zero)
}

pub fn granted(limits: &[Counted], room: &[Room]) -> Result<(), Disagreement> {
    match room.iter().position(|room| *room == Room::None) {
        Some(full) => differ(("full", &limits[full]), "granted"),
        None => Ok(()),
    }
}

pub fn shadow_full(limits: &[Counted], room: &[Room], came: &[usize], permit: &Permit) -> Result<(), Disagreement> {
    let first = permit.charges().len();
    let named = came.iter().map(|index| {
        let charge = index.checked_sub(first).and_then(|index| permit.shadow_charges().get(index))?;
        limits.iter().position(|counted| counted.limit.rule == *charge.rule)
    });
    let may_be_full = |at: Option<usize>| at.is_some_and(|at| room[at] != Room::Yes);
    let misses = room.contains(&Room::None) && came.is_empty();
    if misses || !named.into_iter().all(may_be_full) {
        return differ((limits, room), ("shadow full", came, permit.shadow_charges()));
    }
    Ok(())
}
