//! A permit's charges in the words of the counters: who pays.

use domain::{AccountId, GrantId, Principal, ServerId};
use policy::{Mode, Permit, Scope};

use crate::{Charge, CounterKey, Enforce, Shadow};

/// Who is behind a call: whose counters its limits are on.
#[derive(Clone, Copy, Debug)]
pub struct Payer<'a> {
    /// The account.
    pub account: AccountId,
    /// The server that is called.
    pub server: ServerId,
    /// The grant that it is called under.
    pub grant: GrantId,
    /// The person or agent.
    pub principal: Principal,
    /// The MCP session, or the access token where the protocol version has none: any text that tells them apart and is no
    /// secret.
    pub session: &'a str,
}

/// Every charge of a call: first those of [`Permit::charges`], then those of [`Permit::shadow_charges`], in their order. A
/// call that a shadow rule would have denied already is not counted by shadow limits, so then there are none of those.
#[must_use]
pub fn charges(payer: &Payer<'_>, permit: &Permit) -> Vec<Charge> {
    let shadow = if permit.would_deny().is_some() { &[] } else { permit.shadow_charges() };
    let both = permit.charges().iter().chain(shadow);
    both.map(|charge| Charge {
        key: key(payer, charge),
        amount: charge.amount.clone(),
        max: charge.max.clone(),
        refund: charge.refund,
        enforce: match charge.mode {
            Mode::Enforce => Enforce::Yes,
            Mode::Shadow => Enforce::Shadow,
        },
    })
    .collect()
}

fn key(payer: &Payer<'_>, charge: &policy::Charge) -> CounterKey {
    let subject = match charge.scope {
        Scope::Grant => format!("grant:{}", payer.grant),
        Scope::Member => format!("member:{}", payer.principal),
        Scope::Session => format!("session:{}", payer.session),
        Scope::Server => "server".to_owned(),
        Scope::Account => "account".to_owned(),
    };
    CounterKey {
        account: payer.account,
        server: payer.server,
        subject,
        counter: charge.counter.clone(),
        window: charge.window,
        shadow: match charge.mode {
            Mode::Enforce => Shadow::No,
            Mode::Shadow => Shadow::Yes,
        },
    }
}
