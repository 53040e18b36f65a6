//! At which step of a lab is a student? The tool knows it by what they have done, so nobody need say it.

use serde::{Deserialize, Serialize};

use super::catalogue::Lab;
use super::progress::LabProgress;

/// The steps of a lab, as far as the tool can tell them apart: reading and explaining leave no trace, so
/// "look" and "why" are one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// A question of the lab has no prediction yet.
    Predict,
    /// All is predicted, and not all of it was tried.
    Run,
    /// What was tried is there to be understood; perhaps a prediction was wrong.
    Look,
    /// "Change one thing" is begun, and not proven yet.
    Change,
    /// All of it is done.
    Done,
}

impl Step {
    /// All of them, in order.
    pub const ALL: [Step; 5] = [Step::Predict, Step::Run, Step::Look, Step::Change, Step::Done];

    /// Where somebody with this progress is.
    pub fn of(lab: &Lab, mine: &LabProgress) -> Step {
        let said = || lab.predict.iter().map(|ask| mine.predictions.get(&ask.key));
        // A change that is begun comes first: the code stays broken until it is mended.
        if mine.change_begun && !mine.change_proven {
            Step::Change
        } else if said().any(|said| said.is_none()) {
            Step::Predict
        } else if said().flatten().any(|said| said.right() == Some(false)) {
            Step::Look
        } else if said().flatten().any(|said| said.right().is_none()) {
            Step::Run
        } else if mine.change_proven {
            Step::Done
        } else {
            Step::Look
        }
    }

    /// The word for it, in the file, on the terminal and on the page.
    pub fn word(self) -> &'static str {
        match self {
            Step::Predict => "predict",
            Step::Run => "run",
            Step::Look => "look",
            Step::Change => "change",
            Step::Done => "done",
        }
    }

    /// Which of the lab's own steps ([`Lab::steps`]) it is, from 0; none if all are done.
    pub fn place(self) -> Option<usize> {
        match self {
            Step::Predict => Some(0),
            Step::Run => Some(1),
            Step::Look => Some(2),
            // Step 3 is "why", which nobody but the student knows.
            Step::Change => Some(4),
            Step::Done => None,
        }
    }
}

impl std::fmt::Display for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::catalogue::labs;
    use crate::lab::progress::Progress;
    use crate::verdict::Verdict;

    #[test]
    fn a_student_goes_from_step_to_step_by_what_they_do() {
        let lab = Lab::numbered(2).unwrap();
        let mut progress = Progress::default();
        let at = |progress: &Progress| Step::of(&lab, progress.lab(2).unwrap());
        progress.start(2, None);
        assert_eq!(at(&progress), Step::Predict);
        progress.predict(2, "stateful", Verdict::Survived);
        assert_eq!(at(&progress), Step::Predict, "two are still open");
        for ask in &lab.predict {
            progress.predict(2, &ask.key, Verdict::Survived);
        }
        assert_eq!(at(&progress), Step::Run);
        let seen = |verdict| lab.predict.iter().map(|ask| (ask.key.clone(), verdict)).collect::<Vec<_>>();
        progress.checked(2, &seen(Verdict::Lost), None);
        assert_eq!(at(&progress), Step::Look, "wrong");
        progress.predict(2, "stateful", Verdict::Lost);
        assert_eq!(at(&progress), Step::Look, "the others are still wrong");
        progress.checked(2, &seen(Verdict::Survived), None);
        progress.predict(2, "stateful", Verdict::Survived);
        assert_eq!(at(&progress), Step::Run, "what was right is said anew");
        progress.checked(2, &seen(Verdict::Survived), None);
        assert_eq!(at(&progress), Step::Look, "right");
        progress.begin_change(2);
        assert_eq!(at(&progress), Step::Change);
        progress.change_proven(2);
        assert_eq!(at(&progress), Step::Done);
    }

    #[test]
    fn the_labs_call_their_steps_by_these_words() {
        for lab in labs().unwrap() {
            for step in Step::ALL {
                let Some(place) = step.place() else { continue };
                let text = lab.steps[place].to_lowercase();
                assert!(text.starts_with(step.word()), "{}: {step} is not {text:?}", lab.folder);
            }
        }
    }
}
