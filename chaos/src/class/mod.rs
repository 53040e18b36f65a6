//! How does a class look from the front of the room? Who is where, who predicted what, and which wrong idea
//! do several share? Students hand in a file each (`chaos class hand-in`), and whoever teaches collects them
//! (`chaos class collect`, and the page of `chaos show --class`).

pub mod hand_in;
pub mod refused;
pub mod folder;
pub mod questions;
pub mod tally;
pub mod tell;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};

use self::hand_in::HandIn;
use self::questions::Questions;
use self::tally::Class;
use crate::lab::nickname::nickname as valid;
use crate::lab::store::Store;
use crate::lab::tell::paragraph;
use crate::report::paint::Paint;
use crate::report::say;
use crate::report::wrap::{columns, command};
use crate::usage::usage;

/// `chaos class`
#[derive(Debug, Args)]
pub struct ClassArgs {
    /// What to do
    #[command(subcommand)]
    pub command: ClassCommand,
}

/// What can be done for a class.
#[derive(Debug, Subcommand)]
pub enum ClassCommand {
    /// For a student: hand in your predictions and where you are, under a nickname
    HandIn {
        /// The folder to put the file into; without it, the file is shown on stdout
        #[arg(value_name = "DIR")]
        folder: Option<PathBuf>,
        /// What to call you; no real name is needed
        #[arg(long, value_parser = valid)]
        nickname: Option<String>,
        /// Replace what you have handed in before
        #[arg(long, requires = "folder")]
        replace: bool,
    },
    /// For the instructor: who is where, who predicted what, which misconception is common
    #[command(after_help = "Exit codes: 0 every file was read, 1 at least one was not, 2 there is none, \
                            3 the folder cannot be read.")]
    Collect {
        /// The folder with the files that were handed in
        #[arg(value_name = "DIR")]
        folder: PathBuf,
        /// One JSON object on stdout, and nothing else there
        #[arg(long)]
        json: bool,
    },
}

/// Does what was typed.
///
/// # Errors
/// A [`clap::Error`] if it was typed wrongly; anything else if the progress or the folder cannot be read, or
/// the file cannot be written.
pub fn run(args: ClassArgs) -> anyhow::Result<ExitCode> {
    match args.command {
        ClassCommand::HandIn { folder, nickname, replace } => hand_in(folder.as_deref(), nickname, replace),
        ClassCommand::Collect { folder, json } => collect(&folder, json),
    }
}

fn hand_in(folder: Option<&Path>, nickname: Option<String>, replace: bool) -> anyhow::Result<ExitCode> {
    let store = Store::of_this_user()?;
    let progress = match nickname {
        Some(name) => store.change(|progress| progress.nickname = Some(name))?,
        None => store.read()?,
    };
    let Some(name) = &progress.nickname else {
        return Err(usage(
            "choose a nickname to hand in under: --nickname NAME; no real name is needed".to_owned(),
        ));
    };
    // It becomes part of a file's name, and the progress file can have been edited.
    let name = valid(name).map_err(usage)?;
    let hand_in = HandIn::of(name, &progress)?;
    if hand_in.labs.is_empty() {
        let begin = command("chaos lab start 1");
        say(&paragraph(0, &format!("There is nothing to hand in yet. Begin: {begin}")))?;
        return Ok(ExitCode::from(2));
    }
    match folder {
        None => {
            say(&hand_in.to_json()?)?;
            // Where a person reads it, it is the answer to "what do I give away?".
            let _ = writeln!(
                std::io::stderr(),
                "\nThis is all that is handed in. To put it into a folder: chaos class hand-in DIR"
            );
        }
        Some(folder) => {
            let file = folder::put(folder, &hand_in, replace)?;
            say(&format!("handed in: {}\n", file.display()))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn collect(folder: &Path, json: bool) -> anyhow::Result<ExitCode> {
    let class = Class::of(&Questions::builtin()?, folder::read(folder)?);
    if json {
        say(&format!("{}\n", serde_json::to_string_pretty(&class)?))?;
    } else {
        say(&tell::class(&class, folder, columns(), Paint::for_stdout()))?;
    }
    Ok(ExitCode::from(class.exit_code()))
}
