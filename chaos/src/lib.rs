//! What does a client see when a backend restarts half way through its work?

pub mod http;
