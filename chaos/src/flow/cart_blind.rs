//! What if a client repeats what is not safe to repeat?

use crate::client::Client;
use crate::cue::Cue;
use crate::verdict::{Outcome, only_once, promise};

/// Add a pen, and add it again if no answer comes: the cart promises to hold one pen.
pub async fn run(c: &Client, cue: &Cue) -> Outcome {
    cue.step("login", c.login()).or_repeat().await?;
    // This repeat is the mistake the flow is here to show. POST adds: if the first request took effect and
    // only its answer was lost, the second one adds another pen. Where the service answers, it can warn
    // (`retryable: false`) and the client stops; where nobody answers, nobody warns.
    cue.step("add-pen", c.add_item("pen", 1)).or_repeat().await?;
    let cart = cue.step("look", c.cart()).or_repeat().await?;
    only_once("there is one pen and not more", cart.quantity("pen") <= 1)?;
    promise("there is one pen", cart.holds("pen", 1))
}
