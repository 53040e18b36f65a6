//! Can a wizard of several pages be finished after a stumble?

use crate::client::Client;
use crate::cue::Cue;
use crate::verdict::{Outcome, promise};

/// A book, an address, a way to pay, an order: the wizard promises that whoever stumbles on one page goes
/// on at that page, and does not begin again.
pub async fn run(c: &Client, cue: &Cue) -> Outcome {
    cue.step("login", c.login()).or_repeat().await?;
    let cart = cue.step("put-book", c.put_item("book", 1)).or_repeat().await?;

    // After a stumble the client does not guess: it asks the wizard which pages are missing.
    if let Err(trouble) = cue.step("address", c.address()).await {
        cue.go_on("address", "resume", trouble)?;
        if cue.step("address", c.checkout()).or_repeat().await?.misses("address") {
            cue.step("address", c.address()).or_repeat().await?;
        }
    }
    if let Err(trouble) = cue.step("payment", c.payment()).await {
        cue.go_on("payment", "resume", trouble)?;
        if cue.step("payment", c.checkout()).or_repeat().await?.misses("payment") {
            cue.step("payment", c.payment()).or_repeat().await?;
        }
    }

    let key = c.new_key();
    let order = cue.step("place", c.place_order(&key, cart.version)).or_repeat().await?;
    promise("the order is for the book in the cart", order.items == cart.items)
}
