//! The product's role and database in the private cluster. `deploy/postgres/roles.sql` does the same on a database server.

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use super::{Cluster, ClusterError, DATABASE, ROLE};

const ROLE_EXISTS: &str = "select exists (select from pg_catalog.pg_roles where rolname = $1)";
const DATABASE_EXISTS: &str = "select exists (select from pg_catalog.pg_database where datname = $1)";
const CREATE_ROLE: &str = "create role portcullis login nosuperuser nocreatedb nocreaterole noreplication nobypassrls";

pub(super) async fn role_and_database(cluster: &Cluster) -> Result<(), ClusterError> {
    let mut connection = connect(cluster).await?;
    let made: Result<(), sqlx::Error> = async {
        if !sqlx::query_scalar(ROLE_EXISTS).bind(ROLE).fetch_one(&mut connection).await? {
            sqlx::query(CREATE_ROLE).execute(&mut connection).await?;
        }
        if !sqlx::query_scalar(DATABASE_EXISTS).bind(DATABASE).fetch_one(&mut connection).await? {
            create(&mut connection, DATABASE, "template0").await?;
        }
        connection.close().await
    }
    .await;
    made.map_err(ClusterError::Bootstrap)
}

pub(super) async fn create_database(cluster: &Cluster, name: &str, template: Option<&str>) -> Result<(), ClusterError> {
    let mut connection = connect(cluster).await?;
    let made = create(&mut connection, name, template.unwrap_or("template0")).await;
    made.map_err(ClusterError::Bootstrap)?;
    connection.close().await.map_err(ClusterError::Bootstrap)
}

async fn connect(cluster: &Cluster) -> Result<PgConnection, ClusterError> {
    PgConnection::connect_with(&cluster.superuser_options()).await.map_err(ClusterError::Bootstrap)
}

async fn create(connection: &mut PgConnection, name: &str, template: &str) -> Result<(), sqlx::Error> {
    let plain = |name: &str| name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if !plain(name) || !plain(template) {
        return Err(sqlx::Error::Protocol("a database name has only a-z, 0-9 and _".to_owned()));
    }
    // Both names were checked above; a database name cannot be a parameter.
    let create = format!("create database {name} owner {ROLE} template {template}");
    sqlx::query(AssertSqlSafe(create)).execute(&mut *connection).await?;
    let close = format!("revoke all on database {name} from public");
    sqlx::query(AssertSqlSafe(close)).execute(connection).await?;
    Ok(())
}
