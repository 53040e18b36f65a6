//! Do accounts and orders keep their promises on both databases, with two replicas, and when the database
//! is locked, full, slow, stopped or gone?
//!
//! Every promise is checked against a SQLite file and against a real Postgres that the test starts itself.

// A test that unwraps says enough by failing; clippy knows only functions marked #[test].
#![allow(clippy::unwrap_used)]

#[path = "../support/postgres.rs"]
mod postgres;
mod place;
mod proxy;
mod accounts;
mod orders;
mod transactions;
mod sqlite_trouble;
mod postgres_trouble;
