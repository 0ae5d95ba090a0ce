//! Compiling an account's snapshot: all that a gateway has to know of it, as of one moment.

use domain::{AccountSnapshot, Timestamp};
use storage::{StorageError, Tx};

/// Compiles the snapshot; `tx` has to see one moment ([`storage::Db::account_at_one_moment`]).
pub(crate) async fn compile(tx: &mut Tx, now: Timestamp) -> Result<AccountSnapshot, StorageError> {
    let account = tx.account_row().await?;
    Ok(AccountSnapshot {
        account: account.id,
        slug: account.slug,
        version: account.snapshot_version,
        data_key: account.data_key,
        members: tx.snapshot_members().await?,
        agents: tx.snapshot_agents().await?,
        servers: Vec::new(),
        policies: Vec::new(),
        grants: Vec::new(),
        keys: tx.snapshot_keys(now).await?,
        connectors: Vec::new(),
    })
}
