//! Compiling an account's snapshot: all that a gateway has to know of it, as of one moment.

use domain::{AccountSnapshot, SnapshotServer, Timestamp};
use storage::{StorageError, ToolRow, Tx};

use crate::tools::snapshot_tools;

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
        servers: servers(tx).await?,
        policies: tx.snapshot_policies().await?,
        grants: tx.snapshot_grants(now).await?,
        keys: tx.snapshot_keys(now).await?,
        apps: tx.snapshot_apps(now).await?,
        connectors: tx.snapshot_connectors(now).await?,
    })
}

async fn servers(tx: &mut Tx) -> Result<Vec<SnapshotServer>, StorageError> {
    let tools = tx.all_tools().await?;
    let mut servers = Vec::new();
    for row in tx.servers().await? {
        let own: Vec<&ToolRow> = tools.iter().filter(|tool| tool.server == row.id).collect();
        servers.push(SnapshotServer {
            headers: tx.server_headers(row.id).await?,
            tools: snapshot_tools(row.settings.drift, &own),
            id: row.id,
            slug: row.slug,
            name: row.name,
            transport: row.transport,
            settings: row.settings,
        });
    }
    Ok(servers)
}
