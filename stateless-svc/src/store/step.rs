//! What happens inside one transaction on the file? The same checks in the same order as in Redis'
//! scripts, and then one act.

use shared::sessions::{
    AccountRef, Change, End, IfVersion, Limits, Listed, MAX_SESSIONS_PER_ACCOUNT, Revoked, Session,
    SessionError,
};
use sqlx::{Row, Sqlite, Transaction};
use uuid::Uuid;

use super::record::{Record, stored};
use super::{Fresh, Rotation, millis, missing, over};
use crate::token::Claims;

/// One transaction, at one moment.
pub struct Step {
    /// Alone with the file, from here to its commit.
    pub tx: Transaction<'static, Sqlite>,
    /// When it began.
    pub now_ms: i64,
    /// How long sessions live.
    pub limits: Limits,
}

/// Why a step has no answer.
pub enum Stop {
    /// The session says no. What was found out on the way (it is over, it was reused) is kept.
    Refused(SessionError),
    /// SQLite failed. Nothing is kept.
    Failed(sqlx::Error),
}

impl From<SessionError> for Stop {
    fn from(error: SessionError) -> Self {
        Stop::Refused(error)
    }
}

impl From<sqlx::Error> for Stop {
    fn from(error: sqlx::Error) -> Self {
        Stop::Failed(error)
    }
}

impl Step {
    /// As [`super::Store::begin`].
    pub async fn begin(&mut self, fresh: &Fresh<'_>) -> Result<(Session, Uuid), Stop> {
        // Redis forgets a record at its absolute limit by itself.
        let forget = sqlx::query("DELETE FROM session WHERE absolute <= $1");
        forget.bind(self.now_ms).execute(&mut *self.tx).await?;
        if let Some(claims) = &fresh.replaces {
            match self.open(claims).await {
                Ok(_) => self.bury(claims.session_id, Revoked::Revoked.word()).await?,
                Err(Stop::Refused(_)) => {}
                Err(failed) => return Err(failed),
            }
        }
        let others = self.living(fresh.account.id).await?;
        let surplus = (others.len() + 1).saturating_sub(MAX_SESSIONS_PER_ACCOUNT);
        for (id, _) in &others[..surplus] {
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
        Ok((record.view(fresh.account.id, fresh.session_id, &self.limits), store_id))
    }

    /// As [`super::Store::look`].
    pub async fn look(&mut self, claims: &Claims) -> Result<Session, Stop> {
        let record = self.open(claims).await?;
        Ok(record.view(claims.account, claims.session_id, &self.limits))
    }

    /// As [`super::Store::change`].
    pub async fn change(
        &mut self,
        claims: &Claims,
        change: &Change,
        if_version: &IfVersion,
    ) -> Result<Session, Stop> {
        let mut record = self.open(claims).await?;
        record.apply(change, if_version)?;
        self.save(claims.session_id, &record).await?;
        Ok(record.view(claims.account, claims.session_id, &self.limits))
    }

    /// As [`super::Store::renew`].
    pub async fn renew(&mut self, claims: &Claims, next: &[u8; 16], kid: &str) -> Result<Rotation, Stop> {
        let mut record = self.find(claims).await?;
        let Some((old, replay)) = record.rotate(&stored(&claims.secret), &stored(next), kid, self.now_ms)
        else {
            self.bury(claims.session_id, Revoked::Reuse.word()).await?;
            return Err(SessionError::TokenReused.into());
        };
        record.seen = self.now_ms;
        self.save(claims.session_id, &record).await?;
        let session = record.view(claims.account, claims.session_id, &self.limits);
        Ok(Rotation { session, issued_at_s: old.at / 1000, kid: old.kid, replay })
    }

    /// As [`super::Store::end`].
    pub async fn end(&mut self, claims: &Claims, which: End) -> Result<(), Stop> {
        self.open(claims).await?;
        let mut ids: Vec<Uuid> = self.living(claims.account).await?.into_iter().map(|(id, _)| id).collect();
        match which {
            End::Current => ids.retain(|id| *id == claims.session_id),
            End::One(one) => ids.retain(|id| *id == one),
            End::All => {}
            End::OthersPasswordChanged => ids.retain(|id| *id != claims.session_id),
        }
        if ids.is_empty() && matches!(which, End::One(_)) {
            return Err(SessionError::NotFound.into());
        }
        let how = match which {
            End::OthersPasswordChanged => Revoked::PasswordChanged,
            _ => Revoked::Revoked,
        };
        for id in ids {
            self.bury(id, how.word()).await?;
        }
        Ok(())
    }

    /// As [`super::Store::list`].
    pub async fn list(&mut self, claims: &Claims) -> Result<Listed, Stop> {
        let record = self.open(claims).await?;
        let living = self.living(claims.account).await?;
        let summary =
            |(id, record): &(Uuid, Record)| record.summary(*id, &self.limits, *id == claims.session_id);
        let account = AccountRef { id: claims.account, name: record.name };
        Ok(Listed { account, sessions: living.iter().map(summary).collect() })
    }

    /// As [`super::Store::id`].
    pub async fn store_id(&mut self) -> Result<Uuid, Stop> {
        let row = sqlx::query("SELECT id FROM store").fetch_one(&mut *self.tx).await?;
        Ok(parse_id(row.try_get(0)?)?)
    }

    /// The live session a token belongs to; the token itself may be old.
    async fn find(&mut self, claims: &Claims) -> Result<Record, Stop> {
        let row =
            sqlx::query("SELECT over, record FROM session WHERE id = $1 AND account = $2 AND absolute > $3")
                .bind(claims.session_id.to_string())
                .bind(claims.account.to_string())
                .bind(self.now_ms)
                .fetch_optional(&mut *self.tx)
                .await?;
        let Some(row) = row else {
            let store_id = self.store_id().await?;
            return Err(missing(claims, self.now_ms, Some(store_id)).into());
        };
        if let Some(reason) = row.try_get::<Option<&str>, _>(0)? {
            return Err(over(reason).into());
        }
        let record = parse(row.try_get(1)?)?;
        if record.is_idle(self.now_ms, &self.limits) {
            self.bury(claims.session_id, "idle").await?;
            return Err(over("idle").into());
        }
        Ok(record)
    }

    /// The session a token opens, now in use.
    async fn open(&mut self, claims: &Claims) -> Result<Record, Stop> {
        let mut record = self.find(claims).await?;
        if !record.honours(&stored(&claims.secret), self.now_ms) {
            return Err(SessionError::Revoked(Revoked::Rotated).into());
        }
        if self.now_ms - record.seen >= millis(self.limits.touch_every()) {
            record.seen = self.now_ms;
            self.save(claims.session_id, &record).await?;
        }
        Ok(record)
    }

    /// The live sessions of an account, oldest first.
    async fn living(&mut self, account: Uuid) -> Result<Vec<(Uuid, Record)>, Stop> {
        let rows = sqlx::query(
            "SELECT id, record FROM session
             WHERE account = $1 AND over IS NULL AND absolute > $2 ORDER BY rowid",
        )
        .bind(account.to_string())
        .bind(self.now_ms)
        .fetch_all(&mut *self.tx)
        .await?;
        let mut living = Vec::with_capacity(rows.len());
        for row in rows {
            let (id, record) = (parse_id(row.try_get(0)?)?, parse(row.try_get(1)?)?);
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
        let update = sqlx::query("UPDATE session SET over = $2, record = '' WHERE id = $1");
        update.bind(id.to_string()).bind(reason).execute(&mut *self.tx).await.map(drop)
    }
}

fn json(record: &Record) -> sqlx::Result<String> {
    serde_json::to_string(record).map_err(|error| sqlx::Error::Encode(Box::new(error)))
}

fn parse(text: &str) -> sqlx::Result<Record> {
    serde_json::from_str(text).map_err(|error| sqlx::Error::Decode(Box::new(error)))
}

fn parse_id(text: &str) -> sqlx::Result<Uuid> {
    text.parse().map_err(|error| sqlx::Error::Decode(Box::new(error)))
}
