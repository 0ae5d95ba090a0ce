//! Who calls: a bearer key, looked up by its SHA-256 in the account's own snapshot.
//!
//! A missing key, a foreign one, an expired one and an account that does not exist all get the same answer.

use std::{net::SocketAddr, sync::Arc};

use axum::extract::ConnectInfo;
use domain::{
    AccessClaims, AccessTokens, AccountSlug, AppId, Credential, Principal, Scopes, Timestamp, Token, TokenHash, TokenKind,
};
use http::{Extensions, HeaderMap, header};

use crate::{
    account::Account,
    failure::{Failure, Presented},
    snapshots::Snapshots,
};

/// An authenticated caller, with the snapshot that the whole request is judged by.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub account: Arc<Account>,
    pub key: KeyId,
    /// By which the key is found again in a newer snapshot.
    pub hash: TokenHash,
    pub principal: Principal,
    /// The address the connection came from, when the server knows it.
    pub ip: Option<String>,
}

/// Authenticates a request to an account's URL.
pub(crate) async fn authenticate(
    snapshots: &Snapshots,
    account: &str,
    headers: &HeaderMap,
    extensions: &Extensions,
    now: Timestamp,
) -> Result<Caller, Failure> {
    let hash = presented(headers, TokenKind::Key).map_err(Failure::Unauthenticated)?;
    let unknown = || Failure::Unauthenticated(Presented::SomethingElse);
    let slug: AccountSlug = account.parse().map_err(|_| unknown())?;
    let found = snapshots.account(&slug).await.map_err(|_| Failure::Unavailable)?;
    if let Some(caller) = found.and_then(|account| caller(account, &hash, extensions, now)) {
        return Ok(caller);
    }
    let newest = snapshots.account_anew(&slug).await.map_err(|_| Failure::Unavailable)?;
    newest.and_then(|account| caller(account, &hash, extensions, now)).ok_or_else(unknown)
}

/// The hash of the one bearer token of this kind that a request presents.
pub(crate) fn presented(headers: &HeaderMap, kind: TokenKind) -> Result<TokenHash, Presented> {
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
    Token::parse(kind, text.trim()).map(|token| token.hash()).map_err(|_| Presented::SomethingElse)
}

fn caller(account: Arc<Account>, hash: &TokenHash, extensions: &Extensions, now: Timestamp) -> Option<Caller> {
    let key = account.key(hash, now)?;
    let ip = extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip().to_canonical().to_string());
    Some(Caller { key: key.id, hash: *hash, principal: key.principal, ip, account: account.clone() })
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
