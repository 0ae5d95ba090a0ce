//! Refresh tokens: each is good for one use, which gives the next one (RFC 9700 §4.14.2), and access tokens are given back.
//!
//! Invariants: never are two refresh tokens of an app good at once; one that comes a second time ends its app, except right
//! after its use and as long as what came of that use was not used: then the answer was lost, and what came of it is taken
//! back before another is given. So a thief and the app never both go on.

use domain::{Scope, Scopes, Timestamp, Token, TokenHash, TokenKind};
use storage::{AccountScope, AppRow, RefreshRow, Tx};

use super::exchange::{Bearer, Issued, TokenError};
use crate::{Accounts, Error};

/// For so long after its use, a token may come again because its answer was lost.
const LOST_ANSWER_S: i64 = 10;

/// What a client sends with a refresh token.
#[derive(Clone, Debug)]
pub struct Refresh {
    /// The refresh token.
    pub refresh_token: String,
    /// Which client it says it is.
    pub client_id: String,
    /// The gateway URL; left out: the one that was allowed.
    pub resource: Option<String>,
    /// Fewer scopes for the access token; left out: all that were allowed.
    pub scope: Option<String>,
}

/// A refresh token that was found, with its app.
struct Found {
    scope: AccountScope,
    hash: TokenHash,
    row: RefreshRow,
    app: AppRow,
}

impl Accounts {
    /// Gives new tokens for a refresh token.
    ///
    /// # Errors
    /// [`TokenError`].
    pub async fn refresh(&self, form: &Refresh) -> Result<Issued, TokenError> {
        let found = self.find_refresh(&form.refresh_token).await?.ok_or(TokenError::Grant)?;
        if found.app.client.id != form.client_id {
            return Err(TokenError::Grant);
        }
        self.same_resource(form.resource.as_deref(), &found.app.resource)?;
        let scopes = narrowed(found.app.scopes, form.scope.as_deref())?;
        let now = self.now();
        if now >= found.row.expires_at {
            return Err(TokenError::Grant);
        }
        let mut tx = self.db().account(&found.scope).await?;
        // The person may have left meanwhile.
        tx.role_of(found.app.user).await?.ok_or(TokenError::Grant)?;
        if !goes_on(&mut tx, &found.hash, now).await? {
            drop(tx);
            self.end_app(&found.scope, (found.app.id, found.app.user), "refresh_token_reused").await?;
            return Err(TokenError::Grant);
        }
        let bearer = Bearer {
            account: found.scope.account(),
            app: found.app.id,
            user: found.app.user,
            client_id: &found.app.client.id,
            resource: &found.app.resource,
            ends_at: found.app.ends_at,
        };
        let issued = self.issue(&mut tx, &bearer, scopes, Some(found.hash)).await?;
        tx.commit().await?;
        Ok(issued)
    }

    /// Ends the app that a token of it is given back for (RFC 7009). What is no token of this client changes nothing, and
    /// the answer is the same.
    ///
    /// # Errors
    /// [`Error::Storage`].
    pub async fn revoke_token(&self, text: &str, client_id: &str) -> Result<(), Error> {
        let found = match self.find_refresh(text).await {
            Ok(found) => found,
            Err(TokenError::Other(error)) => return Err(error),
            Err(_) => None,
        };
        if let Some(found) = found.filter(|found| found.app.client.id == client_id) {
            return self.end_app(&found.scope, (found.app.id, found.app.user), "given_back").await;
        }
        self.revoke_by_access_token(text, client_id).await
    }

    /// An access token ends its app too: by itself it cannot be ended.
    async fn revoke_by_access_token(&self, text: &str, client_id: &str) -> Result<(), Error> {
        let Ok(claims) = self.access_tokens().verify_anywhere(text, self.now()) else { return Ok(()) };
        if claims.client_id != client_id {
            return Ok(());
        }
        let mut person = self.db().person(claims.user).await?;
        let memberships = person.memberships().await?;
        person.commit().await?;
        let account = memberships.into_iter().find(|one| one.scope.account() == claims.account);
        match account {
            Some(account) => self.end_app(&account.scope, (claims.app, claims.user), "given_back").await,
            None => Ok(()),
        }
    }

    async fn find_refresh(&self, text: &str) -> Result<Option<Found>, TokenError> {
        let Ok(token) = Token::parse(TokenKind::Refresh, text) else { return Ok(None) };
        let hash = token.hash();
        let Some(scope) = self.db().account_of_refresh_token(&hash).await? else { return Ok(None) };
        let mut tx = self.db().account(&scope).await?;
        let Some(row) = tx.refresh_token(&hash).await? else { return Ok(None) };
        let app = tx.app(row.app, self.now()).await?;
        tx.commit().await?;
        Ok(app.map(|app| Found { scope, hash, row, app }))
    }

    /// Removes codes and refresh tokens that nobody can use any more, and unused clients; for a background job.
    ///
    /// # Errors
    /// [`Error::Storage`].
    pub async fn forget_authorizations(&self) -> Result<(), Error> {
        let now = self.now();
        let mut job = self.db().job().await?;
        job.forget_codes(now.plus_seconds(-24 * 60 * 60)).await?;
        job.forget_refresh_tokens(now).await?;
        job.commit().await?;
        self.forget_clients().await?;
        Ok(())
    }
}

/// Whether this use of a token counts: it is the first, or the answer to the first was lost. Of uses at the same time one
/// waits for the other here, and is a second one then.
async fn goes_on(tx: &mut Tx, hash: &TokenHash, now: Timestamp) -> Result<bool, TokenError> {
    let row = tx.refresh_token_alone(hash).await?;
    if tx.use_refresh_token(hash, now).await? {
        return Ok(true);
    }
    let lately = row.and_then(|row| row.used_at).is_some_and(|at| now < at.plus_seconds(LOST_ANSWER_S));
    Ok(lately && tx.take_back_refresh_token(hash, now).await?)
}

/// The scopes asked for, if they were allowed. The refresh token itself keeps them all.
fn narrowed(allowed: Scopes, asked: Option<&str>) -> Result<Scopes, TokenError> {
    let asked = asked.map_or(Scopes::NONE, Scopes::parse).without(Scope::OfflineAccess);
    if asked.is_empty() {
        return Ok(allowed);
    }
    let asked = if allowed.contains(Scope::OfflineAccess) { asked.with(Scope::OfflineAccess) } else { asked };
    if allowed.contains_all(asked) { Ok(asked) } else { Err(TokenError::Scope) }
}
