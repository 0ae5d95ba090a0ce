//! A permit's charges in the words of the counter store.

use counters::{Charge, CounterKey, Enforce};
use policy::{Mode, Permit, Scope};

use crate::{account::Grant, resolve::Place};

/// Every charge of a call, the enforced ones first and in their order.
pub(super) fn all(place: &Place, grant: &Grant, session: &str, permit: &Permit) -> Vec<Charge> {
    let both = permit.charges().iter().chain(permit.shadow_charges());
    both.map(|charge| Charge {
        key: key(place, grant, session, charge),
        amount: charge.amount.clone(),
        max: charge.max.clone(),
        refund: charge.refund,
        enforce: enforce(charge.mode),
    })
    .collect()
}

/// The shadow charge at an index into [`all`].
pub(super) fn shadow(permit: &Permit, index: usize) -> Option<&policy::Charge> {
    permit.shadow_charges().get(index.checked_sub(permit.charges().len())?)
}

fn key(place: &Place, grant: &Grant, session: &str, charge: &policy::Charge) -> CounterKey {
    let subject = match charge.scope {
        Scope::Grant => format!("grant:{}", grant.id),
        Scope::Member => format!("member:{}", place.caller.principal),
        Scope::Session => format!("session:{session}"),
        Scope::Server => "server".to_owned(),
        Scope::Account => "account".to_owned(),
    };
    CounterKey {
        account: place.caller.account.id,
        server: place.server.id,
        subject,
        counter: charge.counter.clone(),
        window: charge.window,
        shadow: match charge.mode {
            Mode::Enforce => counters::Shadow::No,
            Mode::Shadow => counters::Shadow::Yes,
        },
    }
}

/// Whether a charge is enforced, in the counters' words.
fn enforce(mode: Mode) -> Enforce {
    match mode {
        Mode::Enforce => Enforce::Yes,
        Mode::Shadow => Enforce::Shadow,
    }
}
