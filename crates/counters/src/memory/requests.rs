//! Requests for approval in this process, and how many wait in each grant.

use std::collections::{HashMap, HashSet};

use domain::{AccountId, ApprovalBinding, GrantId, Timestamp};

use crate::{
    ApprovalState, AskApproval, MAX_OPEN_REQUESTS,
    approval::{ApprovalStanding, Request, Stands, TELL_AGAIN_US},
};

/// Where a request stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    pub(crate) account: AccountId,
    pub(crate) binding: ApprovalBinding,
}

/// A request with the journal's number of its last change.
pub(crate) struct Stored {
    pub(crate) request: Request,
    pub(crate) changed: u64,
}

#[derive(Default)]
pub(crate) struct Requests {
    all: HashMap<Place, Stored>,
    /// Those that wait for an answer, or did until they expired.
    pending: HashMap<GrantId, HashSet<Place>>,
}

/// What asking for an approval comes to.
pub(crate) enum Found {
    /// It stands and may be used up.
    Approved(Request),
    /// It does not.
    NotApproved(ApprovalStanding),
    /// It does not, and this request is to be written down before that is told.
    ToWrite(Request),
}

impl Requests {
    pub(crate) fn ask(&mut self, place: Place, ask: &AskApproval, now: Timestamp) -> Found {
        let standing = self.all.get(&place).map(|stored| stored.request).filter(|request| !request.is_over(now));
        match standing {
            Some(request) if request.stands == Stands::Approved => Found::Approved(request),
            Some(request) if request.stands == Stands::Refused => {
                Found::NotApproved(request.standing(ApprovalState::Refused))
            }
            Some(request) if now.0.saturating_sub(request.told_at.0) >= TELL_AGAIN_US => {
                Found::ToWrite(Request { told_at: now, ..request })
            }
            Some(request) => Found::NotApproved(request.standing(ApprovalState::Pending)),
            None => match self.too_many(ask.grant, now) {
                Some(expires_at) => {
                    Found::NotApproved(ApprovalStanding { id: None, state: ApprovalState::TooMany, expires_at })
                }
                None => Found::ToWrite(ask.open(now)),
            },
        }
    }

    /// When as many wait in a grant as may: the moment at which the first of them goes.
    fn too_many(&mut self, grant: GrantId, now: Timestamp) -> Option<Timestamp> {
        let pending = self.pending.get_mut(&grant)?;
        if pending.len() < MAX_OPEN_REQUESTS {
            return None;
        }
        let all = &self.all;
        let expiry = |place: &Place| all.get(place).map(|stored| stored.request.expires_at);
        pending.retain(|place| expiry(place).is_some_and(|at| at > now));
        if pending.len() < MAX_OPEN_REQUESTS {
            return None;
        }
        pending.iter().filter_map(expiry).min()
    }

    pub(crate) fn get(&self, place: Place) -> Option<&Stored> {
        self.all.get(&place)
    }

    pub(crate) fn put(&mut self, place: Place, request: Request, changed: u64) {
        match request.stands {
            Stands::Pending => {
                self.pending.entry(request.grant).or_default().insert(place);
            }
            Stands::Approved | Stands::Refused => self.not_pending(place, request.grant),
        }
        self.all.insert(place, Stored { request, changed });
    }

    pub(crate) fn remove(&mut self, place: Place) {
        if let Some(stored) = self.all.remove(&place) {
            self.not_pending(place, stored.request.grant);
        }
    }

    fn not_pending(&mut self, place: Place, grant: GrantId) {
        if let Some(pending) = self.pending.get_mut(&grant) {
            pending.remove(&place);
            if pending.is_empty() {
                self.pending.remove(&grant);
            }
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Place, &Stored)> {
        self.all.iter()
    }

    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    /// Forgets what has expired.
    pub(crate) fn sweep(&mut self, now: Timestamp) {
        let over: Vec<Place> =
            self.all.iter().filter(|(_, stored)| stored.request.is_over(now)).map(|(place, _)| *place).collect();
        for place in over {
            self.remove(place);
        }
    }
}
