//! What does the room work on, and what has it predicted? The lab of whoever runs the show, and the hand-ins
//! of a class, each looked at again every second and told whenever it differs.
//!
//! Looked at, and not waited for: a folder that a class shares lies on another machine more often than not,
//! and of a change that another machine makes the system here says nothing.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::feed::Event;
use super::{Show, ticks};
use crate::class::folder;
use crate::class::questions::Questions;
use crate::class::tally::Class;
use crate::lab::catalogue::Lab;
use crate::lab::progress::Progress;
use crate::lab::step::Step;
use crate::lab::store::Store;

/// Between two looks: soon enough for a room that waits to see its own hand-in.
const LOOK_EVERY: Duration = Duration::from_secs(1);

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

/// Tells which lab is worked on and at which step, whenever that changes.
pub(super) async fn watch_lab(show: Arc<Show>, store: Store) {
    let mut ticks = ticks(LOOK_EVERY);
    loop {
        ticks.tick().await;
        show.feed.say(&Event::Lab { lab: store.look().as_ref().and_then(LabNow::of) });
    }
}

/// Tells what a class has handed in, whenever that changes.
pub(super) async fn watch_class(show: Arc<Show>, folder: PathBuf, questions: Questions) {
    let questions = Arc::new(questions);
    let mut ticks = ticks(LOOK_EVERY);
    loop {
        ticks.tick().await;
        let (folder, questions) = (folder.clone(), Arc::clone(&questions));
        // On a thread of its own: a drive that somebody has unplugged must not hold up the show.
        let read = move || folder::read(&folder).map(|found| Class::of(&questions, found));
        let Ok(read) = tokio::task::spawn_blocking(read).await else { continue };
        show.feed.say(&match read {
            Ok(class) => Event::Class { class: Some(Box::new(class)), why: None },
            Err(error) => Event::Class { class: None, why: Some(format!("{error:#}")) },
        });
    }
}
