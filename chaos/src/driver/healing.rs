//! What became of a lab that was to be put right? What was done, and what would not be: one thing that cannot be
//! healed is said, and keeps nothing else from being healed.

use anyhow::anyhow;

/// What was done so far, and what was not.
#[derive(Debug, Default)]
pub struct Healing {
    done: Vec<String>,
    left: Vec<String>,
}

impl Healing {
    /// Takes down how one thing went: the lines that say what was done, or why it was not.
    pub fn note(&mut self, outcome: anyhow::Result<impl IntoIterator<Item = String>>) {
        match outcome {
            Ok(lines) => self.done.extend(lines),
            Err(error) => self.left.push(format!("{error:#}")),
        }
    }

    /// What was done, a line each.
    ///
    /// # Errors
    /// If something is left: what that is, and what was done all the same.
    pub fn outcome(self) -> anyhow::Result<Vec<String>> {
        let (left, done) = (self.left.join("; "), self.done.join("; "));
        match (left.as_str(), done.as_str()) {
            ("", _) => Ok(self.done),
            (left, "") => Err(anyhow!("{left}")),
            (left, done) => Err(anyhow!("{left} (all the same: {done})")),
        }
    }
}

/// The words for a replica that was given the keys of its sibling.
pub fn rekeyed(name: &str) -> String {
    format!("{name} had an older key than its sibling and was restarted")
}

/// The words for one that was brought back; `refused` says that it was told to end and still ran.
pub fn started(name: &str, refused: bool) -> String {
    if refused {
        format!("{name} was told to end and had not; it was killed and started")
    } else {
        format!("{name} was down and was started")
    }
}
