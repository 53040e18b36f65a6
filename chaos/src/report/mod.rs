//! How is it said? To people in text and as a page, to machines in JSON; all from the same [`crate::results::Results`].

pub mod html;
pub mod paint;
pub mod progress;
pub mod square;
pub mod story;
pub mod text;
pub mod wrap;

use std::io::{ErrorKind, Write, stdout};

use anyhow::Context;

/// Writes to stdout. A reader that has seen enough (`| head`) is no error.
///
/// # Errors
/// If it cannot be written for another reason.
pub fn say(text: &str) -> anyhow::Result<()> {
    let mut out = stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error).context("writing the report"),
        _ => Ok(()),
    }
}
