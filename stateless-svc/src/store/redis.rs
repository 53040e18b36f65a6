//! How does Redis keep a session? One hash for each, `lab:{<account>}:session:<id>`, that lives until the
//! session's absolute limit, and one sorted set of ids for each account. Every operation is one script
//! call; this file writes its arguments.

use redis::ConnectionInfo;
use shared::api::cart::Sku;
use shared::sessions::{
    Budget, Change, End, Limits, Listed, MAX_SESSIONS_PER_ACCOUNT, Session, SessionError, StoreDown,
};
use uuid::Uuid;

use super::answer::{begun, broken, listed, refused, rotated, view};
use super::link::Link;
use super::script::Script;
use super::{Fresh, Rotation, hash, millis};
use crate::token::Claims;

/// Session records in Redis.
pub struct RedisStore {
    link: Link,
    limits: Limits,
    // Sent with every call; written once.
    idle_ms: String,
    absolute_ms: String,
    touch_ms: String,
}

impl RedisStore {
    /// Starts connecting; returns at once.
    ///
    /// # Errors
    /// One line, if the address can never work.
    pub fn open(info: &ConnectionInfo, limits: Limits) -> Result<Self, String> {
        Ok(RedisStore {
            link: Link::open(info).map_err(|error| format!("--store: {error}"))?,
            limits,
            idle_ms: millis(limits.idle).to_string(),
            absolute_ms: millis(limits.absolute).to_string(),
            touch_ms: millis(limits.touch_every()).to_string(),
        })
    }

    /// As [`super::Store::begin`].
    pub async fn begin(
        &self,
        budget: &mut Budget,
        fresh: &Fresh<'_>,
    ) -> Result<(Session, Uuid), SessionError> {
        let account = fresh.account;
        let (secret, name_for_store) = (hash(&fresh.secret), Uuid::new_v4().to_string());
        let (id, most) = (fresh.session_id.to_string(), MAX_SESSIONS_PER_ACCOUNT.to_string());
        let replaces = fresh.replaces.as_ref();
        let replaced = replaces
            .map(|claims| (index(claims.account), claims.session_id.to_string(), hash(&claims.secret)));

        let index = index(account.id);
        let mut keys = vec![index.as_str()];
        let mut args: Vec<&[u8]> =
            vec![self.idle_ms.as_bytes(), self.absolute_ms.as_bytes(), id.as_bytes(), &secret];
        args.extend([account.name.as_bytes(), most.as_bytes(), name_for_store.as_bytes()]);
        if let Some((index, id, secret)) = &replaced {
            keys.push(index);
            args.extend([id.as_bytes(), secret.as_slice()]);
        }
        let answer = self.link.call(budget, &self.link.scripts().begin, &keys, &args).await?;
        begun(&answer, fresh, &self.limits).ok_or_else(|| broken(&answer))
    }

    /// As [`super::Store::look`].
    pub async fn look(&self, budget: &mut Budget, claims: &Claims) -> Result<Session, SessionError> {
        let answer = self.call(budget, &self.link.scripts().look, claims, None, &[]).await?;
        self.seen(&answer, claims)
    }

    /// As [`super::Store::change`].
    pub async fn change(
        &self,
        budget: &mut Budget,
        claims: &Claims,
        change: &Change,
        if_version: Option<u64>,
    ) -> Result<Session, SessionError> {
        let version = if_version.map(|version| version.to_string()).unwrap_or_default();
        let (what, first, second) = operands(change)?;
        let args = [what.as_bytes(), version.as_bytes(), first.as_bytes(), second.as_bytes()];
        let answer = self.call(budget, &self.link.scripts().change, claims, None, &args).await?;
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
        let (index, id, next) = (index(claims.account), claims.session_id.to_string(), hash(next));
        let args = [next.as_slice(), kid.as_bytes(), id.as_bytes()];
        let answer = self.call(budget, &self.link.scripts().renew, claims, Some(&index), &args).await?;
        let session = self.seen(&answer, claims)?;
        rotated(&answer, session).ok_or_else(|| broken(&answer))
    }

    /// As [`super::Store::end`].
    pub async fn end(&self, budget: &mut Budget, claims: &Claims, which: End) -> Result<(), SessionError> {
        let (index, id) = (index(claims.account), claims.session_id.to_string());
        let (which, target) = match which {
            End::Current => ("current", String::new()),
            End::One(target) => ("one", target.to_string()),
            End::All => ("all", String::new()),
            End::OthersPasswordChanged => ("others_password_changed", String::new()),
        };
        let args = [id.as_bytes(), which.as_bytes(), target.as_bytes()];
        let answer = self.call(budget, &self.link.scripts().end, claims, Some(&index), &args).await?;
        if answer == "ok" { Ok(()) } else { Err(refused(&answer, claims)) }
    }

    /// As [`super::Store::list`].
    pub async fn list(&self, budget: &mut Budget, claims: &Claims) -> Result<Listed, SessionError> {
        let index = index(claims.account);
        let answer = self.call(budget, &self.link.scripts().list, claims, Some(&index), &[]).await?;
        match answer.strip_prefix("ok\n") {
            Some(lines) => listed(lines, claims, &self.limits).ok_or_else(|| broken(&answer)),
            None => Err(refused(&answer, claims)),
        }
    }

    /// As [`super::Store::id`].
    pub async fn id(&self, budget: &mut Budget) -> Result<Uuid, StoreDown> {
        self.link.store_id(budget).await
    }

    /// A call for the session a token belongs to: the arguments all scripts but `begin` have in common,
    /// then those of this one.
    async fn call(
        &self,
        budget: &mut Budget,
        script: &Script,
        claims: &Claims,
        index: Option<&str>,
        more: &[&[u8]],
    ) -> Result<String, StoreDown> {
        let (record, secret) = (record(claims), hash(&claims.secret));
        let mut args: [&[u8]; 8] = [&[]; 8];
        args[..3].copy_from_slice(&[secret.as_slice(), self.idle_ms.as_bytes(), self.touch_ms.as_bytes()]);
        args[3..3 + more.len()].copy_from_slice(more);
        let keys = [record.as_str(), index.unwrap_or_default()];
        let keys = if index.is_some() { &keys[..] } else { &keys[..1] };
        self.link.call(budget, script, keys, &args[..3 + more.len()]).await
    }

    fn seen(&self, answer: &str, claims: &Claims) -> Result<Session, SessionError> {
        let Some(lines) = answer.strip_prefix("ok\n") else { return Err(refused(answer, claims)) };
        view(lines, claims, &self.limits).ok_or_else(|| broken(answer))
    }
}

fn index(account: Uuid) -> String {
    // The braces keep an account's keys on one node, should this ever become a cluster.
    format!("lab:{{{account}}}:session")
}

fn record(claims: &Claims) -> String {
    format!("lab:{{{}}}:session:{}", claims.account, claims.session_id)
}

/// The name of a change and its two operands, as `change.lua` takes them.
fn operands(change: &Change) -> Result<(&'static str, String, String), SessionError> {
    let line = |sku: &Sku, quantity: u32| (sku.to_string(), quantity.to_string());
    let (what, (first, second)) = match change {
        Change::SetItem { sku, quantity } => ("set", line(sku, *quantity)),
        Change::AddItem { sku, quantity } => ("add", line(sku, *quantity)),
        Change::RemoveItem { sku } => ("remove", line(sku, 0)),
        Change::Address(address) => ("address", (json(address)?, String::new())),
        Change::Payment(payment) => ("payment", (json(payment)?, String::new())),
        Change::Ordered { version } => ("ordered", (version.to_string(), String::new())),
    };
    Ok((what, first, second))
}

fn json(value: &impl serde::Serialize) -> Result<String, SessionError> {
    serde_json::to_string(value).map_err(|_| StoreDown::Broken.into())
}
