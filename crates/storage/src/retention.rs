//! What is forgotten when it is old: sealed arguments, and requests for approval as a whole. Some at a time, so that no
//! statement holds many rows.

use domain::Timestamp;

use crate::{StorageError, Tx};

statements! {
    CALL_ARGUMENTS = "with old as (select decided_at, id from call \
                          where account_id = $1 and decided_at < $2 and arguments is not null \
                          order by decided_at limit $3) \
                      update call c set arguments = null from old \
                      where c.account_id = $1 and c.decided_at = old.decided_at and c.id = old.id";
    APPROVAL_ARGUMENTS = "with old as (select id from approval \
                              where account_id = $1 and expires_at < $2 and arguments is not null \
                              order by expires_at limit $3) \
                          update approval a set arguments = null from old where a.account_id = $1 and a.id = old.id";
    /// One whose answer is still on its way waits for that.
    APPROVALS = "with old as (select id from approval a where account_id = $1 and expires_at < $2 and not exists ( \
                         select from approval_outbox o where o.account_id = a.account_id and o.approval_id = a.id) \
                     order by expires_at limit $3) \
                 delete from approval a using old where a.account_id = $1 and a.id = old.id";
}

impl Tx {
    /// Forgets the arguments of calls decided before then, of the oldest `limit` that have any; of how many.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn forget_call_arguments(&mut self, before: Timestamp, limit: u32) -> Result<u64, StorageError> {
        self.forget(CALL_ARGUMENTS, before, limit).await
    }

    /// Forgets the arguments of requests for approval that were over before then, in the same way.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn forget_approval_arguments(&mut self, before: Timestamp, limit: u32) -> Result<u64, StorageError> {
        self.forget(APPROVAL_ARGUMENTS, before, limit).await
    }

    /// Removes requests for approval that were over before then, the oldest `limit`; how many.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn remove_approvals(&mut self, before: Timestamp, limit: u32) -> Result<u64, StorageError> {
        self.forget(APPROVALS, before, limit).await
    }

    async fn forget(&mut self, statement: &'static str, before: Timestamp, limit: u32) -> Result<u64, StorageError> {
        let account = self.id();
        let query = sqlx::query(statement).bind(account).bind(before.to_datetime()).bind(i64::from(limit));
        Ok(query.execute(self.connection()).await?.rows_affected())
    }
}
