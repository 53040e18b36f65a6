//! How does Redis keep a session? One hash for each, `lab:{<account>}:session:<id>`, that lives until the
//! session's absolute limit, and one sorted set of ids for each account. Every operation is one script
//! call; this file writes its arguments and reads its answer.
//!
//! An answer is text, a field a line, the first one a word. Building one string costs Redis less than
//! building a list of ten, and so does reading it here.

use redis::ConnectionInfo;
use shared::api::cart::{Cart, CartLine, Sku};
use shared::sessions::{
    AccountRef, Budget, Change, End, Limits, Listed, MAX_SESSIONS_PER_ACCOUNT, Session, SessionError,
    StoreDown,
};
use uuid::Uuid;

use super::link::Link;
use super::script::Script;
use super::{Fresh, Rotation, Times, hash, millis, missing, over, session};
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

    /// Reads what `view()` in `check.lua` writes: `ok`, seen, who, cart, address, payment.
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

fn begun(answer: &str, fresh: &Fresh<'_>, limits: &Limits) -> Option<(Session, Uuid)> {
    let mut lines = answer.strip_prefix("ok\n")?.split('\n');
    let store_id = lines.next()?.parse().ok()?;
    let now_ms = lines.next()?.parse().ok()?;
    let times = Times { created_at_ms: now_ms, used_at_ms: now_ms, absolute_ms: lines.next()?.parse().ok()? };
    let whose = (fresh.account.clone(), fresh.session_id);
    Some((session(whose, &times, limits, Cart::default(), Default::default()), store_id))
}

fn view(lines: &str, claims: &Claims, limits: &Limits) -> Option<Session> {
    let mut lines = lines.split('\n');
    let (times, name) = times(lines.next()?, lines.next()?)?;
    let cart = cart(lines.next()?)?;
    let mut checkout = shared::api::checkout::Checkout::default();
    if let Some(address) = lines.next().filter(|text| !text.is_empty()) {
        checkout.address = Some(serde_json::from_str(address).ok()?);
    }
    if let Some(payment) = lines.next().filter(|text| !text.is_empty()) {
        checkout.payment = Some(serde_json::from_str(payment).ok()?);
    }
    let account = AccountRef { id: claims.account, name: name.to_owned() };
    Some(session((account, claims.session_id), &times, limits, cart, checkout))
}

/// `seen` and `who`; the latter is `created absolute name`.
fn times<'a>(seen: &str, who: &'a str) -> Option<(Times, &'a str)> {
    let (created, rest) = who.split_once(' ')?;
    let (absolute, name) = rest.split_once(' ')?;
    let (created_at_ms, absolute_ms) = (created.parse().ok()?, absolute.parse().ok()?);
    Some((Times { created_at_ms, used_at_ms: seen.parse().ok()?, absolute_ms }, name))
}

/// `version sku=quantity sku=quantity`, in the order of writing.
fn cart(text: &str) -> Option<Cart> {
    let mut words = text.split(' ');
    let version = words.next()?.parse().ok()?;
    let mut items = Vec::new();
    for word in words {
        let (sku, quantity) = word.split_once('=')?;
        items.push(CartLine { sku: sku.to_owned().try_into().ok()?, quantity: quantity.parse().ok()? });
    }
    items.sort_unstable_by(|a, b| a.sku.cmp(&b.sku));
    Some(Cart { items, version })
}

/// The three lines that `renew.lua` adds: rotated or replayed, when, and with which key.
fn rotated(answer: &str, session: Session) -> Option<Rotation> {
    let mut last = answer.rsplitn(4, '\n');
    let (kid, at_ms, how) = (last.next()?, last.next()?, last.next()?);
    let at_ms: i64 = at_ms.parse().ok()?;
    Some(Rotation { session, issued_at_s: at_ms / 1000, kid: kid.to_owned(), replay: how == "replayed" })
}

/// `id seen who`, a line each.
fn listed(lines: &str, claims: &Claims, limits: &Limits) -> Option<Listed> {
    let mut sessions = Vec::new();
    let mut owner = "";
    for line in lines.split('\n') {
        let (id, rest) = line.split_once(' ')?;
        let (seen, who) = rest.split_once(' ')?;
        let (times, name) = times(seen, who)?;
        let id: Uuid = id.parse().ok()?;
        sessions.push(times.summary(id, limits, id == claims.session_id));
        owner = name;
    }
    Some(Listed { account: AccountRef { id: claims.account, name: owner.to_owned() }, sessions })
}

/// What an answer that is not `ok` says.
fn refused(answer: &str, claims: &Claims) -> SessionError {
    let mut lines = answer.split('\n');
    match (lines.next().unwrap_or_default(), lines.next().unwrap_or_default()) {
        ("absent", now_ms) => {
            let store_id = lines.next().and_then(|id| id.parse().ok());
            missing(claims, now_ms.parse().unwrap_or_default(), store_id)
        }
        ("over", reason) => over(reason),
        ("reused", _) => SessionError::TokenReused,
        ("limit", _) => SessionError::CartLimit,
        ("not_found", _) => SessionError::NotFound,
        ("conflict", current) => match current.parse() {
            Ok(current) => SessionError::VersionConflict { current },
            Err(_) => broken(answer),
        },
        _ => broken(answer),
    }
}

fn broken(answer: &str) -> SessionError {
    // Only its first word: the rest may be somebody's address.
    let word = answer.split('\n').next().unwrap_or_default();
    tracing::error!(word, "a script answered what we do not understand");
    StoreDown::Broken.into()
}
