//! How a connection stands, and when it has to be looked at. Pure.

use domain::{Entropy, Timestamp};
use storage::ConnectionRow;
use upstream::authorization::Tokens;

/// Tokens are never renewed sooner than this after they were given.
const SHORTEST_SECONDS: i64 = 5;
/// Between two attempts after the first failed one, and at most.
const AGAIN_SECONDS: i64 = 15;
const AGAIN_AT_MOST_SECONDS: i64 = 600;
/// A connection that could not be renewed is given up this long after its token has ended.
const GIVEN_UP_SECONDS: i64 = 86_400;
/// Fresh tokens refused in a row after which a server is believed.
const MOST_REFUSALS: u32 = 5;

/// How a connection stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConnectionHealth {
    /// It works, as far as is known, and will go on to.
    Connected,
    /// It works or may work, but somebody has to look after it.
    Ailing(Ailment),
    /// Calls with it are refused.
    Dead {
        /// Why.
        words: String,
    },
}

/// What is wrong with a connection that is not dead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ailment {
    /// There is no refresh token: it ends.
    Ends {
        /// When.
        at: Timestamp,
    },
    /// Renewing it fails.
    NotRenewed {
        /// Why.
        words: String,
        /// When its token ends.
        ends_at: Option<Timestamp>,
    },
    /// The server refuses its tokens although they are fresh.
    Refused,
    /// The server wants more than was granted.
    NeedsMore {
        /// The scopes that it named.
        scope: String,
    },
}

/// How a connection stands at `now`.
pub(crate) fn health(row: &ConnectionRow, now: Timestamp) -> ConnectionHealth {
    let ended = row.expires_at.filter(|at| row.refresh_token.is_none() && *at <= now);
    if row.dead_at.is_some() || ended.is_some() {
        let words = row.last_error.clone().unwrap_or_else(|| "its token has ended".to_owned());
        return ConnectionHealth::Dead { words };
    }
    let ailment = if row.failures > 0 {
        let words = row.last_error.clone().unwrap_or_default();
        Some(Ailment::NotRenewed { words, ends_at: row.expires_at })
    } else if row.refusals > 1 {
        Some(Ailment::Refused)
    } else if let Some(scope) = &row.needs_scope {
        Some(Ailment::NeedsMore { scope: scope.clone() })
    } else if let (None, Some(at)) = (&row.refresh_token, row.expires_at) {
        Some(Ailment::Ends { at })
    } else {
        None
    };
    ailment.map_or(ConnectionHealth::Connected, ConnectionHealth::Ailing)
}

/// When tokens have to be looked at next: renewed at two thirds of their life, give or take, so that many do not fall due
/// at once; or, where they cannot be renewed, noticed to be over.
pub(super) fn due_after(now: Timestamp, tokens: &Tokens, entropy: &Entropy) -> Option<Timestamp> {
    let life = tokens.expires_in_seconds?;
    if tokens.refresh.is_none() {
        return Some(now.plus_seconds(life));
    }
    let spread = life / 12;
    let drawn = i64::from(u16::from_le_bytes(entropy.bytes::<2>()));
    let early = if spread > 0 { drawn % (spread + 1) } else { 0 };
    Some(now.plus_seconds((life * 2 / 3 - early).max(SHORTEST_SECONDS.min(life))))
}

/// When to try again after a failure, or none when it is no use any more.
pub(super) fn again_after(row: &ConnectionRow, now: Timestamp) -> Option<Timestamp> {
    let over = row.expires_at.unwrap_or(row.refreshed_at).plus_seconds(GIVEN_UP_SECONDS);
    if now >= over && row.failures > 0 {
        return None;
    }
    let wait = AGAIN_SECONDS << row.failures.min(10);
    Some(now.plus_seconds(wait.min(AGAIN_AT_MOST_SECONDS)))
}

/// Why a connection that is due is of no use any more, whatever its authorization server says.
pub(super) fn is_over(row: &ConnectionRow, now: Timestamp) -> Option<&'static str> {
    let ended = row.expires_at.is_some_and(|at| at <= now);
    match row.refresh_token {
        None if row.refused_at.is_some() => Some("the server refused its token, which cannot be renewed"),
        None if ended => Some("its token has ended and cannot be renewed"),
        Some(_) if row.refusals >= MOST_REFUSALS => Some("the server refuses every token of it"),
        _ => None,
    }
}
