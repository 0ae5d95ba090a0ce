//! What this gateway tells the control plane: events, numbered without gaps, put on the bus.

use std::sync::atomic::{AtomicU64, Ordering};

use bus::{Bus, Durability, NotRecorded};
use domain::{AccountId, Event, EventEnvelope, GatewayId};

/// Numbers events and puts them on the bus.
#[derive(Debug)]
pub(crate) struct Records {
    bus: Bus,
    gateway: GatewayId,
    next: AtomicU64,
}

impl Records {
    pub(crate) fn new(bus: Bus, gateway: GatewayId) -> Self {
        Self { bus, gateway, next: AtomicU64::new(1) }
    }

    /// The next number. Whoever takes it must bring an event on its way with it: the numbers have no gaps.
    pub(crate) fn next(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// The event with this number.
    pub(crate) fn numbered(&self, sequence: u64, account: AccountId, event: Event) -> EventEnvelope {
        EventEnvelope { gateway: self.gateway, sequence, account, event }
    }

    /// Puts a numbered event on the bus.
    pub(crate) async fn append(&self, envelope: &EventEnvelope, durability: Durability) -> Result<(), NotRecorded> {
        self.bus.append(envelope, durability).await
    }

    /// Puts an event on the bus whose loss changes no decision; a failure is logged.
    pub(crate) async fn note(&self, account: AccountId, event: Event) {
        let envelope = self.numbered(self.next(), account, event);
        if let Err(error) = self.append(&envelope, Durability::Soon).await {
            tracing::error!(%error, sequence = envelope.sequence, "a record could not be kept");
        }
    }
}
