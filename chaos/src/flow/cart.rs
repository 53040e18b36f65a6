//! Does the cart remember?

use crate::client::Client;
use crate::cue::Cue;
use crate::verdict::{Outcome, promise};

/// Put two things in the cart, then look: the cart promises to remember both.
pub async fn run(c: &Client, cue: &Cue) -> Outcome {
    cue.step("login", c.login()).or_repeat().await?;
    // PUT sets the line to exactly so many, so putting twice is putting once.
    cue.step("put-book", c.put_item("book", 1)).or_repeat().await?;
    cue.step("put-pen", c.put_item("pen", 2)).or_repeat().await?;
    let cart = cue.step("look", c.cart()).or_repeat().await?;
    promise("both are there", cart.holds("book", 1) && cart.holds("pen", 2))
}
