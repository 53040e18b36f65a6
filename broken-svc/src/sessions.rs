//! Where does a session live here? In one JSON file under one lock, so that everything is right except
//! what the bug makes wrong.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use shared::boot::Boot;
use shared::clock;
use shared::keys::KeyRing;
use shared::sessions::{
    AccountRef, Budget, Change, End, IfVersion, Issued, Limits, Listed, RENEWAL_GRACE, Renewed, Revoked,
    Session, SessionError, Sessions, StoreDown,
};
use uuid::Uuid;

use crate::bug::Bug;
use crate::record::{Book, Over, Record};

/// Sessions in a file.
#[derive(Debug)]
pub struct InFile {
    path: PathBuf,
    bug: Bug,
    limits: Limits,
    keys: KeyRing,
    boot: String,
    next_id: AtomicU64,
}

impl InFile {
    /// The file at `path`, made if it is not there.
    pub fn open(path: PathBuf, bug: Bug, boot: &Boot) -> Result<Self, String> {
        let there = InFile {
            path,
            bug,
            limits: boot.limits,
            keys: boot.keys.clone(),
            boot: boot.identity.boot().to_owned(),
            next_id: AtomicU64::new(1),
        };
        let _turn = there.turn().map_err(|_| "--store cannot be opened".to_owned())?;
        if bug == Bug::IdsReused {
            // Its sessions were in memory, as those of whoever counts ids from 1 at every start.
            there.write(&Book::default()).map_err(|_| "--store cannot be written".to_owned())?;
        }
        Ok(there)
    }

    /// Everybody else waits until this is dropped. A lock of its own, because the file itself is replaced.
    fn turn(&self) -> std::io::Result<File> {
        let lock = File::create(self.path.with_extension("lock"))?;
        lock.lock()?;
        Ok(lock)
    }

    fn read(&self) -> std::io::Result<Book> {
        match fs::read(&self.path) {
            Ok(text) => Ok(serde_json::from_slice(&text)?),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Book::default()),
            Err(error) => Err(error),
        }
    }

    /// All of it or nothing: written over in place, a kill at the wrong moment would log everyone out, and that is
    /// none of the bugs.
    fn write(&self, book: &Book) -> std::io::Result<()> {
        let fresh = self.path.with_extension("new");
        fs::write(&fresh, serde_json::to_vec(book)?)?;
        fs::rename(&fresh, &self.path)
    }

    /// Runs `work` on all sessions, alone, and keeps what it changed.
    fn with<T>(
        &self,
        work: impl FnOnce(&mut Book, i64) -> Result<T, SessionError>,
    ) -> Result<T, SessionError> {
        let broken = |_| SessionError::Store(StoreDown::Broken);
        let _turn = self.turn().map_err(broken)?;
        let mut book = self.read().map_err(broken)?;
        let outcome = work(&mut book, clock::system());
        self.write(&book).map_err(broken)?;
        outcome
    }

    fn new_token(&self) -> String {
        let secret = match self.bug {
            Bug::IdsReused => format!("session-{}", self.next_id.fetch_add(1, Ordering::Relaxed)),
            _ => Uuid::new_v4().simple().to_string(),
        };
        match self.bug {
            Bug::KeyMadeAtBoot => format!("{secret}.{}", self.boot),
            _ => secret,
        }
    }

    /// A token made under the key of another boot is no token.
    fn check(&self, token: &str) -> Result<(), SessionError> {
        let signed_here = token.rsplit_once('.').is_some_and(|(_, boot)| boot == self.boot);
        if self.bug == Bug::KeyMadeAtBoot && !signed_here {
            return Err(SessionError::Invalid("signature"));
        }
        Ok(())
    }

    /// The token that follows `token`; the same whenever it is asked.
    fn successor(&self, token: &str) -> String {
        match self.bug {
            Bug::ForkedRenewal => self.new_token(),
            Bug::KeyMadeAtBoot => format!("{}.{}", self.derive(token), self.boot),
            _ => self.derive(token),
        }
    }

    fn derive(&self, token: &str) -> String {
        shared::keys::hex(&self.keys.signing().tag(token.as_bytes())[..16])
    }

    fn issued(&self, record: &Record) -> Issued {
        Issued { token: record.token.clone(), session: record.view(&self.limits) }
    }
}

impl Sessions for InFile {
    async fn begin(
        &self,
        _: &mut Budget,
        account: &AccountRef,
        replaces: Option<&str>,
    ) -> Result<Issued, SessionError> {
        self.with(|book, now_ms| {
            if let Some(old) = replaces.and_then(|token| book.open(token, now_ms, &self.limits).ok()) {
                old.over = Some(Over::Revoked);
            }
            let mut live = book.live_of(account.id, now_ms, &self.limits);
            if live.len() >= shared::sessions::MAX_SESSIONS_PER_ACCOUNT {
                live[0].over = Some(Over::SessionLimit);
            }
            let record = Record::begin(self.new_token(), account, now_ms, &self.limits);
            let issued = self.issued(&record);
            book.records.push(record);
            Ok(issued)
        })
    }

    async fn look(&self, _: &mut Budget, token: &str) -> Result<Session, SessionError> {
        self.check(token)?;
        self.with(|book, now_ms| Ok(book.open(token, now_ms, &self.limits)?.view(&self.limits)))
    }

    async fn change(
        &self,
        _: &mut Budget,
        token: &str,
        change: &Change,
        if_version: &IfVersion,
    ) -> Result<Session, SessionError> {
        self.check(token)?;
        if self.bug == Bug::LostUpdate {
            return self.change_slowly(token, change, if_version).await;
        }
        self.with(|book, now_ms| {
            let record = match book.open(token, now_ms, &self.limits) {
                // What an "insert or update" does to a row that a logout has deleted.
                Err(SessionError::Revoked(Revoked::Revoked)) if self.bug == Bug::RevivingUpsert => {
                    let record = book.find(token)?;
                    record.over = None;
                    record
                }
                opened => opened?,
            };
            apply(record, change, if_version)?;
            Ok(record.view(&self.limits))
        })
    }

    async fn renew(&self, _: &mut Budget, token: &str) -> Result<Renewed, SessionError> {
        self.check(token)?;
        let next = self.successor(token);
        self.with(|book, now_ms| {
            let record = book.find(token)?;
            record.judge(now_ms, &self.limits)?;
            let current = record.token == token;
            let in_grace = record.previous.as_ref().is_some_and(|(_, until)| now_ms < *until);
            match (current, in_grace) {
                (true, _) => record.rotate(next, now_ms),
                (false, true) if self.bug == Bug::ForkedRenewal => {
                    record.token = next;
                    record.previous = Some((token.to_owned(), now_ms + grace_ms()));
                }
                (false, true) => {}
                (false, false) => {
                    record.over = Some(Over::Reuse);
                    return Err(SessionError::TokenReused);
                }
            }
            record.used_at_ms = now_ms;
            Ok(Renewed { issued: self.issued(record), replay: !current })
        })
    }

    async fn end(&self, _: &mut Budget, token: &str, which: End) -> Result<(), SessionError> {
        self.check(token)?;
        self.with(|book, now_ms| {
            let (mine, account) = match book.open(token, now_ms, &self.limits) {
                Ok(record) => (record.session_id, record.account_id),
                Err(SessionError::Revoked(Revoked::Rotated)) => {
                    return Err(SessionError::Revoked(Revoked::Rotated));
                }
                Err(_) if which == End::Current => return Ok(()),
                Err(error) => return Err(error),
            };
            if which == End::Current && self.bug == Bug::ForgottenLogout {
                return Ok(());
            }
            let over = match which {
                End::OthersPasswordChanged => Over::PasswordChanged,
                _ => Over::Revoked,
            };
            let meant = |id: Uuid| match which {
                End::Current => id == mine,
                End::One(one) => id == one,
                End::All => true,
                End::OthersPasswordChanged => id != mine,
            };
            let mut found = false;
            for record in book.live_of(account, now_ms, &self.limits) {
                if meant(record.session_id) {
                    record.over = Some(over);
                    found = true;
                }
            }
            if matches!(which, End::One(_)) && !found { Err(SessionError::NotFound) } else { Ok(()) }
        })
    }

    async fn list(&self, _: &mut Budget, token: &str) -> Result<Listed, SessionError> {
        self.check(token)?;
        self.with(|book, now_ms| {
            let record = book.open(token, now_ms, &self.limits)?;
            let (mine, account) = (record.session_id, record.view(&self.limits).account);
            let live = book.live_of(account.id, now_ms, &self.limits);
            let sessions = live.iter().map(|r| r.summary(&self.limits, r.session_id == mine)).collect();
            Ok(Listed { account, sessions })
        })
    }

    fn claimed_account(&self, token: &str) -> Result<Uuid, SessionError> {
        self.check(token)?;
        self.with(|book, _| Ok(book.find(token)?.account_id))
    }

    async fn ready(&self) -> Result<(), StoreDown> {
        self.turn().map(drop).map_err(|_| StoreDown::Down)
    }

    fn live(&self) -> Option<usize> {
        None
    }

    fn signing_kid(&self) -> &str {
        self.keys.signing().kid()
    }
}

impl InFile {
    /// Reads, lets others run, writes back: whatever they wrote in between is gone.
    async fn change_slowly(
        &self,
        token: &str,
        change: &Change,
        if_version: &IfVersion,
    ) -> Result<Session, SessionError> {
        let mut copy = self.with(|book, now_ms| Ok(book.open(token, now_ms, &self.limits)?.clone()))?;
        tokio::time::sleep(Duration::from_millis(2)).await;
        apply(&mut copy, change, if_version)?;
        self.with(|book, now_ms| {
            *book.open(token, now_ms, &self.limits)? = copy.clone();
            Ok(copy.view(&self.limits))
        })
    }
}

fn apply(record: &mut Record, change: &Change, if_version: &IfVersion) -> Result<(), SessionError> {
    let current = record.cart.version;
    if !if_version.takes(current) {
        return Err(SessionError::VersionConflict { current });
    }
    match change {
        Change::SetItem { sku, quantity } => {
            record.cart.set(sku, *quantity).map_err(|_| SessionError::CartLimit)?
        }
        Change::AddItem { sku, quantity } => {
            record.cart.add(sku, *quantity).map_err(|_| SessionError::CartLimit)?
        }
        Change::RemoveItem { sku } => record.cart.remove(sku),
        Change::Address(address) => record.address = Some(address.clone()),
        Change::Payment(payment) => record.payment = Some(*payment),
        Change::Ordered { version } if *version == current => {
            record.cart.clear();
            record.address = None;
            record.payment = None;
        }
        Change::Ordered { .. } => {}
    }
    Ok(())
}

fn grace_ms() -> i64 {
    i64::try_from(RENEWAL_GRACE.as_millis()).unwrap_or(i64::MAX)
}
