//! What is left behind when the tool is interrupted? A lab of its own goes with it. A lab of somebody else stays, and
//! a fault may be in force in it that nobody would undo any more: so it is healed.

use crate::driver::{Driver, DriverName};
use crate::heal;
use crate::interrupt::interrupted;

/// What a command may leave.
#[derive(Debug)]
pub enum Left {
    /// Nothing: what it works on is its own, or it changes nothing.
    Nothing,
    /// A fault in a lab that others have started: the one that is named, or the one that is up.
    Fault {
        /// What it runs on.
        driver: DriverName,
        /// Its name.
        lab: Option<String>,
    },
    /// What a button has just done in such a lab, while others do there what they like.
    Button {
        /// What it runs on.
        driver: DriverName,
        /// Its name.
        lab: Option<String>,
    },
    /// A swarm that does what it was told.
    Swarm,
}

impl Left {
    /// Undoes what is this tool's to undo, unless somebody cannot wait for it, and says what became of it.
    pub async fn undo(self) -> String {
        let (driver, named, ours) = match self {
            Left::Nothing => return nothing(),
            Left::Swarm => return "interrupted; the swarm goes on with what it was told".to_owned(),
            Left::Fault { driver, lab } => (driver, lab, true),
            Left::Button { driver, lab } => (driver, lab, false),
        };
        let Ok(Some(name)) = Driver::lab_that_is_up(driver, named.as_deref()).await else {
            return nothing();
        };
        let cure = format!("`chaos heal --driver {} --lab {name}`", driver.word());
        if !ours {
            return format!(
                "interrupted; if a button of lab {name} was still at work, {cure} undoes what it did"
            );
        }
        tokio::select! {
            biased;
            _ = interrupted() => format!("interrupted twice; {cure} undoes what is in force"),
            healed = heal::undo(driver, &name) => match healed {
                Ok(done) => format!("interrupted; lab {name}: {}", done.join("; ")),
                Err(error) => format!("interrupted, and lab {name} did not heal: {error:#}; {cure} tries again"),
            },
        }
    }
}

fn nothing() -> String {
    "interrupted; nothing is left behind".to_owned()
}
