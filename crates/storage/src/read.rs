//! Reading columns into types. A value that does not read is a damaged row, and told as a decoding error with its column.

use std::{error::Error, str::FromStr};

use domain::{Timestamp, TokenHash};
use sqlx::{Row as _, postgres::PgRow};
use time::OffsetDateTime;
use uuid::Uuid;

/// A failure to read `column`.
pub(crate) fn damaged(column: &str, source: impl Into<Box<dyn Error + Send + Sync>>) -> sqlx::Error {
    sqlx::Error::ColumnDecode { index: column.to_owned(), source: source.into() }
}

/// A UUID column as an id: `id(&row, "team_id", TeamId::from_uuid)`.
pub(crate) fn id<T>(row: &PgRow, column: &str, make: fn(Uuid) -> T) -> Result<T, sqlx::Error> {
    row.try_get(column).map(make)
}

/// The same for a column that may be null.
pub(crate) fn id_or_none<T>(row: &PgRow, column: &str, make: fn(Uuid) -> T) -> Result<Option<T>, sqlx::Error> {
    Ok(row.try_get::<Option<Uuid>, _>(column)?.map(make))
}

/// A time column.
pub(crate) fn time(row: &PgRow, column: &str) -> Result<Timestamp, sqlx::Error> {
    row.try_get::<OffsetDateTime, _>(column).map(Timestamp::from_datetime)
}

/// A time column that may be null.
pub(crate) fn time_or_none(row: &PgRow, column: &str) -> Result<Option<Timestamp>, sqlx::Error> {
    Ok(row.try_get::<Option<OffsetDateTime>, _>(column)?.map(Timestamp::from_datetime))
}

/// A text column that reads as `T`.
pub(crate) fn parsed<T>(row: &PgRow, column: &str) -> Result<T, sqlx::Error>
where
    T: FromStr,
    T::Err: Error + Send + Sync + 'static,
{
    let text: &str = row.try_get(column)?;
    text.parse().map_err(|error| damaged(column, error))
}

/// A text column that reads as `T` by way of `String`.
pub(crate) fn text<T>(row: &PgRow, column: &str) -> Result<T, sqlx::Error>
where
    T: TryFrom<String>,
    T::Error: Error + Send + Sync + 'static,
{
    let text: String = row.try_get(column)?;
    T::try_from(text).map_err(|error| damaged(column, error))
}

/// The same for a column that may be null.
pub(crate) fn text_or_none<T>(row: &PgRow, column: &str) -> Result<Option<T>, sqlx::Error>
where
    T: TryFrom<String>,
    T::Error: Error + Send + Sync + 'static,
{
    let text: Option<String> = row.try_get(column)?;
    text.map(|text| T::try_from(text).map_err(|error| damaged(column, error))).transpose()
}

/// A column with a token's hash.
pub(crate) fn hash(row: &PgRow, column: &str) -> Result<TokenHash, sqlx::Error> {
    let bytes: Vec<u8> = row.try_get(column)?;
    let bytes = bytes.try_into().map_err(|_| damaged(column, "a token hash has 32 bytes"))?;
    Ok(TokenHash::from_bytes(bytes))
}

/// The same as [`parsed`] for a column that may be null.
pub(crate) fn parsed_or_none<T>(row: &PgRow, column: &str) -> Result<Option<T>, sqlx::Error>
where
    T: FromStr,
    T::Err: Error + Send + Sync + 'static,
{
    let text: Option<&str> = row.try_get(column)?;
    text.map(|text| text.parse().map_err(|error| damaged(column, error))).transpose()
}

/// Foreign text as PostgreSQL's text can hold it: U+0000, which it cannot, is shown as its symbol.
pub(crate) fn storable(text: &str) -> String {
    text.replace('\0', "\u{2400}")
}
