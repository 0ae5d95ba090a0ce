//! A person allows a client something: the request, read into types that cannot be wrong, and the code that comes of it.

use aws_lc_rs::{constant_time, digest};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{Permission, Scope, Scopes, Token, TokenKind};
use storage::NewCode;

use super::{OAuthClient, RedirectUri, Resource, ResourceError};
use crate::{Accounts, Caller, Error, Visitor};

/// A code is good for so long.
const CODE_LIFE_S: i64 = 60;

/// What a client asks a person for. Every part of it was read by its own type.
#[derive(Clone, Debug)]
pub struct AuthorizeRequest {
    /// Which client.
    pub client: OAuthClient,
    /// Where the code goes.
    pub redirect: RedirectUri,
    /// For which gateway URL.
    pub resource: Resource,
    /// To do what: [`OAuthClient::scopes`].
    pub scopes: Scopes,
    /// What the bearer of the code has to answer.
    pub challenge: CodeChallenge,
}

/// A PKCE challenge by the method S256 (RFC 7636), the only one there is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeChallenge(String);

/// Why nothing was allowed.
#[derive(Debug, thiserror::Error)]
pub enum AuthorizeError {
    /// No challenge, or not by S256 (`invalid_request`).
    #[error("the request must carry a code_challenge by the method S256")]
    Challenge,
    /// The gateway URL (`invalid_target`).
    #[error(transparent)]
    Resource(#[from] ResourceError),
    /// More was to be allowed than was asked for, or nothing (`invalid_scope`).
    #[error("these scopes were not asked for")]
    Scope,
    /// The person is no member of the account, or there is no such account: the same answer (`access_denied`).
    #[error("you are not a member of this account")]
    Stranger,
    /// Everything else.
    #[error(transparent)]
    Other(#[from] Error),
}

impl CodeChallenge {
    /// Reads the parameters `code_challenge` and `code_challenge_method`.
    ///
    /// # Errors
    /// [`AuthorizeError::Challenge`].
    pub fn parse(challenge: Option<&str>, method: Option<&str>) -> Result<Self, AuthorizeError> {
        let text = challenge.filter(|_| method == Some("S256")).ok_or(AuthorizeError::Challenge)?;
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| AuthorizeError::Challenge)?;
        if bytes.len() == 32 { Ok(Self(text.to_owned())) } else { Err(AuthorizeError::Challenge) }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether `verifier` answers `challenge` (RFC 7636 §4.6).
pub(super) fn answers(verifier: &str, challenge: &str) -> bool {
    let formed = (43..=128).contains(&verifier.len())
        && verifier.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~'));
    let hash = digest::digest(&digest::SHA256, verifier.as_bytes());
    let expected = URL_SAFE_NO_PAD.encode(hash.as_ref());
    formed && constant_time::verify_slices_are_equal(expected.as_bytes(), challenge.as_bytes()).is_ok()
}

impl Accounts {
    /// Allows what was asked for, or less, and gives the code for it, the one time that its text is there. Only the app that fetches its tokens with the code is
    /// an app; one that never comes leaves nothing.
    ///
    /// # Errors
    /// [`AuthorizeError::Stranger`], [`AuthorizeError::Scope`].
    pub async fn allow_app(
        &self,
        visitor: &Visitor,
        request: &AuthorizeRequest,
        allowed: Scopes,
    ) -> Result<Token, AuthorizeError> {
        if !request.scopes.contains_all(allowed) || !allowed.contains(Scope::Read) {
            return Err(AuthorizeError::Scope);
        }
        let caller = match self.enter(visitor, &request.resource.account).await {
            Err(Error::NotFound) => return Err(AuthorizeError::Stranger),
            entered => entered?,
        };
        caller.allowed(Permission::OwnKeys)?;
        let (code, now) = (Token::new(TokenKind::Code, self.entropy()), self.now());
        let row = NewCode {
            hash: code.hash(),
            user: visitor.user,
            client: request.client.kept(),
            resource: request.resource.canonical.clone(),
            scopes: allowed,
            redirect_uri: request.redirect.as_str().to_owned(),
            challenge: request.challenge.as_str().to_owned(),
            created_at: now,
            expires_at: now.plus_seconds(CODE_LIFE_S),
        };
        self.keep_code(visitor, &caller, &row).await?;
        self.db().oauth_client_used(&request.client.client_id, now).await.map_err(Error::from)?;
        Ok(code)
    }

    /// Keeps a code. A session that ended meanwhile gets none: under the account's lock, a change of the password either sees
    /// the code or has ended the session before.
    async fn keep_code(&self, visitor: &Visitor, caller: &Caller, row: &NewCode) -> Result<(), Error> {
        let mut tx = self.db().account(caller.scope()).await?;
        tx.lock_account().await?;
        tx.insert_code(row).await?;
        let mut tx = tx.into_person(visitor.user).await?;
        if !tx.session_stands(visitor.session).await? {
            return Err(Error::NotFound);
        }
        Ok(tx.commit().await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7636 appendix B.
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    #[test]
    fn only_the_verifier_answers_the_challenge() {
        assert!(answers(VERIFIER, CHALLENGE));
        for bad in ["", CHALLENGE, &VERIFIER[1..], &format!("{VERIFIER}x"), &"a".repeat(129), &VERIFIER.to_lowercase()]
        {
            assert!(!answers(bad, CHALLENGE), "{bad}");
        }
    }

    #[test]
    fn only_s256_is_a_challenge() {
        assert!(CodeChallenge::parse(Some(CHALLENGE), Some("S256")).is_ok());
        for (challenge, method) in [
            (None, Some("S256")),
            (Some(CHALLENGE), None),
            (Some(CHALLENGE), Some("plain")),
            (Some(CHALLENGE), Some("s256")),
            (Some(""), Some("S256")),
            (Some("short"), Some("S256")),
            (Some("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM="), Some("S256")),
        ] {
            assert!(CodeChallenge::parse(challenge, method).is_err(), "{challenge:?} {method:?}");
        }
    }
}
