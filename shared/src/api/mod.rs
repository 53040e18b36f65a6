//! What goes over the wire? One file a noun; these types are the API, and the OpenAPI document is made
//! from them.

pub mod session;
pub mod account;
pub mod cart;
pub mod checkout;
pub mod order;
pub mod prime;
pub mod health;
