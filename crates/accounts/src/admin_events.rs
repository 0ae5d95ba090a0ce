//! What people changed in the account, for those who answer for it.

use domain::Permission;
use storage::AdminEventRow;

use crate::{Accounts, Caller, Error};

const SHOWN: u32 = 200;

impl Accounts {
    /// The last changes, the newest first.
    ///
    /// # Errors
    /// [`Error::NotAllowed`].
    pub async fn admin_events(&self, caller: &Caller) -> Result<Vec<AdminEventRow>, Error> {
        let mut tx = self.look(caller, Permission::ManageMembers).await?;
        let events = tx.admin_events(SHOWN).await?;
        tx.commit().await?;
        Ok(events)
    }
}
