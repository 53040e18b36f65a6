//! Where is somebody in the ten labs, as a page shows it?

use serde::Serialize;

use crate::lab::catalogue::Lab;
use crate::lab::progress::Progress;
use crate::lab::step::Step;

/// The lab somebody works on, and where they are in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LabNow {
    /// Its number.
    pub number: u8,
    /// What it is called.
    pub title: String,
    /// What it asks.
    pub question: String,
    /// What there is to do, in order.
    pub steps: Vec<String>,
    /// Where they are.
    pub step: Step,
    /// Which of `steps` that is, from 0; none if all are done.
    pub place: Option<usize>,
}

impl LabNow {
    /// The lab last worked on, if there is one.
    pub fn of(progress: &Progress) -> Option<LabNow> {
        let lab = Lab::numbered(progress.current?).ok()?;
        let step = Step::of(&lab, progress.lab(lab.number)?);
        let Lab { number, title, question, steps, .. } = lab;
        Some(LabNow { number, title, question, steps, step, place: step.place() })
    }
}
