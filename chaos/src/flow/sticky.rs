//! What is affinity worth, when replicas die?

use super::cart;
use crate::client::Client;
use crate::cue::Cue;
use crate::verdict::Outcome;

/// The story of [`cart`], through a gateway that sends a session's requests to the replica that began it. The gateway
/// promises that it finds that replica again; whether somebody there remembers is not for it to say.
pub async fn run(c: &Client, cue: &Cue) -> Outcome {
    cart::run(c, cue).await
}
