//! What if the answer to a renewal is lost, and with it the new token?

use crate::client::Client;
use crate::cue::Cue;
use crate::verdict::{Outcome, promise};

/// Log in, renew the token, go on with the new one: the service promises that it is still the same
/// session, and that a renewal whose answer was lost can be asked for again with the old token.
pub async fn run(c: &Client, cue: &Cue) -> Outcome {
    let opened = cue.step("login", c.login()).or_repeat().await?;
    // Until an answer comes the client holds the old token, so the repeat is sent with the old token.
    // Within ten seconds the service answers it with the same successor.
    let renewed = cue.step("renew", c.renew()).or_repeat().await?;
    let seen = cue.step("look", c.session_info()).or_repeat().await?;
    promise("the session is the same under its new token", opened == renewed && renewed == seen)
}
