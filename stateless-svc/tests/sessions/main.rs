//! Do both stores keep the promises of `shared::sessions::Sessions`, alone, in races and in trouble?
//!
//! The service's own modules are compiled in here, so that it needs no library of its own.

#![allow(clippy::unwrap_used, reason = "a test that panics has said what it had to say")]
#![allow(dead_code, reason = "a test binary does not call everything the service calls")]

#[path = "../../src/config.rs"]
mod config;
#[path = "../../src/token.rs"]
mod token;
#[path = "../../src/sessions.rs"]
mod sessions;
#[path = "../../src/store/mod.rs"]
mod store;

#[path = "../../../shared/tests/support/skip.rs"]
mod skip;
mod support;
mod promises;
mod cart;
mod renewal;
mod races;
mod outages;
mod tokens;
