//! What does a client see when a backend restarts half way through its work?

// What a client does, and how it is judged.
pub mod moment;
pub mod draws;
pub mod http;
pub mod trouble;
pub mod client;
pub mod cue;
pub mod verdict;
pub mod flow;
