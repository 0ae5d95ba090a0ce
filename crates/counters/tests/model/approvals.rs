//! Section 7: one request for one exact call, used up once.

use std::collections::HashMap;

use super::json::Tree;

/// The exact call under one version of one grant's policy.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Bound {
    pub place: (usize, usize),
    pub grant: usize,
    pub policy: usize,
    pub tool: String,
    /// Canonical text.
    pub arguments: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Open,
    Approved,
    Refused,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// Its number among all requests.
    pub id: u128,
    pub state: State,
    pub expires_us: i64,
}

#[derive(Clone, Debug, Default)]
pub struct Approvals(HashMap<Bound, Request>);

impl Bound {
    pub fn arguments(arguments: Option<&Tree>) -> String {
        arguments.map_or_else(|| "{}".to_owned(), |tree| tree.canonical().render())
    }
}

impl Approvals {
    pub fn standing(&self, bound: &Bound, now_us: i64) -> Option<Request> {
        self.0.get(bound).copied().filter(|request| now_us < request.expires_us)
    }

    pub fn put(&mut self, bound: &Bound, request: Request) {
        self.0.insert(bound.clone(), request);
    }

    pub fn use_up(&mut self, bound: &Bound) {
        self.0.remove(bound);
    }

    /// The call that used it was never delivered: it stands again, unless somebody asked anew.
    pub fn restore(&mut self, bound: &Bound, used: Request, now_us: i64) {
        if self.standing(bound, now_us).is_none() && now_us < used.expires_us {
            self.put(bound, used);
        }
    }
}
