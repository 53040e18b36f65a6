//! Where do accounts and orders live? In SQLite or in Postgres, and the rest of the lab cannot tell:
//! every statement is written once, with `$1` for its arguments and only TEXT and BIGINT for its values.
//!
//! Two rules make one text mean the same in both. A write transaction is `BEGIN IMMEDIATE` in SQLite, so
//! there it is alone. In Postgres it is not, so every statement carries its own condition (`INSERT … ON
//! CONFLICT`, `UPDATE … WHERE`) or comes after one that has locked its row; never "read, decide, write".

mod values;
mod transaction;
mod sqlite;
mod postgres;

pub use transaction::{Transaction, Tx};
pub use values::{Arg, Row};

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use sqlx::SqlSafeStr;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use tokio::sync::OnceCell;

use transaction::{Link, Statement};

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

/// Why the database did not do what was asked. After [`Database::write`] the effect is unknown in one case:
/// the answer to the COMMIT was lost. So whatever is not safe to repeat needs a key that tells a repeat from
/// the first time, as orders have.
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
            tx.done();
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
                if !tx.must_run_again() || retries == 0 {
                    return outcome;
                }
                retries -= 1;
            }
        })
        .await
    }

    /// Closes all connections, so that the other side need not find out by itself. One that does not answer
    /// holds up nobody's exit.
    pub async fn close(&self) {
        let closing = async {
            match &self.engine {
                Engine::Sqlite(sqlite) => sqlite.close().await,
                Engine::Postgres(postgres) => postgres.close().await,
            }
        };
        let _ = tokio::time::timeout(CALL_LIMIT, closing).await;
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
