//! What do the twins share? Everything but the answer to "where does a session live?".

pub mod sessions;
pub mod api;
pub mod keys;
pub mod identity;
pub mod config;
