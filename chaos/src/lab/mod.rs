//! How does a student work through a lab? Predict, run, look, explain: `chaos lab` asks for a prediction,
//! tries it, and says by the student's own run where it was wrong.

pub mod cell;
pub mod catalogue;
pub mod nickname;
pub mod progress;
pub mod step;
pub mod store;
pub mod tell;
pub mod explain;
pub mod check;
pub mod change;
pub mod tree;
pub mod next;

use std::io::{Write, stderr};
use std::process::ExitCode;

use clap::{ArgGroup, Args, Subcommand};

use self::catalogue::{Lab, labs};
use self::nickname::nickname;
use self::progress::Progress;
use self::store::Store;
use crate::names::no_such;
use crate::report::say;
use crate::usage::usage;
use crate::verdict::Verdict;

/// `chaos lab`
#[derive(Debug, Args)]
pub struct LabArgs {
    /// What to do; without it, where you are
    #[command(subcommand)]
    pub command: Option<LabCommand>,
}

/// What can be done with a lab.
#[derive(Debug, Subcommand)]
pub enum LabCommand {
    /// Which labs there are
    List,
    /// Begin a lab: its question, its steps, what to predict
    Start {
        /// Which lab, 1 to 10
        #[arg(value_parser = lab_numbered)]
        lab: u8,
        /// Break the code of this tree on purpose, for "change one thing"
        #[arg(long)]
        change: bool,
        /// What to call you when a class is collected; no real name is needed
        #[arg(long, value_parser = nickname, conflicts_with = "change")]
        nickname: Option<String>,
    },
    /// Say what you expect, before you try it: KEY=VERDICT
    Predict {
        /// Which lab, 1 to 10
        #[arg(value_parser = lab_numbered)]
        lab: u8,
        /// For example stateful=Lost stateless=Survived
        #[arg(required = true, value_name = "KEY=VERDICT")]
        said: Vec<String>,
    },
    /// Try it, and compare with what you predicted
    Check {
        /// Which lab, 1 to 10; without it, the one you are in
        #[arg(value_parser = lab_numbered)]
        lab: Option<u8>,
        /// Build the changed code, and prove it
        #[arg(long)]
        change: bool,
        /// Fixes the data; drawn and printed if not given
        #[arg(long, conflicts_with = "change", value_name = "N")]
        seed: Option<u64>,
    },
    /// A hint; each time one that says more, three in all
    Hint {
        /// Which lab, 1 to 10; without it, the one you are in
        #[arg(value_parser = lab_numbered)]
        lab: Option<u8>,
    },
    /// The answer; the lab is marked as shown
    Solve {
        /// Which lab, 1 to 10; without it, the one you are in
        #[arg(value_parser = lab_numbered)]
        lab: Option<u8>,
        /// The reference fix of "change one thing" instead
        #[arg(long)]
        change: bool,
    },
    /// Forget what you did in a lab, or in all of them
    #[command(group(ArgGroup::new("which").args(["lab", "all"]).required(true)))]
    Reset {
        /// Which lab, 1 to 10
        #[arg(value_parser = lab_numbered)]
        lab: Option<u8>,
        /// All of them
        #[arg(long)]
        all: bool,
    },
    /// Per lab: what you predicted, how it went, which hints you took
    Status,
}

/// Does what was typed.
///
/// # Errors
/// A [`clap::Error`] if it was typed wrongly; anything else if the progress cannot be kept, or a lab cannot
/// run.
pub async fn run(args: LabArgs) -> anyhow::Result<ExitCode> {
    let store = Store::of_this_user();
    let Some(command) = args.command else {
        // Whoever asks where to begin is told, also where there is no place for what they have done.
        let progress = store.and_then(|store| store.read()).unwrap_or_else(|error| {
            let _ = writeln!(stderr(), "chaos: {error:#}");
            Progress::default()
        });
        say(&next::where_you_are(&progress)?)?;
        return Ok(ExitCode::SUCCESS);
    };
    let store = store?;
    match command {
        LabCommand::List => say(&tell::list(&labs()?, &store.read()?))?,
        LabCommand::Status => say(&tell::status(&labs()?, &store.read()?, store.path()))?,
        LabCommand::Start { lab, change, nickname } => {
            let lab = Lab::numbered(lab)?;
            if change {
                return change::start(&lab, &store);
            }
            let progress = store.change(|progress| progress.start(lab.number, nickname))?;
            say(&tell::start(&lab, &progress))?;
        }
        LabCommand::Predict { lab, said } => predict(&Lab::numbered(lab)?, &said, &store)?,
        LabCommand::Check { lab, change: true, .. } => {
            return change::check(&this_or_current(lab, &store)?, &store).await;
        }
        LabCommand::Check { lab, seed, .. } => {
            return check::run(&this_or_current(lab, &store)?, &store, seed).await;
        }
        LabCommand::Hint { lab } => {
            let lab = this_or_current(lab, &store)?;
            let progress = store.change(|progress| progress.take_hint(lab.number, lab.hints.len()))?;
            say(&tell::hints(&lab, progress.hints_of(lab.number)))?;
        }
        LabCommand::Solve { lab, change: true } => change::solve(&this_or_current(lab, &store)?, &store)?,
        LabCommand::Solve { lab, .. } => {
            let lab = this_or_current(lab, &store)?;
            let progress = store.change(|progress| progress.show(lab.number))?;
            say(&tell::answer(&lab, &progress))?;
        }
        LabCommand::Reset { lab, .. } => {
            store.change(|progress| progress.reset(lab))?;
            say(&tell::forgotten(lab))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The lab that was named, or the one the student is in.
fn this_or_current(named: Option<u8>, store: &Store) -> anyhow::Result<Lab> {
    let current = || store.read().map(|progress| progress.current);
    match named.map_or_else(current, |named| Ok(Some(named)))? {
        Some(number) => Lab::numbered(number),
        None => Err(usage("you are in no lab yet; begin one: `chaos lab start 1`".to_owned())),
    }
}

fn predict(lab: &Lab, said: &[String], store: &Store) -> anyhow::Result<()> {
    let said = said.iter().map(|word| prediction(lab, word)).collect::<Result<Vec<_>, _>>().map_err(usage)?;
    let progress = store.change(|progress| {
        for (key, verdict) in &said {
            progress.predict(lab.number, key, *verdict);
        }
    })?;
    say(&tell::predicted(lab, &progress))
}

/// `KEY=VERDICT`, with a key of this lab. Capitals do not matter.
fn prediction(lab: &Lab, word: &str) -> Result<(String, Verdict), String> {
    let Some((key, verdict)) = word.split_once('=') else {
        return Err(format!("{word:?} is not KEY=VERDICT, such as {}=Survived", lab.predict[0].key));
    };
    let (key, verdict) = (key.trim(), verdict.trim());
    let keys = lab.predict.iter().map(|ask| ask.key.as_str());
    if !keys.clone().any(|known| known == key) {
        return Err(no_such(&format!("prediction of lab {}", lab.number), key, keys));
    }
    let found = Verdict::ALL.into_iter().find(|known| known.word().eq_ignore_ascii_case(verdict));
    let words = Verdict::ALL.into_iter().map(Verdict::word);
    Ok((key.to_owned(), found.ok_or_else(|| no_such("verdict", verdict, words))?))
}

fn lab_numbered(text: &str) -> Result<u8, String> {
    let known = 1..=catalogue::HOW_MANY;
    let number = text.parse::<u8>().ok().filter(|number| known.contains(number));
    number.ok_or_else(|| format!("the labs are numbered 1 to {}; `chaos lab list` names them", known.end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prediction_names_a_key_of_the_lab_and_one_of_the_five_verdicts() {
        let lab = Lab::numbered(2).unwrap();
        let key = lab.predict[0].key.clone();
        assert_eq!(prediction(&lab, &format!("{key}=lost")), Ok((key.clone(), Verdict::Lost)));
        assert!(prediction(&lab, &format!("{key}=Lots")).unwrap_err().contains("nearest: Lost"));
        assert!(prediction(&lab, "nobody=Lost").unwrap_err().contains(&key));
        assert!(prediction(&lab, "Lost").unwrap_err().contains("KEY=VERDICT"));
    }
}
