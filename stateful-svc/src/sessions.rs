//! Where does a session live? Here, in a table in this process. Every call is one look under one lock;
//! nothing can come between its check and its act, and nothing survives a restart.

use parking_lot::Mutex;
use shared::api::checkout::Checkout;
use shared::boot::Boot;
use shared::clock::{self, Clock};
use shared::identity::Identity;
use shared::keys::KeyRing;
use shared::sessions::{
    AccountRef, Budget, Change, End, Expired, IfVersion, Issued, Limits, Listed, Lost, Renewed, Revoked,
    Session, SessionError, Sessions, StoreDown,
};
use uuid::Uuid;

use crate::table::{Over, Record, Rotation, Table, hash};
use crate::token::{self, Claims};

/// Sessions in memory.
#[derive(Debug)]
pub struct InMemory {
    table: Mutex<Table>,
    here: Identity,
    keys: KeyRing,
    limits: Limits,
    clock: Clock,
}

impl InMemory {
    /// An empty place, as after every start.
    pub fn open(boot: Boot, max_sessions: usize) -> Self {
        InMemory {
            table: Mutex::new(Table::new(max_sessions, boot.limits)),
            here: boot.identity,
            keys: boot.keys,
            limits: boot.limits,
            clock: clock::system,
        }
    }

    fn verify(&self, token: &str, now_ms: i64) -> Result<Claims, SessionError> {
        token::verify(&self.keys, &self.here, now_ms, token)
    }

    fn issue(&self, claims: &Claims, record: &Record) -> Issued {
        Issued {
            token: token::issue(&self.keys, &self.here, claims, record.absolute_ms()),
            session: record.view(claims.session_id, &self.limits),
        }
    }
}

impl Sessions for InMemory {
    async fn begin(
        &self,
        _: &mut Budget,
        account: &AccountRef,
        replaces: Option<&str>,
    ) -> Result<Issued, SessionError> {
        let now_ms = (self.clock)();
        let mut table = self.table.lock();
        if table.is_full(now_ms) {
            return Err(SessionError::Full);
        }
        if let Some(claims) = replaces.and_then(|token| self.verify(token, now_ms).ok())
            && table.open(&claims, now_ms).is_ok()
        {
            table.end(claims.session_id, Over::Revoked(Revoked::Revoked));
        }
        let claims = Claims { session_id: Uuid::now_v7(), secret: random_secret() };
        let record = Record::new(account.clone(), &claims.secret, now_ms, &self.limits);
        let issued = self.issue(&claims, &record);
        table.insert(claims.session_id, record, now_ms);
        Ok(issued)
    }

    async fn look(&self, _: &mut Budget, token: &str) -> Result<Session, SessionError> {
        let now_ms = (self.clock)();
        let claims = self.verify(token, now_ms)?;
        let mut table = self.table.lock();
        Ok(table.open(&claims, now_ms)?.view(claims.session_id, &self.limits))
    }

    async fn change(
        &self,
        _: &mut Budget,
        token: &str,
        change: &Change,
        if_version: &IfVersion,
    ) -> Result<Session, SessionError> {
        let now_ms = (self.clock)();
        let claims = self.verify(token, now_ms)?;
        let mut table = self.table.lock();
        let record = table.open(&claims, now_ms)?;
        let current = record.cart.version;
        if !if_version.takes(current) {
            return Err(SessionError::VersionConflict { current });
        }
        apply(record, change)?;
        Ok(record.view(claims.session_id, &self.limits))
    }

    async fn renew(&self, _: &mut Budget, token: &str) -> Result<Renewed, SessionError> {
        let now_ms = (self.clock)();
        let claims = self.verify(token, now_ms)?;
        let secret = self.keys.signing().successor(&claims.secret);
        let mut table = self.table.lock();
        let record = table.find(claims.session_id, now_ms)?;
        let Some(rotation) = record.rotate(&hash(&claims.secret), hash(&secret), now_ms) else {
            table.end(claims.session_id, Over::Revoked(Revoked::Reuse));
            return Err(SessionError::TokenReused);
        };
        let next = Claims { secret, ..claims };
        let record = table.open(&next, now_ms)?;
        Ok(Renewed { issued: self.issue(&next, record), replay: rotation == Rotation::Replayed })
    }

    async fn end(&self, _: &mut Budget, token: &str, which: End) -> Result<(), SessionError> {
        let now_ms = (self.clock)();
        let claims = match self.verify(token, now_ms) {
            // What a restart or a time limit has ended needs no ending.
            Err(SessionError::Lost(Lost::Restart) | SessionError::Expired(Expired::Absolute))
                if which == End::Current =>
            {
                return Ok(());
            }
            verified => verified?,
        };
        let mut table = self.table.lock();
        let account = match table.open(&claims, now_ms) {
            Ok(record) => record.account.id,
            Err(error) if which == End::Current && is_over(&error) => return Ok(()),
            Err(error) => return Err(error),
        };
        let mine = claims.session_id;
        let (ids, how): (Vec<Uuid>, Revoked) = match which {
            End::Current => (vec![mine], Revoked::Revoked),
            End::One(id) if table.live_ids(account, now_ms).contains(&id) => (vec![id], Revoked::Revoked),
            End::One(_) => return Err(SessionError::NotFound),
            End::All => (table.live_ids(account, now_ms), Revoked::Revoked),
            End::OthersPasswordChanged => {
                let others = table.live_ids(account, now_ms).into_iter().filter(|id| *id != mine);
                (others.collect(), Revoked::PasswordChanged)
            }
        };
        for id in ids {
            table.end(id, Over::Revoked(how));
        }
        Ok(())
    }

    async fn list(&self, _: &mut Budget, token: &str) -> Result<Listed, SessionError> {
        let now_ms = (self.clock)();
        let claims = self.verify(token, now_ms)?;
        let mut table = self.table.lock();
        let account = table.open(&claims, now_ms)?.account.clone();
        let mut sessions = Vec::new();
        for id in table.live_ids(account.id, now_ms) {
            let current = id == claims.session_id;
            sessions.push(table.find(id, now_ms)?.summary(id, &self.limits, current));
        }
        Ok(Listed { account, sessions })
    }

    fn claimed_account(&self, token: &str) -> Result<Uuid, SessionError> {
        let now_ms = (self.clock)();
        let claims = self.verify(token, now_ms)?;
        Ok(self.table.lock().open(&claims, now_ms)?.account.id)
    }

    async fn ready(&self) -> Result<(), StoreDown> {
        Ok(())
    }

    fn live(&self) -> Option<usize> {
        Some(self.table.lock().live())
    }

    fn signing_kid(&self) -> &str {
        self.keys.signing().kid()
    }
}

fn apply(record: &mut Record, change: &Change) -> Result<(), SessionError> {
    let cart = &mut record.cart;
    match change {
        Change::SetItem { sku, quantity } => cart.set(sku, *quantity).map_err(|_| SessionError::CartLimit)?,
        Change::AddItem { sku, quantity } => cart.add(sku, *quantity).map_err(|_| SessionError::CartLimit)?,
        Change::RemoveItem { sku } => cart.remove(sku),
        Change::Address(address) => record.checkout.address = Some(address.clone()),
        Change::Payment(payment) => record.checkout.payment = Some(*payment),
        Change::Ordered { version } if *version == cart.version => {
            cart.clear();
            record.checkout = Checkout::default();
        }
        Change::Ordered { .. } => {}
    }
    Ok(())
}

/// Does this refusal mean that the session itself is over, and not only this token of it?
fn is_over(error: &SessionError) -> bool {
    match error {
        SessionError::Unknown | SessionError::Expired(_) => true,
        SessionError::Revoked(how) => *how != Revoked::Rotated,
        _ => false,
    }
}

fn random_secret() -> [u8; 16] {
    let mut secret = [0; 16];
    getrandom::fill(&mut secret).expect("the system has randomness; nothing here is safe without");
    secret
}
