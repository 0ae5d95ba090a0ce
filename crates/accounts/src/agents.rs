//! Agents: non-human principals.

use domain::{AgentId, GrantSubject, Name, Permission, Principal, Timestamp};
use serde_json::json;
use storage::{AgentRow, Constraint, KeyRow, StorageError};

use crate::{Accounts, Caller, Error, change::Change};

/// An agent and its keys.
#[derive(Clone, Debug)]
pub struct AgentView {
    /// Which.
    pub id: AgentId,
    /// Its name.
    pub name: Name,
    /// Since when.
    pub created_at: Timestamp,
    /// Its keys that are not revoked, the newest first.
    pub keys: Vec<KeyRow>,
}

impl Accounts {
    /// The agents, by name.
    ///
    /// # Errors
    /// [`Error::NotAllowed`].
    pub async fn agents(&self, caller: &Caller) -> Result<Vec<AgentView>, Error> {
        let mut tx = self.look(caller, Permission::View).await?;
        let mut agents = Vec::new();
        for row in tx.agents().await? {
            let keys = tx.keys_of(Principal::Agent(row.id)).await?;
            agents.push(view(row, keys));
        }
        tx.commit().await?;
        Ok(agents)
    }

    /// One agent.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn agent(&self, caller: &Caller, agent: AgentId) -> Result<AgentView, Error> {
        let mut tx = self.look(caller, Permission::View).await?;
        let row = tx.agent(agent).await?.ok_or(Error::NotFound)?;
        let keys = tx.keys_of(Principal::Agent(agent)).await?;
        tx.commit().await?;
        Ok(view(row, keys))
    }

    /// Makes an agent.
    ///
    /// # Errors
    /// [`Error::Invalid`]: field `name`.
    pub async fn create_agent(&self, caller: &Caller, name: &str) -> Result<AgentId, Error> {
        let name = Name::parse(name).map_err(|error| Error::field("name", error))?;
        let mut change = self.change(caller, Permission::ManageAgents).await?;
        let agent = change.new_agent(self, caller, &name).await?;
        change.done("agent.created", agent, json!({ "name": name })).await?;
        Ok(agent)
    }

    /// Renames an agent.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Invalid`]: field `name`.
    pub async fn rename_agent(&self, caller: &Caller, agent: AgentId, name: &str) -> Result<(), Error> {
        let name = Name::parse(name).map_err(|error| Error::field("name", error))?;
        let mut change = self.change(caller, Permission::ManageAgents).await?;
        if !change.tx.rename_agent(agent, &name).await.map_err(name_taken)? {
            return Err(Error::NotFound);
        }
        change.done("agent.renamed", agent, json!({ "name": name })).await
    }

    /// Removes an agent; with it go its keys and grants.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn remove_agent(&self, caller: &Caller, agent: AgentId) -> Result<(), Error> {
        let mut change = self.change(caller, Permission::ManageAgents).await?;
        if !change.tx.remove_agent(agent, change.at).await? {
            return Err(Error::NotFound);
        }
        change.tx.revoke_keys_of(Principal::Agent(agent), change.at).await?;
        let grants = change.tx.revoke_grants_of(GrantSubject::Agent(agent), change.at).await?;
        change.done("agent.removed", agent, json!({ "grants_revoked": grants })).await
    }
}

impl Change<'_> {
    /// A new agent as part of a change.
    pub(crate) async fn new_agent(
        &mut self,
        accounts: &Accounts,
        caller: &Caller,
        name: &Name,
    ) -> Result<AgentId, Error> {
        let id = AgentId::new(accounts.clock(), accounts.entropy());
        let row = AgentRow { id, name: name.clone(), created_at: self.at };
        self.tx.insert_agent(&row, caller.user()).await.map_err(name_taken)?;
        Ok(id)
    }
}

fn view(row: AgentRow, keys: Vec<KeyRow>) -> AgentView {
    AgentView { id: row.id, name: row.name, created_at: row.created_at, keys }
}

fn name_taken(error: StorageError) -> Error {
    match error.constraint() {
        Some(Constraint::AgentNameTaken) => Error::field("name", "is taken by another agent; choose another"),
        _ => error.into(),
    }
}
