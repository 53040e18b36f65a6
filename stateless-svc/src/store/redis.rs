//! How does Redis keep a session? One string for each, `lab:{<account>}:session:<id>`, that lives until the
//! session's absolute limit, and one sorted set of ids for each account. Every operation is one script
//! call, but for a look that has nothing to do; this file writes their arguments.

use redis::ConnectionInfo;
use shared::api::cart::Sku;
use shared::sessions::{Budget, Change, End, IfVersion, Limits, Listed, Session, SessionError, StoreDown};
use uuid::Uuid;

use super::answer::{begun, broken, listed, record_of, refused, rotated, text, view};
use super::link::{Held, Link};
use super::{Fresh, Rotation, hash, millis};
use crate::token::Claims;

/// Session records in Redis.
pub struct RedisStore {
    link: Link,
    limits: Limits,
}

impl RedisStore {
    /// Starts connecting; returns at once.
    ///
    /// # Errors
    /// One line, if the address can never work.
    pub fn open(info: &ConnectionInfo, limits: Limits) -> Result<Self, String> {
        let link = Link::open(info, &limits).map_err(|error| format!("--store: {error}"))?;
        Ok(RedisStore { link, limits })
    }

    /// As [`super::Store::tried`].
    pub async fn tried(&self) {
        self.link.tried().await;
    }

    /// As [`super::Store::begin`].
    pub async fn begin(
        &self,
        budget: &mut Budget,
        fresh: &Fresh<'_>,
    ) -> Result<(Session, Uuid), SessionError> {
        let (id, secret, name) = (fresh.session_id.to_string(), hash(&fresh.secret), &fresh.account.name);
        let (index, for_store) = (index(fresh.account.id), Uuid::new_v4().to_string());
        let replaced = fresh.replaces.map(|claims| Keys::of(&claims));

        let mut keys = vec![index.as_str()];
        let mut args: Vec<&[u8]> = vec![id.as_bytes(), &secret, name.as_bytes(), for_store.as_bytes()];
        if let Some(replaced) = &replaced {
            keys.push(&replaced.index);
            args.extend([replaced.id.as_bytes(), replaced.secret.as_slice()]);
        }
        let answer = self.link.call(budget, &self.link.scripts().begin, &keys, &args).await?;
        let answer = text(&answer)?;
        begun(answer, fresh, &self.limits).ok_or_else(|| broken(answer))
    }

    /// As [`super::Store::look`].
    pub async fn look(&self, budget: &mut Budget, claims: &Claims) -> Result<Session, SessionError> {
        let (record, secret) = (record(claims), hash(&claims.secret));
        // Used a moment ago, and with this token? Then there is nothing to write down and no reason to find, and
        // a script, which costs Redis four times as much, has nothing to do.
        if let Some(held) = self.link.read(budget, &record).await?
            && let Some(session) = self.glance(&held, claims, &secret)
        {
            return Ok(session);
        }
        let answer = self.link.call(budget, &self.link.scripts().look, &[&record], &[&secret]).await?;
        self.seen(&answer, claims)
    }

    /// The session of a record that opens to this secret and needs no touch yet.
    fn glance(&self, held: &Held, claims: &Claims, secret: &[u8]) -> Option<Session> {
        let (hashes, lines) = record_of(&held.record)?;
        let seen_ms: i64 = lines.split('\n').next()?.parse().ok()?;
        // Our guess of the time over there may be a little early, and the last use then lies ahead.
        let since_ms = (held.now_ms - seen_ms).abs();
        let glance = hashes.starts_with(secret) && since_ms < millis(self.limits.touch_every());
        glance.then(|| view(lines, claims, &self.limits)).flatten()
    }

    /// As [`super::Store::change`].
    pub async fn change(
        &self,
        budget: &mut Budget,
        claims: &Claims,
        change: &Change,
        if_version: &IfVersion,
    ) -> Result<Session, SessionError> {
        let (scripts, secret, versions) = (self.link.scripts(), hash(&claims.secret), accepted(if_version));
        let (script, what, operand) = match change {
            Change::SetItem { sku, quantity } | Change::AddItem { sku, quantity } => {
                (&scripts.cart, line(sku), quantity.to_string())
            }
            Change::RemoveItem { sku } => (&scripts.cart, line(sku), "0".to_owned()),
            Change::Address(address) => (&scripts.checkout, "address".to_owned(), json(address)?),
            Change::Payment(payment) => (&scripts.checkout, "payment".to_owned(), json(payment)?),
            Change::Ordered { version } => (&scripts.checkout, "ordered".to_owned(), version.to_string()),
        };
        let mut args = vec![secret.as_slice(), what.as_bytes(), operand.as_bytes()];
        // What is usual is left out: each argument costs Redis as much as a tenth of a read.
        let adds = matches!(change, Change::AddItem { .. });
        if adds || !versions.is_empty() {
            args.push(versions.as_bytes());
        }
        if adds {
            args.push(b"add");
        }
        let answer = self.link.call(budget, script, &[&record(claims)], &args).await?;
        self.seen(&answer, claims)
    }

    /// As [`super::Store::renew`].
    pub async fn renew(
        &self,
        budget: &mut Budget,
        claims: &Claims,
        next: &[u8; 16],
        kid: &str,
    ) -> Result<Rotation, SessionError> {
        let (script, keys) = (&self.link.scripts().renew, Keys::of(claims));
        let args: [&[u8]; 4] = [&keys.secret, &hash(next), kid.as_bytes(), keys.id.as_bytes()];
        let answer = self.link.call(budget, script, &[&keys.record, &keys.index], &args).await?;
        let lines = lines_of(&answer, claims)?;
        rotated(lines, claims, &self.limits).ok_or_else(|| broken(lines))
    }

    /// As [`super::Store::end`].
    pub async fn end(&self, budget: &mut Budget, claims: &Claims, which: End) -> Result<(), SessionError> {
        let (script, keys) = (&self.link.scripts().end, Keys::of(claims));
        let (which, target) = match which {
            End::Current => ("current", String::new()),
            End::One(target) => ("one", target.to_string()),
            End::All => ("all", String::new()),
            End::OthersPasswordChanged => ("others_password_changed", String::new()),
        };
        let args: [&[u8]; 4] = [&keys.secret, keys.id.as_bytes(), which.as_bytes(), target.as_bytes()];
        let answer = self.link.call(budget, script, &[&keys.record, &keys.index], &args).await?;
        if answer == b"ok" { Ok(()) } else { Err(refused(text(&answer)?, claims)) }
    }

    /// As [`super::Store::list`].
    pub async fn list(&self, budget: &mut Budget, claims: &Claims) -> Result<Listed, SessionError> {
        let (script, keys) = (&self.link.scripts().list, Keys::of(claims));
        let answer = self.link.call(budget, script, &[&keys.record, &keys.index], &[&keys.secret]).await?;
        let answer = text(&answer)?;
        match answer.strip_prefix("ok\n") {
            Some(lines) => listed(lines, claims, &self.limits).ok_or_else(|| broken(answer)),
            None => Err(refused(answer, claims)),
        }
    }

    /// As [`super::Store::id`].
    pub async fn id(&self, budget: &mut Budget) -> Result<Uuid, StoreDown> {
        self.link.store_id(budget).await
    }

    fn seen(&self, answer: &[u8], claims: &Claims) -> Result<Session, SessionError> {
        let lines = lines_of(answer, claims)?;
        view(lines, claims, &self.limits).ok_or_else(|| broken(lines))
    }
}

/// The lines of the record that a script answers, or why it answers none.
fn lines_of<'a>(answer: &'a [u8], claims: &Claims) -> Result<&'a str, SessionError> {
    match record_of(answer) {
        Some((_, lines)) => Ok(lines),
        None => Err(refused(text(answer)?, claims)),
    }
}

/// Two ids and what stands around them.
const RECORD_KEY_BYTES: usize = 96;

/// What the scripts call the session of a token.
struct Keys {
    record: String,
    index: String,
    id: String,
    secret: [u8; 32],
}

impl Keys {
    fn of(claims: &Claims) -> Self {
        Keys {
            record: record(claims),
            index: index(claims.account),
            id: claims.session_id.to_string(),
            secret: hash(&claims.secret),
        }
    }
}

fn index(account: Uuid) -> String {
    // The braces keep an account's keys on one node, should this ever become a cluster.
    let mut key = String::with_capacity(RECORD_KEY_BYTES);
    key.push_str("lab:{");
    key.push_str(account.hyphenated().encode_lower(&mut Uuid::encode_buffer()));
    key.push_str("}:session");
    key
}

fn record(claims: &Claims) -> String {
    let mut key = index(claims.account);
    key.push(':');
    key.push_str(claims.session_id.hyphenated().encode_lower(&mut Uuid::encode_buffer()));
    key
}

/// Versions, as `version.lua` takes them: nothing for any, else each with a space on either side.
fn accepted(if_version: &IfVersion) -> String {
    match if_version {
        IfVersion::Any => String::new(),
        IfVersion::OneOf(versions) => {
            versions.iter().fold(" ".to_owned(), |text, version| text + &version.to_string() + " ")
        }
    }
}

/// How the line of an article begins in a record.
fn line(sku: &Sku) -> String {
    format!("\n{sku}=")
}

fn json(value: &impl serde::Serialize) -> Result<String, SessionError> {
    serde_json::to_string(value).map_err(|_| StoreDown::Broken.into())
}
