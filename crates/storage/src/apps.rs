//! Apps: what people allowed OAuth clients to do for them.

mod codes;
mod refresh;

use domain::{AccountId, AppId, Email, Name, Scopes, SnapshotApp, Timestamp, TokenHash, UserId};
use sqlx::{Row as _, postgres::PgRow};

use crate::{AccountScope, Db, StorageError, Tx, read, tx};

pub(crate) use codes::STATEMENTS as CODE_STATEMENTS;
pub use codes::{CodeRow, NewCode};
pub(crate) use refresh::STATEMENTS as REFRESH_STATEMENTS;
pub use refresh::{NewRefreshToken, RefreshRow};

statements! {
    INSERT = "insert into app (account_id, id, user_id, client_id, client_name, client_host, resource, scopes, created_at, ends_at) \
              values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    LIST = "select a.id, a.user_id, u.email, a.client_id, a.client_name, a.client_host, a.resource, a.scopes, a.created_at, \
                a.ends_at, a.last_used_at \
            from app a join app_user u on u.id = a.user_id \
            where a.account_id = $1 and ($2::uuid is null or a.user_id = $2) and a.revoked_at is null and a.ends_at > $3 \
            order by a.created_at desc, a.id desc";
    ONE = "select a.id, a.user_id, u.email, a.client_id, a.client_name, a.client_host, a.resource, a.scopes, a.created_at, \
               a.ends_at, a.last_used_at \
           from app a join app_user u on u.id = a.user_id \
           where a.account_id = $1 and a.id = $2 and a.revoked_at is null and a.ends_at > $3";
    REVOKE = "update app set revoked_at = $3 where account_id = $1 and id = $2 and revoked_at is null";
    REVOKE_OF = "update app set revoked_at = $3 where account_id = $1 and user_id = $2 and revoked_at is null";
    REPLACE = "update app set revoked_at = $6 where account_id = $1 and user_id = $2 and client_id = $3 and resource = $4 \
                   and id <> $5 and revoked_at is null";
    CROWD_OUT = "update app set revoked_at = $4 where account_id = $1 and revoked_at is null and id in ( \
                     select id from app where account_id = $1 and user_id = $2 and revoked_at is null \
                     order by created_at desc, id desc offset $3)";
    USED = "update app set last_used_at = greatest(last_used_at, $3) where account_id = $1 and id = $2";
    SNAPSHOT = "select id, user_id, client_name, scopes, resource, ends_at from app \
                where account_id = $1 and revoked_at is null and ends_at > $2 order by id";
}

/// The client behind an app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppClient {
    /// Its id.
    pub id: String,
    /// How it names itself.
    pub name: Name,
    /// The host of its metadata document; none for one that registered itself.
    pub host: Option<String>,
}

/// An app to be.
#[derive(Clone, Debug)]
pub struct NewApp {
    /// The new id.
    pub id: AppId,
    /// Whom it acts for.
    pub user: UserId,
    /// Its client.
    pub client: AppClient,
    /// The one gateway URL that it may call.
    pub resource: String,
    /// What it may do.
    pub scopes: Scopes,
    /// When.
    pub created_at: Timestamp,
    /// No token of it is good for longer.
    pub ends_at: Timestamp,
}

/// An app that is not revoked and has not ended.
#[derive(Clone, Debug)]
pub struct AppRow {
    /// Which.
    pub id: AppId,
    /// Whom it acts for.
    pub user: UserId,
    /// The same person's e-mail address.
    pub email: Email,
    /// Its client.
    pub client: AppClient,
    /// The one gateway URL that it may call.
    pub resource: String,
    /// What it may do.
    pub scopes: Scopes,
    /// Since when.
    pub created_at: Timestamp,
    /// No token of it is good for longer.
    pub ends_at: Timestamp,
    /// When a call was last made by it, as far as records have arrived.
    pub last_used_at: Option<Timestamp>,
}

impl Tx {
    /// Adds an app.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn insert_app(&mut self, new: &NewApp) -> Result<(), StorageError> {
        let account = self.id();
        sqlx::query(INSERT)
            .bind(account)
            .bind(new.id.uuid())
            .bind(new.user.uuid())
            .bind(&new.client.id)
            .bind(new.client.name.as_str())
            .bind(&new.client.host)
            .bind(&new.resource)
            .bind(new.scopes.to_string())
            .bind(new.created_at.to_datetime())
            .bind(new.ends_at.to_datetime())
            .execute(self.connection())
            .await?;
        Ok(())
    }

    /// The apps, of one person or of all, the newest first.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn apps(&mut self, of: Option<UserId>, now: Timestamp) -> Result<Vec<AppRow>, StorageError> {
        let account = self.id();
        let query = sqlx::query(LIST).bind(account).bind(of.map(UserId::uuid)).bind(now.to_datetime()).try_map(app);
        Ok(query.fetch_all(self.connection()).await?)
    }

    /// One app.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn app(&mut self, id: AppId, now: Timestamp) -> Result<Option<AppRow>, StorageError> {
        let account = self.id();
        let query = sqlx::query(ONE).bind(account).bind(id.uuid()).bind(now.to_datetime()).try_map(app);
        Ok(query.fetch_optional(self.connection()).await?)
    }

    /// Revokes an app; whether there was one to revoke.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn revoke_app(&mut self, app: AppId, at: Timestamp) -> Result<bool, StorageError> {
        let account = self.id();
        let query = sqlx::query(REVOKE).bind(account).bind(app.uuid()).bind(at.to_datetime());
        Ok(query.execute(self.connection()).await?.rows_affected() > 0)
    }

    /// Revokes all apps of a person; how many.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn revoke_apps_of(&mut self, user: UserId, at: Timestamp) -> Result<u64, StorageError> {
        let account = self.id();
        let query = sqlx::query(REVOKE_OF).bind(account).bind(user.uuid()).bind(at.to_datetime());
        Ok(query.execute(self.connection()).await?.rows_affected())
    }

    /// Revokes the earlier apps of the same client, person and resource: the new one takes their place.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn replace_apps(&mut self, new: &NewApp) -> Result<u64, StorageError> {
        let account = self.id();
        let query = sqlx::query(REPLACE)
            .bind(account)
            .bind(new.user.uuid())
            .bind(&new.client.id)
            .bind(&new.resource)
            .bind(new.id.uuid())
            .bind(new.created_at.to_datetime());
        Ok(query.execute(self.connection()).await?.rows_affected())
    }

    /// Revokes a person's oldest apps, so that no more than `most` are left.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn crowd_out_apps(&mut self, user: UserId, most: u32, at: Timestamp) -> Result<u64, StorageError> {
        let account = self.id();
        let query = sqlx::query(CROWD_OUT).bind(account).bind(user.uuid()).bind(i64::from(most)).bind(at.to_datetime());
        Ok(query.execute(self.connection()).await?.rows_affected())
    }

    /// Notes that a call was made by an app.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn app_used(&mut self, app: AppId, at: Timestamp) -> Result<(), StorageError> {
        let account = self.id();
        sqlx::query(USED).bind(account).bind(app.uuid()).bind(at.to_datetime()).execute(self.connection()).await?;
        Ok(())
    }

    /// The apps in force as a snapshot carries them.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn snapshot_apps(&mut self, now: Timestamp) -> Result<Vec<SnapshotApp>, StorageError> {
        let account = self.id();
        let query = sqlx::query(SNAPSHOT).bind(account).bind(now.to_datetime()).try_map(snapshot_app);
        Ok(query.fetch_all(self.connection()).await?)
    }
}

/// Leave to work in the account of a token's row, found by one of the statements of this folder.
async fn account_of(db: &Db, by_hash: &'static str, hash: &TokenHash) -> Result<Option<AccountScope>, StorageError> {
    let mut begun = db.token(hash).await?;
    let query = sqlx::query(by_hash).bind(hash.as_bytes().as_slice()).try_map(account);
    let found = query.fetch_optional(&mut *begun).await?;
    tx::commit(begun).await?;
    Ok(found)
}

fn account(row: PgRow) -> Result<AccountScope, sqlx::Error> {
    Ok(AccountScope::found(read::id(&row, "account_id", AccountId::from_uuid)?))
}

fn scopes(row: &PgRow) -> Result<Scopes, sqlx::Error> {
    Ok(Scopes::parse(row.try_get("scopes")?))
}

fn client(row: &PgRow) -> Result<AppClient, sqlx::Error> {
    Ok(AppClient {
        id: row.try_get("client_id")?,
        name: read::text(row, "client_name")?,
        host: row.try_get("client_host")?,
    })
}

fn app(row: PgRow) -> Result<AppRow, sqlx::Error> {
    Ok(AppRow {
        id: read::id(&row, "id", AppId::from_uuid)?,
        user: read::id(&row, "user_id", UserId::from_uuid)?,
        email: read::text(&row, "email")?,
        client: client(&row)?,
        resource: row.try_get("resource")?,
        scopes: scopes(&row)?,
        created_at: read::time(&row, "created_at")?,
        ends_at: read::time(&row, "ends_at")?,
        last_used_at: read::time_or_none(&row, "last_used_at")?,
    })
}

fn snapshot_app(row: PgRow) -> Result<SnapshotApp, sqlx::Error> {
    Ok(SnapshotApp {
        id: read::id(&row, "id", AppId::from_uuid)?,
        user: read::id(&row, "user_id", UserId::from_uuid)?,
        client_name: read::text(&row, "client_name")?,
        scopes: scopes(&row)?,
        resource: row.try_get("resource")?,
        expires_at: read::time(&row, "ends_at")?,
    })
}
