//! What is said about each fault? Once, here: `chaos list`, `--help`, the documents and the matrix read it.

use std::fmt;

use serde::{Serialize, Serializer};

use super::Fault;
use crate::service::{Keys, Service};
use crate::way::Way;

/// What is said about a fault wherever it is listed.
#[derive(Debug, Clone, Copy)]
pub struct FaultRow {
    /// Which fault.
    pub fault: Fault,
    /// What it is called in commands and reports.
    pub name: &'static str,
    /// One line: what it does.
    pub what: &'static str,
    /// One line: how it is proven.
    pub proof: &'static str,
    /// What it hits.
    pub hits: Hits,
    /// How long it lasts, where the client speaks to the replicas itself. Through the gateway a replica that
    /// ends is away for one request.
    pub lasts: Lasts,
    /// By which ways a client that it says something to can come.
    pub ways: &'static [Way],
}

/// What a fault hits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hits {
    /// The replica the client talks to.
    Replica,
    /// Every replica of the service, one after the other.
    EveryReplica,
    /// A replica the client does not talk to; so there must be one.
    Sibling,
    /// The Redis of the lab; not available without one.
    Redis,
}

/// How long a fault lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lasts {
    /// It is over, and everything ready, before the client goes on.
    Over,
    /// It covers one whole request, and then it is undone.
    OneRequest,
    /// It ends a set time after a request was sent.
    SetTime,
}

/// All faults, in the order in which to learn them.
pub const FAULTS: &[FaultRow] = &[
    FaultRow {
        fault: Fault::Graceful,
        name: "graceful",
        what: "asks the replica to end (SIGTERM) and starts it again",
        proof: "an answer with a new boot id",
        hits: Hits::Replica,
        lasts: Lasts::Over,
        ways: &Way::ALL,
    },
    FaultRow {
        fault: Fault::Kill,
        name: "kill",
        what: "ends the replica at once (SIGKILL) and starts it again",
        proof: "an answer with a new boot id",
        hits: Hits::Replica,
        lasts: Lasts::Over,
        ways: &Way::ALL,
    },
    FaultRow {
        fault: Fault::Pause,
        name: "pause",
        what: "freezes the replica (SIGSTOP) for a moment",
        proof: "process state T (the engine's Paused) while a request was open",
        hits: Hits::Replica,
        lasts: Lasts::SetTime,
        ways: &Way::ALL,
    },
    FaultRow {
        fault: Fault::Rolling,
        name: "rolling",
        what: "restarts every replica gracefully, each ready before the next",
        proof: "an answer with a new boot id from each",
        hits: Hits::EveryReplica,
        lasts: Lasts::Over,
        ways: &Way::ALL,
    },
    FaultRow {
        fault: Fault::Drain,
        name: "drain",
        what: "takes the replica out of rotation first, and then restarts it gracefully",
        proof: "out of rotation by the gateway's stats before SIGTERM, and a new boot id",
        hits: Hits::Replica,
        lasts: Lasts::OneRequest,
        ways: &[Way::Gateway],
    },
    FaultRow {
        fault: Fault::KillSibling,
        name: "kill-sibling",
        what: "kills the replica that the client does not use (SIGKILL), and starts it again",
        proof: "a new boot id of the sibling",
        hits: Hits::Sibling,
        lasts: Lasts::OneRequest,
        ways: &[Way::Gateway],
    },
    FaultRow {
        fault: Fault::RedisRestart,
        name: "redis-restart",
        what: "restarts Redis, which keeps what it has on disk",
        proof: "a new run_id",
        hits: Hits::Redis,
        lasts: Lasts::Over,
        ways: &[Way::Direct],
    },
    FaultRow {
        fault: Fault::RedisLose,
        name: "redis-lose",
        what: "kills Redis, removes what it has on disk, and starts it empty",
        proof: "a new run_id, and the store's id is new or gone",
        hits: Hits::Redis,
        lasts: Lasts::Over,
        ways: &[Way::Direct],
    },
    FaultRow {
        fault: Fault::RedisPause,
        name: "redis-pause",
        what: "freezes Redis (SIGSTOP) for one request",
        proof: "a PING that nobody answers",
        hits: Hits::Redis,
        lasts: Lasts::OneRequest,
        ways: &[Way::Direct],
    },
    FaultRow {
        fault: Fault::RedisDown,
        name: "redis-down",
        what: "takes Redis away for one request",
        proof: "a connection that is refused",
        hits: Hits::Redis,
        lasts: Lasts::OneRequest,
        ways: &[Way::Direct],
    },
    FaultRow {
        fault: Fault::RotateKey,
        name: "rotate-key",
        what: "gives every replica a new signing key, and the old one to verify with",
        proof: "a new boot id and a new kid from each",
        hits: Hits::EveryReplica,
        lasts: Lasts::Over,
        ways: &[Way::Direct],
    },
    FaultRow {
        fault: Fault::RotateKeyHard,
        name: "rotate-key-hard",
        what: "gives every replica a new signing key, and takes the old one away",
        proof: "a new boot id and a new kid from each",
        hits: Hits::EveryReplica,
        lasts: Lasts::Over,
        ways: &[Way::Direct],
    },
];

impl Fault {
    /// All of them, in the order of [`FAULTS`].
    pub const ALL: [Fault; 12] = [
        Fault::Graceful,
        Fault::Kill,
        Fault::Pause,
        Fault::Rolling,
        Fault::Drain,
        Fault::KillSibling,
        Fault::RedisRestart,
        Fault::RedisLose,
        Fault::RedisPause,
        Fault::RedisDown,
        Fault::RotateKey,
        Fault::RotateKeyHard,
    ];

    /// What [`FAULTS`] says of it.
    pub fn row(self) -> &'static FaultRow {
        // The enum and the table are in the same order; a test holds them to it.
        &FAULTS[self as usize]
    }

    /// What it is called in commands and reports.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// Whether it says something about this service to a client that comes this way.
    pub fn applies_to(self, service: &Service, way: Way) -> bool {
        let to_the_service = match service.keys {
            Keys::Lasting => true,
            // A new key comes with a restart, and that alone ends every session.
            Keys::Incidental => !self.rotates_keys(),
            // A restart shows all that is new about it, and the gateway has no entry for it.
            Keys::MadeAtBoot => matches!(self, Fault::Graceful | Fault::Kill) && way == Way::Direct,
        };
        to_the_service && self.row().ways.contains(&way)
    }

    /// Whether the client's next request is meant to reach the replica that was hit. After the two others it
    /// is meant not to.
    pub fn meets_the_next_request(self) -> bool {
        matches!(self.row().hits, Hits::Replica | Hits::EveryReplica) && self != Fault::Drain
    }

    /// Whether it changes which keys sign.
    pub fn rotates_keys(self) -> bool {
        matches!(self, Fault::RotateKey | Fault::RotateKeyHard)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Fault {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_one_row_a_fault_in_the_order_of_the_enum() {
        assert_eq!(FAULTS.len(), Fault::ALL.len());
        for (fault, row) in Fault::ALL.into_iter().zip(FAULTS) {
            assert_eq!(fault, row.fault);
            assert_eq!(fault.row().name, row.name);
        }
    }
}
