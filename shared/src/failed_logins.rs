//! How many guesses does a password stand? Ten in a minute for one name, known or not, on all replicas
//! together; so the count is in SQL.
//!
//! Whoever knows a name can lock its owner out for a minute, again and again. A real system also counts by
//! where the guesses come from; behind this lab's gateway everybody comes from one address.

use std::time::Duration;

use crate::sql::{Database, SqlError, Transaction, Tx};

/// So many wrong passwords for one name within [`FAILURE_WINDOW`], and no more are looked at.
pub const MAX_FAILURES: usize = 10;

/// How long a wrong password is held against a name.
pub const FAILURE_WINDOW: Duration = Duration::from_secs(60);

/// Why a name is not tried.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotTried {
    /// Too many failures for it.
    #[error("too many failures, again in {retry_after:?}")]
    RateLimited {
        /// When the oldest failure is forgotten.
        retry_after: Duration,
    },
    /// The database did not say.
    #[error(transparent)]
    Sql(#[from] SqlError),
}

/// The failures of all names.
#[derive(Debug, Clone)]
pub struct FailedLogins {
    database: Database,
}

impl FailedLogins {
    /// The failures in `database`.
    pub fn new(database: Database) -> Self {
        FailedLogins { database }
    }

    /// Whether `name` may be tried at all.
    ///
    /// # Errors
    /// [`NotTried::RateLimited`] or [`NotTried::Sql`].
    pub async fn refuse_if_limited(&self, name: &str, now_ms: i64) -> Result<(), NotTried> {
        let row = self
            .database
            .fetch_optional("SELECT recent FROM login_failures WHERE name = $1", &[name.into()])
            .await?;
        let recent = row.map(|row| row.text(0)).transpose()?.unwrap_or_default();
        Failures::read(&recent, now_ms).check(now_ms)
    }

    /// Counts one failure more.
    ///
    /// # Errors
    /// [`NotTried::RateLimited`] if others have filled the limit meanwhile, or [`NotTried::Sql`].
    pub async fn record(&self, name: &str, now_ms: i64) -> Result<(), NotTried> {
        // Names nobody has, tried once and never again, must not fill the disk. In a transaction of its own,
        // because two that each hold one name and sweep the other would wait for each other. A sweep that
        // fails is made up for by the next one.
        let sweep = "DELETE FROM login_failures WHERE newest_ms <= $1";
        let _: Result<u64, SqlError> = self.database.execute(sweep, &[(now_ms - window_ms()).into()]).await;
        self.database.write(&CountFailure { name, now_ms }).await
    }
}

/// One failure more for a name.
struct CountFailure<'a> {
    name: &'a str,
    now_ms: i64,
}

impl Transaction for CountFailure<'_> {
    type Outcome = ();
    type Error = NotTried;

    async fn run(&self, tx: &mut Tx) -> Result<(), NotTried> {
        // Writing first locks the row, so that what is read here is still true when it is written back.
        let row = tx
            .fetch_optional(
                "INSERT INTO login_failures (name, recent, newest_ms) VALUES ($1, '', $2)
                 ON CONFLICT (name) DO UPDATE SET newest_ms = excluded.newest_ms RETURNING recent",
                &[self.name.into(), self.now_ms.into()],
            )
            .await?;
        let recent = row.map(|row| row.text(0)).transpose()?.unwrap_or_default();
        let mut failures = Failures::read(&recent, self.now_ms);
        failures.check(self.now_ms)?;
        failures.0.push(self.now_ms);
        tx.execute(
            "UPDATE login_failures SET recent = $1 WHERE name = $2",
            &[(&failures.write()).into(), self.name.into()],
        )
        .await?;
        Ok(())
    }
}

/// When a name's password was wrong lately, oldest first.
struct Failures(Vec<i64>);

impl Failures {
    /// Forgets what is older than the window.
    fn read(text: &str, now_ms: i64) -> Self {
        let mut times: Vec<i64> = text.split_whitespace().filter_map(|time| time.parse().ok()).collect();
        times.retain(|&time| time > now_ms - window_ms());
        times.sort_unstable();
        Failures(times)
    }

    fn write(&self) -> String {
        self.0.iter().map(i64::to_string).collect::<Vec<_>>().join(" ")
    }

    fn check(&self, now_ms: i64) -> Result<(), NotTried> {
        if self.0.len() < MAX_FAILURES {
            return Ok(());
        }
        let free_at_ms = self.0[0] + window_ms();
        let retry_after = Duration::from_millis((free_at_ms - now_ms).max(1).unsigned_abs());
        Err(NotTried::RateLimited { retry_after })
    }
}

fn window_ms() -> i64 {
    FAILURE_WINDOW.as_secs() as i64 * 1000
}
