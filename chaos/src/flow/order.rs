//! Is an order placed exactly once, even if the answer to it is lost?

use crate::client::Client;
use crate::cue::Cue;
use crate::verdict::{Outcome, promise};

/// Place an order under a key, then look it up: the service promises one order for one key, kept for good.
pub async fn run(c: &Client, cue: &Cue) -> Outcome {
    cue.step("login", c.login()).or_repeat().await?;
    let cart = cue.step("put-book", c.put_item("book", 1)).or_repeat().await?;
    cue.step("address", c.address()).or_repeat().await?;
    cue.step("payment", c.payment()).or_repeat().await?;

    // The key is made once and sent with every try. It tells the service that a second request is the
    // first one again: if the order was placed and only the answer was lost, the answer is sent again.
    let key = c.new_key();
    let placed = cue.step("place", c.place_order(&key, cart.version)).or_repeat().await?;

    let found = cue.step("find", c.order(&placed.id)).or_repeat().await?;
    promise("the order found is the order placed", found == placed)
}
