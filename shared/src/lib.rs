//! What do the twins share? Everything but the answer to "where does a session live?".
//!
//! Read in this order: the seam, what goes over the wire, who may come in, what is kept in SQL, the
//! router, and how a process comes up and goes down.

pub mod sessions;
pub mod api;
pub mod keys;
pub mod identity;
pub mod clock;
pub mod config;
pub mod body;
pub mod answer;
pub mod problem;
pub mod sql;
pub mod password;
pub mod failed_logins;
pub mod accounts;
pub mod idempotency;
pub mod orders;
pub mod prime;
pub mod gate;
pub mod observe;
pub mod cookie;
pub mod app;
pub mod credentials;
pub mod if_match;
pub mod routes;
pub mod serve;
pub mod health;
pub mod boot;
