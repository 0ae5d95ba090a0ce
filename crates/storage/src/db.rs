//! The pool of connections, the migrator, and the ways into a transaction and from one scope to another in it.

use std::time::Duration;

use domain::{AccountId, Email, TokenHash, UserId};
use sqlx::{
    PgConnection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use crate::{
    AccountScope, StorageError,
    cluster::Cluster,
    error::OpenError,
    tx::{JobTx, PersonTx, Tx},
};

statements! {
    /// In a transaction that sqlx does not know of, `now()` stands still at its begin.
    CLEAN = "select now() = statement_timestamp()";
    OWN_ROLE = "select rolname, rolsuper or rolbypassrls as unsafe_role from pg_catalog.pg_roles where rolname = current_user";
    SET_ACCOUNT = "select set_config('app.account', $1::text, true)";
    SET_USER = "select set_config('app.user', $1::text, true)";
    SET_JOB = "select set_config('app.job', 'on', true)";
    SET_EMAIL = "select set_config('app.email', $1::text, true)";
    SET_TOKEN = "select set_config('app.token', encode($1::bytea, 'hex'), true)";
}

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations");

/// The database, as the product sees it. Clones share one pool.
#[derive(Clone)]
pub struct Db {
    pool: PgPool,
}

/// A transaction without a scope.
type Begun = sqlx::Transaction<'static, sqlx::Postgres>;

/// How many connections the pool may have.
#[derive(Clone, Copy, Debug)]
pub struct PoolSize(pub u32);

impl Db {
    /// Connects to a database server.
    ///
    /// # Errors
    /// [`OpenError`]: a bad URL, no answer, or a role that row-level security does not hold for.
    pub async fn connect(url: &str, size: PoolSize) -> Result<Self, OpenError> {
        let options: PgConnectOptions = url.parse().map_err(|_| OpenError::Url)?;
        Self::open(options, size).await
    }

    /// Connects to the private cluster's database.
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn of_cluster(cluster: &Cluster, size: PoolSize) -> Result<Self, OpenError> {
        Self::open(cluster.connect_options(crate::cluster::DATABASE), size).await
    }

    /// Connects to another database of the private cluster. For tests.
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn of_cluster_database(cluster: &Cluster, name: &str, size: PoolSize) -> Result<Self, OpenError> {
        Self::open(cluster.connect_options(name), size).await
    }

    /// Brings the tables up to this version of the product; safe to call by several processes at once.
    ///
    /// # Errors
    /// [`OpenError::Migrate`].
    pub async fn migrate(&self) -> Result<(), OpenError> {
        MIGRATIONS.run(&self.pool).await.map_err(OpenError::Migrate)
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// [`StorageError::Database`] when it does not.
    pub async fn ping(&self) -> Result<(), StorageError> {
        sqlx::query(CLEAN).execute(&self.pool).await?;
        Ok(())
    }

    /// Ends all connections, waiting for those in use.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// A transaction in one account: every row of every other is invisible to it.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn account(&self, scope: &AccountScope) -> Result<Tx, StorageError> {
        self.tx(scope.account()).await
    }

    /// A transaction of one person: sees that person, the sessions, and in which accounts the person is a member.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn person(&self, user: UserId) -> Result<PersonTx, StorageError> {
        let mut inner = self.pool.begin().await?;
        sqlx::query(SET_USER).bind(user.uuid().to_string()).execute(&mut *inner).await?;
        Ok(PersonTx::new(inner, user))
    }

    /// A transaction of a background job: sees which accounts there are and which snapshots wait to be published.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn job(&self) -> Result<JobTx, StorageError> {
        let mut inner = self.pool.begin().await?;
        sqlx::query(SET_JOB).execute(&mut *inner).await?;
        Ok(JobTx::new(inner))
    }

    pub(crate) async fn tx(&self, account: AccountId) -> Result<Tx, StorageError> {
        self.scoped(self.pool.begin().await?, account).await
    }

    pub(crate) async fn scoped(&self, mut begun: Begun, account: AccountId) -> Result<Tx, StorageError> {
        sqlx::query(SET_ACCOUNT).bind(account.uuid().to_string()).execute(&mut *begun).await?;
        Ok(Tx::new(begun, account))
    }

    /// A transaction that sees the one row that bears this token: a session or an invitation.
    pub(crate) async fn token(&self, hash: &TokenHash) -> Result<Begun, StorageError> {
        let mut inner = self.pool.begin().await?;
        sqlx::query(SET_TOKEN).bind(hash.as_bytes().as_slice()).execute(&mut *inner).await?;
        Ok(inner)
    }

    /// A transaction that sees the one person with this e-mail address.
    pub(crate) async fn email(&self, email: &Email) -> Result<Begun, StorageError> {
        let mut inner = self.pool.begin().await?;
        sqlx::query(SET_EMAIL).bind(email.as_str()).execute(&mut *inner).await?;
        Ok(inner)
    }

    pub(crate) fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// Guards against sqlx 0.9.0 losing track of a transaction whose `begin` was cancelled (its issue 4385): a connection
    /// that sits in one is closed instead of handed out, and the server ends such a session by itself. The same question
    /// is the ping that notices a restarted server.
    async fn open(options: PgConnectOptions, size: PoolSize) -> Result<Self, OpenError> {
        let options = options.application_name("portcullis").options([
            ("idle_in_transaction_session_timeout", "60s"),
            ("statement_timeout", "60s"),
            ("timezone", "UTC"),
        ]);
        let pool = PgPoolOptions::new()
            .max_connections(size.0)
            .acquire_timeout(Duration::from_secs(10))
            .test_before_acquire(false)
            .before_acquire(|connection, _| Box::pin(is_clean(connection)))
            .connect_with(options)
            .await
            .map_err(OpenError::Connect)?;
        refuse_unsafe_role(&pool).await?;
        Ok(Self { pool })
    }
}

impl PersonTx {
    /// Goes on in one of the person's accounts, in the same transaction: for what has to become true in all of them at once.
    /// Several accounts are gone through in the order of their ids, because each may be locked on the way.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn into_account(self, scope: &AccountScope) -> Result<Tx, StorageError> {
        let mut begun = self.into_inner();
        sqlx::query(SET_USER).bind("").execute(&mut *begun).await?;
        sqlx::query(SET_ACCOUNT).bind(scope.account().uuid().to_string()).execute(&mut *begun).await?;
        Ok(Tx::new(begun, scope.account()))
    }
}

impl Tx {
    /// Goes back to the person, in the same transaction.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub async fn into_person(self, user: UserId) -> Result<PersonTx, StorageError> {
        let mut begun = self.into_inner();
        sqlx::query(SET_ACCOUNT).bind("").execute(&mut *begun).await?;
        sqlx::query(SET_USER).bind(user.uuid().to_string()).execute(&mut *begun).await?;
        Ok(PersonTx::new(begun, user))
    }
}

impl std::fmt::Debug for Db {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Db")
    }
}

async fn is_clean(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar(CLEAN).fetch_one(connection).await
}

async fn refuse_unsafe_role(pool: &PgPool) -> Result<(), OpenError> {
    let (role, unsafe_role): (String, bool) =
        sqlx::query_as(OWN_ROLE).fetch_one(pool).await.map_err(OpenError::Connect)?;
    if unsafe_role { Err(OpenError::UnsafeRole(role)) } else { Ok(()) }
}
