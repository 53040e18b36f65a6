//! How does a process hold sessions without growing forever? A table with a bound, an idle limit and an
//! absolute limit. A session that is over shrinks to the reason why (a tombstone), which stays until the
//! absolute limit, so that nothing can bring it back and its client can be told the truth.

use std::collections::{HashMap, VecDeque};

use sha2::{Digest, Sha256};
use shared::api::cart::Cart;
use shared::api::checkout::Checkout;
use shared::sessions::{
    AccountRef, Expired, Limits, MAX_SESSIONS_PER_ACCOUNT, RENEWAL_GRACE, Revoked, Session, SessionError,
    SessionSummary,
};
use uuid::Uuid;

use crate::token::Claims;

/// The hash of a token's secret: whoever reads the memory of this process cannot log in with it.
pub type SecretHash = [u8; 32];

/// Hashes a token's secret. The secret is 128 random bits, so a fast hash is enough.
pub fn hash(secret: &[u8; 16]) -> SecretHash {
    Sha256::digest(secret).into()
}

/// A live session.
#[derive(Debug)]
pub struct Record {
    /// Whose it is.
    pub account: AccountRef,
    /// What is in the cart.
    pub cart: Cart,
    /// How far the checkout has come.
    pub checkout: Checkout,
    current: SecretHash,
    previous: Option<(SecretHash, i64)>,
    created_at_ms: i64,
    used_at_ms: i64,
    absolute_ms: i64,
}

/// What a renewal came to.
#[derive(Debug, PartialEq, Eq)]
pub enum Rotation {
    /// The token was current; its successor is now.
    Rotated,
    /// An earlier call had rotated it already.
    Replayed,
}

impl Record {
    /// A session begun now.
    pub fn new(account: AccountRef, secret: &[u8; 16], now_ms: i64, limits: &Limits) -> Self {
        Record {
            account,
            cart: Cart::default(),
            checkout: Checkout::default(),
            current: hash(secret),
            previous: None,
            created_at_ms: now_ms,
            used_at_ms: now_ms,
            absolute_ms: now_ms + millis(limits.absolute),
        }
    }

    /// When it ends, used or not.
    pub fn absolute_ms(&self) -> i64 {
        self.absolute_ms
    }

    fn is_idle(&self, now_ms: i64, limits: &Limits) -> bool {
        now_ms - self.used_at_ms >= millis(limits.idle)
    }

    fn honours(&self, secret: &SecretHash, now_ms: i64) -> bool {
        let in_grace = |(previous, until): &(SecretHash, i64)| previous == secret && now_ms < *until;
        self.current == *secret || self.previous.as_ref().is_some_and(in_grace)
    }

    /// Puts `next` in the place of `presented`; `None` if `presented` is a token from long ago.
    pub fn rotate(&mut self, presented: &SecretHash, next: SecretHash, now_ms: i64) -> Option<Rotation> {
        if self.current == *presented {
            self.previous = Some((*presented, now_ms + millis(RENEWAL_GRACE)));
            self.current = next;
            return Some(Rotation::Rotated);
        }
        self.honours(presented, now_ms).then_some(Rotation::Replayed)
    }

    /// The public half.
    pub fn summary(&self, session_id: Uuid, limits: &Limits, current: bool) -> SessionSummary {
        SessionSummary {
            session_id,
            created_at_ms: self.created_at_ms,
            idle_expires_at_ms: (self.used_at_ms + millis(limits.idle)).min(self.absolute_ms),
            absolute_expires_at_ms: self.absolute_ms,
            current,
        }
    }

    /// What its own client sees.
    pub fn view(&self, session_id: Uuid, limits: &Limits) -> Session {
        Session {
            summary: self.summary(session_id, limits, true),
            account: self.account.clone(),
            cart: self.cart.clone(),
            checkout: self.checkout.clone(),
        }
    }
}

/// Why a session is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    /// Not used for too long.
    Idle,
    /// Somebody ended it.
    Revoked(Revoked),
}

impl From<Over> for SessionError {
    fn from(over: Over) -> Self {
        match over {
            Over::Idle => SessionError::Expired(Expired::Idle),
            Over::Revoked(how) => SessionError::Revoked(how),
        }
    }
}

#[derive(Debug)]
enum Slot {
    Live(Box<Record>),
    Tombstone(Over),
}

/// All sessions of this process.
#[derive(Debug)]
pub struct Table {
    slots: HashMap<Uuid, Slot>,
    // The live sessions of an account, oldest first.
    by_account: HashMap<Uuid, Vec<Uuid>>,
    // All sessions live equally long, so the order of beginning is the order of the absolute limit.
    by_age: VecDeque<(i64, Uuid)>,
    // The order of ending, to drop the oldest tombstones when there are too many.
    ended: VecDeque<Uuid>,
    live: usize,
    max: usize,
    limits: Limits,
    swept_at_ms: i64,
}

impl Table {
    /// An empty table for at most `max` live sessions, and as many tombstones.
    pub fn new(max: usize, limits: Limits) -> Self {
        Table {
            slots: HashMap::new(),
            by_account: HashMap::new(),
            by_age: VecDeque::new(),
            ended: VecDeque::new(),
            live: 0,
            max,
            limits,
            swept_at_ms: 0,
        }
    }

    /// How many sessions are live.
    pub fn live(&self) -> usize {
        self.live
    }

    /// Is there no room for one more, even after what is over was cleared away?
    pub fn is_full(&mut self, now_ms: i64) -> bool {
        self.drop_expired(now_ms);
        if self.live >= self.max && now_ms - self.swept_at_ms >= 1000 {
            // Looking at every session is slow, so a table that stays full does it once a second.
            self.swept_at_ms = now_ms;
            self.end_idle(now_ms);
        }
        self.live >= self.max
    }

    /// Adds a session. The 21st of an account ends its oldest one.
    pub fn insert(&mut self, session_id: Uuid, record: Record, now_ms: i64) {
        let account = record.account.id;
        let siblings = self.live_ids(account, now_ms);
        if siblings.len() >= MAX_SESSIONS_PER_ACCOUNT {
            self.end(siblings[0], Over::Revoked(Revoked::SessionLimit));
        }
        self.by_account.entry(account).or_default().push(session_id);
        self.by_age.push_back((record.absolute_ms, session_id));
        self.slots.insert(session_id, Slot::Live(Box::new(record)));
        self.drop_surplus_ages();
        self.live += 1;
    }

    /// The session a token belongs to, live or with the reason why not; the token itself may be old.
    ///
    /// # Errors
    /// `Unknown`, `Expired(Idle)` or `Revoked`.
    pub fn find(&mut self, session_id: Uuid, now_ms: i64) -> Result<&mut Record, SessionError> {
        let limits = self.limits;
        match self.slots.get(&session_id) {
            None => return Err(SessionError::Unknown),
            Some(Slot::Tombstone(over)) => return Err((*over).into()),
            Some(Slot::Live(record)) if record.is_idle(now_ms, &limits) => {
                self.end(session_id, Over::Idle);
                return Err(Over::Idle.into());
            }
            Some(Slot::Live(_)) => {}
        }
        match self.slots.get_mut(&session_id) {
            Some(Slot::Live(record)) => Ok(record),
            _ => Err(SessionError::Unknown),
        }
    }

    /// The session a token opens, now in use.
    ///
    /// # Errors
    /// As [`Table::find`], and `Revoked(Rotated)` for a token that was replaced.
    pub fn open(&mut self, claims: &Claims, now_ms: i64) -> Result<&mut Record, SessionError> {
        let record = self.find(claims.session_id, now_ms)?;
        if !record.honours(&hash(&claims.secret), now_ms) {
            return Err(SessionError::Revoked(Revoked::Rotated));
        }
        record.used_at_ms = now_ms;
        Ok(record)
    }

    /// Shrinks a live session to the reason why it is over. One that is over stays as it is.
    pub fn end(&mut self, session_id: Uuid, over: Over) {
        let Some(slot) = self.slots.get_mut(&session_id) else { return };
        if let Slot::Live(record) = slot {
            let account = record.account.id;
            *slot = Slot::Tombstone(over);
            self.live -= 1;
            self.forget_sibling(account, session_id);
            self.ended.push_back(session_id);
            self.drop_surplus_tombstones();
        }
    }

    /// The live sessions of an account, oldest first.
    pub fn live_ids(&mut self, account: Uuid, now_ms: i64) -> Vec<Uuid> {
        self.drop_expired(now_ms);
        let ids = self.by_account.get(&account).cloned().unwrap_or_default();
        ids.into_iter().filter(|id| self.find(*id, now_ms).is_ok()).collect()
    }

    fn drop_expired(&mut self, now_ms: i64) {
        while let Some((absolute_ms, session_id)) = self.by_age.front().copied() {
            if now_ms < absolute_ms {
                return;
            }
            self.by_age.pop_front();
            if let Some(Slot::Live(record)) = self.slots.remove(&session_id) {
                self.live -= 1;
                self.forget_sibling(record.account.id, session_id);
            }
        }
    }

    /// Nor with the ages of sessions that are not even a tombstone any more.
    fn drop_surplus_ages(&mut self) {
        if self.by_age.len() > 2 * self.slots.len() + 16 {
            let slots = &self.slots;
            self.by_age.retain(|(_, session_id)| slots.contains_key(session_id));
        }
    }

    fn end_idle(&mut self, now_ms: i64) {
        let is_idle =
            |slot: &Slot| matches!(slot, Slot::Live(record) if record.is_idle(now_ms, &self.limits));
        let idle: Vec<Uuid> =
            self.slots.iter().filter(|(_, slot)| is_idle(slot)).map(|(id, _)| *id).collect();
        for session_id in idle {
            self.end(session_id, Over::Idle);
        }
    }

    fn forget_sibling(&mut self, account: Uuid, session_id: Uuid) {
        if let Some(siblings) = self.by_account.get_mut(&account) {
            siblings.retain(|id| *id != session_id);
            if siblings.is_empty() {
                self.by_account.remove(&account);
            }
        }
    }

    /// Logging in and out in a loop must not fill the memory with tombstones. A session whose tombstone
    /// is dropped early is unknown: still dead, only with less to say.
    fn drop_surplus_tombstones(&mut self) {
        while self.ended.len() > self.max {
            if let Some(session_id) = self.ended.pop_front()
                && matches!(self.slots.get(&session_id), Some(Slot::Tombstone(_)))
            {
                self.slots.remove(&session_id);
            }
        }
    }
}

fn millis(duration: std::time::Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn record(now_ms: i64, limits: &Limits) -> Record {
        let account = AccountRef { id: Uuid::nil(), name: "ada".to_owned() };
        Record::new(account, &[0; 16], now_ms, limits)
    }

    #[test]
    fn logging_in_and_out_in_a_loop_leaves_no_more_than_the_bound() {
        let limits = Limits { idle: Duration::from_secs(60), absolute: Duration::from_secs(3600) };
        let mut table = Table::new(4, limits);
        for now_ms in 0..1000 {
            let session_id = Uuid::from_u128(now_ms as u128 + 1);
            table.insert(session_id, record(now_ms, &limits), now_ms);
            assert_eq!(table.by_age.back().map(|(_, id)| *id), Some(session_id), "a live one keeps its age");
            table.end(session_id, Over::Revoked(Revoked::Revoked));
        }
        assert_eq!((table.live(), table.slots.len(), table.ended.len()), (0, 4, 4));
        assert!(table.by_age.len() <= 2 * 5 + 16, "{} ages", table.by_age.len());
        // And what is there yet still ends at its time.
        assert!(!table.is_full(2 * 3600 * 1000));
        assert!(table.slots.is_empty() && table.by_age.is_empty());
    }
}
