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

pub use authorize::{AuthorizeError, AuthorizeRequest, CodeChallenge};
pub use clients::{ClientError, ClientKind, OAuthClient, RegisterClient, RegisteredClient};
pub use consent::{ConsentServer, ConsentView, Membership, ToolCounts};
pub use documents::ClientDocuments;
pub(crate) use documents::Documents;
pub use exchange::{ExchangeCode, Issued, TokenError};
pub use redirect::{RedirectError, RedirectKind, RedirectUri};
pub use refresh::Refresh;
pub use resource::{Resource, ResourceError};

use domain::{AppId, Permission, UserId};
use serde_json::json;
use storage::AppRow;

use crate::{Accounts, Caller, Error};

impl Accounts {
    /// The caller's own apps in the account, the newest first.
    ///
    /// # Errors
    /// [`Error::NotAllowed`].
    pub async fn apps(&self, caller: &Caller) -> Result<Vec<AppRow>, Error> {
        self.apps_of(caller, Permission::OwnKeys, Some(caller.user())).await
    }

    /// Everybody's apps in the account, the newest first.
    ///
    /// # Errors
    /// [`Error::NotAllowed`].
    pub async fn all_apps(&self, caller: &Caller) -> Result<Vec<AppRow>, Error> {
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

    async fn apps_of(&self, caller: &Caller, needs: Permission, of: Option<UserId>) -> Result<Vec<AppRow>, Error> {
        let mut tx = self.look(caller, needs).await?;
        let rows = tx.apps(of, self.now()).await?;
        tx.commit().await?;
        Ok(rows)
    }
}
