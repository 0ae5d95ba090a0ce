//! Events on their way from the gateways to the recorder.

use domain::{AccountId, EventEnvelope};

use crate::spool::EntryId;

/// How sure an append must be before it returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Redis has it, or the disk has it for good (fsync).
    Durable,
    /// It is on its way. In process it survives the end of the process; beside Redis the last few milliseconds of them
    /// are lost when the gateway is killed.
    Soon,
}

/// An event that the recorder was given; it comes again until it is acknowledged.
#[derive(Debug)]
pub struct Taken {
    /// The event. `(gateway, sequence)` tells repeats.
    pub envelope: EventEnvelope,
    /// What to give to [`crate::Bus::ack`] once it is stored.
    pub ack: Ack,
}

/// Names a taken event to the bus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ack(pub(crate) AckPlace);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AckPlace {
    Spool(EntryId),
    Stream { account: AccountId, id: String },
}

/// The Redis stream that an account's events go through; each entry has one field, [`EVENT_FIELD`].
///
/// The counters' script appends a call's intent record to it in the same round trip as the reservation.
#[must_use]
pub fn event_stream_key(account: AccountId) -> String {
    format!("pcl:{{{account}}}:events")
}

/// The field of a stream entry that holds the event, as the JSON of an [`EventEnvelope`].
pub const EVENT_FIELD: &str = "e";
