//! Where do accounts and orders live? In SQLite or in Postgres, and the rest of the lab cannot tell:
//! every statement is written once, with `$1` for its arguments and only TEXT and BIGINT for its values.
//!
//! Two rules make one text mean the same in both. A write transaction is `BEGIN IMMEDIATE` in SQLite, so
//! there it is alone. In Postgres it is not, so every statement carries its own condition (`INSERT … ON
//! CONFLICT`, `UPDATE … WHERE`) or comes after one that has locked its row; never "read, decide, write".

mod sqlite;
mod postgres;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{Row as _, SqlSafeStr};
use tokio::sync::OnceCell;

/// No call takes longer than this, whatever the database does. A client is better served by a 503 than
/// by a request that hangs.
pub const CALL_LIMIT: Duration = Duration::from_secs(5);

/// How often a write is run again after a conflict with another one.
const RETRIES: usize = 3;

/// A database; a clone is another handle to the same one.
#[derive(Debug, Clone)]
pub struct Database {
    engine: Engine,
    // Set once the tables are known to be there.
    migrated: Arc<OnceCell<()>>,
}

#[derive(Debug, Clone)]
enum Engine {
    Sqlite(sqlite::Sqlite),
    Postgres(postgres::Postgres),
}

/// Why the database did not do what was asked. After a write failed, its effect is unknown
/// in one case: the answer to the COMMIT was lost. So whatever is not safe to repeat needs a key that
/// tells a repeat from the first time, as orders have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SqlError {
    /// It cannot be reached, or did not answer in time. The text is for the log.
    #[error("database unavailable: {0}")]
    Unavailable(String),
    /// It is there, but others kept it busy for too long.
    #[error("database busy")]
    Busy,
    /// Its disk is full.
    #[error("database storage full")]
    Full,
    /// It refused for a reason that is a mistake of ours. The text is for the log, never for a client.
    #[error("database error: {0}")]
    Broken(String),
}

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

impl Database {
    /// Reads `sqlite:PATH` or `postgres://…`. Nothing is opened yet: a service starts while its database
    /// is down, says that it is not ready, and recovers by itself. Call it inside the runtime.
    ///
    /// # Errors
    /// One line that says what is wrong with the address; it contains no password.
    pub fn open(url: &str) -> Result<Self, String> {
        let engine = if let Some(path) = url.strip_prefix("sqlite:") {
            Engine::Sqlite(sqlite::Sqlite::open(path)?)
        } else if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            Engine::Postgres(postgres::Postgres::open(url)?)
        } else {
            return Err("the database is neither sqlite:PATH nor postgres://…".to_owned());
        };
        Ok(Database { engine, migrated: Arc::new(OnceCell::new()) })
    }

    /// Whether it can be used right now: it answers, and its tables are there.
    ///
    /// # Errors
    /// Why not.
    pub async fn ready(&self) -> Result<(), SqlError> {
        self.fetch_optional("SELECT id FROM accounts LIMIT 1", &[]).await.map(drop)
    }

    /// Runs one statement that reads, and gives its first row.
    ///
    /// # Errors
    /// [`SqlError`]
    pub async fn fetch_optional(&self, sql: &'static str, args: &[Arg<'_>]) -> Result<Option<Row>, SqlError> {
        Ok(self.fetch_all(sql, args).await?.into_iter().next())
    }

    /// Runs one statement that reads, and gives all its rows.
    ///
    /// # Errors
    /// [`SqlError`]
    pub async fn fetch_all(&self, sql: &'static str, args: &[Arg<'_>]) -> Result<Vec<Row>, SqlError> {
        self.bounded(async {
            self.migrate().await?;
            let mut tx = self.reader().await?;
            let rows = tx.fetch_all(sql, args).await?;
            tx.finished = true;
            Ok(rows)
        })
        .await
    }

    /// Runs one statement that writes; gives the number of rows it wrote.
    ///
    /// # Errors
    /// [`SqlError`]
    pub async fn execute(&self, sql: &'static str, args: &[Arg<'_>]) -> Result<u64, SqlError> {
        self.write(&Statement { sql, args }).await
    }

    /// Runs a transaction: all of it happens, or, if it returns an error, nothing. Where the database finds
    /// it in conflict with another one, it is run again from the start.
    ///
    /// # Errors
    /// What the transaction returned, or [`SqlError`].
    pub async fn write<W: Transaction>(&self, work: &W) -> Result<W::Outcome, W::Error> {
        self.bounded(async {
            self.migrate().await?;
            let mut retries = RETRIES;
            loop {
                let mut tx = self.begin().await?;
                let outcome = match work.run(&mut tx).await {
                    Ok(done) => tx.end("COMMIT").await.map(|()| done).map_err(W::Error::from),
                    Err(refused) => {
                        // If this fails the connection is closed, and that undoes the work as well.
                        let _ = tx.end("ROLLBACK").await;
                        Err(refused)
                    }
                };
                if !tx.conflict || retries == 0 {
                    return outcome;
                }
                retries -= 1;
            }
        })
        .await
    }

    /// Closes all connections.
    pub async fn close(&self) {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.close().await,
            Engine::Postgres(postgres) => postgres.close().await,
        }
    }

    /// Makes the tables, the first time the database can be reached.
    async fn migrate(&self) -> Result<(), SqlError> {
        self.migrated
            .get_or_try_init(|| async {
                match &self.engine {
                    Engine::Sqlite(sqlite) => sqlite.migrate(&migrations()).await,
                    Engine::Postgres(postgres) => postgres.migrate(&migrations()).await,
                }
            })
            .await
            .copied()
    }

    async fn reader(&self) -> Result<Tx, SqlError> {
        let link = match &self.engine {
            Engine::Sqlite(sqlite) => Link::Sqlite(sqlite.reader().await?),
            Engine::Postgres(postgres) => Link::Postgres(postgres.connection().await?),
        };
        Ok(Tx::new(link))
    }

    async fn begin(&self) -> Result<Tx, SqlError> {
        let (link, begin) = match &self.engine {
            Engine::Sqlite(sqlite) => (Link::Sqlite(sqlite.writer().await?), "BEGIN IMMEDIATE"),
            Engine::Postgres(postgres) => (Link::Postgres(postgres.connection().await?), "BEGIN"),
        };
        let mut tx = Tx::new(link);
        tx.execute(begin, &[]).await?;
        Ok(tx)
    }

    async fn bounded<T, E: From<SqlError>>(&self, call: impl Future<Output = Result<T, E>>) -> Result<T, E> {
        match tokio::time::timeout(CALL_LIMIT, call).await {
            Ok(outcome) => outcome,
            // SQLite is a file: it is never away, only locked.
            Err(_) => Err(E::from(match &self.engine {
                Engine::Sqlite(_) => SqlError::Busy,
                Engine::Postgres(_) => SqlError::Unavailable("no answer in time".to_owned()),
            })),
        }
    }
}

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
struct Statement<'a> {
    sql: &'static str,
    args: &'a [Arg<'a>],
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
    finished: bool,
    conflict: bool,
}

#[derive(Debug)]
enum Link {
    Sqlite(sqlx::pool::PoolConnection<sqlx::Sqlite>),
    Postgres(sqlx::pool::PoolConnection<sqlx::Postgres>),
}

impl Tx {
    fn new(link: Link) -> Self {
        Tx { link, finished: false, conflict: false }
    }

    /// Runs a statement; gives the number of rows it wrote.
    ///
    /// # Errors
    /// [`SqlError`]; the transaction can then do no more.
    pub async fn execute(&mut self, sql: &'static str, args: &[Arg<'_>]) -> Result<u64, SqlError> {
        let outcome = match &mut self.link {
            Link::Sqlite(connection) => match sqlite::query(sql, args) {
                Ok(query) => query.execute(&mut **connection).await.map(|done| done.rows_affected()),
                Err(error) => Err(error),
            },
            Link::Postgres(connection) => match postgres::query(sql, args) {
                Ok(query) => query.execute(&mut **connection).await.map(|done| done.rows_affected()),
                Err(error) => Err(error),
            },
        };
        outcome.map_err(|error| self.fail(error))
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

    /// Runs a statement; gives all its rows.
    ///
    /// # Errors
    /// [`SqlError`]; the transaction can then do no more.
    pub async fn fetch_all(&mut self, sql: &'static str, args: &[Arg<'_>]) -> Result<Vec<Row>, SqlError> {
        let outcome = match &mut self.link {
            Link::Sqlite(connection) => match sqlite::query(sql, args) {
                Ok(query) => query.fetch_all(&mut **connection).await.map(rows(Row::Sqlite)),
                Err(error) => Err(error),
            },
            Link::Postgres(connection) => match postgres::query(sql, args) {
                Ok(query) => query.fetch_all(&mut **connection).await.map(rows(Row::Postgres)),
                Err(error) => Err(error),
            },
        };
        outcome.map_err(|error| self.fail(error))
    }

    async fn end(&mut self, how: &'static str) -> Result<(), SqlError> {
        self.execute(how, &[]).await?;
        self.finished = true;
        Ok(())
    }

    fn fail(&mut self, error: sqlx::Error) -> SqlError {
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
        if !self.finished {
            match &mut self.link {
                Link::Sqlite(connection) => connection.close_on_drop(),
                Link::Postgres(connection) => connection.close_on_drop(),
            }
        }
    }
}

/// All migrations, in order. A published one never changes: its checksum is kept in the database. They run
/// at the first call, so each must be quick; a system with large tables migrates before it starts.
fn migrations() -> Migrator {
    let all = [(1, "accounts and orders", include_str!("migrations/1_accounts_and_orders.sql"))];
    let all = all.map(|(version, name, sql)| {
        Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    });
    let mut migrator = Migrator::with_migrations(all.into());
    // In a rolling update a replica of the old version can meet the tables of the new one. It works with
    // them, as long as migrations only add.
    migrator.set_ignore_missing(true);
    migrator
}

fn rows<R>(wrap: fn(R) -> Row) -> impl Fn(Vec<R>) -> Vec<Row> {
    move |rows| rows.into_iter().map(wrap).collect()
}
