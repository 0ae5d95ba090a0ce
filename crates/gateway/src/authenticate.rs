//! Who calls: a bearer key, looked up by its SHA-256 in the account's own snapshot, or an app's access token, verified and
//! then held against its app in the same snapshot.
//!
//! A missing key, a foreign one, an expired one, a token of an app that was revoked or for another URL, and an account that
//! does not exist all get the same answer.

use std::{net::SocketAddr, sync::Arc};

use axum::extract::ConnectInfo;
use domain::{
    AccessClaims, AccessTokens, AccountSlug, AppId, Credential, Principal, Scopes, Timestamp, Token, TokenHash,
    TokenKind,
};
use http::{Extensions, HeaderMap, header};

use crate::{
    account::Account,
    failure::{Failure, Presented},
    session::Owner,
    snapshots::Snapshots,
};

/// An authenticated caller, with the snapshot that the whole request is judged by.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub account: Arc<Account>,
    pub credential: Credential,
    /// By which it is found again in a newer snapshot.
    pub proof: Proof,
    pub principal: Principal,
    /// What it may do at most; with a key, everything.
    pub scopes: Scopes,
    /// The address the connection came from, when the server knows it.
    pub ip: Option<String>,
}

/// What a caller has shown, as far as it is held against snapshots.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Proof {
    /// A key, by its hash.
    Key(TokenHash),
    /// A token of this app that was good when it was shown, until then.
    App(AppId, Timestamp),
}

/// What a request presents.
enum Shown {
    Key(TokenHash),
    Token(Box<AccessClaims>),
}

/// What a request is authenticated with and for.
pub(crate) struct Door<'a> {
    pub snapshots: &'a Snapshots,
    pub tokens: &'a AccessTokens,
    /// The account in the path.
    pub account: &'a str,
    /// The URL called, in its one spelling.
    pub resource: &'a str,
}

/// Authenticates a request to an account's URL.
pub(crate) async fn authenticate(
    door: Door<'_>,
    headers: &HeaderMap,
    extensions: &Extensions,
    now: Timestamp,
) -> Result<Caller, Failure> {
    let shown = door.shown(headers, now).map_err(Failure::Unauthenticated)?;
    let unknown = || Failure::Unauthenticated(Presented::SomethingElse);
    let slug: AccountSlug = door.account.parse().map_err(|_| unknown())?;
    let ip = extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip().to_canonical().to_string());
    let found = door.snapshots.account(&slug).await.map_err(|_| Failure::Unavailable)?;
    if let Some(caller) = found.and_then(|account| shown.opens(account, now)) {
        return Ok(Caller { ip, ..caller });
    }
    let newest = Box::pin(door.snapshots.account_anew(&slug)).await.map_err(|_| Failure::Unavailable)?;
    let caller = newest.and_then(|account| shown.opens(account, now)).ok_or_else(unknown)?;
    Ok(Caller { ip, ..caller })
}

impl Door<'_> {
    /// A key of ours has its prefix; whatever has the two dots of a JWT is one or nothing.
    fn shown(&self, headers: &HeaderMap, now: Timestamp) -> Result<Shown, Presented> {
        let text = bearer(headers)?;
        if text.split('.').count() != 3 {
            return key(text, TokenKind::Key).map(Shown::Key);
        }
        let claims = self.tokens.verify(text, self.resource, now).map_err(|error| {
            tracing::debug!(%error, "an access token was refused");
            Presented::SomethingElse
        })?;
        Ok(Shown::Token(Box::new(claims)))
    }
}

impl Shown {
    /// The caller, if this opens the account.
    fn opens(&self, account: Arc<Account>, now: Timestamp) -> Option<Caller> {
        let (credential, proof, principal, scopes) = match self {
            Self::Key(hash) => {
                let key = account.key(hash, now)?;
                (Credential::Key(key.id), Proof::Key(*hash), key.principal, Scopes::READ_AND_WRITE)
            }
            Self::Token(claims) => {
                let app = account.app(claims.app, now).filter(|_| claims.account == account.id)?;
                if app.user != claims.user || app.resource != claims.resource {
                    return None;
                }
                let scopes = app.scopes.common(claims.scopes);
                let proof = Proof::App(claims.app, claims.expires_at);
                (Credential::App(claims.app), proof, Principal::Member(app.user), scopes)
            }
        };
        Some(Caller { account, credential, proof, principal, scopes, ip: None })
    }
}

impl Caller {
    /// Whose sessions on the account's own URL these are.
    pub(crate) fn owner(&self) -> Owner {
        Owner { account: self.account.id, server: None, principal: self.principal }
    }
}

impl Proof {
    /// Whether it could not be shown any more. What it opened goes on to its end, but not what has none.
    pub(crate) fn is_over(&self, now: Timestamp) -> bool {
        match self {
            Self::Key(_) => false,
            Self::App(_, until) => *until <= now,
        }
    }

    /// Whether it opens the account still.
    pub(crate) fn holds(&self, account: &Account, now: Timestamp) -> bool {
        match self {
            Self::Key(hash) => account.key(hash, now).is_some(),
            Self::App(app, _) => account.app(*app, now).is_some(),
        }
    }
}

/// The hash of the one bearer token of this kind that a request presents.
pub(crate) fn presented(headers: &HeaderMap, kind: TokenKind) -> Result<TokenHash, Presented> {
    key(bearer(headers)?, kind)
}

fn key(text: &str, kind: TokenKind) -> Result<TokenHash, Presented> {
    Token::parse(kind, text).map(|token| token.hash()).map_err(|_| Presented::SomethingElse)
}

/// The one bearer token that a request presents.
fn bearer(headers: &HeaderMap) -> Result<&str, Presented> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err(if headers.contains_key(header::AUTHORIZATION) {
            Presented::SomethingElse
        } else {
            Presented::Nothing
        });
    };
    let token = value.to_str().ok().and_then(|text| text.split_once(' '));
    let (_, text) =
        token.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).ok_or(Presented::SomethingElse)?;
    Ok(text.trim())
}

#[cfg(test)]
mod tests {
    use domain::Entropy;
    use http::HeaderValue;

    use super::*;

    #[test]
    fn one_well_formed_bearer_token_or_nothing() {
        let token = Token::new(TokenKind::Key, &Entropy::seeded(1));
        let with = |values: &[String]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::AUTHORIZATION, HeaderValue::from_str(value).unwrap());
            }
            presented(&headers, TokenKind::Key)
        };
        let good = format!("Bearer {}", token.expose());
        assert_eq!(with(std::slice::from_ref(&good)), Ok(token.hash()));
        assert_eq!(with(&[good.replace("Bearer", "bearer")]), Ok(token.hash()));
        assert_eq!(with(&[]), Err(Presented::Nothing));
        let connect = Token::new(TokenKind::Connect, &Entropy::seeded(1));
        for odd in [
            vec![good.clone(), good.clone()],
            vec![token.expose().to_owned()],
            vec![good.replace("Bearer", "Basic")],
            vec![format!("{good}x")],
            vec![format!("Bearer {}", connect.expose())],
            vec!["Bearer".to_owned()],
        ] {
            assert_eq!(with(&odd), Err(Presented::SomethingElse), "{odd:?}");
        }
    }
}
