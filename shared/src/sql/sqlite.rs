//! What is special about SQLite? It is a file: one writer at a time, and being "down" means being locked.

use std::path::Path;
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::pool::PoolConnection;
use sqlx::sqlite::{
    SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteSynchronous,
};
use sqlx::{Arguments, ConnectOptions, Connection};

use super::{Arg, CALL_LIMIT, SqlError};

const READERS: u32 = 4;

/// How long to wait before asking again for what SQLite does not let one wait for.
const PAUSE: Duration = Duration::from_millis(20);

/// One file, opened by all replicas of one service.
#[derive(Debug, Clone)]
pub(super) struct Sqlite {
    options: SqliteConnectOptions,
    // SQLite lets only one transaction write. Waiting for it here, in order, is fairer than in SQLite's
    // busy loop, where whoever asks at the right moment wins.
    writer: SqlitePool,
    readers: SqlitePool,
}

impl Sqlite {
    pub(super) fn open(path: &str) -> Result<Self, String> {
        if path.is_empty() || path.starts_with(':') || path.starts_with("//") {
            return Err(format!("sqlite:{path} names no file; write sqlite:PATH"));
        }
        let file = Path::new(path);
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
        if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
            return Err(format!("sqlite:{path}: there is no folder {}", folder.display()));
        }
        if file.is_dir() {
            return Err(format!("sqlite:{path} is a folder, not a file"));
        }
        let options = SqliteConnectOptions::new()
            .filename(file)
            // With a write-ahead log NORMAL survives the death of the process; only a power cut may take
            // the last transactions. FULL would be the choice where that matters.
            .synchronous(SqliteSynchronous::Normal)
            .foreign_keys(true)
            .busy_timeout(CALL_LIMIT)
            .disable_statement_logging();
        // Connections to a file do not go stale.
        let pool = SqlitePoolOptions::new()
            .acquire_timeout(CALL_LIMIT)
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false);
        Ok(Sqlite {
            writer: pool.clone().max_connections(1).connect_lazy_with(options.clone()),
            readers: pool
                .max_connections(READERS)
                .connect_lazy_with(options.clone().pragma("query_only", "ON")),
            options,
        })
    }

    pub(super) async fn writer(&self) -> Result<PoolConnection<sqlx::Sqlite>, SqlError> {
        self.writer.acquire().await.map_err(judge)
    }

    pub(super) async fn reader(&self) -> Result<PoolConnection<sqlx::Sqlite>, SqlError> {
        self.readers.acquire().await.map_err(judge)
    }

    /// Makes the file and its tables. Replicas that start together all try: one does it, the others wait
    /// for the write lock and find it done.
    pub(super) async fn migrate(&self, migrations: &Migrator) -> Result<(), SqlError> {
        // The write-ahead log is a property of the file and stays; it lets readers read while one writes.
        let options = self.options.clone().create_if_missing(true).journal_mode(SqliteJournalMode::Wal);
        let mut connection = loop {
            match options.connect().await.map_err(judge) {
                // Switching to the log needs the file for itself, and SQLite refuses at once instead of
                // waiting for it. There is no event to wait for; the caller's limit bounds the loop.
                Err(SqlError::Busy) => tokio::time::sleep(PAUSE).await,
                outcome => break outcome?,
            }
        };
        // sqlx has no lock for SQLite migrations. This transaction is one: inside it, each migration
        // becomes a savepoint.
        // `run_direct` is what `run` calls; of that one the compiler cannot see that it is Send.
        let mut tx = connection.begin_with("BEGIN IMMEDIATE").await.map_err(judge)?;
        migrations.run_direct(None, &mut *tx, false).await.map_err(|error| match error {
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => judge(error),
            other => SqlError::Broken(other.to_string()),
        })?;
        tx.commit().await.map_err(judge)?;
        connection.close().await.map_err(judge)
    }

    pub(super) async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

/// A statement with its arguments.
pub(super) fn query(
    sql: &'static str,
    args: &[Arg<'_>],
) -> Result<sqlx::query::Query<'static, sqlx::Sqlite, SqliteArguments>, sqlx::Error> {
    let mut bound = SqliteArguments::default();
    for arg in args {
        match *arg {
            Arg::Text(text) => bound.add(text.to_owned()),
            Arg::Int(int) => bound.add(int),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(sqlx::query_with(sql, bound))
}

/// What an error means to those who asked. See <https://www.sqlite.org/rescode.html>.
pub(super) fn judge(error: sqlx::Error) -> SqlError {
    let sqlx::Error::Database(refusal) = &error else {
        return match error {
            sqlx::Error::PoolTimedOut => SqlError::Busy,
            sqlx::Error::Io(_) | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => {
                SqlError::Unavailable(error.to_string())
            }
            _ => SqlError::Broken(error.to_string()),
        };
    };
    // The lowest byte is the primary code; the rest only refines it.
    let code = refusal.code().and_then(|code| code.parse::<u32>().ok()).map(|code| code & 0xff);
    match code {
        // BUSY, LOCKED
        Some(5 | 6) => SqlError::Busy,
        // FULL
        Some(13) => SqlError::Full,
        // PERM, READONLY, IOERR, CORRUPT, CANTOPEN, PROTOCOL, NOTADB: the file, not the statement
        Some(3 | 8 | 10 | 11 | 14 | 15 | 26) => SqlError::Unavailable(error.to_string()),
        _ => SqlError::Broken(error.to_string()),
    }
}
