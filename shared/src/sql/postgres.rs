//! What is special about Postgres? It is another process, reached over a connection that can die, or
//! hang, at any moment.

use std::str::FromStr;
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgArguments, PgConnectOptions, PgPool, PgPoolOptions, PgSslMode};
use sqlx::{Arguments, ConnectOptions, Connection};
use tokio::time::timeout;

use super::{Arg, SqlError};

const CONNECTIONS: u32 = 8;

/// How long to wait for a connection, or for one answer to a question that is always quick.
const PATIENCE: Duration = Duration::from_secs(2);

/// A database on a server.
#[derive(Debug, Clone)]
pub(super) struct Postgres {
    options: PgConnectOptions,
    pool: PgPool,
}

impl Postgres {
    pub(super) fn open(url: &str) -> Result<Self, String> {
        let options = PgConnectOptions::from_str(url).map_err(|error| {
            format!("the database address is not like postgres://user:password@host:5432/name ({error})")
        })?;
        if matches!(options.get_ssl_mode(), PgSslMode::Require | PgSslMode::VerifyCa | PgSslMode::VerifyFull)
        {
            return Err("the database address asks for TLS; this build speaks to Postgres without".to_owned());
        }
        let options = options
            .options([
                // The server gives up by itself, and so frees the locks of a statement nobody waits for.
                ("statement_timeout", "2000"),
                // A replica that was stopped in mid-transaction must not keep its locks until it wakes.
                ("idle_in_transaction_session_timeout", "5000"),
            ])
            .application_name("lab")
            .disable_statement_logging();
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(PATIENCE)
            // A connection is asked for a sign of life when it comes back, too: with a limit, or one that
            // hangs would keep its place in the pool for as long as TCP hopes.
            .after_release(|connection, _| {
                Box::pin(async move {
                    match timeout(PATIENCE, connection.ping()).await {
                        Ok(alive) => alive.map(|()| true),
                        Err(_) => Err(sqlx::Error::PoolTimedOut),
                    }
                })
            })
            .connect_lazy_with(options.clone());
        Ok(Postgres { options, pool })
    }

    pub(super) async fn connection(&self) -> Result<PoolConnection<sqlx::Postgres>, SqlError> {
        self.pool.acquire().await.map_err(judge)
    }

    /// Makes the tables. Replicas that start together take turns: sqlx holds an advisory lock meanwhile.
    /// The connection is not one of the pool's, because the lock belongs to it: cut short in the middle,
    /// it ends, and so does the lock.
    pub(super) async fn migrate(&self, migrations: &Migrator) -> Result<(), SqlError> {
        let mut connection = match timeout(PATIENCE, self.options.connect()).await {
            Ok(outcome) => outcome.map_err(judge)?,
            Err(_) => return Err(SqlError::Unavailable("no connection in time".to_owned())),
        };
        migrations.run_direct(None, &mut connection, false).await.map_err(|error| match error {
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => judge(error),
            other => SqlError::Broken(other.to_string()),
        })?;
        connection.close().await.map_err(judge)
    }

    pub(super) async fn close(&self) {
        self.pool.close().await;
    }
}

/// A statement with its arguments.
pub(super) fn query(
    sql: &'static str,
    args: &[Arg<'_>],
) -> Result<sqlx::query::Query<'static, sqlx::Postgres, PgArguments>, sqlx::Error> {
    let mut bound = PgArguments::default();
    for arg in args {
        match *arg {
            Arg::Text(text) => bound.add(text.to_owned()),
            Arg::Int(int) => bound.add(int),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(sqlx::query_with(sql, bound))
}

/// Whether the server asks to run the whole transaction again: `serialization_failure` or
/// `deadlock_detected`. At READ COMMITTED, the default, only the second can happen to us; a server set to
/// a stricter default also reports the first.
pub(super) fn is_conflict(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|refusal| refusal.code());
    matches!(code.as_deref(), Some("40001" | "40P01"))
}

/// What an error means to those who asked. See the appendix "PostgreSQL Error Codes" of its manual.
pub(super) fn judge(error: sqlx::Error) -> SqlError {
    let sqlx::Error::Database(refusal) = &error else {
        return match error {
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::BeginFailed => SqlError::Unavailable(error.to_string()),
            _ => SqlError::Broken(error.to_string()),
        };
    };
    let code = refusal.code().unwrap_or_default();
    match (code.get(..2).unwrap_or_default(), &*code) {
        // A conflict that the retries did not settle; a statement or lock that waited too long.
        ("40", _) | (_, "57014" | "55P03") => SqlError::Busy,
        (_, "53100") => SqlError::Full,
        // Connection failures, wrong credentials, no such database, out of resources, shutting down or
        // starting up, a standby that takes no writes.
        ("08" | "28" | "3D" | "53" | "57", _) | (_, "25006") => SqlError::Unavailable(error.to_string()),
        _ => SqlError::Broken(error.to_string()),
    }
}
