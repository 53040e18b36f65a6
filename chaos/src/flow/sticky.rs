//! What is affinity worth, when replicas die?

use crate::client::Client;
use crate::cue::Cue;
use crate::verdict::{Outcome, promise};

/// A full cart through a gateway that sends a session's requests to the replica that began it. The gateway
/// promises that it finds that replica again; whether somebody there remembers is not for it to say.
pub async fn run(c: &Client, cue: &Cue) -> Outcome {
    cue.step("login", c.login()).or_repeat().await?;
    cue.step("put-book", c.put_item("book", 1)).or_repeat().await?;
    cue.step("put-pen", c.put_item("pen", 2)).or_repeat().await?;
    let cart = cue.step("look", c.cart()).or_repeat().await?;
    promise("both are there", cart.holds("book", 1) && cart.holds("pen", 2))
}
