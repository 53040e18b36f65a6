//! Does the service still know me?

use crate::client::Client;
use crate::cue::Cue;
use crate::verdict::{Outcome, promise};

/// Log in, then ask twice who I am: the service promises that I stay logged in, in one and the same session.
pub async fn run(c: &Client, cue: &Cue) -> Outcome {
    // A login whose answer is lost is safe to repeat: at worst it leaves a session that nobody holds.
    let opened = cue.step("login", c.login()).or_repeat().await?;
    let first = cue.step("look", c.session_info()).or_repeat().await?;
    let second = cue.step("look-again", c.session_info()).or_repeat().await?;
    promise("it is one session from login to end", opened == first && first == second)
}
