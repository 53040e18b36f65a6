//! What if the key that signs tokens is replaced and the old one taken away at once? Every token it signed
//! is worth nothing from then on. After a leak this is exactly what one wants.

use super::{Aim, Strike, rotate_key};

pub(super) async fn strike(aim: Aim<'_>) -> anyhow::Result<Strike> {
    rotate_key::rotate(aim, false).await
}
