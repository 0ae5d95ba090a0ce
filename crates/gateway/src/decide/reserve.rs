//! Reserving: every limit of a permitted call in one round trip, together with its intent record.

use std::sync::Arc;

use bus::Durability;
use counters::{Payer, Reservation, Reserve, Reserved};
use domain::{Event, EventEnvelope, WouldDeny};
use policy::{Code, Denial, OnUnavailable, Permit, RiskClass};

use tokio::time::timeout;

use super::{Charged, No, Work};
use crate::{account::Grant, failure::Failure, shared::Shared};

/// Reservations that are under way at the same time.
pub(crate) const RESERVING: usize = 64;

impl Work<'_> {
    /// Reserves every limit and stores the intent record. When this returns `Yes` both have happened.
    pub(super) async fn charge(&mut self, grant: &Arc<Grant>, permit: &Permit) -> Result<Charged, Failure> {
        let mut would_deny = permit.would_deny().map(told);
        let charges = match self.is_paid() {
            true => Vec::new(),
            false => self.charges(grant, permit),
        };
        let mut intent = self.intent(grant, permit.rule(), would_deny.clone());
        if charges.is_empty() {
            self.append(&intent).await?;
            return Ok(Charged::Yes(None));
        }
        // What a shadow limit says is known only afterwards, so the record of such a call is stored in a step of its own.
        let whole = permit.shadow_charges().is_empty();
        let text = if whole { serde_json::to_vec(&intent).ok() } else { None };
        let reserve = Reserve {
            account: self.place.caller.account.id,
            stream: &bus::event_stream_key(self.place.caller.account.id),
            charges: &charges,
            record: text.as_deref(),
            approval: None,
        };
        let Taken { reservation, shadow_full, stored } = match taken(grant, permit, in_turn(self.shared, reserve).await)
        {
            Ok(taken) => taken,
            Err(no) => return Ok(Charged::No(no)),
        };
        if !stored {
            would_deny = would_deny.or_else(|| shadow_told(permit, &shadow_full));
            if let Event::Decided(decided) = &mut intent.event {
                decided.would_deny = would_deny;
            }
            if let Err(failure) = self.append(&intent).await {
                self.undo(reservation).await;
                return Err(failure);
            }
        }
        Ok(Charged::Yes(reservation))
    }

    /// Every charge of the call, the enforced ones first and in their order.
    pub(super) fn charges(&self, grant: &Grant, permit: &Permit) -> Vec<counters::Charge> {
        let payer = Payer {
            account: self.place.caller.account.id,
            server: self.place.server.id,
            grant: grant.id,
            principal: self.place.caller.principal,
            session: &self.session_subject,
        };
        counters::charges(&payer, permit)
    }

    pub(super) async fn append(&mut self, intent: &EventEnvelope) -> Result<(), Failure> {
        let durability = if self.class == RiskClass::Read { Durability::Soon } else { Durability::Durable };
        self.shared.records.append(intent, durability).await.map_err(|error| {
            tracing::error!(%error, "an intent record could not be kept; its call is refused");
            Failure::NotRecorded
        })
    }

    pub(super) async fn undo(&self, reservation: Option<Reservation>) {
        let Some(reservation) = reservation else { return };
        if let Err(error) = self.shared.counters.give_back(reservation, counters::GiveBack::All).await {
            tracing::warn!(%error, "a reservation could not be given back; it stays counted");
        }
    }
}

/// The counter store did not answer.
pub(super) struct NotReserved;

/// What a call may go on with.
struct Taken {
    /// None: the store is away, and every limit lets pass without it.
    reservation: Option<Reservation>,
    /// The shadow limits that had no room.
    shadow_full: Vec<usize>,
    /// Whether the intent record was stored in the same step.
    stored: bool,
}

/// Reserves when its turn comes. A store is asked only so many things at the same time: in a burst the calls wait here
/// for their turn, and not there until the store seems to be gone.
pub(super) async fn in_turn(shared: &Shared, reserve: Reserve<'_>) -> Result<Reserved, NotReserved> {
    let Ok(Ok(_turn)) = timeout(shared.config.times.reserve_turn, shared.reserving.acquire()).await else {
        tracing::warn!("the counter store is too slow for the calls that wait for it");
        return Err(NotReserved);
    };
    shared.counters.reserve(reserve).await.map_err(|error| {
        tracing::warn!(%error, "the counter store cannot be reached");
        NotReserved
    })
}

/// What the store said, in the permit's terms.
fn taken(grant: &Arc<Grant>, permit: &Permit, said: Result<Reserved, NotReserved>) -> Result<Taken, No> {
    match said {
        Ok(Reserved::Granted { reservation, shadow_full, record_stored }) => {
            Ok(Taken { reservation: Some(reservation), shadow_full, stored: record_stored })
        }
        Ok(Reserved::Full { index, retry_after_us }) => Err(full(grant, permit, (index, retry_after_us))),
        // None is asked for, so none can be missing; were it told, the call would not pass.
        Ok(Reserved::NotApproved(_)) => {
            let message = "A person has to approve this call first.".to_owned();
            let denial = Denial { code: Code::ApprovalRequired, rule: permit.rule().to_owned(), message };
            Err(No::new(grant, denial))
        }
        Err(NotReserved) => match permit.charges().iter().find(|c| c.on_unavailable == OnUnavailable::Deny) {
            Some(deny) => Err(No::new(grant, deny.unavailable())),
            None => Ok(Taken { reservation: None, shadow_full: Vec::new(), stored: false }),
        },
    }
}

/// A limit's no: the permit's charge at an index, and the wait for it.
pub(super) fn full(grant: &Arc<Grant>, permit: &Permit, (index, retry_after_us): (usize, Option<i64>)) -> No {
    let full = policy::window::Full { retry_after_us };
    let Some(charge) = permit.charges().get(index) else {
        let message = "A limit is reached.".to_owned();
        return No::new(grant, Denial { code: Code::RateLimited, rule: String::new(), message });
    };
    let retry_after_ms = retry_after_us.map(|us| u64::try_from(us.max(0)).unwrap_or(0).div_ceil(1_000));
    No { retry_after_ms, ..No::new(grant, charge.rate_limited(full)) }
}

/// What the first of the shadow limits that had no room would have said.
pub(super) fn shadow_told(permit: &Permit, shadow_full: &[usize]) -> Option<WouldDeny> {
    let index = shadow_full.first()?.checked_sub(permit.charges().len())?;
    let charge = permit.shadow_charges().get(index)?;
    Some(told(&charge.rate_limited(policy::window::Full { retry_after_us: None })))
}

pub(super) fn told(denial: &Denial) -> WouldDeny {
    WouldDeny { code: denial.code.as_str().to_owned(), rule: denial.rule.clone() }
}
