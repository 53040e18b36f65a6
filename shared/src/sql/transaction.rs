//! What happens wholly or not at all? A transaction: a type that says which statements belong together, and
//! the connection they run on.

use std::future::Future;

use sqlx::pool::PoolConnection;

use super::{Arg, Row, SqlError, postgres, sqlite};

/// Statements that belong together. They may be run more than once, so they do nothing but talk to the
/// database.
pub trait Transaction: Sync {
    /// What they find out.
    type Outcome: Send;
    /// Why they may refuse; then nothing is written.
    type Error: From<SqlError> + Send;

    /// Runs them. Whatever is read here and decided upon was locked by a statement before.
    fn run(&self, tx: &mut Tx) -> impl Future<Output = Result<Self::Outcome, Self::Error>> + Send;
}

/// The shortest transaction.
pub(super) struct Statement<'a> {
    pub(super) sql: &'static str,
    pub(super) args: &'a [Arg<'a>],
}

impl Transaction for Statement<'_> {
    type Outcome = u64;
    type Error = SqlError;

    async fn run(&self, tx: &mut Tx) -> Result<u64, SqlError> {
        tx.execute(self.sql, self.args).await
    }
}

/// A transaction in progress.
#[derive(Debug)]
pub struct Tx {
    link: Link,
    done: bool,
    conflict: bool,
}

impl Tx {
    pub(super) fn new(link: Link) -> Self {
        Tx { link, done: false, conflict: false }
    }

    /// Runs a statement; gives the number of rows it wrote.
    ///
    /// # Errors
    /// [`SqlError`]; the transaction can then do no more.
    pub async fn execute(&mut self, sql: &'static str, args: &[Arg<'_>]) -> Result<u64, SqlError> {
        self.link.execute(sql, args).await.map_err(|error| self.judge(error))
    }

    /// Runs a statement; gives all its rows.
    ///
    /// # Errors
    /// [`SqlError`]; the transaction can then do no more.
    pub async fn fetch_all(&mut self, sql: &'static str, args: &[Arg<'_>]) -> Result<Vec<Row>, SqlError> {
        self.link.fetch_all(sql, args).await.map_err(|error| self.judge(error))
    }

    /// Runs a statement; gives its first row.
    ///
    /// # Errors
    /// [`SqlError`]; the transaction can then do no more.
    pub async fn fetch_optional(
        &mut self,
        sql: &'static str,
        args: &[Arg<'_>],
    ) -> Result<Option<Row>, SqlError> {
        Ok(self.fetch_all(sql, args).await?.into_iter().next())
    }

    /// Commits or rolls back.
    pub(super) async fn end(&mut self, how: &'static str) -> Result<(), SqlError> {
        self.execute(how, &[]).await?;
        self.done();
        Ok(())
    }

    /// Nothing is left to do, and the connection can serve others.
    pub(super) fn done(&mut self) {
        self.done = true;
    }

    /// Whether the database undid it because another one was in its way.
    pub(super) fn must_run_again(&self) -> bool {
        self.conflict
    }

    fn judge(&mut self, error: sqlx::Error) -> SqlError {
        match &self.link {
            Link::Sqlite(_) => sqlite::judge(error),
            Link::Postgres(_) => {
                self.conflict |= postgres::is_conflict(&error);
                postgres::judge(error)
            }
        }
    }
}

impl Drop for Tx {
    /// A transaction that did not come to its end takes its connection with it. Whether an error, a
    /// timeout or a client that left cut it short: nobody knows what the connection still waits for, and
    /// the next request must not inherit that.
    fn drop(&mut self) {
        if !self.done {
            match &mut self.link {
                Link::Sqlite(connection) => connection.close_on_drop(),
                Link::Postgres(connection) => connection.close_on_drop(),
            }
        }
    }
}

/// A connection to either database.
#[derive(Debug)]
pub(super) enum Link {
    Sqlite(PoolConnection<sqlx::Sqlite>),
    Postgres(PoolConnection<sqlx::Postgres>),
}

impl Link {
    async fn execute(&mut self, sql: &'static str, args: &[Arg<'_>]) -> Result<u64, sqlx::Error> {
        Ok(match self {
            Link::Sqlite(link) => sqlite::query(sql, args)?.execute(&mut **link).await?.rows_affected(),
            Link::Postgres(link) => postgres::query(sql, args)?.execute(&mut **link).await?.rows_affected(),
        })
    }

    async fn fetch_all(&mut self, sql: &'static str, args: &[Arg<'_>]) -> Result<Vec<Row>, sqlx::Error> {
        Ok(match self {
            Link::Sqlite(link) => {
                let rows = sqlite::query(sql, args)?.fetch_all(&mut **link).await?;
                rows.into_iter().map(Row::Sqlite).collect()
            }
            Link::Postgres(link) => {
                let rows = postgres::query(sql, args)?.fetch_all(&mut **link).await?;
                rows.into_iter().map(Row::Postgres).collect()
            }
        })
    }
}
