//! Connected apps: OAuth clients that people allowed to act for them. The deployment's OAuth 2.1 server (RFC 6749 with PKCE,
//! RFC 7591, 7009, 8707, 9068) without its HTTP, which is the face `oauth`.
//!
//! An app is one consent: one person, one client, one gateway URL, some scopes. Its access tokens hold while it stands in
//! the account's snapshot, its refresh tokens are good for one use each.

mod authorize;
mod clients;
mod consent;
mod documents;
mod everywhere;
mod exchange;
mod redirect;
mod refresh;
mod resource;

pub use authorize::{AuthorizeError, AuthorizeRequest, Code, CodeChallenge};
pub use clients::{ClientError, ClientKind, OAuthClient, RegisterClient, RegisteredClient};
pub use consent::{ConsentServer, ConsentView, Membership, ToolCounts};
pub use documents::ClientDocuments;
pub(crate) use documents::Documents;
pub use exchange::{ExchangeCode, Issued, TokenError};
pub use redirect::{RedirectError, RedirectKind, RedirectUri};
pub use refresh::Refresh;
pub use resource::{Resource, ResourceError};

use domain::{AppId, Email, Permission, Scopes, Timestamp, UserId};
use serde_json::json;
use storage::{AppClient, AppRow};

use crate::{Accounts, Caller, Error};

/// A connected app, ready to show.
#[derive(Clone, Debug)]
pub struct AppView {
    /// Which.
    pub id: AppId,
    /// Whom it acts for.
    pub user: UserId,
    /// The same person's e-mail address.
    pub email: Email,
    /// How its client names itself, and where that is said.
    pub client: AppClient,
    /// The one gateway URL that it may call.
    pub resource: String,
    /// What it may do.
    pub scopes: Scopes,
    /// Since when.
    pub created_at: Timestamp,
    /// It has to ask again by then.
    pub ends_at: Timestamp,
    /// When a call was last made by it.
    pub last_used_at: Option<Timestamp>,
}

impl Accounts {
    /// The caller's own apps in the account, the newest first.
    ///
    /// # Errors
    /// [`Error::NotAllowed`].
    pub async fn apps(&self, caller: &Caller) -> Result<Vec<AppView>, Error> {
        self.apps_of(caller, Permission::OwnKeys, Some(caller.user())).await
    }

    /// Everybody's apps in the account, the newest first.
    ///
    /// # Errors
    /// [`Error::NotAllowed`].
    pub async fn all_apps(&self, caller: &Caller) -> Result<Vec<AppView>, Error> {
        self.apps_of(caller, Permission::ManageMembers, None).await
    }

    /// Ends an app: its tokens are refused from now on.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such app, or it is another member's and the caller does not manage members.
    pub async fn revoke_app(&self, caller: &Caller, app: AppId) -> Result<(), Error> {
        let mut change = self.change(caller, Permission::OwnKeys).await?;
        let row = change.tx.app(app, change.at).await?.ok_or(Error::NotFound)?;
        if row.user != caller.user() {
            change.allowed(Permission::ManageMembers).map_err(|_| Error::NotFound)?;
        }
        change.tx.revoke_app(app, change.at).await?;
        change.done("app.revoked", app, json!({ "client": row.client.name, "user": row.user })).await
    }

    async fn apps_of(&self, caller: &Caller, needs: Permission, of: Option<UserId>) -> Result<Vec<AppView>, Error> {
        let mut tx = self.look(caller, needs).await?;
        let rows = tx.apps(of, self.now()).await?;
        tx.commit().await?;
        Ok(rows.into_iter().map(view).collect())
    }
}

fn view(row: AppRow) -> AppView {
    let AppRow { id, user, email, client, resource, scopes, created_at, ends_at, last_used_at } = row;
    AppView { id, user, email, client, resource, scopes, created_at, ends_at, last_used_at }
}
