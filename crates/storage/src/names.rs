//! Names of what records speak of, those of ended things too.

use domain::{AgentId, AppId, Name, Principal, UserId};
use sqlx::{Row as _, postgres::PgRow};

use crate::{StorageError, Tx, read};

statements! {
    PRINCIPALS = "select m.user_id, null::uuid as agent_id, u.email as name from membership m \
                      join app_user u on u.id = m.user_id where m.account_id = $1 \
                  union all select null, a.id, a.name from agent a where a.account_id = $1";
    APPS = "select id, client_name from app where account_id = $1";
}

impl Tx {
    /// Every principal there is or was, with its e-mail address or name.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn principal_names(&mut self) -> Result<Vec<(Principal, String)>, StorageError> {
        let account = self.id();
        Ok(sqlx::query(PRINCIPALS).bind(account).try_map(principal).fetch_all(self.connection()).await?)
    }

    /// Every app there is or was, with its client's name.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn app_names(&mut self) -> Result<Vec<(AppId, Name)>, StorageError> {
        let account = self.id();
        Ok(sqlx::query(APPS).bind(account).try_map(app).fetch_all(self.connection()).await?)
    }
}

fn app(row: PgRow) -> Result<(AppId, Name), sqlx::Error> {
    Ok((read::id(&row, "id", AppId::from_uuid)?, read::text(&row, "client_name")?))
}

fn principal(row: PgRow) -> Result<(Principal, String), sqlx::Error> {
    let name = row.try_get("name")?;
    match read::id_or_none(&row, "user_id", UserId::from_uuid)? {
        Some(user) => Ok((Principal::Member(user), name)),
        None => Ok((Principal::Agent(read::id(&row, "agent_id", AgentId::from_uuid)?), name)),
    }
}
