//! A code becomes an app with its first tokens; tokens are given back.
//!
//! Invariants: a code is exchanged once, by the client it was given to, at the redirect it was sent to, by whoever knows the
//! verifier, for the resource it was allowed for; one that comes a second time ends the app that the first made.

use domain::{
    AccessClaims, AccessTokens, AppId, Scope, Scopes, Timestamp, Token, TokenHash, TokenKind, UserId, access_token,
};
use serde_json::json;
use storage::{AccountScope, CodeRow, NewApp, NewRefreshToken, Tx};

use super::{authorize, clients::ClientError};
use crate::{Accounts, Error, change::Change};

/// An app has to ask the person again after so long.
pub(super) const APP_LIFE_S: i64 = 90 * 24 * 60 * 60;
/// A refresh token that is not used is void after so long.
pub(super) const IDLE_S: i64 = 30 * 24 * 60 * 60;
/// An app without refresh tokens is over with its only access token, and a little after.
const SHORT_LIFE_S: i64 = 2 * access_token::LIFE_SECONDS;
/// More apps of one person in one account are not kept: the oldest make room.
const MOST_APPS: u32 = 50;

/// What a client sends with a code.
#[derive(Clone, Debug)]
pub struct ExchangeCode {
    /// The code.
    pub code: String,
    /// Which client it says it is.
    pub client_id: String,
    /// Where the code was sent; may be left out if the authorization request left it out.
    pub redirect_uri: Option<String>,
    /// The answer to the challenge.
    pub code_verifier: String,
    /// The gateway URL; left out: the one that was allowed.
    pub resource: Option<String>,
}

/// Tokens, the one time that their texts are there.
#[derive(Clone, Debug)]
pub struct Issued {
    /// The access token: a JWT.
    pub access_token: domain::Secret<String>,
    /// It is good for so many seconds.
    pub expires_in_s: i64,
    /// The refresh token, where one was allowed.
    pub refresh_token: Option<Token>,
    /// What they are good for.
    pub scopes: Scopes,
}

/// Why no tokens were given.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The code or refresh token is void, used, of another client, or what has to come with it does not fit
    /// (`invalid_grant`). Which of these is not told.
    #[error("the code or refresh token is not valid; authorize again")]
    Grant,
    /// Another gateway URL than was allowed (`invalid_target`).
    #[error("the token is for another resource than was allowed")]
    Target,
    /// More than was allowed (`invalid_scope`).
    #[error("these scopes were not allowed")]
    Scope,
    /// The client is not known (`invalid_client`).
    #[error(transparent)]
    Client(#[from] ClientError),
    /// Everything else.
    #[error(transparent)]
    Other(#[from] Error),
}

/// For whom tokens are made.
pub(super) struct Bearer<'a> {
    pub(super) account: domain::AccountId,
    pub(super) app: AppId,
    pub(super) user: UserId,
    pub(super) client_id: &'a str,
    pub(super) resource: &'a str,
    pub(super) ends_at: Timestamp,
}

impl From<storage::StorageError> for TokenError {
    fn from(error: storage::StorageError) -> Self {
        Self::Other(error.into())
    }
}

impl Accounts {
    /// Exchanges a code for an app's first tokens.
    ///
    /// # Errors
    /// [`TokenError`].
    pub async fn exchange_code(&self, form: &ExchangeCode) -> Result<Issued, TokenError> {
        let hash = Token::parse(TokenKind::Code, &form.code).map_err(|_| TokenError::Grant)?.hash();
        let scope = self.db().account_of_code(&hash).await?.ok_or(TokenError::Grant)?;
        let code = self.code(&scope, &hash).await?;
        if code.used_at.is_none() {
            self.check_exchange(form, &code)?;
            if let Some(issued) = self.make_app(&scope, &hash, code).await? {
                return Ok(issued);
            }
        }
        self.code_came_again(&scope, &hash).await?;
        Err(TokenError::Grant)
    }

    async fn code(&self, scope: &AccountScope, hash: &TokenHash) -> Result<CodeRow, TokenError> {
        let mut tx = self.db().account(scope).await?;
        let code = tx.code(hash).await?.ok_or(TokenError::Grant)?;
        tx.commit().await?;
        Ok(code)
    }

    fn check_exchange(&self, form: &ExchangeCode, code: &CodeRow) -> Result<(), TokenError> {
        let redirected = form.redirect_uri.as_ref().is_none_or(|uri| *uri == code.redirect_uri);
        let fits = self.now() < code.expires_at
            && form.client_id == code.client.id
            && redirected
            && authorize::answers(&form.code_verifier, &code.challenge);
        if !fits {
            return Err(TokenError::Grant);
        }
        self.same_resource(form.resource.as_deref(), &code.resource)
    }

    /// A resource that is named again has to be the one that was allowed.
    pub(super) fn same_resource(&self, named: Option<&str>, allowed: &str) -> Result<(), TokenError> {
        let Some(named) = named else { return Ok(()) };
        let named = self.resource(named).map_err(|_| TokenError::Target)?;
        if named.canonical == allowed { Ok(()) } else { Err(TokenError::Target) }
    }

    /// None: the code was used by somebody else at the same time.
    async fn make_app(
        &self,
        scope: &AccountScope,
        hash: &TokenHash,
        code: CodeRow,
    ) -> Result<Option<Issued>, TokenError> {
        let mut change = self.change_for(scope, code.user).await?;
        let stays = code.scopes.contains(Scope::OfflineAccess);
        let app = NewApp {
            id: AppId::new(self.clock(), self.entropy()),
            user: code.user,
            client: code.client,
            resource: code.resource,
            scopes: code.scopes,
            created_at: change.at,
            ends_at: change.at.plus_seconds(if stays { APP_LIFE_S } else { SHORT_LIFE_S }),
        };
        change.tx.insert_app(&app).await?;
        if !change.tx.use_code(hash, app.id, change.at).await? {
            return Ok(None);
        }
        change.make_room(&app).await?;
        let bearer = Bearer {
            account: scope.account(),
            app: app.id,
            user: app.user,
            client_id: &app.client.id,
            resource: &app.resource,
            ends_at: app.ends_at,
        };
        let issued = self.issue(&mut change.tx, &bearer, app.scopes, None).await?;
        let detail = json!({ "client": app.client.name, "resource": app.resource, "scopes": app.scopes });
        change.done("app.allowed", app.id, detail).await?;
        Ok(Some(issued))
    }

    /// Somebody has had the code who should not (RFC 6749 §4.1.2): what it gave is ended.
    async fn code_came_again(&self, scope: &AccountScope, hash: &TokenHash) -> Result<(), TokenError> {
        let code = self.code(scope, hash).await?;
        let Some(app) = code.app else { return Ok(()) };
        Ok(self.end_app(scope, (app, code.user), "code_reused").await?)
    }

    /// Ends an app because of something that was seen.
    pub(super) async fn end_app(
        &self,
        scope: &AccountScope,
        (app, user): (AppId, UserId),
        why: &'static str,
    ) -> Result<(), Error> {
        let mut change = self.change_for(scope, user).await?;
        if !change.tx.revoke_app(app, change.at).await? {
            return Ok(());
        }
        tracing::warn!(account = %scope.account(), %app, why, "an app was ended");
        change.done("app.revoked", app, json!({ "user": user, "why": why })).await
    }

    /// Makes an access token, and a refresh token where one was allowed.
    pub(super) async fn issue(
        &self,
        tx: &mut Tx,
        bearer: &Bearer<'_>,
        scopes: Scopes,
        parent: Option<TokenHash>,
    ) -> Result<Issued, TokenError> {
        let now = self.now();
        let refresh_token = if scopes.contains(Scope::OfflineAccess) {
            let token = Token::new(TokenKind::Refresh, self.entropy());
            let expires_at = now.plus_seconds(IDLE_S).min(bearer.ends_at);
            let row = NewRefreshToken { hash: token.hash(), app: bearer.app, parent, created_at: now, expires_at };
            tx.insert_refresh_token(&row).await?;
            Some(token)
        } else {
            None
        };
        let expires_at = now.plus_seconds(access_token::LIFE_SECONDS).min(bearer.ends_at);
        let claims = AccessClaims {
            account: bearer.account,
            app: bearer.app,
            user: bearer.user,
            client_id: bearer.client_id.to_owned(),
            resource: bearer.resource.to_owned(),
            scopes: scopes.without(Scope::OfflineAccess),
            issued_at: now,
            expires_at,
            id: AccessTokens::new_id(self.clock(), self.entropy()),
        };
        Ok(Issued {
            access_token: domain::Secret::new(self.access_tokens().mint(&claims)),
            expires_in_s: (expires_at.0 - now.0).div_euclid(1_000_000),
            refresh_token,
            scopes,
        })
    }
}

impl Change<'_> {
    /// A client that registered is one installation: its new app takes the place of its earlier one at the same URL. Others
    /// share their id, so theirs stand side by side, up to a number.
    async fn make_room(&mut self, app: &NewApp) -> Result<(), Error> {
        if app.client.host.is_none() {
            self.tx.replace_apps(app).await?;
        }
        self.tx.crowd_out_apps(app.user, MOST_APPS, self.at).await?;
        Ok(())
    }
}
