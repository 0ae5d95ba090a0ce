//! Tools of servers: what each server gives now, and which definition of each was let in.

use domain::{ServerId, Timestamp};
use policy::RiskClass;
use sqlx::{Row as _, postgres::PgRow, types::Json};

use crate::{StorageError, Tx, read};

statements! {
    LIST = "select server_id, name, definition, pin, accepted_pin, class, evidence, first_seen_at, changed_at \
            from tool where account_id = $1 and server_id = $2 and gone_at is null order by position, name";
    ALL = "select server_id, name, definition, pin, accepted_pin, class, evidence, first_seen_at, changed_at \
           from tool where account_id = $1 and gone_at is null order by server_id, position, name";
    UPSERT = "insert into tool (account_id, server_id, name, position, definition, pin, accepted_pin, class, evidence, \
                  first_seen_at, changed_at, accepted_at) \
              values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10, case when $7::text is null then null else $10::timestamptz end) \
              on conflict (account_id, server_id, name) do update set position = excluded.position, \
                  definition = excluded.definition, pin = excluded.pin, class = excluded.class, \
                  evidence = excluded.evidence, gone_at = null, \
                  changed_at = case when tool.pin = excluded.pin then tool.changed_at else excluded.changed_at end, \
                  accepted_pin = coalesce(excluded.accepted_pin, tool.accepted_pin), \
                  accepted_at = case when excluded.accepted_pin is null or excluded.accepted_pin = tool.accepted_pin \
                      then tool.accepted_at else excluded.accepted_at end";
    GONE = "update tool set gone_at = $4 where account_id = $1 and server_id = $2 and gone_at is null and name <> all($3)";
    ACCEPT = "update tool set accepted_pin = pin, accepted_at = $4 \
              where account_id = $1 and server_id = $2 and name = $3 and gone_at is null";
}

/// A tool as its server gives it now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolRow {
    /// The server.
    pub server: ServerId,
    /// Its name.
    pub name: String,
    /// Its definition, the JSON text as it came.
    pub definition: String,
    /// SHA-256 of the definition, in base64.
    pub pin: String,
    /// The pin of the definition that was let in; none: the tool was never let in.
    pub accepted_pin: Option<String>,
    /// Its risk class.
    pub class: RiskClass,
    /// What speaks for the class.
    pub evidence: Vec<String>,
    /// When it was first seen.
    pub first_seen_at: Timestamp,
    /// When its definition last changed.
    pub changed_at: Timestamp,
}

/// A tool to be put in place of what is known of it.
#[derive(Clone, Debug)]
pub struct PutTool {
    /// Its name.
    pub name: String,
    /// Its definition.
    pub definition: String,
    /// SHA-256 of the definition, in base64.
    pub pin: String,
    /// Whether this definition is let in with this.
    pub acceptance: Acceptance,
    /// Its risk class.
    pub class: RiskClass,
    /// What speaks for the class.
    pub evidence: Vec<String>,
}

/// Whether a definition is let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acceptance {
    /// It is.
    Accepted,
    /// It waits for a person; an earlier definition that was let in stays the one that is.
    Held,
}

impl Tx {
    /// A server's tools, in the server's order.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn tools(&mut self, server: ServerId) -> Result<Vec<ToolRow>, StorageError> {
        let account = self.id();
        let query = sqlx::query(LIST).bind(account).bind(server.uuid()).try_map(tool);
        Ok(query.fetch_all(self.connection()).await?)
    }

    /// The tools of all servers.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn all_tools(&mut self) -> Result<Vec<ToolRow>, StorageError> {
        let account = self.id();
        Ok(sqlx::query(ALL).bind(account).try_map(tool).fetch_all(self.connection()).await?)
    }

    /// Makes these a server's tools, in this order; others it had are gone.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn put_tools(&mut self, server: ServerId, tools: &[PutTool], at: Timestamp) -> Result<(), StorageError> {
        let account = self.id();
        let names: Vec<&str> = tools.iter().map(|t| t.name.as_str()).collect();
        sqlx::query(GONE)
            .bind(account)
            .bind(server.uuid())
            .bind(&names)
            .bind(at.to_datetime())
            .execute(self.connection())
            .await?;
        for (position, tool) in (0_i32..).zip(tools) {
            let accepted = (tool.acceptance == Acceptance::Accepted).then_some(tool.pin.as_str());
            sqlx::query(UPSERT)
                .bind(account)
                .bind(server.uuid())
                .bind(&tool.name)
                .bind(position)
                .bind(&tool.definition)
                .bind(&tool.pin)
                .bind(accepted)
                .bind(tool.class.as_str())
                .bind(Json(&tool.evidence))
                .bind(at.to_datetime())
                .execute(self.connection())
                .await?;
        }
        Ok(())
    }

    /// Lets a tool's present definition in; whether there is such a tool.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn accept_tool(&mut self, server: ServerId, name: &str, at: Timestamp) -> Result<bool, StorageError> {
        let account = self.id();
        let query = sqlx::query(ACCEPT).bind(account).bind(server.uuid()).bind(name).bind(at.to_datetime());
        Ok(query.execute(self.connection()).await?.rows_affected() > 0)
    }
}

impl ToolRow {
    /// Whether the present definition is the one that was let in.
    #[must_use]
    pub fn is_accepted(&self) -> bool {
        self.accepted_pin.as_deref() == Some(self.pin.as_str())
    }
}

fn tool(row: PgRow) -> Result<ToolRow, sqlx::Error> {
    let class: &str = row.try_get("class")?;
    Ok(ToolRow {
        server: read::id(&row, "server_id", ServerId::from_uuid)?,
        name: row.try_get("name")?,
        definition: row.try_get("definition")?,
        pin: row.try_get("pin")?,
        accepted_pin: row.try_get("accepted_pin")?,
        class: RiskClass::parse(class).ok_or_else(|| read::damaged("class", "not a risk class"))?,
        evidence: row.try_get::<Json<Vec<String>>, _>("evidence")?.0,
        first_seen_at: read::time(&row, "first_seen_at")?,
        changed_at: read::time(&row, "changed_at")?,
    })
}
