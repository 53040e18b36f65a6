//! Does a dead session stay dead?

use crate::client::Client;
use crate::cue::Cue;
use crate::verdict::Outcome;

/// Log in, look, log out: the service promises that the token is worthless from then on, whatever
/// restarts. The closing look sends the dead token once more, and a 401 is the answer it hopes for.
pub async fn run(c: &Client, cue: &Cue) -> Outcome {
    cue.step("login", c.login()).or_repeat().await?;
    cue.step("look", c.session_info()).or_repeat().await?;
    // Logging out twice is logging out once. And only a 204 counts: a client that is told "503" is still
    // logged in, and must know it.
    cue.step("logout", c.logout()).or_repeat().await?;
    Ok(())
}
