//! The limits of a call held against what counts now, with the sums that a reservation makes.

use counters::{CounterKey, Payer};
use domain::{GrantId, Principal};
use policy::{Charge, Code, Decimal, Mode, Permit, Scope, window::Full};

use super::{Trial, Tried, TriedCounter, TriedOutcome};

/// The counter of each charge, in the order of [`counters::charges`]; none for one that only this caller could have used: a
/// tried call is in a session of its own, and some member of a team is nobody yet.
pub(super) fn keys(trial: &Trial, grant: GrantId, permit: &Permit) -> Vec<Option<CounterKey>> {
    let nobody = Principal::Member(domain::UserId::from_uuid(uuid::Uuid::nil()));
    let payer = Payer {
        account: trial.account,
        server: trial.server,
        grant,
        principal: trial.standin.principal.unwrap_or(nobody),
        session: "",
    };
    let scopes = both(permit).map(|charge| charge.scope);
    let known = |scope| match scope {
        Scope::Grant | Scope::Server | Scope::Account => true,
        Scope::Member => trial.standin.principal.is_some(),
        Scope::Session => false,
    };
    let charges = counters::charges(&payer, permit);
    charges.into_iter().zip(scopes).map(|(charge, scope)| known(scope).then_some(charge.key)).collect()
}

/// Every limit of the call, the enforced ones first. All or nothing: where an enforced one is full none is charged, and where
/// a shadow one is, no shadow one is.
pub(super) fn weigh(permit: &Permit, before: &[Decimal]) -> Vec<TriedCounter> {
    let before = before.iter().cloned().chain(std::iter::repeat(Decimal::ZERO));
    let mut counters: Vec<TriedCounter> = both(permit).zip(before).map(counter).collect();
    let refused = counters.iter().any(|counter| counter.full && !counter.shadow);
    let shadow_refused = refused || counters.iter().any(|counter| counter.full);
    for counter in &mut counters {
        if if counter.shadow { shadow_refused } else { refused } {
            counter.after = counter.before.clone();
        }
    }
    counters
}

/// What a permitted call comes to once its limits are looked at.
pub(super) fn settle(tried: &mut Tried, permit: &Permit) {
    let first_full = |shadow| tried.counters.iter().position(|counter| counter.full && counter.shadow == shadow);
    let (full, shadow_full) = (first_full(false), first_full(true));
    if let Some(charge) = full.and_then(|index| permit.charges().get(index)) {
        let alone = charge.amount > charge.max;
        let denial = charge.rate_limited(Full { retry_after_us: if alone { None } else { Some(0) } });
        tried.denied(&denial);
        tried.message = denial.message.replacen(" Try again in 0 s.", "", 1);
        return;
    }
    tried.outcome = TriedOutcome::Allowed;
    tried.rule = permit.rule().to_owned();
    let told = permit.would_deny().map(|denial| (denial.code, denial.rule.clone()));
    let limited = || shadow_full.map(|index| (Code::RateLimited, tried.counters[index].rule.clone()));
    tried.would_deny = told.or_else(limited);
}

fn both(permit: &Permit) -> impl Iterator<Item = &Charge> {
    let shadow = if permit.would_deny().is_some() { &[] } else { permit.shadow_charges() };
    permit.charges().iter().chain(shadow)
}

fn counter((charge, before): (&Charge, Decimal)) -> TriedCounter {
    let after = &before + &charge.amount;
    TriedCounter {
        rule: charge.rule.to_string(),
        words: charge.words(),
        full: after > charge.max,
        before,
        after,
        max: charge.max.clone(),
        shadow: charge.mode == Mode::Shadow,
    }
}
