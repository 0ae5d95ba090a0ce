//! Agents: non-human principals. A removed agent keeps its row, because grants and records name it.

use domain::{AgentId, Name, SnapshotAgent, Timestamp, UserId};
use sqlx::postgres::PgRow;

use crate::{StorageError, Tx, read};

statements! {
    INSERT = "insert into agent (account_id, id, name, created_by, created_at) values ($1, $2, $3, $4, $5)";
    LIST = "select id, name, created_at from agent where account_id = $1 and removed_at is null order by lower(name), id";
    ONE = "select id, name, created_at from agent where account_id = $1 and id = $2 and removed_at is null";
    RENAME = "update agent set name = $3 where account_id = $1 and id = $2 and removed_at is null";
    REMOVE = "update agent set removed_at = $3 where account_id = $1 and id = $2 and removed_at is null";
}

/// An agent.
#[derive(Clone, Debug)]
pub struct AgentRow {
    /// Which.
    pub id: AgentId,
    /// Its name.
    pub name: Name,
    /// Since when.
    pub created_at: Timestamp,
}

impl Tx {
    /// Adds an agent.
    ///
    /// # Errors
    /// [`crate::Constraint::AgentNameTaken`].
    pub async fn insert_agent(&mut self, agent: &AgentRow, by: UserId) -> Result<(), StorageError> {
        let account = self.id();
        sqlx::query(INSERT)
            .bind(account)
            .bind(agent.id.uuid())
            .bind(agent.name.as_str())
            .bind(by.uuid())
            .bind(agent.created_at.to_datetime())
            .execute(self.connection())
            .await?;
        Ok(())
    }

    /// The agents, by name.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn agents(&mut self) -> Result<Vec<AgentRow>, StorageError> {
        let account = self.id();
        Ok(sqlx::query(LIST).bind(account).try_map(agent).fetch_all(self.connection()).await?)
    }

    /// One agent.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn agent(&mut self, id: AgentId) -> Result<Option<AgentRow>, StorageError> {
        let account = self.id();
        Ok(sqlx::query(ONE).bind(account).bind(id.uuid()).try_map(agent).fetch_optional(self.connection()).await?)
    }

    /// Renames an agent; whether there is one.
    ///
    /// # Errors
    /// [`crate::Constraint::AgentNameTaken`].
    pub async fn rename_agent(&mut self, agent: AgentId, name: &Name) -> Result<bool, StorageError> {
        let account = self.id();
        let query = sqlx::query(RENAME).bind(account).bind(agent.uuid()).bind(name.as_str());
        Ok(query.execute(self.connection()).await?.rows_affected() > 0)
    }

    /// Removes an agent; whether there was one. Its keys and grants have to be revoked with it.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn remove_agent(&mut self, agent: AgentId, at: Timestamp) -> Result<bool, StorageError> {
        let account = self.id();
        let query = sqlx::query(REMOVE).bind(account).bind(agent.uuid()).bind(at.to_datetime());
        Ok(query.execute(self.connection()).await?.rows_affected() > 0)
    }

    /// The agents as a snapshot carries them.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn snapshot_agents(&mut self) -> Result<Vec<SnapshotAgent>, StorageError> {
        let agents = self.agents().await?;
        Ok(agents.into_iter().map(|row| SnapshotAgent { agent: row.id, name: row.name }).collect())
    }
}

fn agent(row: PgRow) -> Result<AgentRow, sqlx::Error> {
    Ok(AgentRow {
        id: read::id(&row, "id", AgentId::from_uuid)?,
        name: read::text(&row, "name")?,
        created_at: read::time(&row, "created_at")?,
    })
}
