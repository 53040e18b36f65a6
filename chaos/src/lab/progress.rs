//! What has a student done so far? Per lab: what was predicted, how it went, which hints were taken.
//!
//! What this version does not know is kept as it is, so that an older tool does not spoil what a newer one
//! has written.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::verdict::Verdict;

/// The form of the file. A file of another form is set aside, not guessed at.
pub const VERSION: u32 = 1;

/// The progress of one student.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// The form of this file.
    pub version: u32,
    /// What the student wants to be called, if anything. Nothing else here says who they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nickname: Option<String>,
    /// The lab last worked on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<u8>,
    /// By the lab's number.
    #[serde(default)]
    pub labs: BTreeMap<u8, LabProgress>,
    /// What another version has written.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// The progress in one lab.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct LabProgress {
    /// By the prediction's key.
    #[serde(default)]
    pub predictions: BTreeMap<String, Said>,
    /// How many hints were taken.
    #[serde(default)]
    pub hints: usize,
    /// How often it was checked.
    #[serde(default)]
    pub checks: u32,
    /// Whether the answer was shown.
    #[serde(default)]
    pub shown: bool,
    /// Whether "change one thing" was begun.
    #[serde(default)]
    pub change_begun: bool,
    /// Whether it was proven.
    #[serde(default)]
    pub change_proven: bool,
    /// The results folder of the latest check, if it could be kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub results: Option<String>,
    /// What another version has written.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// One prediction, and what came of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Said {
    /// What was said first. It stays: a misconception is what one thinks before one looks.
    pub first: Verdict,
    /// What was said last.
    pub said: Verdict,
    /// What was seen in the student's own run; nothing before the first check.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<Verdict>,
}

impl Said {
    /// Whether it came as said; nothing before the first check.
    pub fn right(&self) -> Option<bool> {
        self.seen.map(|seen| seen == self.said)
    }
}

impl Default for Progress {
    fn default() -> Self {
        let (nickname, current, labs, other) = Default::default();
        Progress { version: VERSION, nickname, current, labs, other }
    }
}

impl Progress {
    /// What was done in a lab; nothing, if it was never begun.
    pub fn lab(&self, number: u8) -> Option<&LabProgress> {
        self.labs.get(&number)
    }

    /// How many hints were taken in a lab.
    pub fn hints_of(&self, number: u8) -> usize {
        self.lab(number).map_or(0, |lab| lab.hints)
    }

    /// A lab is begun, or taken up again.
    pub fn start(&mut self, number: u8, nickname: Option<String>) {
        self.nickname = nickname.or(self.nickname.take());
        self.at(number);
    }

    /// Something is predicted, once more perhaps. What was seen before belongs to what was said before.
    pub fn predict(&mut self, number: u8, key: &str, verdict: Verdict) {
        let lab = self.at(number);
        let said = lab.predictions.entry(key.to_owned());
        let said = said.or_insert(Said { first: verdict, said: verdict, seen: None });
        (said.said, said.seen) = (verdict, None);
    }

    /// A lab was tried.
    pub fn checked(&mut self, number: u8, seen: &[(String, Verdict)], results: Option<String>) {
        let lab = self.at(number);
        lab.checks += 1;
        lab.results = results;
        for (key, verdict) in seen {
            if let Some(said) = lab.predictions.get_mut(key) {
                said.seen = Some(*verdict);
            }
        }
    }

    /// One more hint, of so many.
    pub fn take_hint(&mut self, number: u8, of: usize) {
        let lab = self.at(number);
        lab.hints = lab.hints.saturating_add(1).min(of);
    }

    /// The answer was shown.
    pub fn show(&mut self, number: u8) {
        self.at(number).shown = true;
    }

    /// "Change one thing" is begun, or begun anew.
    pub fn begin_change(&mut self, number: u8) {
        let lab = self.at(number);
        (lab.change_begun, lab.change_proven) = (true, false);
    }

    /// "Change one thing" was proven.
    pub fn change_proven(&mut self, number: u8) {
        self.at(number).change_proven = true;
    }

    /// Forgets a lab, or all of them; the nickname stays. Who was in that lab is in the last one that is left.
    pub fn reset(&mut self, number: Option<u8>) {
        match number {
            Some(number) => drop(self.labs.remove(&number)),
            None => self.labs.clear(),
        }
        let left = self.current.filter(|current| self.labs.contains_key(current));
        self.current = left.or(self.labs.keys().next_back().copied());
    }

    fn at(&mut self, number: u8) -> &mut LabProgress {
        self.current = Some(number);
        self.labs.entry(number).or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_prediction_stays_and_what_was_seen_belongs_to_what_was_said() {
        let mut progress = Progress::default();
        progress.predict(2, "stateful", Verdict::Survived);
        progress.checked(2, &[("stateful".to_owned(), Verdict::Lost)], Some("results/x".to_owned()));
        let said = |progress: &Progress| progress.lab(2).unwrap().predictions["stateful"].clone();
        assert_eq!(said(&progress).right(), Some(false));
        progress.predict(2, "stateful", Verdict::Lost);
        assert_eq!(said(&progress).right(), None);
        assert_eq!(said(&progress).first, Verdict::Survived);
    }

    #[test]
    fn there_are_no_more_hints_than_there_are() {
        let mut progress = Progress::default();
        (0..5).for_each(|_| progress.take_hint(1, 3));
        assert_eq!(progress.hints_of(1), 3);
    }

    #[test]
    fn who_forgets_the_lab_they_are_in_is_in_the_last_one_that_is_left() {
        let mut progress = Progress::default();
        for number in [3, 5, 9, 6] {
            progress.start(number, None);
        }
        for (forgotten, current) in [(3, Some(6)), (6, Some(9)), (9, Some(5)), (5, None)] {
            progress.reset(Some(forgotten));
            assert_eq!(progress.current, current, "{forgotten} is forgotten");
        }
    }

    #[test]
    fn what_another_version_wrote_is_kept() {
        let text = r#"{ "version": 1, "mood": "good", "labs": { "2": { "hints": 1, "colour": "red" } } }"#;
        let progress: Progress = serde_json::from_str(text).unwrap();
        let again = serde_json::to_value(&progress).unwrap();
        assert_eq!(again["mood"], "good");
        assert_eq!(again["labs"]["2"]["colour"], "red");
    }
}
