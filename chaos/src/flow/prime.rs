//! What does a call survive that needs no session at all?

use crate::client::Client;
use crate::cue::Cue;
use crate::verdict::{Outcome, promise};

/// Ask whether two numbers are prime: the service promises the right answer, whoever gives it.
pub async fn run(c: &Client, cue: &Cue) -> Outcome {
    let small = cue.step("small", c.prime(91)).or_repeat().await?;
    // The largest prime below 2^64: the service has to work for this one.
    let large = cue.step("large", c.prime(18_446_744_073_709_551_557)).or_repeat().await?;
    promise("91 is not prime and 2^64 - 59 is", !small.prime && large.prime)
}
