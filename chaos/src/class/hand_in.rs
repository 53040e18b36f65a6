//! What does a student hand in? A nickname, and per lab: the step, the predictions, hints and checks. The
//! progress file itself says more, for instance where the results lie, and a path can name a person; so each
//! thing that is handed in is named here, and nothing else is.

use std::collections::BTreeMap;

use anyhow::Context;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::refused::Refused;
use crate::lab::catalogue::Lab;
use crate::lab::nickname::nickname;
use crate::lab::progress::{Progress, Said};
use crate::lab::step::Step;
use crate::lab::store::without_mark;
use crate::names::no_such;

/// The form of the file.
pub const VERSION: u64 = 1;

/// What one student hands in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HandIn {
    /// The form of this file; its name says what the file is.
    #[serde(rename = "hand_in")]
    pub version: u64,
    /// What the student wants to be called.
    pub nickname: String,
    /// The lab last worked on.
    pub lab: Option<u8>,
    /// By the lab's number: every lab that was begun.
    pub labs: BTreeMap<u8, LabHandedIn>,
}

/// What is handed in of one lab.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LabHandedIn {
    /// Where the student is in it.
    pub step: Step,
    /// By the prediction's key.
    pub predictions: BTreeMap<String, Said>,
    /// How many hints were taken.
    pub hints: usize,
    /// How often it was checked.
    pub checks: u32,
    /// Whether the answer was shown.
    pub shown: bool,
}

impl HandIn {
    /// What somebody with this progress hands in under this name.
    ///
    /// # Errors
    /// If a lab this binary was built with is broken.
    pub fn of(nickname: String, progress: &Progress) -> anyhow::Result<HandIn> {
        let mut labs = BTreeMap::new();
        for (number, mine) in &progress.labs {
            // A newer tool may have left a lab that this one does not have.
            let Ok(lab) = Lab::numbered(*number) else { continue };
            let known = |key: &String| lab.predict.iter().any(|ask| ask.key == *key);
            let predictions = mine.predictions.iter().filter(|(key, _)| known(key));
            let predictions = predictions.map(|(key, said)| (key.clone(), said.clone())).collect();
            let (hints, checks, shown) = (mine.hints, mine.checks, mine.shown);
            labs.insert(
                *number,
                LabHandedIn { step: Step::of(&lab, mine), predictions, hints, checks, shown },
            );
        }
        let lab = progress.current.filter(|current| labs.contains_key(current));
        Ok(HandIn { version: VERSION, nickname, lab, labs })
    }

    /// The file.
    ///
    /// # Errors
    /// None that could happen; JSON can hold all of it.
    pub fn to_json(&self) -> anyhow::Result<String> {
        Ok(serde_json::to_string_pretty(self).context("putting a hand-in into JSON")? + "\n")
    }

    /// Reads a file that somebody else has sent: nothing in it is believed before it is looked at.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub fn read(file: &[u8]) -> Result<HandIn, Refused> {
        let text = std::str::from_utf8(without_mark(file)).map_err(|_| Refused::NotText)?;
        if text.trim().is_empty() {
            return Err(Refused::Empty);
        }
        let value: Value = serde_json::from_str(text).map_err(|error| Refused::NotJson(error.to_string()))?;
        match value.get("hand_in") {
            Some(version) if version.as_u64() == Some(VERSION) => {}
            Some(theirs) => {
                return Err(Refused::AnotherVersion { theirs: theirs.to_string(), ours: VERSION });
            }
            None if value.get("version").is_some() && value.get("labs").is_some() => {
                return Err(Refused::Progress);
            }
            None => return Err(Refused::NoHandIn),
        }
        let mut json = serde_json::Deserializer::from_str(text);
        let hand_in: HandIn = serde_path_to_error::deserialize(&mut json)
            .map_err(|error| Refused::Damaged(format!("at {}: {}", error.path(), error.inner())))?;
        hand_in.checked()
    }

    fn checked(mut self) -> Result<HandIn, Refused> {
        self.nickname = nickname(&self.nickname).map_err(Refused::Nickname)?;
        let begun = self.labs.keys().copied().chain(self.lab);
        for number in begun {
            Lab::numbered(number).map_err(|error| Refused::AnotherAge(error.to_string()))?;
        }
        for (number, handed_in) in &self.labs {
            let Ok(lab) = Lab::numbered(*number) else { continue };
            let keys = || lab.predict.iter().map(|ask| ask.key.as_str());
            if let Some(key) = handed_in.predictions.keys().find(|key| !keys().any(|known| known == *key)) {
                let what = format!("prediction of lab {number}");
                return Err(Refused::AnotherAge(no_such(&what, key, keys())));
            }
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::Verdict;

    fn progress() -> Progress {
        let mut progress = Progress::default();
        progress.start(2, Some("ada".to_owned()));
        progress.predict(2, "stateful", Verdict::Survived);
        progress.checked(
            2,
            &[("stateful".to_owned(), Verdict::Lost)],
            Some("/home/ada.lovelace/results/1".to_owned()),
        );
        progress.predict(2, "stateful", Verdict::Lost);
        progress
    }

    fn hand_in() -> HandIn {
        HandIn::of("ada".to_owned(), &progress()).unwrap()
    }

    #[test]
    fn what_is_handed_in_is_read_again_also_with_windows_line_ends_and_a_mark_before_it() {
        let text = hand_in().to_json().unwrap();
        let windows = format!("\u{feff}{}", text.replace('\n', "\r\n"));
        for text in [text, windows] {
            assert_eq!(HandIn::read(text.as_bytes()), Ok(hand_in()));
        }
        assert_eq!(hand_in().labs[&2].predictions["stateful"].first, Verdict::Survived);
    }

    #[test]
    fn nothing_is_handed_in_that_is_not_named_here() {
        let mut progress = progress();
        progress.other.insert("email".to_owned(), "ada@example.org".into());
        progress.labs.get_mut(&2).unwrap().other.insert("host".to_owned(), "analytical".into());
        progress.predict(2, "a-question-of-a-newer-tool", Verdict::Lost);
        progress.start(99, None);
        let value = serde_json::to_value(HandIn::of("ada".to_owned(), &progress).unwrap()).unwrap();
        let expected = serde_json::json!({
            "hand_in": 1, "nickname": "ada", "lab": null,
            "labs": { "2": {
                "step": "predict", "hints": 0, "checks": 1, "shown": false,
                "predictions": { "stateful": { "first": "Survived", "said": "Lost" } }
            } }
        });
        assert_eq!(value, expected);
    }

    #[test]
    fn what_is_no_hand_in_is_refused_for_its_own_reason() {
        let good = hand_in().to_json().unwrap();
        let edited = |from: &str, to: &str| {
            assert!(good.contains(from), "{from}");
            good.replace(from, to).into_bytes()
        };
        let refused = |file: &[u8]| HandIn::read(file).unwrap_err();
        assert_eq!(refused(b" \r\n"), Refused::Empty);
        assert_eq!(refused(b"\xff\xfe{\0}\0"), Refused::NotText);
        assert_eq!(refused(b"{}"), Refused::NoHandIn);
        assert_eq!(refused(b"[1, 2]"), Refused::NoHandIn);
        assert_eq!(
            refused(&edited("\"hand_in\": 1", "\"hand_in\": 7")),
            Refused::AnotherVersion { theirs: "7".to_owned(), ours: VERSION }
        );
        assert_eq!(refused(&serde_json::to_vec(&progress()).unwrap()), Refused::Progress);
        assert!(matches!(refused(&good.as_bytes()[..good.len() / 2]), Refused::NotJson(_)));
        assert!(matches!(refused(&edited("\"ada\"", "\"\\u001b[2J\"")), Refused::Nickname(_)));
        assert!(matches!(refused(&edited("\"lab\": 2", "\"lab\": 12")), Refused::AnotherAge(_)));
        assert!(matches!(refused(&edited("\"2\": {", "\"11\": {")), Refused::AnotherAge(_)));
        assert!(matches!(refused(&edited("\"stateful\"", "\"statefull\"")), Refused::AnotherAge(_)));
        let Refused::Damaged(why) = refused(&edited("\"Survived\"", "\"Surviving\"")) else { panic!() };
        assert!(why.contains("labs.2.predictions.stateful.first") && why.contains("Duplicated"), "{why}");
    }
}
