//! Approvals as the counter store holds them (POLICY.md §7): what is asked, what stands, and how it is answered.

use domain::{ApprovalBinding, ApprovalId, GrantId, Timestamp};

/// Requests of one grant that may wait for an answer at the same time.
pub const MAX_OPEN_REQUESTS: usize = 100;

/// A request that is asked for again this long after its caller was last told to record it is to be recorded again: the
/// one who was told may have died, or may never have had the answer.
pub(crate) const TELL_AGAIN_US: i64 = 60 * 1_000_000;

/// The approval that a call needs, as part of its reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AskApproval {
    /// The exact call.
    pub binding: ApprovalBinding,
    /// The grant that it is made under; the same for every ask of a binding.
    pub grant: GrantId,
    /// What a new request is called, should one be opened.
    pub id: ApprovalId,
    /// How long a new request stands, answered or not, by the store's clock.
    pub stands_seconds: u32,
}

/// Why a call may not pass yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ApprovalStanding {
    /// The request that stands; none only for [`ApprovalState::TooMany`].
    pub id: Option<ApprovalId>,
    /// What became of it.
    pub state: ApprovalState,
    /// From then on it stands no more, by the store's clock. For `TooMany`: when the first of the open ones goes.
    pub expires_at: Timestamp,
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApprovalState {
    /// The caller has to record it, under the id in the answer: it was opened just now, or it waits since a minute and
    /// more, and nobody knows whether the one who opened it lived to record it. So one request may be recorded twice.
    Asked,
    /// It waits for a person.
    Pending,
    /// A person refused it.
    Refused,
    /// None was opened: [`MAX_OPEN_REQUESTS`] wait in this grant.
    TooMany,
}

/// A person's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApprovalAnswer {
    /// The call may pass once.
    Approved,
    /// It may not.
    Refused,
}

/// What became of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answered {
    /// It stands. The same answer again is `Done` as well, and an approval that is not used yet can be turned into a
    /// refusal, but never the other way.
    Done,
    /// It changes nothing: the request is expired, used, refused, forgotten, or another stands in its place.
    Gone,
}

/// A request as it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) id: ApprovalId,
    pub(crate) grant: GrantId,
    pub(crate) stands: Stands,
    pub(crate) expires_at: Timestamp,
    /// When a caller was last told to record it.
    pub(crate) told_at: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stands {
    Pending,
    Approved,
    Refused,
}

/// An approval that a reservation used up, for putting it back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Used {
    pub(crate) binding: ApprovalBinding,
    pub(crate) request: Request,
}

impl Request {
    pub(crate) fn is_over(&self, now: Timestamp) -> bool {
        self.expires_at <= now
    }

    /// What a caller is told of one that is not approved.
    pub(crate) fn standing(&self, state: ApprovalState) -> ApprovalStanding {
        ApprovalStanding { id: Some(self.id), state, expires_at: self.expires_at }
    }

    /// The request with this answer; none if it cannot be answered so any more.
    pub(crate) fn answered(self, id: ApprovalId, answer: ApprovalAnswer, now: Timestamp) -> Option<Self> {
        if self.id != id || self.is_over(now) {
            return None;
        }
        let stands = match (self.stands, answer) {
            (Stands::Refused, ApprovalAnswer::Approved) => return None,
            (_, ApprovalAnswer::Approved) => Stands::Approved,
            (_, ApprovalAnswer::Refused) => Stands::Refused,
        };
        Some(Self { stands, ..self })
    }
}

impl AskApproval {
    /// A new request, told now.
    pub(crate) fn open(&self, now: Timestamp) -> Request {
        let stands_us = i64::from(self.stands_seconds) * 1_000_000;
        Request {
            id: self.id,
            grant: self.grant,
            stands: Stands::Pending,
            expires_at: Timestamp(now.0.saturating_add(stands_us)),
            told_at: now,
        }
    }
}
