//! What keeps sessions outside the process where there is no Redis? A file that all replicas open. Every
//! operation is one `BEGIN IMMEDIATE` transaction: SQLite lets one writer in at a time, so nothing comes
//! between a check and its act. It promises what Redis promises, and costs a file lock for each request.
//!
//! There is no give-up time to send along: a transaction whose caller has left is rolled back.

use std::path::Path;
use std::pin::Pin;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use shared::api::cart::Cart;
use shared::api::checkout::{Address, Checkout, Payment};
use shared::clock;
use shared::keys::hex;
use shared::sessions::{
    AccountRef, Budget, Change, End, Limits, Listed, MAX_SESSIONS_PER_ACCOUNT, RENEWAL_GRACE, Revoked,
    Session, SessionError, StoreDown,
};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection, Row, Sqlite, Transaction};
use uuid::Uuid;

use super::{Fresh, Rotation, Times, hash, millis, missing, over, session};
use crate::token::Claims;

/// How long SQLite waits for another writer.
const BUSY_WAIT: Duration = Duration::from_millis(200);

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

/// What is kept of a live session.
#[derive(Debug, Serialize, Deserialize)]
struct Record {
    name: String,
    created: i64,
    absolute: i64,
    seen: i64,
    secret: String,
    // The secret before this one, when it was replaced, and the key that signed its successor.
    old: Option<(String, i64, String)>,
    cart: Cart,
    address: Option<Address>,
    payment: Option<Payment>,
}

/// A transaction: committed when it has an answer, be it a refusal; rolled back when SQLite failed.
struct Step {
    tx: Transaction<'static, Sqlite>,
    now_ms: i64,
    limits: Limits,
}

type Answer<T> = sqlx::Result<Result<T, SessionError>>;
type Running<'a, T> = Pin<Box<dyn Future<Output = Answer<T>> + Send + 'a>>;

impl SqliteStore {
    /// Remembers the path; the file is made and opened when it is first needed.
    pub fn open(path: &Path, limits: Limits) -> Self {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .busy_timeout(BUSY_WAIT)
            .disable_statement_logging();
        // One connection: there is one writer at a time anyway, and here they wait in order.
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .acquire_timeout(BUSY_WAIT)
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
        let (account, secret, session_id, replaces) =
            (fresh.account.clone(), fresh.secret, fresh.session_id, fresh.replaces);
        self.run(budget, move |step| {
            Box::pin(async move {
                let fresh = Fresh { account: &account, session_id, secret, replaces };
                step.begin(&fresh).await
            })
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
        if_version: Option<u64>,
    ) -> Result<Session, SessionError> {
        let (claims, change) = (*claims, change.clone());
        self.run(budget, move |step| Box::pin(async move { step.change(&claims, &change, if_version).await }))
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
        let (claims, next, kid) = (*claims, hex(&hash(next)), kid.to_owned());
        self.run(budget, move |step| Box::pin(async move { step.renew(&claims, next, kid).await })).await
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
        let id = self.run(budget, |step| Box::pin(async move { Ok(Ok(step.store_id().await?)) })).await;
        id.map_err(|error| if let SessionError::Store(down) = error { down } else { StoreDown::Broken })
    }

    /// One transaction within the caller's time.
    async fn run<T>(
        &self,
        budget: &mut Budget,
        act: impl for<'a> FnOnce(&'a mut Step) -> Running<'a, T>,
    ) -> Result<T, SessionError> {
        let whole = async {
            let tx = self.pool.begin_with("BEGIN IMMEDIATE").await?;
            let mut step = Step { tx, now_ms: clock::system(), limits: self.limits };
            let answer = act(&mut step).await?;
            step.tx.commit().await?;
            Ok(answer)
        };
        budget.spend(whole).await?.map_err(|error| trouble(&error))?
    }
}

impl Step {
    async fn begin(&mut self, fresh: &Fresh<'_>) -> Answer<(Session, Uuid)> {
        // Redis forgets a record at its absolute limit by itself.
        sqlx::query("DELETE FROM session WHERE absolute <= $1")
            .bind(self.now_ms)
            .execute(&mut *self.tx)
            .await?;
        if let Some(claims) = &fresh.replaces
            && self.open(claims).await?.is_ok()
        {
            self.bury(claims.session_id, Revoked::Revoked.word()).await?;
        }
        let others = self.living(fresh.account.id).await?;
        let too_many = (others.len() + 1).saturating_sub(MAX_SESSIONS_PER_ACCOUNT);
        for (id, _) in &others[..too_many] {
            self.bury(*id, Revoked::SessionLimit.word()).await?;
        }
        let record = Record::new(&fresh.account.name, &fresh.secret, self.now_ms, &self.limits);
        sqlx::query("INSERT INTO session (id, account, absolute, record) VALUES ($1, $2, $3, $4)")
            .bind(fresh.session_id.to_string())
            .bind(fresh.account.id.to_string())
            .bind(record.absolute)
            .bind(json(&record)?)
            .execute(&mut *self.tx)
            .await?;
        let store_id = self.store_id().await?;
        Ok(Ok((record.view(fresh.account.id, fresh.session_id, &self.limits), store_id)))
    }

    async fn look(&mut self, claims: &Claims) -> Answer<Session> {
        let found = self.open(claims).await?;
        Ok(found.map(|record| record.view(claims.account, claims.session_id, &self.limits)))
    }

    async fn change(&mut self, claims: &Claims, change: &Change, if_version: Option<u64>) -> Answer<Session> {
        let mut record = match self.open(claims).await? {
            Ok(record) => record,
            Err(refused) => return Ok(Err(refused)),
        };
        let current = record.cart.version;
        if if_version.is_some_and(|seen| seen != current) {
            return Ok(Err(SessionError::VersionConflict { current }));
        }
        if let Err(refused) = record.apply(change) {
            return Ok(Err(refused));
        }
        self.save(claims.session_id, &record).await?;
        Ok(Ok(record.view(claims.account, claims.session_id, &self.limits)))
    }

    async fn renew(&mut self, claims: &Claims, next: String, kid: String) -> Answer<Rotation> {
        let mut record = match self.find(claims).await? {
            Ok(record) => record,
            Err(refused) => return Ok(Err(refused)),
        };
        let presented = hex(&hash(&claims.secret));
        let replay = record.secret != presented;
        if !record.honours(&presented, self.now_ms) {
            self.bury(claims.session_id, Revoked::Reuse.word()).await?;
            return Ok(Err(SessionError::TokenReused));
        }
        if !replay {
            record.old = Some((std::mem::replace(&mut record.secret, next), self.now_ms, kid));
        }
        record.seen = self.now_ms;
        self.save(claims.session_id, &record).await?;
        let (at_ms, kid) =
            record.old.as_ref().map(|(_, at_ms, kid)| (*at_ms, kid.clone())).unwrap_or_default();
        let session = record.view(claims.account, claims.session_id, &self.limits);
        Ok(Ok(Rotation { session, issued_at_s: at_ms / 1000, kid, replay }))
    }

    async fn end(&mut self, claims: &Claims, which: End) -> Answer<()> {
        if let Err(refused) = self.open(claims).await? {
            return Ok(Err(refused));
        }
        let mut ids: Vec<Uuid> = self.living(claims.account).await?.into_iter().map(|(id, _)| id).collect();
        match which {
            End::Current => ids = vec![claims.session_id],
            End::One(id) => ids.retain(|other| *other == id),
            End::All => {}
            End::OthersPasswordChanged => ids.retain(|other| *other != claims.session_id),
        }
        if ids.is_empty() && matches!(which, End::One(_)) {
            return Ok(Err(SessionError::NotFound));
        }
        let how =
            if which == End::OthersPasswordChanged { Revoked::PasswordChanged } else { Revoked::Revoked };
        for id in ids {
            self.bury(id, how.word()).await?;
        }
        Ok(Ok(()))
    }

    async fn list(&mut self, claims: &Claims) -> Answer<Listed> {
        let record = match self.open(claims).await? {
            Ok(record) => record,
            Err(refused) => return Ok(Err(refused)),
        };
        let living = self.living(claims.account).await?;
        let summary = |(id, record): &(Uuid, Record)| {
            record.times().summary(*id, &self.limits, *id == claims.session_id)
        };
        let sessions = living.iter().map(summary).collect();
        Ok(Ok(Listed { account: AccountRef { id: claims.account, name: record.name }, sessions }))
    }

    /// The live session a token belongs to; the token itself may be old.
    async fn find(&mut self, claims: &Claims) -> Answer<Record> {
        let row =
            sqlx::query("SELECT over, record FROM session WHERE id = $1 AND account = $2 AND absolute > $3")
                .bind(claims.session_id.to_string())
                .bind(claims.account.to_string())
                .bind(self.now_ms)
                .fetch_optional(&mut *self.tx)
                .await?;
        let Some(row) = row else {
            let store_id = self.store_id().await?;
            return Ok(Err(missing(claims, self.now_ms, Some(store_id))));
        };
        if let Some(reason) = row.try_get::<Option<&str>, _>(0)? {
            return Ok(Err(over(reason)));
        }
        let record: Record = parse(row.try_get(1)?)?;
        if record.is_idle(self.now_ms, &self.limits) {
            self.bury(claims.session_id, "idle").await?;
            return Ok(Err(over("idle")));
        }
        Ok(Ok(record))
    }

    /// The session a token opens, now in use.
    async fn open(&mut self, claims: &Claims) -> Answer<Record> {
        let mut record = match self.find(claims).await? {
            Ok(record) => record,
            Err(refused) => return Ok(Err(refused)),
        };
        if !record.honours(&hex(&hash(&claims.secret)), self.now_ms) {
            return Ok(Err(SessionError::Revoked(Revoked::Rotated)));
        }
        if self.now_ms - record.seen >= millis(self.limits.touch_every()) {
            record.seen = self.now_ms;
            self.save(claims.session_id, &record).await?;
        }
        Ok(Ok(record))
    }

    /// The live sessions of an account, oldest first.
    async fn living(&mut self, account: Uuid) -> sqlx::Result<Vec<(Uuid, Record)>> {
        let rows = sqlx::query(
            "SELECT id, record FROM session WHERE account = $1 AND over IS NULL AND absolute > $2 ORDER BY rowid",
        )
        .bind(account.to_string())
        .bind(self.now_ms)
        .fetch_all(&mut *self.tx)
        .await?;
        let mut living = Vec::with_capacity(rows.len());
        for row in rows {
            let id = row.try_get::<&str, _>(0)?.parse().map_err(|e| sqlx::Error::Decode(Box::new(e)))?;
            let record: Record = parse(row.try_get(1)?)?;
            if record.is_idle(self.now_ms, &self.limits) {
                self.bury(id, "idle").await?;
            } else {
                living.push((id, record));
            }
        }
        Ok(living)
    }

    async fn save(&mut self, id: Uuid, record: &Record) -> sqlx::Result<()> {
        let update = sqlx::query("UPDATE session SET record = $2 WHERE id = $1");
        update.bind(id.to_string()).bind(json(record)?).execute(&mut *self.tx).await.map(drop)
    }

    /// Shrinks a record to the reason why it is over.
    async fn bury(&mut self, id: Uuid, reason: &str) -> sqlx::Result<()> {
        let update = sqlx::query("UPDATE session SET over = $2, record = '' WHERE id = $1 AND over IS NULL");
        update.bind(id.to_string()).bind(reason).execute(&mut *self.tx).await.map(drop)
    }

    async fn store_id(&mut self) -> sqlx::Result<Uuid> {
        let row = sqlx::query("SELECT id FROM store").fetch_one(&mut *self.tx).await?;
        row.try_get::<&str, _>(0)?.parse().map_err(|e| sqlx::Error::Decode(Box::new(e)))
    }
}

impl Record {
    fn new(name: &str, secret: &[u8; 16], now_ms: i64, limits: &Limits) -> Self {
        // Whole seconds, because a token's `exp` counts in seconds: record and token end at the same moment.
        let absolute = (now_ms + millis(limits.absolute) + 999).div_euclid(1000) * 1000;
        Record {
            name: name.to_owned(),
            created: now_ms,
            absolute,
            seen: now_ms,
            secret: hex(&hash(secret)),
            old: None,
            cart: Cart::default(),
            address: None,
            payment: None,
        }
    }

    fn is_idle(&self, now_ms: i64, limits: &Limits) -> bool {
        now_ms - self.seen >= millis(limits.idle)
    }

    fn honours(&self, secret: &str, now_ms: i64) -> bool {
        let in_grace =
            |(old, at_ms, _): &(String, i64, String)| old == secret && now_ms < at_ms + millis(RENEWAL_GRACE);
        self.secret == secret || self.old.as_ref().is_some_and(in_grace)
    }

    fn apply(&mut self, change: &Change) -> Result<(), SessionError> {
        let cart = &mut self.cart;
        match change {
            Change::SetItem { sku, quantity } => {
                cart.set(sku, *quantity).map_err(|_| SessionError::CartLimit)?
            }
            Change::AddItem { sku, quantity } => {
                cart.add(sku, *quantity).map_err(|_| SessionError::CartLimit)?
            }
            Change::RemoveItem { sku } => cart.remove(sku),
            Change::Address(address) => self.address = Some(address.clone()),
            Change::Payment(payment) => self.payment = Some(*payment),
            Change::Ordered { version } if *version == cart.version => {
                cart.clear();
                (self.address, self.payment) = (None, None);
            }
            Change::Ordered { .. } => {}
        }
        Ok(())
    }

    fn times(&self) -> Times {
        Times { created_at_ms: self.created, used_at_ms: self.seen, absolute_ms: self.absolute }
    }

    fn view(&self, account: Uuid, session_id: Uuid, limits: &Limits) -> Session {
        let account = AccountRef { id: account, name: self.name.clone() };
        let checkout = Checkout { address: self.address.clone(), payment: self.payment };
        session((account, session_id), &self.times(), limits, self.cart.clone(), checkout)
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

fn json(record: &Record) -> sqlx::Result<String> {
    serde_json::to_string(record).map_err(|error| sqlx::Error::Encode(Box::new(error)))
}

fn parse(text: &str) -> sqlx::Result<Record> {
    serde_json::from_str(text).map_err(|error| sqlx::Error::Decode(Box::new(error)))
}

/// What an error means to those who asked. See <https://www.sqlite.org/rescode.html>.
fn trouble(error: &sqlx::Error) -> SessionError {
    let code = match error {
        sqlx::Error::PoolTimedOut => return StoreDown::Timeout.into(),
        sqlx::Error::Database(refusal) => refusal.code().and_then(|code| code.parse::<u32>().ok()),
        _ => None,
    };
    // The lowest byte is the primary code; the rest only refines it.
    let down = match code.map(|code| code & 0xff) {
        // BUSY, LOCKED
        Some(5 | 6) => StoreDown::Timeout,
        // READONLY
        Some(8) => StoreDown::ReadOnly,
        // FULL
        Some(13) => StoreDown::Full,
        // CANTOPEN
        Some(14) => StoreDown::Down,
        _ => StoreDown::Broken,
    };
    if down == StoreDown::Broken {
        tracing::error!(%error, "SQLite answered what we do not understand");
    }
    down.into()
}
