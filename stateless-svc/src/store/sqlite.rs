//! What keeps sessions outside the process where there is no Redis? A file that all replicas open. Every
//! operation is one `BEGIN IMMEDIATE` transaction: SQLite lets one writer in at a time, so nothing comes
//! between a check and its act. It promises what Redis promises, and costs a file lock for each request.
//!
//! There is no give-up time to send along: a transaction whose caller has left is rolled back.

use std::path::Path;
use std::pin::Pin;
use std::time::Duration;

use shared::clock;
use shared::sessions::{
    Budget, Change, End, IfVersion, Limits, Listed, STORE_BUDGET, Session, SessionError, StoreDown,
};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection, Sqlite, Transaction};
use uuid::Uuid;

use super::step::{Step, Stop};
use super::{Fresh, Rotation};
use crate::token::Claims;

/// How long to wait before asking again while another replica writes. SQLite could wait by itself, but
/// it asks ever more rarely, and then whoever asks often gets every turn.
const PAUSE: Duration = Duration::from_millis(1);

const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS store (id TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS session (
        id       TEXT PRIMARY KEY,
        account  TEXT NOT NULL,
        absolute INTEGER NOT NULL,
        over     TEXT,
        record   TEXT NOT NULL
    );
    CREATE INDEX IF NOT EXISTS session_account ON session (account);";

/// Session records in a file.
pub struct SqliteStore {
    pool: SqlitePool,
    limits: Limits,
}

/// A step under way. It owns what it needs, so that it can borrow the transaction it runs in.
type Running<'a, T> = Pin<Box<dyn Future<Output = Result<T, Stop>> + Send + 'a>>;

impl SqliteStore {
    /// Remembers the path; the file is made and opened when it is first needed.
    pub fn open(path: &Path, limits: Limits) -> Self {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .busy_timeout(Duration::ZERO)
            .disable_statement_logging();
        // One connection: there is one writer at a time anyway, and here they wait in order.
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .acquire_timeout(STORE_BUDGET)
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false)
            .after_connect(|connection, _| Box::pin(make_tables(connection)))
            .connect_lazy_with(options);
        SqliteStore { pool, limits }
    }

    /// As [`super::Store::begin`].
    pub async fn begin(
        &self,
        budget: &mut Budget,
        fresh: &Fresh<'_>,
    ) -> Result<(Session, Uuid), SessionError> {
        let account = fresh.account.clone();
        let (session_id, secret, replaces) = (fresh.session_id, fresh.secret, fresh.replaces);
        self.run(budget, move |step| {
            Box::pin(
                async move { step.begin(&Fresh { account: &account, session_id, secret, replaces }).await },
            )
        })
        .await
    }

    /// As [`super::Store::look`].
    pub async fn look(&self, budget: &mut Budget, claims: &Claims) -> Result<Session, SessionError> {
        let claims = *claims;
        self.run(budget, move |step| Box::pin(async move { step.look(&claims).await })).await
    }

    /// As [`super::Store::change`].
    pub async fn change(
        &self,
        budget: &mut Budget,
        claims: &Claims,
        change: &Change,
        if_version: &IfVersion,
    ) -> Result<Session, SessionError> {
        let (claims, change, if_version) = (*claims, change.clone(), if_version.clone());
        self.run(budget, move |step| {
            Box::pin(async move { step.change(&claims, &change, &if_version).await })
        })
        .await
    }

    /// As [`super::Store::renew`].
    pub async fn renew(
        &self,
        budget: &mut Budget,
        claims: &Claims,
        next: &[u8; 16],
        kid: &str,
    ) -> Result<Rotation, SessionError> {
        let (claims, next, kid) = (*claims, *next, kid.to_owned());
        self.run(budget, move |step| Box::pin(async move { step.renew(&claims, &next, &kid).await })).await
    }

    /// As [`super::Store::end`].
    pub async fn end(&self, budget: &mut Budget, claims: &Claims, which: End) -> Result<(), SessionError> {
        let claims = *claims;
        self.run(budget, move |step| Box::pin(async move { step.end(&claims, which).await })).await
    }

    /// As [`super::Store::list`].
    pub async fn list(&self, budget: &mut Budget, claims: &Claims) -> Result<Listed, SessionError> {
        let claims = *claims;
        self.run(budget, move |step| Box::pin(async move { step.list(&claims).await })).await
    }

    /// As [`super::Store::id`].
    pub async fn id(&self, budget: &mut Budget) -> Result<Uuid, StoreDown> {
        self.run(budget, |step| Box::pin(step.store_id())).await.map_err(|error| match error {
            SessionError::Store(down) => down,
            _ => StoreDown::Broken,
        })
    }

    /// One transaction, within the caller's time.
    async fn run<T>(
        &self,
        budget: &mut Budget,
        act: impl for<'a> FnOnce(&'a mut Step) -> Running<'a, T>,
    ) -> Result<T, SessionError> {
        let whole = async {
            let tx = self.alone().await?;
            let mut step = Step { tx, now_ms: clock::system(), limits: self.limits };
            let answer = match act(&mut step).await {
                Ok(answer) => Ok(answer),
                Err(Stop::Refused(refusal)) => Err(refusal),
                Err(Stop::Failed(error)) => return Err(error),
            };
            step.tx.commit().await?;
            Ok(answer)
        };
        budget.spend(whole).await?.map_err(|error| judge(&error))?
    }

    /// A transaction that nobody else's comes between. Waits for its turn; the caller's time bounds it.
    async fn alone(&self) -> sqlx::Result<Transaction<'static, Sqlite>> {
        loop {
            match self.pool.begin_with("BEGIN IMMEDIATE").await {
                Err(error) if matches!(code(&error), Some(BUSY | LOCKED)) => tokio::time::sleep(PAUSE).await,
                outcome => return outcome,
            }
        }
    }
}

/// Replicas that start together all try; the write lock lets one do it, and the others find it done.
async fn make_tables(connection: &mut SqliteConnection) -> sqlx::Result<()> {
    let mut tx = connection.begin_with("BEGIN IMMEDIATE").await?;
    sqlx::raw_sql(TABLES).execute(&mut *tx).await?;
    sqlx::query("INSERT INTO store (id) SELECT $1 WHERE NOT EXISTS (SELECT 1 FROM store)")
        .bind(Uuid::new_v4().to_string())
        .execute(&mut *tx)
        .await?;
    tx.commit().await
}

const BUSY: u32 = 5;
const LOCKED: u32 = 6;
const READONLY: u32 = 8;
const FULL: u32 = 13;
const CANTOPEN: u32 = 14;

/// SQLite's primary result code; the bytes above it only refine it. See
/// <https://www.sqlite.org/rescode.html>.
fn code(error: &sqlx::Error) -> Option<u32> {
    let code: u32 = error.as_database_error()?.code()?.parse().ok()?;
    Some(code & 0xff)
}

/// What an error means to those who asked.
fn judge(error: &sqlx::Error) -> StoreDown {
    match code(error) {
        Some(BUSY | LOCKED) => StoreDown::Timeout,
        Some(READONLY) => StoreDown::ReadOnly,
        Some(FULL) => StoreDown::Full,
        Some(CANTOPEN) => StoreDown::Down,
        None if matches!(error, sqlx::Error::PoolTimedOut) => StoreDown::Timeout,
        _ => {
            tracing::error!(%error, "SQLite answered what we do not understand");
            StoreDown::Broken
        }
    }
}
