//! What can be done to a lab? A closed set of verbs. They are also what `chaos restart` sends to the
//! `chaos up` that owns the lab, so they can be written down as JSON.

use std::time::Duration;

use anyhow::bail;
use serde::{Deserialize, Serialize};

use super::Driver;
use crate::state::LabState;

/// How something is made to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// SIGTERM: it finishes what it has begun.
    Asked,
    /// SIGKILL: it finishes nothing.
    Killed,
}

/// One thing done to a lab. A process is a replica, by its name, or `redis`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "verb")]
pub enum Verb {
    /// Ask it to end (SIGTERM), and do not wait.
    Terminate {
        /// Which.
        process: String,
    },
    /// End it at once (SIGKILL), and do not wait.
    Kill {
        /// Which.
        process: String,
    },
    /// Stop it where it stands (SIGSTOP): it keeps its memory and its sockets, and answers nobody.
    Freeze {
        /// Which.
        process: String,
    },
    /// Let it go on (SIGCONT).
    Thaw {
        /// Which.
        process: String,
    },
    /// Is it frozen, by what the system says? Answers [`Done::Whether`].
    IsFrozen {
        /// Which.
        process: String,
    },
    /// Wait until it has exited. Answers [`Done::Whether`].
    AwaitExit {
        /// Which.
        process: String,
        /// How long, in milliseconds.
        within_ms: u64,
    },
    /// Start it again, and wait until it listens. Answers [`Done::Whether`]: no if it runs, and then nothing happens.
    Start {
        /// Which.
        process: String,
    },
    /// Remove all that Redis has on disk; it must have exited.
    WipeRedis,
    /// Put a new key at the front of a service's ring. Its replicas get the ring at their next start.
    NewKey {
        /// Which service.
        service: String,
        /// Whether tokens signed with the key before it are still believed.
        overlap: bool,
    },
    /// Thaw what is frozen and start what is down. Answers [`Done::Healed`].
    Heal,
    /// Say how the lab is. Answers [`Done::State`].
    Look,
}

/// What came of a verb.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "done", content = "what")]
pub enum Done {
    /// It was done; there is nothing more to say.
    Plainly,
    /// The answer to a question.
    Whether(bool),
    /// What had to be undone, a line each.
    Healed(Vec<String>),
    /// How the lab is.
    State(Box<LabState>),
}

// The verbs as the faults say them.
impl Driver {
    /// Asks a process to end (SIGTERM), and does not wait.
    ///
    /// # Errors
    /// If it is not the lab's.
    pub async fn terminate(&self, process: &str) -> anyhow::Result<()> {
        self.plainly(Verb::Terminate { process: process.to_owned() }).await
    }

    /// Ends a process at once (SIGKILL), and does not wait.
    ///
    /// # Errors
    /// If it is not the lab's.
    pub async fn kill(&self, process: &str) -> anyhow::Result<()> {
        self.plainly(Verb::Kill { process: process.to_owned() }).await
    }

    /// Stops a process where it stands.
    ///
    /// # Errors
    /// If it is not the lab's.
    pub async fn freeze(&self, process: &str) -> anyhow::Result<()> {
        self.plainly(Verb::Freeze { process: process.to_owned() }).await
    }

    /// Lets a frozen process go on.
    ///
    /// # Errors
    /// If it is not the lab's.
    pub async fn thaw(&self, process: &str) -> anyhow::Result<()> {
        self.plainly(Verb::Thaw { process: process.to_owned() }).await
    }

    /// Whether a process is frozen right now.
    ///
    /// # Errors
    /// If it is not the lab's.
    pub async fn is_frozen(&self, process: &str) -> anyhow::Result<bool> {
        self.whether(Verb::IsFrozen { process: process.to_owned() }).await
    }

    /// Waits for a process to exit; false if it still runs after `within`.
    ///
    /// # Errors
    /// If it is not the lab's.
    pub async fn gone(&self, process: &str, within: Duration) -> anyhow::Result<bool> {
        let within_ms = u64::try_from(within.as_millis()).unwrap_or(u64::MAX);
        self.whether(Verb::AwaitExit { process: process.to_owned(), within_ms }).await
    }

    /// Starts a process that is down and returns when it listens; see [`Driver::ready`] for more. False if it runs
    /// already: then somebody else has started it.
    ///
    /// # Errors
    /// If it does not start, with the last lines it logged.
    pub async fn start_again(&self, process: &str) -> anyhow::Result<bool> {
        self.whether(Verb::Start { process: process.to_owned() }).await
    }

    /// Removes all that Redis has on disk.
    ///
    /// # Errors
    /// If Redis runs, or the folder cannot be removed.
    pub async fn wipe_redis(&self) -> anyhow::Result<()> {
        self.plainly(Verb::WipeRedis).await
    }

    /// Gives a service a new signing key, believed from each replica's next start on.
    ///
    /// # Errors
    /// If the lab does not run the service.
    pub async fn new_key(&self, service: &str, overlap: bool) -> anyhow::Result<()> {
        self.plainly(Verb::NewKey { service: service.to_owned(), overlap }).await
    }

    /// The lab as it is now.
    ///
    /// # Errors
    /// If its owner does not answer.
    pub async fn look(&self) -> anyhow::Result<LabState> {
        match self.order(Verb::Look).await? {
            Done::State(state) => Ok(*state),
            other => bail!("asked for the lab's state and was told {other:?}"),
        }
    }

    async fn plainly(&self, verb: Verb) -> anyhow::Result<()> {
        self.order(verb).await.map(|_| ())
    }

    async fn whether(&self, verb: Verb) -> anyhow::Result<bool> {
        match self.order(verb).await? {
            Done::Whether(answer) => Ok(answer),
            other => bail!("asked a yes-or-no question and was told {other:?}"),
        }
    }
}
