//! Access tokens of our OAuth server: JWTs (RFC 9068) that any control plane signs and any gateway verifies, with nothing
//! stored and nothing fetched.
//!
//! The signing keys are derived from the deployment key, one Ed25519 key for each period of [`PERIOD_SECONDS`]; the key set
//! that is published has the last, the present and the next one. A token says which app it was made for; whether that app
//! may still call is for the account's snapshot to say, so a revocation needs no list of tokens.
//!
//! Invariants: one algorithm, said here and nowhere in the token; a key is chosen by its id among three known ones, before
//! any signature is looked at; issuer, audience, subject and times are all required.

mod keys;

use std::fmt;

use jsonwebtoken::{Algorithm, Header, Validation, crypto::aws_lc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{AccountId, AppId, Clock, DeploymentKey, Entropy, Scopes, Timestamp, UserId};
use keys::Keys;

/// How long a signing key is used: 30 days.
pub const PERIOD_SECONDS: i64 = 30 * 24 * 60 * 60;
/// How long an access token is good for: ten minutes.
pub const LIFE_SECONDS: i64 = 10 * 60;
/// By so much the clocks of a control plane and a gateway may differ.
const LEEWAY_SECONDS: i64 = 30;
/// RFC 9068 §2.1.
const TYPE: &str = "at+jwt";
/// Longest text that is looked at, in bytes.
const MAX_TEXT: usize = 4_096;

/// Makes and verifies access tokens. Cheap to share; knows the deployment's secret.
pub struct AccessTokens {
    keys: Keys,
    issuer: String,
}

/// What an access token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessClaims {
    /// The account it opens.
    pub account: AccountId,
    /// The app it was made for.
    pub app: AppId,
    /// The person the app acts for.
    pub user: UserId,
    /// The app's client, as it is registered.
    pub client_id: String,
    /// The one gateway URL that it is good for.
    pub resource: String,
    /// What may be done with it.
    pub scopes: Scopes,
    /// Since when, to the second.
    pub issued_at: Timestamp,
    /// From then on it is refused, to the second.
    pub expires_at: Timestamp,
    /// Its own id (`jti`).
    pub id: String,
}

/// Why a text is not an access token that holds here and now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AccessTokenError {
    /// Not a JWT of this kind at all.
    #[error("not an access token of this kind")]
    Form,
    /// Signed by a key that is not ours, or not any more.
    #[error("the access token was not signed by a key of this deployment")]
    Key,
    /// The signature does not match, or something that has to be said is missing.
    #[error("the access token's signature or claims do not hold")]
    Signature,
    /// Made by somebody else.
    #[error("the access token is of another issuer")]
    Issuer,
    /// Made for another URL.
    #[error("the access token is for another resource")]
    Audience,
    /// Over, or not begun.
    #[error("the access token has expired")]
    Expired,
}

/// The claims on the wire; all of them are required.
#[derive(Serialize, Deserialize)]
struct Wire {
    iss: String,
    aud: String,
    sub: UserId,
    exp: i64,
    iat: i64,
    jti: String,
    client_id: String,
    scope: Scopes,
    account: AccountId,
    app: AppId,
}

impl AccessTokens {
    /// For the deployment with this key, whose control plane people reach at `issuer` (no slash at the end).
    #[must_use]
    pub fn new(key: &DeploymentKey, issuer: &str) -> Self {
        // Naming the provider makes a missing feature of the library a compile error; a second call changes nothing.
        let _ = aws_lc::DEFAULT_PROVIDER.install_default();
        Self { keys: Keys::new(key.clone()), issuer: issuer.to_owned() }
    }

    /// The issuer.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// A new token's own id.
    #[must_use]
    pub fn new_id(clock: &Clock, entropy: &Entropy) -> String {
        uuid_of(clock, entropy)
    }

    /// Signs a token with the key of the period that it is issued in.
    ///
    /// # Panics
    /// Never: an Ed25519 key signs any text, and the claims are texts and numbers.
    #[must_use]
    #[expect(clippy::expect_used, reason = "an Ed25519 key of ours signs any claims")]
    pub fn mint(&self, claims: &AccessClaims) -> String {
        let key = self.keys.of(claims.issued_at);
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some(TYPE.to_owned());
        header.kid = Some(key.id.clone());
        let wire = Wire {
            iss: self.issuer.clone(),
            aud: claims.resource.clone(),
            sub: claims.user,
            exp: seconds(claims.expires_at),
            iat: seconds(claims.issued_at),
            jti: claims.id.clone(),
            client_id: claims.client_id.clone(),
            scope: claims.scopes,
            account: claims.account,
            app: claims.app,
        };
        jsonwebtoken::encode(&header, &wire, &key.signing()).expect("an Ed25519 key signs any claims")
    }

    /// Verifies a token that was presented at `resource`.
    ///
    /// # Errors
    /// [`AccessTokenError`].
    pub fn verify(&self, text: &str, resource: &str, now: Timestamp) -> Result<AccessClaims, AccessTokenError> {
        let claims = self.verify_anywhere(text, now)?;
        if claims.resource == resource { Ok(claims) } else { Err(AccessTokenError::Audience) }
    }

    /// Verifies a token whatever it is for: for giving it back, never for letting somebody in.
    ///
    /// # Errors
    /// [`AccessTokenError`], but for the audience.
    pub fn verify_anywhere(&self, text: &str, now: Timestamp) -> Result<AccessClaims, AccessTokenError> {
        if text.len() > MAX_TEXT {
            return Err(AccessTokenError::Form);
        }
        let header = jsonwebtoken::decode_header(text).map_err(|_| AccessTokenError::Form)?;
        let is_ours = header.alg == Algorithm::EdDSA && header.typ.as_deref() == Some(TYPE) && header.crit.is_none();
        if !is_ours {
            return Err(AccessTokenError::Form);
        }
        let id = header.kid.ok_or(AccessTokenError::Form)?;
        let key = self.keys.known(&id, now).ok_or(AccessTokenError::Key)?;
        let wire: Wire = jsonwebtoken::decode(text, &key.verifying(), &validation())
            .map_err(|_| AccessTokenError::Signature)?
            .claims;
        self.check(wire, now)
    }

    fn check(&self, wire: Wire, now: Timestamp) -> Result<AccessClaims, AccessTokenError> {
        if wire.iss != self.issuer {
            return Err(AccessTokenError::Issuer);
        }
        let now = seconds(now);
        if wire.exp <= now - LEEWAY_SECONDS || wire.iat > now + LEEWAY_SECONDS {
            return Err(AccessTokenError::Expired);
        }
        Ok(AccessClaims {
            account: wire.account,
            app: wire.app,
            user: wire.sub,
            client_id: wire.client_id,
            resource: wire.aud,
            scopes: wire.scope,
            issued_at: Timestamp(0).plus_seconds(wire.iat),
            expires_at: Timestamp(0).plus_seconds(wire.exp),
            id: wire.jti,
        })
    }

    /// The public keys (RFC 7517): the last period's, this one's and the next one's.
    #[must_use]
    pub fn jwks(&self, now: Timestamp) -> Value {
        let keys: Vec<Value> = self.keys.around(now).iter().map(|key| key.jwk()).collect();
        json!({ "keys": keys })
    }
}

/// Only the signature and the presence of the claims are left to the library: the time is ours to say.
fn validation() -> Validation {
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation
}

fn seconds(at: Timestamp) -> i64 {
    at.0.div_euclid(1_000_000)
}

fn uuid_of(clock: &Clock, entropy: &Entropy) -> String {
    let millis = u64::try_from(clock.now().as_millis()).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &entropy.bytes::<10>()).into_uuid().simple().to_string()
}

impl fmt::Debug for AccessTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessTokens").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
