//! How does a cart become an order exactly once, though the client may ask twice, two replicas may work
//! at the same time, and either may die in between?
//!
//! In two transactions. The first *claims* the client's key: from then on nobody else works under it,
//! until the claim is released, its lease ends, or its replica is seen to have restarted. The second
//! *commits*: the order and the key's result are written together, if the claim is still its own. A
//! crash between the two leaves a claim that dies by itself; a crash after them leaves a result that
//! every repeat is answered with.

use uuid::Uuid;

use crate::api::cart::CartLine;
use crate::api::order::Order;
use crate::idempotency::IdempotencyKey;
use crate::identity::Identity;
use crate::sql::{Database, SqlError, Transaction, Tx};

/// How long a claim holds without a sign of life from its replica.
pub const LEASE_MS: i64 = 5_000;

// A key belongs to one call of one account. There is one such call today; the columns are there for the
// next.
const METHOD: &str = "POST";
const PATH: &str = "/orders";

/// The orders. A clone is another handle to the same ones.
#[derive(Debug, Clone)]
pub struct Orders {
    database: Database,
}

/// What a key leads to.
#[derive(Debug, PartialEq, Eq)]
pub enum Claimed {
    /// Nobody else works under it: go on, then [`Orders::commit`] or [`Orders::release`].
    Claimed(Claim),
    /// An order was placed under it for the same cart: repeat that answer.
    Placed(PlacedOrder),
    /// Somebody works under it right now.
    InProgress,
    /// It was used for another version of the cart.
    Reused,
}

/// The right to place an order under a key.
#[must_use = "a claim that is neither committed nor released blocks its key until the lease ends"]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    id: String,
    account: String,
    key: String,
    cart_version: i64,
}

/// An order and the answer it was first given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlacedOrder {
    /// The order's id, for `Location`.
    pub id: Uuid,
    /// The JSON body, byte for byte the same in every repeat.
    pub body: String,
}

impl PlacedOrder {
    /// Whether this is what was ordered.
    ///
    /// # Errors
    /// [`SqlError`] if what is stored is no order.
    pub fn is_of(&self, items: &[CartLine]) -> Result<bool, SqlError> {
        Ok(read(&self.body)?.items == items)
    }
}

/// Why an order was not placed; then nothing was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// The claim outlived its lease and somebody else has it now: as [`Claimed::InProgress`].
    #[error("the claim was taken over")]
    ClaimLost,
    /// This very cart was ordered already, under another key.
    #[error("the cart was ordered already")]
    CartAlreadyOrdered,
    /// The database did not do it.
    #[error(transparent)]
    Sql(#[from] SqlError),
}

impl Orders {
    /// The orders in `database`.
    pub fn new(database: Database) -> Self {
        Orders { database }
    }

    /// Asks to work under `key`.
    ///
    /// # Errors
    /// [`SqlError`]
    pub async fn claim(
        &self,
        account: Uuid,
        key: &IdempotencyKey,
        cart_version: u64,
        identity: &Identity,
        now_ms: i64,
    ) -> Result<Claimed, SqlError> {
        let claim = Claim {
            id: Uuid::new_v4().to_string(),
            account: account.to_string(),
            key: key.as_str().to_owned(),
            // A BIGINT has a sign and the version has none; the same bits are as good for comparing.
            cart_version: cart_version.cast_signed(),
        };
        self.database.write(&TakeKey { claim: &claim, identity, now_ms }).await
    }

    /// Places the order and stores the answer under the claim's key, in one transaction.
    ///
    /// # Errors
    /// [`CommitError`]. With [`CommitError::Sql`] the order may have been placed all the same, if only
    /// the answer to the commit was lost: a repeat under the same key finds out.
    pub async fn commit(
        &self,
        claim: &Claim,
        session_id: Uuid,
        order: &Order,
    ) -> Result<PlacedOrder, CommitError> {
        let body = serde_json::to_string(order)
            .map_err(|error| SqlError::Broken(format!("an order that is no JSON: {error}")))?;
        let placed = PlacedOrder { id: order.id, body };
        let placed_at_ms = order.placed_at.as_millisecond();
        self.database.write(&PlaceOrder { claim, session_id, placed_at_ms, placed: &placed }).await?;
        Ok(placed)
    }

    /// Frees the key of a claim that led to no order. Does nothing to a claim that was taken over, or to
    /// an order that was placed after all.
    ///
    /// # Errors
    /// [`SqlError`]; the claim then ends with its lease.
    pub async fn release(&self, claim: Claim) -> Result<(), SqlError> {
        self.database
            .execute(
                "DELETE FROM idempotency_keys
                 WHERE account_id = $1 AND method = $2 AND path = $3 AND key = $4
                   AND claim_id = $5 AND order_id IS NULL",
                &[
                    (&claim.account).into(),
                    METHOD.into(),
                    PATH.into(),
                    (&claim.key).into(),
                    (&claim.id).into(),
                ],
            )
            .await
            .map(drop)
    }

    /// One of the account's orders.
    ///
    /// # Errors
    /// [`SqlError`]
    pub async fn get(&self, account: Uuid, id: Uuid) -> Result<Option<Order>, SqlError> {
        let row = self
            .database
            .fetch_optional(
                "SELECT body FROM orders WHERE id = $1 AND account_id = $2",
                &[(&id.to_string()).into(), (&account.to_string()).into()],
            )
            .await?;
        row.map(|row| read(&row.text(0)?)).transpose()
    }

    /// All of the account's orders, newest first.
    ///
    /// # Errors
    /// [`SqlError`]
    pub async fn list(&self, account: Uuid) -> Result<Vec<Order>, SqlError> {
        let rows = self
            .database
            .fetch_all(
                "SELECT body FROM orders WHERE account_id = $1 ORDER BY placed_at_ms DESC, id DESC",
                &[(&account.to_string()).into()],
            )
            .await?;
        rows.iter().map(|row| read(&row.text(0)?)).collect()
    }
}

/// The first transaction: take the key, or say who has it.
struct TakeKey<'a> {
    claim: &'a Claim,
    identity: &'a Identity,
    now_ms: i64,
}

impl Transaction for TakeKey<'_> {
    type Outcome = Claimed;
    type Error = SqlError;

    async fn run(&self, tx: &mut Tx) -> Result<Claimed, SqlError> {
        let claim = self.claim;
        // One statement: take the key if nobody has it, or if whoever had it is dead. A claim is dead
        // when its lease has ended, or at once if it is from an earlier run of this very replica.
        let taken = tx
            .execute(
                "INSERT INTO idempotency_keys
                     (account_id, method, path, key, cart_version, claim_id, replica, boot, lease_ends_ms)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
                 ON CONFLICT (account_id, method, path, key) DO UPDATE
                 SET cart_version = excluded.cart_version, claim_id = excluded.claim_id,
                     replica = excluded.replica, boot = excluded.boot,
                     lease_ends_ms = excluded.lease_ends_ms
                 WHERE idempotency_keys.order_id IS NULL
                   AND (idempotency_keys.lease_ends_ms <= $10
                        OR (idempotency_keys.replica = excluded.replica
                            AND idempotency_keys.boot <> excluded.boot))",
                &[
                    (&claim.account).into(),
                    METHOD.into(),
                    PATH.into(),
                    (&claim.key).into(),
                    claim.cart_version.into(),
                    (&claim.id).into(),
                    self.identity.replica().into(),
                    self.identity.boot().into(),
                    (self.now_ms + LEASE_MS).into(),
                    self.now_ms.into(),
                ],
            )
            .await?;
        if taken == 1 {
            return Ok(Claimed::Claimed(claim.clone()));
        }
        let row = tx
            .fetch_optional(
                "SELECT k.cart_version, o.id, o.body FROM idempotency_keys k
                 LEFT JOIN orders o ON o.id = k.order_id
                 WHERE k.account_id = $1 AND k.method = $2 AND k.path = $3 AND k.key = $4",
                &[(&claim.account).into(), METHOD.into(), PATH.into(), (&claim.key).into()],
            )
            .await?;
        // ON CONFLICT has locked the row, whether it took it or not: it cannot be gone.
        let row = row.ok_or_else(|| SqlError::Broken("a locked key is gone".to_owned()))?;
        if row.int(0)? != claim.cart_version {
            return Ok(Claimed::Reused);
        }
        match (row.maybe_text(1)?, row.maybe_text(2)?) {
            (Some(id), Some(body)) => Ok(Claimed::Placed(PlacedOrder { id: order_id(&id)?, body })),
            _ => Ok(Claimed::InProgress),
        }
    }
}

/// The second transaction: the order and the key's result, or neither.
struct PlaceOrder<'a> {
    claim: &'a Claim,
    session_id: Uuid,
    placed_at_ms: i64,
    placed: &'a PlacedOrder,
}

impl Transaction for PlaceOrder<'_> {
    type Outcome = ();
    type Error = CommitError;

    async fn run(&self, tx: &mut Tx) -> Result<(), CommitError> {
        let claim = self.claim;
        let id = self.placed.id.to_string();
        let inserted = tx
            .execute(
                "INSERT INTO orders (id, account_id, session_id, cart_version, placed_at_ms, body)
                 VALUES ($1, $2, $3, $4, $5, $6)
                 ON CONFLICT (session_id, cart_version) DO NOTHING",
                &[
                    (&id).into(),
                    (&claim.account).into(),
                    (&self.session_id.to_string()).into(),
                    claim.cart_version.into(),
                    self.placed_at_ms.into(),
                    (&self.placed.body).into(),
                ],
            )
            .await?;
        if inserted == 0 {
            return Err(CommitError::CartAlreadyOrdered);
        }
        // Whoever took the claim over has changed its id. Then the order above is rolled back.
        let stored = tx
            .execute(
                "UPDATE idempotency_keys SET order_id = $1
                 WHERE account_id = $2 AND method = $3 AND path = $4 AND key = $5
                   AND claim_id = $6 AND order_id IS NULL",
                &[
                    (&id).into(),
                    (&claim.account).into(),
                    METHOD.into(),
                    PATH.into(),
                    (&claim.key).into(),
                    (&claim.id).into(),
                ],
            )
            .await?;
        if stored == 1 { Ok(()) } else { Err(CommitError::ClaimLost) }
    }
}

fn read(body: &str) -> Result<Order, SqlError> {
    serde_json::from_str(body)
        .map_err(|error| SqlError::Broken(format!("a stored order is no order: {error}")))
}

fn order_id(text: &str) -> Result<Uuid, SqlError> {
    text.parse().map_err(|_| SqlError::Broken("an order's id is no UUID".to_owned()))
}
