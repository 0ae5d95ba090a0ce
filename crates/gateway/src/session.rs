//! Session ids of the `initialize` era, as clients see them: the upstream's own id, sealed together with what later requests
//! of the session need, and bound to account, server and principal.
//!
//! So they need no store, hold on every gateway and over restarts, and one that was taken from another principal is the
//! same to us as one that nobody ever made. They are never a credential: the key is checked on every request.

use std::sync::Arc;

use aws_lc_rs::digest;
use domain::{AccountId, Client, DataKey, DeploymentKey, Entropy, GatewayId, Principal, Sealed, ServerId};
use http::HeaderMap;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::failure::UpstreamFailure;

/// The session header of the `initialize` era.
pub(crate) const SESSION_HEADER: &str = "mcp-session-id";
/// Longest session id that is read, in bytes.
const MAX_TEXT: usize = 8_192;
/// Longest session id of a server's own, in bytes: sealed, it has to be read again.
const MAX_UPSTREAM: usize = 4_096;

/// Seals and opens session ids.
#[derive(Debug)]
pub(crate) struct Sessions {
    key: DataKey,
    entropy: Entropy,
}

/// Whose session it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Owner {
    pub account: AccountId,
    /// None: a session on the account's own URL.
    pub server: Option<ServerId>,
    pub principal: Principal,
}

/// What a session id carries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Session {
    /// The upstream's session id; on the account's own URL, ours.
    #[serde(rename = "u")]
    pub upstream: String,
    /// The connector that holds it, when the server is reached through a tunnel.
    #[serde(rename = "i", default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// The client, as it named itself in `initialize`.
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    pub client: Option<Client>,
    /// Where the gateway stands between two eras: what the client can do, as a raw JSON object. None: the session is the
    /// upstream's own.
    #[serde(rename = "k", default, skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<String>,
    /// Of a session that is the gateway's own: the process that began it, which the others hand its requests to (`home`).
    #[serde(rename = "g", default, skip_serializing_if = "Option::is_none")]
    pub home: Option<GatewayId>,
    /// Of a session that is the upstream's own: where that was and what it was shown ([`Server::reach`](crate::account::Server)).
    /// Those of the gateway's own go on: what stands behind them is opened anew.
    #[serde(rename = "r", default, skip_serializing_if = "Option::is_none")]
    pub reach: Option<String>,
}

/// A session as the client names it and as it is.
#[derive(Clone, Debug)]
pub(crate) struct ClientSession {
    pub text: String,
    pub session: Session,
}

/// The session that a request names.
#[derive(Clone, Debug)]
pub(crate) enum Named {
    Nothing,
    /// One that this caller does not have, or several.
    Foreign,
    /// One that its client has ended.
    Ended,
    Session(Box<ClientSession>),
}

/// The session id that a server tells; none if it tells none.
///
/// # Errors
/// When it is none that could be sent back (2025-11-25 basic/transports "Session Management").
pub(crate) fn told(headers: &HeaderMap) -> Result<Option<&str>, UpstreamFailure> {
    let Some(value) = headers.get(SESSION_HEADER) else { return Ok(None) };
    let visible = value.to_str().ok().filter(|id| id.bytes().all(|b| b.is_ascii_graphic()));
    match visible.filter(|id| !id.is_empty() && id.len() <= MAX_UPSTREAM) {
        Some(id) => Ok(Some(id)),
        None => Err(UpstreamFailure::Invalid("its session id is empty, too long or not visible ASCII".to_owned())),
    }
}

impl Session {
    /// What the sessions with servers behind one of our own are kept under.
    pub(crate) fn ours(&self, principal: Principal) -> Arc<str> {
        format!("{principal}/session/{}", self.upstream).into()
    }
}

impl Sessions {
    pub(crate) fn new(key: &DeploymentKey, entropy: Entropy) -> Self {
        Self { key: key.derive("mcp-session"), entropy }
    }

    /// The id to give to the client: visible ASCII, unguessable.
    pub(crate) fn seal(&self, owner: Owner, session: &Session) -> String {
        self.seal_as(&owner.context(), session)
    }

    /// Anything else that goes through a client's hands, for one purpose.
    pub(crate) fn seal_for(&self, owner: Owner, purpose: &str, value: &impl Serialize) -> String {
        self.seal_as(&format!("{purpose}/{}", owner.context()), value)
    }

    /// What such a text carries; `None` when it was not sealed for this owner and this purpose.
    pub(crate) fn open_for<T: DeserializeOwned>(&self, owner: Owner, purpose: &str, text: &str) -> Option<T> {
        self.open_as(&format!("{purpose}/{}", owner.context()), text)
    }

    fn seal_as(&self, context: &str, value: &impl Serialize) -> String {
        let plain = serde_json::to_vec(value).unwrap_or_default();
        let Sealed(text) = self.key.seal(context, &plain, &self.entropy);
        text.trim_end_matches('=').replace('+', "-").replace('/', "_")
    }

    /// The session that a request of this owner's names.
    pub(crate) fn named(&self, owner: Owner, headers: &HeaderMap) -> Named {
        let mut values = headers.get_all(SESSION_HEADER).iter();
        let Some(value) = values.next() else { return Named::Nothing };
        let text = value.to_str().ok().filter(|_| values.next().is_none());
        let known =
            text.and_then(|text| Some(ClientSession { text: text.to_owned(), session: self.open(owner, text)? }));
        known.map_or(Named::Foreign, |known| Named::Session(Box::new(known)))
    }

    /// What an id from a client carries; `None` when it is not one of this owner's.
    fn open(&self, owner: Owner, text: &str) -> Option<Session> {
        self.open_as(&owner.context(), text)
    }

    fn open_as<T: DeserializeOwned>(&self, context: &str, text: &str) -> Option<T> {
        let plain_form =
            text.len() <= MAX_TEXT && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        if !plain_form {
            return None;
        }
        let mut standard = text.replace('-', "+").replace('_', "/");
        while !standard.len().is_multiple_of(4) {
            standard.push('=');
        }
        let plain = self.key.open(context, &Sealed(standard)).ok()?;
        serde_json::from_slice(&plain).ok()
    }
}

impl Owner {
    /// The same principal, at the account as a whole.
    pub(crate) fn of_account(self) -> Self {
        Self { server: None, ..self }
    }

    /// Binds what is sealed to its owner.
    pub(crate) fn context(&self) -> String {
        match self.server {
            Some(server) => format!("{}/{server}/{}", self.account, self.principal),
            None => format!("{}/*/{}", self.account, self.principal),
        }
    }

    /// The name under which a session's limits are counted, the same as long as the session lasts.
    pub(crate) fn counter_subject(&self, session: &Session) -> String {
        use base64::Engine as _;
        let text = format!("{}\n{}", self.context(), session.upstream);
        let hash = digest::digest(&digest::SHA256, text.as_bytes());
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(&hash.as_ref()[..16])
    }
}

#[cfg(test)]
mod tests {
    use domain::{AgentId, Clock, Timestamp};

    use super::*;

    #[test]
    fn a_session_id_opens_only_for_its_owner() {
        let (clock, entropy) = (Clock::fixed(Timestamp(0)), Entropy::seeded(5));
        let owner = Owner {
            account: AccountId::new(&clock, &entropy),
            server: Some(ServerId::new(&clock, &entropy)),
            principal: Principal::Agent(AgentId::new(&clock, &entropy)),
        };
        let sessions = Sessions::new(&DeploymentKey::new(&entropy), entropy.clone());
        let session = Session {
            upstream: "up-1".into(),
            instance: Some("i".into()),
            client: None,
            capabilities: None,
            home: None,
            reach: None,
        };
        let text = sessions.seal(owner, &session);
        assert!(text.bytes().all(|b| (0x21..=0x7e).contains(&b)), "{text}");
        assert_eq!(sessions.open(owner, &text), Some(session.clone()));

        let other_account = Owner { account: AccountId::new(&clock, &entropy), ..owner };
        let other_server = Owner { server: Some(ServerId::new(&clock, &entropy)), ..owner };
        let other_principal = Owner { principal: Principal::Agent(AgentId::new(&clock, &entropy)), ..owner };
        for thief in [other_account, other_server, other_principal, Owner { server: None, ..owner }] {
            assert_eq!(sessions.open(thief, &text), None);
        }
        let again = Sessions::new(&DeploymentKey::new(&entropy), entropy);
        assert_eq!(again.open(owner, &text), None);
    }

    #[test]
    fn a_changed_session_id_does_not_open() {
        let (clock, entropy) = (Clock::fixed(Timestamp(0)), Entropy::seeded(6));
        let owner = Owner {
            account: AccountId::new(&clock, &entropy),
            server: None,
            principal: Principal::Agent(AgentId::new(&clock, &entropy)),
        };
        let sessions = Sessions::new(&DeploymentKey::new(&entropy), entropy);
        let text = sessions.seal(
            owner,
            &Session {
                upstream: "x".into(),
                instance: None,
                client: None,
                capabilities: None,
                home: None,
                reach: Some("0".into()),
            },
        );
        for at in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            assert_eq!(sessions.open(owner, &String::from_utf8(bytes).unwrap()), None, "at {at}");
        }
        for odd in ["", "A", "!", &text[1..], &format!("{text}A"), &"A".repeat(10_000)] {
            assert_eq!(sessions.open(owner, odd), None);
        }
    }
}
