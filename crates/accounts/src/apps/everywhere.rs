//! Ending all apps of a person, in all of their accounts at once.

use domain::{Timestamp, UserId};
use serde_json::json;
use storage::{PersonTx, Tx};

use crate::{Accounts, Error, change::Noted};

impl Accounts {
    /// Ends all of a person's apps, and the codes that could become one, as part of what `tx` did; makes all of it last, and
    /// has the gateways told. An account is locked before its apps are looked at, so that no code becomes an app meanwhile.
    pub(crate) async fn end_apps_everywhere(&self, mut tx: PersonTx, why: &'static str) -> Result<(), Error> {
        let (user, at) = (tx.user(), self.now());
        let mut scopes: Vec<_> = tx.memberships().await?.into_iter().map(|one| one.scope).collect();
        scopes.sort_by_key(storage::AccountScope::account);
        let mut changed = Vec::new();
        for scope in scopes {
            let mut inside = tx.into_account(&scope).await?;
            if self.end_apps_inside(&mut inside, (user, at), why).await? {
                changed.push(scope);
            }
            tx = inside.into_person(user).await?;
        }
        tx.commit().await?;
        for scope in &changed {
            self.published(scope).await;
        }
        Ok(())
    }

    /// Whether there was one to end, which gateways have to hear of.
    async fn end_apps_inside(
        &self,
        tx: &mut Tx,
        (user, at): (UserId, Timestamp),
        why: &'static str,
    ) -> Result<bool, Error> {
        tx.lock_account().await?;
        tx.void_codes_of(user, at).await?;
        let ended = tx.revoke_apps_of(user, at).await?;
        if ended == 0 {
            return Ok(false);
        }
        tx.bump_snapshot(at).await?;
        let detail = json!({ "apps": ended, "why": why });
        self.note(tx, &Noted { at, by: user, action: "app.all_revoked", subject: user.to_string(), detail }).await?;
        Ok(true)
    }
}
