//! What is left behind when the tool is interrupted? A lab of its own goes with it. A lab of somebody else stays, and
//! a fault may be in force in it that nobody would undo any more: so it is healed.

use crate::driver::DriverName;
use crate::heal;
use crate::interrupt::interrupted;

/// What a command may leave.
#[derive(Debug)]
pub enum Left {
    /// Nothing: what it works on is its own, or it changes nothing.
    Nothing,
    /// A fault in a lab that others have started.
    Fault {
        /// What it runs on.
        driver: DriverName,
        /// Its name.
        lab: String,
        /// Whether it is of a button, which nobody presses twice while others do in that lab what they like.
        by_a_button: bool,
    },
    /// A swarm that does what it was told.
    Swarm,
}

impl Left {
    /// Undoes what is this tool's to undo, unless somebody cannot wait for it, and says what became of it.
    pub async fn undo(self) -> String {
        let (driver, name, by_a_button) = match self {
            Left::Nothing => return "interrupted; nothing is left behind".to_owned(),
            Left::Swarm => return "interrupted; the swarm goes on with what it was told".to_owned(),
            Left::Fault { driver, lab, by_a_button } => (driver, lab, by_a_button),
        };
        let cure = format!("`chaos heal --driver {} --lab {name}`", driver.word());
        if by_a_button {
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
