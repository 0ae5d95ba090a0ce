//! The one way to change something in an account.
//!
//! Invariant: a change is checked, noted and, where gateways have to know of it, versioned and published; or it is not made.

use domain::{Permission, Role, Timestamp, UserId};
use serde_json::Value;
use storage::{AccountScope, NewAdminEvent, Tx};
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
    reach: Reach,
}

/// What is noted of a change.
pub(crate) struct Noted {
    pub(crate) at: Timestamp,
    pub(crate) by: UserId,
    pub(crate) action: &'static str,
    pub(crate) subject: String,
    pub(crate) detail: Value,
}

/// Who has to hear of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    /// Gateways: it is in the snapshot.
    Snapshot,
    /// Nobody but those who look: drafts, answers.
    Pages,
}

impl Accounts {
    /// Begins a change: takes the account's lock, under which the role is read once more, because it may have changed
    /// since the caller entered.
    pub(crate) async fn change(&self, caller: &Caller, needs: Permission) -> Result<Change<'_>, Error> {
        self.begin(caller, needs, Reach::Snapshot).await
    }

    /// Begins a change that no gateway has to hear of; otherwise the same.
    pub(crate) async fn change_of_pages(&self, caller: &Caller, needs: Permission) -> Result<Change<'_>, Error> {
        self.begin(caller, needs, Reach::Pages).await
    }

    async fn begin(&self, caller: &Caller, needs: Permission, reach: Reach) -> Result<Change<'_>, Error> {
        caller.allowed(needs)?;
        let at = self.now();
        let mut tx = self.db().account(caller.scope()).await?;
        match reach {
            Reach::Snapshot => _ = tx.bump_snapshot(at).await?,
            Reach::Pages => tx.lock_account().await?,
        }
        let role = tx.role_of(caller.user()).await?.ok_or(Error::NotFound)?;
        if !role.may(needs) {
            return Err(Error::NotAllowed { needs });
        }
        Ok(Change { accounts: self, tx, at, by: caller.user(), role, reach })
    }

    /// Begins a change in the name of a member who is not there: what an app does, or what is seen of one.
    pub(crate) async fn change_for(&self, scope: &AccountScope, user: UserId) -> Result<Change<'_>, Error> {
        let at = self.now();
        let mut tx = self.db().account(scope).await?;
        tx.bump_snapshot(at).await?;
        let role = tx.role_of(user).await?.ok_or(Error::NotFound)?;
        Ok(Change { accounts: self, tx, at, by: user, role, reach: Reach::Snapshot })
    }

    /// Notes something in a transaction that is no change of its own: what became of an earlier one.
    pub(crate) async fn note(&self, tx: &mut Tx, noted: &Noted) -> Result<(), Error> {
        let Noted { at, by, action, subject, detail } = noted;
        let (subject, detail) = (subject.clone(), detail.clone());
        let event = NewAdminEvent { id: time_ordered(self, *at), at: *at, actor: *by, action, subject, detail };
        Ok(tx.insert_admin_event(&event).await?)
    }

    /// Begins a change by somebody who is becoming a member by it.
    pub(crate) async fn joining(&self, mut tx: Tx, by: UserId, role: Role) -> Result<Change<'_>, Error> {
        let at = self.now();
        tx.bump_snapshot(at).await?;
        Ok(Change { accounts: self, tx, at, by, role, reach: Reach::Snapshot })
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
        let Self { accounts, mut tx, at, by, reach, .. } = self;
        accounts.note(&mut tx, &Noted { at, by, action, subject: subject.to_string(), detail }).await?;
        let scope = tx.scope();
        tx.commit().await?;
        if reach == Reach::Snapshot {
            accounts.published(&scope).await;
        }
        Ok(())
    }
}

fn time_ordered(accounts: &Accounts, at: Timestamp) -> Uuid {
    let millis = u64::try_from(at.as_millis()).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &accounts.entropy().bytes::<10>()).into_uuid()
}
