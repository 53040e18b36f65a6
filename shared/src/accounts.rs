//! Who may log in? Names, password hashes, and a limit on guessing; all of it in SQL, so that replicas
//! agree and a restart forgets nothing.

use std::time::Duration;

use uuid::Uuid;

use crate::api::account::{Name, Password};
use crate::config::PasswordCost;
use crate::failed_logins::{FailedLogins, NotTried};
use crate::password::{HashingBusy, Passwords};
use crate::sessions::AccountRef;
use crate::sql::{Database, SqlError};

/// The accounts. A clone is another handle to the same ones.
#[derive(Debug, Clone)]
pub struct Accounts {
    database: Database,
    passwords: Passwords,
    failed_logins: FailedLogins,
}

/// An account whose password was right just now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Whose.
    pub account: AccountRef,
    /// Which password: grows by one with each change. A login compares it again after it has begun the
    /// session, or a password change in between would miss that session.
    pub password_version: i64,
}

/// Why an account call was refused. Each becomes one answer in [`crate::problem`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccountError {
    /// Somebody has this name already.
    #[error("name taken")]
    NameTaken,
    /// Unknown name or wrong password; nobody is told which.
    #[error("invalid credentials")]
    InvalidCredentials,
    /// Too many failures for this name; even the right password is refused.
    #[error("too many failures, again in {retry_after:?}")]
    RateLimited {
        /// When the oldest failure is forgotten.
        retry_after: Duration,
    },
    /// All cores are hashing and the line is full.
    #[error("hashing busy")]
    LoginBusy,
    /// The database did not do it.
    #[error(transparent)]
    Sql(#[from] SqlError),
}

impl From<HashingBusy> for AccountError {
    fn from(_: HashingBusy) -> Self {
        AccountError::LoginBusy
    }
}

impl From<NotTried> for AccountError {
    fn from(why: NotTried) -> Self {
        match why {
            NotTried::RateLimited { retry_after } => AccountError::RateLimited { retry_after },
            NotTried::Sql(error) => AccountError::Sql(error),
        }
    }
}

/// What the database knows about an account.
struct Stored {
    account: AccountRef,
    password_hash: String,
    password_version: i64,
}

impl Accounts {
    /// The accounts in `database`; new hashes are made at `cost`.
    pub fn new(database: Database, cost: PasswordCost) -> Self {
        let failed_logins = FailedLogins::new(database.clone());
        Accounts { database, passwords: Passwords::new(cost), failed_logins }
    }

    /// Makes an account.
    ///
    /// # Errors
    /// [`AccountError::NameTaken`], [`AccountError::LoginBusy`] or [`AccountError::Sql`].
    pub async fn register(&self, name: &Name, password: &Password, now_ms: i64) -> Result<(), AccountError> {
        let hash = self.passwords.hash(password).await?;
        let id = Uuid::now_v7().to_string();
        // Two registrations of one name can meet here. The UNIQUE column decides, not a look beforehand.
        let inserted = self
            .database
            .execute(
                "INSERT INTO accounts (id, name, password_hash, password_version, created_at_ms)
                 VALUES ($1, $2, $3, 1, $4) ON CONFLICT (name) DO NOTHING",
                &[(&id).into(), name.as_str().into(), (&hash).into(), now_ms.into()],
            )
            .await?;
        if inserted == 1 { Ok(()) } else { Err(AccountError::NameTaken) }
    }

    /// Checks a name and a password, as a login does.
    ///
    /// # Errors
    /// All but [`AccountError::NameTaken`].
    pub async fn verify(
        &self,
        name: &Name,
        password: &Password,
        now_ms: i64,
    ) -> Result<Verified, AccountError> {
        let stored = self
            .find(
                "SELECT id, name, password_hash, password_version FROM accounts WHERE name = $1",
                name.as_str(),
            )
            .await?;
        let judged = self.judge(name.as_str(), stored, password, now_ms).await;
        if let Err(AccountError::InvalidCredentials) = judged {
            self.failed_logins.record(name.as_str(), now_ms).await?;
        }
        judged
    }

    /// Checks the password of an account that is logged in, before a change. Whoever asks counts a wrong one
    /// ([`Accounts::count_wrong_password`]) as soon as the session is known to live.
    ///
    /// # Errors
    /// As [`Accounts::verify`].
    pub async fn check_password(
        &self,
        account: Uuid,
        password: &Password,
        now_ms: i64,
    ) -> Result<Verified, AccountError> {
        let id = account.to_string();
        let stored = self
            .find("SELECT id, name, password_hash, password_version FROM accounts WHERE id = $1", &id)
            .await?;
        let name = stored.as_ref().map_or(id, |stored| stored.account.name.clone());
        self.judge(&name, stored, password, now_ms).await
    }

    /// Counts a wrong password toward the same limit as a failed login: else a stolen session could be used to
    /// guess the password.
    ///
    /// # Errors
    /// [`AccountError::RateLimited`] if others have filled the limit meanwhile, or [`AccountError::Sql`].
    pub async fn count_wrong_password(&self, account: Uuid, now_ms: i64) -> Result<(), AccountError> {
        let id = account.to_string();
        let name = self
            .database
            .fetch_optional("SELECT name FROM accounts WHERE id = $1", &[(&id).into()])
            .await?
            .map(|row| row.text(0))
            .transpose()?;
        Ok(self.failed_logins.record(&name.unwrap_or(id), now_ms).await?)
    }

    /// Which password the account has now; `None` if there is no such account.
    ///
    /// # Errors
    /// [`SqlError`]
    pub async fn password_version(&self, account: Uuid) -> Result<Option<i64>, SqlError> {
        let id = account.to_string();
        let row = self
            .database
            .fetch_optional("SELECT password_version FROM accounts WHERE id = $1", &[(&id).into()])
            .await?;
        row.map(|row| row.int(0)).transpose()
    }

    /// What will be kept of a new password. Apart from [`Accounts::change_password`], because it may be refused, and
    /// then nothing must have happened yet.
    ///
    /// # Errors
    /// [`AccountError::LoginBusy`]
    pub async fn hash(&self, new: &Password) -> Result<String, AccountError> {
        Ok(self.passwords.hash(new).await?)
    }

    /// Gives the account a new password, by its hash, if the one that was checked is still the present one.
    ///
    /// # Errors
    /// [`AccountError::InvalidCredentials`] if another change came first; [`AccountError::Sql`].
    pub async fn change_password(&self, checked: &Verified, hash: &str) -> Result<(), AccountError> {
        let id = checked.account.id.to_string();
        let changed = self
            .database
            .execute(
                "UPDATE accounts SET password_hash = $1, password_version = password_version + 1
                 WHERE id = $2 AND password_version = $3",
                &[hash.into(), (&id).into(), checked.password_version.into()],
            )
            .await?;
        if changed == 1 { Ok(()) } else { Err(AccountError::InvalidCredentials) }
    }

    async fn find(&self, sql: &'static str, whom: &str) -> Result<Option<Stored>, SqlError> {
        let Some(row) = self.database.fetch_optional(sql, &[whom.into()]).await? else { return Ok(None) };
        let id =
            row.text(0)?.parse().map_err(|_| SqlError::Broken("an account's id is no UUID".to_owned()))?;
        Ok(Some(Stored {
            account: AccountRef { id, name: row.text(1)? },
            password_hash: row.text(2)?,
            password_version: row.int(3)?,
        }))
    }

    /// The same steps whether the name is known or not, so that neither the answer nor the time it took
    /// tells.
    async fn judge(
        &self,
        name: &str,
        stored: Option<Stored>,
        password: &Password,
        now_ms: i64,
    ) -> Result<Verified, AccountError> {
        self.failed_logins.refuse_if_limited(name, now_ms).await?;
        let hash = stored.as_ref().map(|stored| stored.password_hash.clone());
        let right = self.passwords.verify(password, hash).await?;
        let stored = stored.filter(|_| right).ok_or(AccountError::InvalidCredentials)?;
        // Asked again, because guesses can run side by side: a hundred at once would all pass the first
        // question. Like this only those count that finish before the tenth failure.
        self.failed_logins.refuse_if_limited(name, now_ms).await?;
        // A success does not wipe the failures away. It would hand whoever guesses ten fresh tries each
        // time the owner logs in; and the owner, who did get in, loses nothing by waiting for the minute
        // to pass.
        Ok(Verified { account: stored.account, password_version: stored.password_version })
    }
}
