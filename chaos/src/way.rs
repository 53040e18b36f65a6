//! By which way do a client's requests reach the replicas? It speaks to them itself, or to the gateway, which
//! chooses one for each request.

use serde::{Deserialize, Serialize};

/// The two ways.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, clap::ValueEnum,
)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// To a replica of its own choice; a restarted one is back before the client goes on.
    #[default]
    Direct,
    /// Through the gateway, which chooses the replica; nobody waits for one that is away.
    Gateway,
}

impl Way {
    /// Both.
    pub const ALL: [Way; 2] = [Way::Direct, Way::Gateway];

    /// The word used in flags, predictions and reports.
    pub fn word(self) -> &'static str {
        match self {
            Way::Direct => "direct",
            Way::Gateway => "gateway",
        }
    }

    /// In a sentence.
    pub fn words(self) -> &'static str {
        match self {
            Way::Direct => "directly",
            Way::Gateway => "through the gateway",
        }
    }
}

impl std::fmt::Display for Way {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.word())
    }
}
