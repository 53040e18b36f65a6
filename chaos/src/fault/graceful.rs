//! What if a replica is asked to end, finishes what it has begun, and is started again? This is what a
//! deployment does. A held request is released once the replica drains, so its client gets the answer.

use super::away;
use super::{Aim, Strike};
use crate::driver::Ending;

pub(super) async fn strike(aim: Aim<'_>) -> anyhow::Result<Strike> {
    away::strike(&aim, Ending::Asked).await
}
