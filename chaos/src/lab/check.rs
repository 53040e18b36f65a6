//! Did it come as the student said? Every cell that was predicted is tried for real, by the code of
//! `chaos run`, and the results are kept as every run's are.

use std::fmt::Write;
use std::process::ExitCode;

use super::catalogue::{Ask, Lab};
use super::explain;
use super::progress::{LabProgress, Progress};
use super::step::Step;
use super::store::Store;
use super::tell::{self, paragraph};
use crate::attempt::try_out;
use crate::report::paint::Paint;
use crate::report::wrap::{command, fitted};
use crate::report::{say, text};
use crate::results::{Cell, Observed, Results};
use crate::usage::usage;
use crate::verdict::Verdict;

/// Tries what was predicted, compares, and says what came of it.
///
/// # Errors
/// If the lab cannot run, or the progress cannot be kept.
pub async fn run(lab: &Lab, store: &Store, seed: Option<u64>) -> anyhow::Result<ExitCode> {
    let progress = store.read()?;
    let mine = progress.lab(lab.number).cloned().unwrap_or_default();
    let asked: Vec<&Ask> = lab.predict.iter().filter(|ask| mine.predictions.contains_key(&ask.key)).collect();
    if asked.is_empty() {
        say(&tell::predict_first(lab))?;
        return Ok(ExitCode::from(NOT_PROVEN));
    }
    let cells = asked.iter().map(|ask| ask.cell.cell()).collect::<Result<Vec<_>, _>>().map_err(usage)?;
    let (results, kept) = try_out(cells, seed).await?;
    if results.cells.is_empty() {
        say(&text::broken_controls(&results, Paint::for_stdout()))?;
        return Ok(ExitCode::from(3));
    }
    let pairs = pairs(&asked, &results);
    let seen: Vec<(String, Verdict)> = pairs
        .iter()
        .filter_map(|(ask, cell)| match cell.observed {
            Observed::Verdict(verdict) => Some((ask.key.clone(), verdict)),
            Observed::Inconclusive | Observed::NotAvailable => None,
        })
        .collect();
    let progress = store.change(|progress| {
        progress.checked(lab.number, &seen, kept.as_ref().ok().map(|folder| folder.display().to_string()));
    })?;
    let mine = progress.lab(lab.number).cloned().unwrap_or_default();
    say(&told(lab, &pairs, &mine, &progress, Paint::for_stdout()))?;
    kept?;
    Ok(ExitCode::from(exit_code(&pairs, &mine)))
}

const NOT_PROVEN: u8 = 2;

/// Each question with its cell. The results are in the order of the plan; a test of the matrix says so.
fn pairs<'a>(asked: &[&'a Ask], results: &'a Results) -> Vec<(&'a Ask, &'a Cell)> {
    asked.iter().copied().zip(&results.cells).collect()
}

fn told(lab: &Lab, pairs: &[(&Ask, &Cell)], mine: &LabProgress, progress: &Progress, paint: Paint) -> String {
    let mut out = format!("{}\n", paint.bold(&format!("Lab {}: {}", lab.number, lab.title)));
    for (ask, cell) in pairs {
        if let Some(said) = mine.predictions.get(&ask.key) {
            let _ = write!(out, "\n{}", compared(ask, cell, said.said, paint));
        }
    }
    out.push('\n');
    let untried = pairs.iter().filter(|(_, cell)| cell.observed == Observed::NotAvailable).count();
    if untried > 0 {
        out.push_str(&paragraph(0, &tell::not_all_tried(lab, untried, pairs.len())));
    }
    // To check once more would try no more than now.
    if untried == 0 || Step::of(lab, mine) != Step::Run {
        out.push_str(&paragraph(0, &tell::what_next(lab, progress)));
    }
    out
}

/// One prediction beside what was seen; a wrong one is explained by the student's own run.
fn compared(ask: &Ask, cell: &Cell, said: Verdict, paint: Paint) -> String {
    // Painted after it is wrapped, because paint has no width.
    let title = fitted(&format!("{} · {}", ask.key, ask.cell), 2);
    let mut out = format!("{}\n", title.replacen(&ask.key, &paint.bold(&ask.key), 1));
    let seen = match cell.observed {
        Observed::Verdict(seen) => seen,
        Observed::NotAvailable => {
            let why = cell.notes.join("; ");
            return out + &paragraph(2, &format!("not tried, and so it does not count: {why}"));
        }
        Observed::Inconclusive => {
            let why = cell.notes.join("; ");
            return out + &paragraph(2, &format!("proves nothing this time, try again: {why}"));
        }
    };
    let reason = cell.reason.as_ref().map_or(String::new(), |reason| format!(" ({reason})"));
    let observed = paint.observed(cell.observed, seen.word());
    if said == seen {
        let right = format!("  you said {said}: right. Seen: {observed}{reason}");
        let _ = writeln!(out, "{}", fitted(&right, 4));
        out.push_str(&paragraph(2, &because(cell)));
        return out;
    }
    let wrong = format!("  you said {said}: {}. Seen: {observed}{reason}", paint.alarm("not so"));
    let _ = writeln!(out, "{}", fitted(&wrong, 4));
    out.push_str(&paragraph(2, &explain::by_the_run(cell)));
    if let Some(misconception) = ask.wrong.get(&said) {
        out.push_str(&paragraph(2, misconception));
    }
    out.push_str(&paragraph(2, &because(cell)));
    let story = format!("as a story: {}", command(&ask.cell.command()));
    out.push_str(&paragraph(2, &story));
    out
}

/// Why the lab itself had predicted this, or that it had not.
fn because(cell: &Cell) -> String {
    if cell.as_predicted {
        cell.because.clone()
    } else {
        format!(
            "The lab had predicted {}, so it was wrong too: {} Is the code of this tree changed (`git status`)?",
            cell.predicted, cell.because
        )
    }
}

/// 1 if a prediction was wrong, 2 if one of them was neither right nor wrong: a lab is right when all of it is.
fn exit_code(pairs: &[(&Ask, &Cell)], mine: &LabProgress) -> u8 {
    let said = |ask: &Ask| mine.predictions.get(&ask.key).map(|it| it.said);
    let came = |(ask, cell): &(&Ask, &Cell)| match cell.observed {
        Observed::Verdict(seen) if said(ask).is_some_and(|said| said != seen) => 1,
        Observed::Verdict(_) => 0,
        Observed::Inconclusive | Observed::NotAvailable => NOT_PROVEN,
    };
    let codes: Vec<u8> = pairs.iter().map(came).collect();
    if codes.contains(&1) { 1 } else { codes.into_iter().max().unwrap_or(NOT_PROVEN) }
}
