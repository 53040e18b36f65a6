//! Where is the student, and what is the next sensible command? `chaos` with no arguments says it.

use super::catalogue::Lab;
use super::progress::Progress;
use super::tell::{paragraph, what_next};
use crate::args::ABOUT;
use crate::report::wrap::{command, narrow, wrapped};

/// A few lines: who has begun a lab is taken on from there, anybody else is shown where to begin.
///
/// # Errors
/// If a lab this binary was built with is broken.
pub fn where_you_are(progress: &Progress) -> anyhow::Result<String> {
    let Some(number) = progress.current else { return Ok(first_contact()) };
    let Ok(lab) = Lab::numbered(number) else { return Ok(first_contact()) };
    let name = progress.nickname.as_ref().map_or(String::new(), |name| format!("{name}, "));
    let mut out = paragraph(
        0,
        &format!("{name}you are in lab {number} of {}: {}", super::catalogue::HOW_MANY, lab.title),
    );
    out.push_str(&paragraph(0, &what_next(&lab, progress)));
    out.push('\n');
    let (status, help) = (command("chaos lab status"), command("chaos --help"));
    out.push_str(&paragraph(0, &format!("All you have done: {status}. Everything else: {help}")));
    Ok(out)
}

fn first_contact() -> String {
    let tries: String = TRY_FIRST
        .iter()
        .map(|(command, what)| match narrow() {
            false => format!("  {command:<31}  {}\n", wrapped(what, 35)),
            true => format!("  {command}\n{}", paragraph(4, what)),
        })
        .collect();
    format!("{}\nTry first:\n\n{tries}\nchaos --help says the rest.\n", paragraph(0, ABOUT))
}

/// What somebody who has never been here should type, and what it shows.
const TRY_FIRST: [(&str, &str); 4] = [
    ("chaos run cart kill", "what a client with a half-filled cart sees of a kill"),
    ("chaos lab start 1", "ten labs: predict, run, look, explain"),
    ("chaos matrix --moments telling", "which workflows survive what, in a minute"),
    ("chaos list", "which flows and faults there are"),
];
