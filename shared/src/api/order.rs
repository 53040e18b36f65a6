//! What is an order on the wire?

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::cart::CartLine;
use super::checkout::{Address, Payment};

/// `POST /orders`: order the cart the client saw.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlaceOrder {
    /// The version of the cart the client has on its screen.
    pub cart_version: u64,
}

/// An order, as placed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Order {
    /// UUID v7.
    pub id: Uuid,
    /// What was in the cart.
    pub items: Vec<CartLine>,
    /// Where it goes.
    pub address: Address,
    /// How it is paid.
    pub payment: Payment,
    /// When it was placed; RFC 3339, UTC.
    #[schema(value_type = String, format = DateTime)]
    pub placed_at: jiff::Timestamp,
}

/// `GET /orders`, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct Orders {
    /// The account's orders.
    pub orders: Vec<Order>,
}
