//! People who sign in.

use domain::{Email, Secret, Timestamp, UserId};
use sqlx::{Row as _, postgres::PgRow};

use crate::{Db, PersonTx, StorageError, Tx, read, tx};

statements! {
    INSERT = "insert into app_user (id, email, password_hash, created_at) values ($1, $2, $3, $4)";
    BY_EMAIL = "select id, email, password_hash from app_user where email = $1";
    SET_PASSWORD = "update app_user set password_hash = $2 where id = $1";
}

/// A person to be.
#[derive(Clone, Debug)]
pub struct NewUserRow {
    /// The new id.
    pub id: UserId,
    /// The log-in name.
    pub email: Email,
    /// The argon2id hash, in PHC form.
    pub password_hash: Secret<String>,
    /// When.
    pub created_at: Timestamp,
}

/// A person.
#[derive(Clone, Debug)]
pub struct UserRow {
    /// Who.
    pub id: UserId,
    /// The log-in name.
    pub email: Email,
    /// The argon2id hash, in PHC form.
    pub password_hash: Secret<String>,
}

impl Db {
    /// The person with this e-mail address.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn user_by_email(&self, email: &Email) -> Result<Option<UserRow>, StorageError> {
        let mut begun = self.email(email).await?;
        let found = sqlx::query(BY_EMAIL).bind(email.as_str()).try_map(user).fetch_optional(&mut *begun).await?;
        tx::commit(begun).await?;
        Ok(found)
    }
}

impl Tx {
    /// Adds a person; a member of this account only once a membership is added.
    ///
    /// # Errors
    /// [`crate::Constraint::EmailTaken`].
    pub async fn insert_user(&mut self, new: &NewUserRow) -> Result<(), StorageError> {
        sqlx::query(INSERT)
            .bind(new.id.uuid())
            .bind(new.email.as_str())
            .bind(new.password_hash.expose())
            .bind(new.created_at.to_datetime())
            .execute(self.connection())
            .await?;
        Ok(())
    }
}

impl PersonTx {
    /// Replaces the password's hash.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn set_password_hash(&mut self, hash: &Secret<String>) -> Result<(), StorageError> {
        let id = self.user().uuid();
        sqlx::query(SET_PASSWORD).bind(id).bind(hash.expose()).execute(self.connection()).await?;
        Ok(())
    }
}

fn user(row: PgRow) -> Result<UserRow, sqlx::Error> {
    Ok(UserRow {
        id: read::id(&row, "id", UserId::from_uuid)?,
        email: read::text(&row, "email")?,
        password_hash: Secret::new(row.try_get("password_hash")?),
    })
}
