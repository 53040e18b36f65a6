//! Which run of which replica is this?

use crate::config::ReplicaName;
use crate::keys::hex;

/// A replica's name and the random part it draws at each start. Together they are the boot id: a client
/// that sees it change knows, with certainty, that there was a restart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    replica: String,
    boot: String,
}

impl Identity {
    /// Draws a new identity; call it once, at boot.
    pub fn draw(replica: &ReplicaName) -> Self {
        let mut random = [0; 8];
        getrandom::fill(&mut random).expect("the system has randomness; nothing here is safe without");
        Identity { replica: replica.as_str().to_owned(), boot: hex(&random) }
    }

    /// An identity that was not drawn: a service that hides its restarts. Only the broken services that
    /// test the checks do this.
    pub fn pretended(replica: &ReplicaName, boot: &str) -> Self {
        Identity { replica: replica.as_str().to_owned(), boot: boot.to_owned() }
    }

    /// The replica's name, the same after a restart.
    pub fn replica(&self) -> &str {
        &self.replica
    }

    /// The random part, new at each start: 16 hexadecimal digits.
    pub fn boot(&self) -> &str {
        &self.boot
    }

    /// `<replica>.<boot>`, as in the `x-boot-id` header.
    pub fn boot_id(&self) -> String {
        format!("{}.{}", self.replica, self.boot)
    }
}
