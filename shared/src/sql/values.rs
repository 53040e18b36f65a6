//! What goes into a statement and what comes out? Texts and whole numbers: all that SQLite and Postgres call
//! by the same names.

use sqlx::Row as _;

use super::SqlError;

/// An argument of a statement.
#[derive(Debug, Clone, Copy)]
pub enum Arg<'a> {
    /// For a TEXT.
    Text(&'a str),
    /// For a BIGINT.
    Int(i64),
}

impl<'a> From<&'a str> for Arg<'a> {
    fn from(text: &'a str) -> Self {
        Arg::Text(text)
    }
}

impl<'a> From<&'a String> for Arg<'a> {
    fn from(text: &'a String) -> Self {
        Arg::Text(text)
    }
}

impl From<i64> for Arg<'_> {
    fn from(int: i64) -> Self {
        Arg::Int(int)
    }
}

/// One row of an answer; columns are counted from 0.
#[derive(Debug)]
pub enum Row {
    /// From SQLite.
    Sqlite(sqlx::sqlite::SqliteRow),
    /// From Postgres.
    Postgres(sqlx::postgres::PgRow),
}

impl Row {
    /// A TEXT that is never NULL.
    ///
    /// # Errors
    /// [`SqlError::Broken`] if it is something else.
    pub fn text(&self, column: usize) -> Result<String, SqlError> {
        match self {
            Row::Sqlite(row) => row.try_get(column),
            Row::Postgres(row) => row.try_get(column),
        }
        .map_err(broken)
    }

    /// A TEXT or NULL.
    ///
    /// # Errors
    /// [`SqlError::Broken`] if it is something else.
    pub fn maybe_text(&self, column: usize) -> Result<Option<String>, SqlError> {
        match self {
            Row::Sqlite(row) => row.try_get(column),
            Row::Postgres(row) => row.try_get(column),
        }
        .map_err(broken)
    }

    /// A BIGINT that is never NULL.
    ///
    /// # Errors
    /// [`SqlError::Broken`] if it is something else.
    pub fn int(&self, column: usize) -> Result<i64, SqlError> {
        match self {
            Row::Sqlite(row) => row.try_get(column),
            Row::Postgres(row) => row.try_get(column),
        }
        .map_err(broken)
    }
}

fn broken(error: sqlx::Error) -> SqlError {
    SqlError::Broken(error.to_string())
}
