//! "Change one thing": the code is broken on purpose, the student mends it, and the matrix says whether it
//! is mended.
//!
//! It is mended when every cell of the task is as predicted in `predictions.toml` again; how the student
//! writes it does not matter.

use std::io::{IsTerminal, stdout};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, bail};
use serde_json::Value;

use super::catalogue::{Broken, Lab};
use super::store::Store;
use super::tell::{chaos_lab, paragraph, what_next};
use super::tree::Tree;
use crate::report::say;
use crate::report::wrap::command;

/// Breaks the code of the tree the student stands in, if nothing in it is changed.
///
/// # Errors
/// If something is, or the patch does not fit.
pub fn start(lab: &Lab, store: &Store) -> anyhow::Result<ExitCode> {
    let tree = Tree::here()?;
    let (changed, git) = (tree.changed()?, tree.git_as_typed());
    if !changed.is_empty() {
        bail!(
            "nothing was changed, because these files differ from the last commit: {}; \
             keep them with `git stash`, or drop them with `{git} restore {0}`",
            changed.join(" ")
        );
    }
    // What is broken must be remembered, or nobody is told to mend it: better found out before.
    store.change(|_| ())?;
    tree.apply(lab.change.broken)?;
    let files = tree.changed()?.join(" ");
    store.change(|progress| progress.begin_change(lab.number))?;
    let number = lab.number;
    say(&format!(
        "Lab {number}, change one thing. Broken on purpose: {files}\n\n{}\n\
         See what was done:  git diff\n\
         See what it does:   {}\n\
         When it is mended:  chaos lab check {number} --change\n\
         Take it all back:   {git} restore {files} && cargo build --workspace\n",
        paragraph(0, &lab.change.task),
        format_args!("chaos lab check {number} --change"),
    ))?;
    Ok(ExitCode::SUCCESS)
}

/// Prints the reference fix, as a patch to be applied after the breakage; the lab is marked as shown.
///
/// # Errors
/// If the progress cannot be kept, or nothing can be printed.
pub fn solve(lab: &Lab, store: &Store) -> anyhow::Result<()> {
    store.change(|progress| progress.show(lab.number))?;
    say(lab.change.fix)?;
    // Only to a reader: a patch that goes into a file or to git is nothing but the patch.
    if stdout().is_terminal() {
        let git = Tree::here().map_or_else(|_| "git".to_owned(), |tree| tree.git_as_typed());
        let apply = command(&format!("chaos lab solve {} --change | {git} apply", lab.number));
        let check = chaos_lab("check", lab.number, " --change");
        let said = format!("If nothing but the breakage is changed: {apply}, and then {check}");
        say(&format!("\n{}", paragraph(0, &said)))?;
    }
    Ok(())
}

/// Builds the tree and tries the cells of the task.
///
/// # Errors
/// If there is no tree, no cargo, or a cell cannot be tried.
pub async fn check(lab: &Lab, store: &Store) -> anyhow::Result<ExitCode> {
    if !store.read()?.lab(lab.number).is_some_and(|mine| mine.change_begun) {
        say(&format!("Nothing to check yet. Begin: chaos lab start {} --change\n", lab.number))?;
        return Ok(ExitCode::from(2));
    }
    let tree = Tree::here()?;
    let tool_changed = tree.changed()?.iter().any(|file| file.starts_with("chaos/"));
    let Some(folder) = tree.build(tool_changed)? else {
        say("It does not build; cargo says above why.\n")?;
        return Ok(ExitCode::from(1));
    };
    let tool = if tool_changed { folder.join("chaos") } else { std::env::current_exe()? };
    let mut worst = 0;
    for task in &lab.change.cell {
        let tried = Tried::of(task, &tool, &folder)?;
        say(&tried.told(task))?;
        worst = worst.max(tried.exit_code());
    }
    if worst == 0 {
        let progress = store.change(|progress| progress.change_proven(lab.number))?;
        say(&format!("\n{}", paragraph(0, &format!("Mended, and proven. {}", what_next(lab, &progress)))))?;
    } else if worst == 2 {
        say("\nNot proven: what could not be tried says above why (chaos doctor names the cure).\n")?;
    } else {
        let [check, solve] = ["check", "solve"].map(|what| chaos_lab(what, lab.number, " --change"));
        let next = format!("Next: mend it, then once more: {check}. One way to mend it: {solve}");
        say(&format!("\n{}", paragraph(0, &format!("Not mended yet. {next}"))))?;
    }
    // 1 is worse than 2 here as everywhere: a deviation was seen, and not only nothing.
    Ok(ExitCode::from(if worst == 3 { 1 } else { worst }))
}

/// What a run of one cell came to.
struct Tried {
    as_predicted: bool,
    observed: String,
    reason: Option<String>,
    predicted: String,
    notes: Vec<String>,
    request: Option<String>,
}

impl Tried {
    /// Runs it in a process of its own: the tool may be what was changed.
    fn of(task: &Broken, tool: &PathBuf, services: &Path) -> anyhow::Result<Tried> {
        let command = task.cell.command();
        let words = command.split(' ').skip(1).chain(["--json"]);
        let output = Command::new(tool)
            .args(words)
            .env("CHAOS_BIN_DIR", services)
            .stderr(Stdio::inherit())
            .output()
            .with_context(|| format!("running {command}"))?;
        let Ok(results) = serde_json::from_slice::<Value>(&output.stdout) else {
            bail!("{command} could not run; it says above why");
        };
        let cells = results["cells"].as_array().into_iter().flatten();
        // A promise that is broken though nothing happens ends the run before its first cell.
        let controls = results["control"].as_array().into_iter().flatten();
        let controls = controls.filter(|control| control["as_predicted"] == false);
        let seen = cells.chain(controls).next().with_context(|| format!("{command} tried nothing"))?;
        Ok(Tried::read(seen))
    }

    fn read(seen: &Value) -> Tried {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let reason = text(&seen["reason"]);
        let gave_it = |request: &&Value| {
            reason.is_some()
                && (text(&request["failure_reason"]) == reason || text(&request["failure"]) == reason)
        };
        let request = seen["evidence"].as_array().and_then(|evidence| evidence.iter().find(gave_it));
        Tried {
            as_predicted: seen["as_predicted"] == true,
            observed: text(&seen["observed"]).unwrap_or_default(),
            predicted: with_reason(
                text(&seen["predicted"]).unwrap_or_default(),
                text(&seen["predicted_reason"]),
            ),
            notes: seen["notes"].as_array().into_iter().flatten().filter_map(text).collect(),
            request: request.map(|request| {
                let word = |name: &str| text(&request[name]).unwrap_or_default();
                format!("{}, {} {}, status {}", word("step"), word("method"), word("path"), request["status"])
            }),
            reason,
        }
    }

    fn told(&self, task: &Broken) -> String {
        let seen = with_reason(self.observed.clone(), self.reason.clone());
        let mut out = format!("{}\n  seen {seen}", task.cell);
        if self.as_predicted {
            return out + ", as it must be\n";
        }
        out.push_str(&format!(", and must be {}\n", self.predicted));
        if let Some(request) = &self.request {
            out.push_str(&paragraph(2, &format!("decided by {request}")));
        }
        for note in &self.notes {
            out.push_str(&paragraph(2, note));
        }
        out
    }

    fn exit_code(&self) -> u8 {
        match self.observed.as_str() {
            _ if self.as_predicted => 0,
            "Inconclusive" | "NotAvailable" => 2,
            _ => 3, // above 2, so that the worst wins; see `check`
        }
    }
}

/// `Lost (restart)`: two that lose something for different reasons are not the same.
fn with_reason(verdict: String, reason: Option<String>) -> String {
    match reason {
        Some(reason) => format!("{verdict} ({reason})"),
        None => verdict,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_loss_for_the_wrong_reason_says_which_reason_it_must_have() {
        let lab = Lab::numbered(1).unwrap();
        let seen = json!({ "observed": "Lost", "reason": "session_unknown", "predicted": "Lost",
            "predicted_reason": "restart", "as_predicted": false });
        let told = Tried::read(&seen).told(&lab.change.cell[0]);
        assert!(told.contains("seen Lost (session_unknown), and must be Lost (restart)"), "{told}");
    }
}
