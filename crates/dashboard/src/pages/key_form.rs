//! What the pages of one's own keys and of an agent's keys share: the list, the form for a new one, and the new one shown once.

use accounts::KeyRow;
use domain::{Principal, Timestamp, Token};
use serde::Deserialize;
use web_kit::{Member, Visit};

use crate::{
    form::{Choice, Errors, Input},
    show::Time,
};

const DAY_S: i64 = 86_400;

/// The inputs of the form.
pub(crate) const INPUTS: [Input; 2] =
    [Input::same("label", "The purpose"), Input { field: "expires_at", id: "expires", called: "The end" }];

/// How long a new key may live, in days; the first is offered.
const LIVES_DAYS: [(i64, &str); 4] = [(90, "In 90 days"), (30, "In 30 days"), (7, "In 7 days"), (365, "In a year")];

/// A key in the list.
pub(crate) struct KeyLine {
    pub(crate) id: String,
    pub(crate) label: String,
    pub(crate) created: Time,
    pub(crate) last_used: Option<Time>,
    pub(crate) expires: Option<Time>,
    pub(crate) ended: Option<&'static str>,
}

/// A key just made.
pub(crate) struct NewKey {
    pub(crate) label: String,
    pub(crate) text: String,
    pub(crate) gateway_url: String,
}

/// What was typed to make one.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(crate) struct Typed {
    pub(crate) label: String,
    pub(crate) expires: String,
}

impl KeyLine {
    pub(crate) fn of(key: KeyRow, now: Timestamp) -> Self {
        Self {
            id: key.id.to_string(),
            label: key.label.to_string(),
            created: key.created_at.into(),
            last_used: key.last_used_at.map(Time::from),
            expires: key.expires_at.map(Time::from),
            ended: key.expires_at.filter(|at| *at <= now).map(|_| "expired"),
        }
    }
}

impl NewKey {
    pub(crate) fn of(visit: &Visit<Member>, label: &str, token: &Token) -> Self {
        let gateway_url = format!("{}/{}/mcp", visit.accounts().gateway_origin(), visit.caller().slug());
        Self { label: label.trim().to_owned(), text: token.expose().to_owned(), gateway_url }
    }
}

impl Typed {
    /// What is asked for, with the principal whose key it is to be.
    pub(crate) fn read(&self, principal: Principal, now: Timestamp) -> Result<accounts::NewKey, Errors> {
        let offered = |days: i64| LIVES_DAYS.iter().any(|(life, _)| *life == days);
        let expires_at = match self.expires.as_str() {
            "never" => None,
            days => match days.parse().ok().filter(|days| offered(*days)) {
                Some(days) => Some(now.plus_seconds(days * DAY_S)),
                None => return Err(Errors::one("expires", "choose when the key ends")),
            },
        };
        Ok(accounts::NewKey { principal, label: self.label.clone(), expires_at })
    }

    /// When it ends, to choose from.
    pub(crate) fn expiries(&self) -> Vec<Choice> {
        let each = LIVES_DAYS.iter().map(|(days, label)| (days.to_string(), *label));
        let all = each.chain([("never".to_owned(), "Only when revoked")]);
        all.map(|(value, label)| Choice { selected: value == self.expires, value, label: label.to_owned() }).collect()
    }
}
