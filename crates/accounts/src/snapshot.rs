//! Compiling an account's snapshot: all that a gateway has to know of it, as of one moment.

use domain::{AccountSlug, AccountSnapshot, SnapshotServer, Timestamp, UserId};
use storage::{StorageError, Tx};

use crate::{
    tools::snapshot_tools,
    upstream_connections::{connect_url, snapshot_oauth},
};

/// Compiles the snapshot; `tx` has to see one moment ([`storage::Db::account_at_one_moment`]).
pub(crate) async fn compile(tx: &mut Tx, now: Timestamp, public_origin: &str) -> Result<AccountSnapshot, StorageError> {
    let account = tx.account_row().await?;
    let members = tx.snapshot_members().await?;
    let users: Vec<UserId> = members.iter().map(|member| member.user).collect();
    let place = Place { origin: public_origin, account: &account.slug, users: &users };
    let servers = servers(tx, &place).await?;
    Ok(AccountSnapshot {
        account: account.id,
        slug: account.slug,
        version: account.snapshot_version,
        data_key: account.data_key,
        members,
        agents: tx.snapshot_agents().await?,
        servers,
        policies: tx.snapshot_policies().await?,
        grants: tx.snapshot_grants(now).await?,
        keys: tx.snapshot_keys(now).await?,
        apps: tx.snapshot_apps(now).await?,
        connectors: tx.snapshot_connectors(now).await?,
    })
}

/// What is said of connections besides themselves.
struct Place<'a> {
    origin: &'a str,
    account: &'a AccountSlug,
    users: &'a [UserId],
}

async fn servers(tx: &mut Tx, place: &Place<'_>) -> Result<Vec<SnapshotServer>, StorageError> {
    let tools = tx.all_tools().await?;
    let settings = tx.all_upstream_oauth().await?;
    let connections = if settings.is_empty() { Vec::new() } else { tx.connections(None).await? };
    let mut servers = Vec::new();
    for row in tx.servers().await? {
        let own = tools.chunk_by(|a, b| a.server == b.server).find(|own| own[0].server == row.id).unwrap_or_default();
        servers.push(SnapshotServer {
            headers: tx.server_headers(row.id).await?,
            oauth: settings.iter().find(|settings| settings.server == row.id).map(|settings| {
                let connect_url = connect_url(place.origin, place.account, &row.slug);
                snapshot_oauth(settings, (connect_url, place.users), &connections)
            }),
            tools: snapshot_tools(row.settings.drift, own),
            id: row.id,
            slug: row.slug,
            name: row.name,
            transport: row.transport,
            settings: row.settings,
        });
    }
    Ok(servers)
}
