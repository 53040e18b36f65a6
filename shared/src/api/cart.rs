//! What is a cart on the wire, and what may be done to it?

use std::fmt;

use axum::http::HeaderValue;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Most lines a cart may hold.
pub const MAX_LINES: usize = 50;
/// Most pieces of one article.
pub const MAX_QUANTITY: u32 = 1000;

/// The name of an article: 1 to 64 of `a-z A-Z 0-9 . _ -`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String")]
#[schema(value_type = String, min_length = 1, max_length = 64, pattern = "^[A-Za-z0-9._-]{1,64}$")]
pub struct Sku(String);

impl Sku {
    /// The text itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Sku {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Sku {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let fits = (1..=64).contains(&text.len());
        let clean = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
        if fits && clean { Ok(Sku(text)) } else { Err("a sku is 1 to 64 of a-z A-Z 0-9 . _ -") }
    }
}

/// A quantity of one article, 1 to 1000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "u32")]
#[schema(value_type = u32, minimum = 1, maximum = 1000)]
pub struct Quantity(pub u32);

impl TryFrom<u32> for Quantity {
    type Error = &'static str;

    fn try_from(pieces: u32) -> Result<Self, Self::Error> {
        if (1..=MAX_QUANTITY).contains(&pieces) {
            Ok(Quantity(pieces))
        } else {
            Err("a quantity is 1 to 1000")
        }
    }
}

/// One line of a cart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CartLine {
    /// Which article.
    pub sku: Sku,
    /// How many pieces.
    pub quantity: u32,
}

/// A cart, as every cart call answers it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Cart {
    /// The lines, sorted by sku.
    pub items: Vec<CartLine>,
    /// Grows by one with every change; a call that changes nothing leaves it. Also the `ETag`.
    pub version: u64,
}

/// A cart cannot take this change: it would exceed 50 lines, or 1000 pieces of one article.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CartLimit;

impl Cart {
    /// Sets a line to `quantity` pieces.
    ///
    /// # Errors
    /// [`CartLimit`]; the cart is then as before.
    pub fn set(&mut self, sku: &Sku, quantity: u32) -> Result<(), CartLimit> {
        if quantity > MAX_QUANTITY {
            return Err(CartLimit);
        }
        match self.items.binary_search_by(|line| line.sku.cmp(sku)) {
            Ok(at) if self.items[at].quantity == quantity => return Ok(()),
            Ok(at) => self.items[at].quantity = quantity,
            Err(_) if self.items.len() >= MAX_LINES => return Err(CartLimit),
            Err(at) => self.items.insert(at, CartLine { sku: sku.clone(), quantity }),
        }
        self.version += 1;
        Ok(())
    }

    /// Adds `quantity` pieces to a line.
    ///
    /// # Errors
    /// [`CartLimit`]; the cart is then as before.
    pub fn add(&mut self, sku: &Sku, quantity: u32) -> Result<(), CartLimit> {
        let had = match self.items.binary_search_by(|line| line.sku.cmp(sku)) {
            Ok(at) => self.items[at].quantity,
            Err(_) => 0,
        };
        self.set(sku, had.saturating_add(quantity))
    }

    /// Removes a line; one that is not there is removed already.
    pub fn remove(&mut self, sku: &Sku) {
        if let Ok(at) = self.items.binary_search_by(|line| line.sku.cmp(sku)) {
            self.items.remove(at);
            self.version += 1;
        }
    }

    /// Empties the cart.
    pub fn clear(&mut self) {
        if !self.items.is_empty() {
            self.items.clear();
            self.version += 1;
        }
    }
}

/// A cart's version as an entity tag.
pub fn etag(version: u64) -> HeaderValue {
    HeaderValue::from_str(&format!("\"{version}\"")).expect("digits between quotes")
}

/// `PUT /cart/items/{sku}`: set the line to exactly this many.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetItem {
    /// How many pieces, 1 to 1000.
    pub quantity: Quantity,
}

/// `POST /cart/items`: add this many. Not safe to repeat, on purpose.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddItem {
    /// Which article.
    pub sku: Sku,
    /// How many pieces, 1 to 1000.
    pub quantity: Quantity,
}
