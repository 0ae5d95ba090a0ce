//! The one way to change something in an account.
//!
//! Invariant: a change is checked, versioned, noted and published, or it is not made.

use domain::{Permission, Role, Timestamp, UserId};
use serde_json::Value;
use storage::{NewAdminEvent, Tx};
use uuid::Uuid;

use crate::{Accounts, Caller, Error};

/// A change in the making. Dropping it undoes it.
pub(crate) struct Change<'a> {
    accounts: &'a Accounts,
    /// The transaction that all of it happens in.
    pub(crate) tx: Tx,
    /// When it happens.
    pub(crate) at: Timestamp,
    by: UserId,
    role: Role,
}

impl Accounts {
    /// Begins a change: takes the account's lock, under which the role is read once more, because it may have changed
    /// since the caller entered.
    pub(crate) async fn change(&self, caller: &Caller, needs: Permission) -> Result<Change<'_>, Error> {
        caller.allowed(needs)?;
        let at = self.now();
        let mut tx = self.db().account(caller.scope()).await?;
        tx.bump_snapshot(at).await?;
        let role = tx.role_of(caller.user()).await?.ok_or(Error::NotFound)?;
        if !role.may(needs) {
            return Err(Error::NotAllowed { needs });
        }
        Ok(Change { accounts: self, tx, at, by: caller.user(), role })
    }

    /// Begins a change by somebody who is becoming a member by it.
    pub(crate) async fn joining(&self, mut tx: Tx, by: UserId, role: Role) -> Result<Change<'_>, Error> {
        let at = self.now();
        tx.bump_snapshot(at).await?;
        Ok(Change { accounts: self, tx, at, by, role })
    }
}

impl Change<'_> {
    /// The role of whoever makes it, as it is under the lock.
    pub(crate) fn role(&self) -> Role {
        self.role
    }

    /// Whether whoever makes it may also do this.
    pub(crate) fn allowed(&self, needs: Permission) -> Result<(), Error> {
        if self.role.may(needs) { Ok(()) } else { Err(Error::NotAllowed { needs }) }
    }

    /// Notes what was done, makes it last, and has the gateways told.
    pub(crate) async fn done(self, action: &'static str, subject: impl ToString, detail: Value) -> Result<(), Error> {
        let Self { accounts, mut tx, at, by, .. } = self;
        let id = time_ordered(accounts, at);
        let event = NewAdminEvent { id, at, actor: by, action, subject: subject.to_string(), detail };
        tx.insert_admin_event(&event).await?;
        let scope = tx.scope();
        tx.commit().await?;
        accounts.published(&scope).await;
        Ok(())
    }
}

fn time_ordered(accounts: &Accounts, at: Timestamp) -> Uuid {
    let millis = u64::try_from(at.as_millis()).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &accounts.entropy().bytes::<10>()).into_uuid()
}
