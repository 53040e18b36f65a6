//! Where does a session live? Outside: the client holds a signed token that says whose it is, and a store
//! all replicas share holds the rest. Every call is one operation there, check and act in one step, and
//! this process may die between any two of them.

use shared::boot::Boot;
use shared::clock::{self, Clock};
use shared::sessions::{
    AccountRef, Budget, Change, End, Expired, IfVersion, Issued, Listed, Lost, Renewed, Revoked, Session,
    SessionError, Sessions, StoreDown,
};
use uuid::Uuid;

use crate::config::StoreAt;
use crate::store::{Fresh, Store};
use crate::token::{Claims, Tokens};

/// Sessions in a store outside.
pub struct InStore {
    store: Store,
    tokens: Tokens,
    clock: Clock,
}

impl InStore {
    /// The same place as before every start.
    ///
    /// # Errors
    /// One line, if it can never work. A store that is down is not such a case: it may come back.
    pub fn open(boot: Boot, at: &StoreAt) -> Result<Self, String> {
        let store = Store::open(at, boot.limits)?;
        Ok(InStore { store, tokens: Tokens::prepare(boot.keys)?, clock: clock::system })
    }

    /// Which store is this, if it can serve sessions? It draws another id when it was emptied; `chaos` looks for it
    /// in the store itself.
    pub async fn store_id(&self) -> Result<Uuid, StoreDown> {
        self.store.id(&mut Budget::new()).await
    }

    /// Itself, as soon as the store was asked for the first time, whatever it said. Who serves before that tells
    /// its first clients that a store is down which is not.
    pub async fn tried(self) -> Self {
        self.store.tried().await;
        self
    }

    fn verify(&self, token: &str) -> Result<Claims, SessionError> {
        self.tokens.verify((self.clock)(), token)
    }
}

impl Sessions for InStore {
    async fn begin(
        &self,
        budget: &mut Budget,
        account: &AccountRef,
        replaces: Option<&str>,
    ) -> Result<Issued, SessionError> {
        let replaces = replaces.and_then(|token| self.verify(token).ok());
        let (session_id, secret) = (Uuid::now_v7(), random_secret());
        let fresh = Fresh { account, session_id, secret, replaces };
        let (session, store_id) = self.store.begin(budget, &fresh).await?;
        let claims = Claims {
            account: account.id,
            session_id,
            secret,
            issued_at_s: session.summary.created_at_ms.div_euclid(1000),
            expires_at_s: session.summary.absolute_expires_at_ms.div_euclid(1000),
            store_id,
        };
        Ok(Issued { token: self.tokens.issue(self.signing_kid(), &claims)?, session })
    }

    async fn look(&self, budget: &mut Budget, token: &str) -> Result<Session, SessionError> {
        self.store.look(budget, &self.verify(token)?).await
    }

    async fn change(
        &self,
        budget: &mut Budget,
        token: &str,
        change: &Change,
        if_version: &IfVersion,
    ) -> Result<Session, SessionError> {
        self.store.change(budget, &self.verify(token)?, change, if_version).await
    }

    async fn renew(&self, budget: &mut Budget, token: &str) -> Result<Renewed, SessionError> {
        let claims = self.verify(token)?;
        let signing = self.tokens.ring().signing();
        let next = signing.successor(&claims.secret);
        let made = self.store.renew(budget, &claims, &next, signing.kid()).await?;
        // An earlier renewal may have been signed by a replica with another first key.
        let key = self
            .tokens
            .ring()
            .find(&made.kid)
            .ok_or(SessionError::Invalid("the successor's key left the ring"))?;
        let next = Claims { secret: key.successor(&claims.secret), issued_at_s: made.issued_at_s, ..claims };
        let token = self.tokens.issue(&made.kid, &next)?;
        Ok(Renewed { issued: Issued { token, session: made.session }, replay: made.replay })
    }

    async fn end(&self, budget: &mut Budget, token: &str, which: End) -> Result<(), SessionError> {
        let ended = match self.verify(token) {
            Ok(claims) => self.store.end(budget, &claims, which).await,
            Err(error) => Err(error),
        };
        match ended {
            // What is over needs no ending.
            Err(error) if which == End::Current && is_over(&error) => Ok(()),
            ended => ended,
        }
    }

    async fn list(&self, budget: &mut Budget, token: &str) -> Result<Listed, SessionError> {
        self.store.list(budget, &self.verify(token)?).await
    }

    fn claimed_account(&self, token: &str) -> Result<Uuid, SessionError> {
        Ok(self.verify(token)?.account)
    }

    async fn ready(&self) -> Result<(), StoreDown> {
        self.store_id().await.map(drop)
    }

    fn live(&self) -> Option<usize> {
        None
    }

    fn signing_kid(&self) -> &str {
        self.tokens.ring().signing().kid()
    }
}

/// Does this refusal mean that the session itself is over, and not only this token of it?
fn is_over(error: &SessionError) -> bool {
    match error {
        SessionError::Unknown | SessionError::Lost(Lost::StoreReset) => true,
        SessionError::Expired(Expired::Idle | Expired::Absolute) => true,
        SessionError::Revoked(how) => *how != Revoked::Rotated,
        _ => false,
    }
}

fn random_secret() -> [u8; 16] {
    let mut secret = [0; 16];
    getrandom::fill(&mut secret).expect("the system has randomness; nothing here is safe without");
    secret
}
