//! Does it matter which replica answers?

use crate::client::Client;
use crate::cue::Cue;
use crate::verdict::{Outcome, promise};

/// A full cart over two replicas in turn, by itself or through a gateway that sticks to nothing: the service
/// promises that any replica will do.
pub async fn run(c: &Client, cue: &Cue) -> Outcome {
    cue.step("login", c.login()).or_repeat().await?;
    let book = cue.step("put-book", c.put_item("book", 1)).or_repeat().await;
    let pen = cue.step("put-pen", c.put_item("pen", 2)).or_repeat().await;
    let cart = cue.step("look", c.cart()).or_repeat().await;
    // Only now the question marks: where sessions live in one replica, about half of the requests find
    // theirs and half do not, and a flow that stopped at the first refusal would not show it.
    book?;
    pen?;
    let cart = cart?;
    promise("both are there", cart.holds("book", 1) && cart.holds("pen", 2))
}
