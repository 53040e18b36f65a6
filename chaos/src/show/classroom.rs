//! What does the room work on, and what has it predicted? The lab of whoever runs the show, and the hand-ins
//! of a class, each looked at again every second and told whenever it differs.
//!
//! Looked at, and not waited for: a folder that a class shares lies on another machine more often than not,
//! and of a change that another machine makes the system here says nothing.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::feed::Event;
use super::lab_now::LabNow;
use super::{Show, ticks};
use crate::class::folder;
use crate::class::questions::Questions;
use crate::class::tally::Class;
use crate::lab::store::Store;

/// Between two looks: soon enough for a room that waits to see its own hand-in.
const LOOK_EVERY: Duration = Duration::from_secs(1);

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
