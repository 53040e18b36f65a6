//! What if a replica ends at once and finishes nothing? This is what the kernel does when memory runs
//! out, and what a power cut does. A held request dies with its replica: its client gets no answer.

use super::away;
use super::{Aim, Strike};
use crate::driver::Ending;

pub(super) async fn strike(aim: Aim<'_>) -> anyhow::Result<Strike> {
    away::strike(&aim, Ending::Killed).await
}
