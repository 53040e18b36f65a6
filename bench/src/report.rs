//! What does BENCHMARKS.md say? Tables, made here and nowhere else, between two markers; the prose around
//! them is written by hand and stays.

use std::path::Path;

use anyhow::{Context, Result};

use crate::bars::{self, Verdict};
use crate::calls::Calls;
use crate::load::percentile;
use crate::memory::Memory;
use crate::outage::Waits;
use crate::race::{CONNECTIONS, Distance, Operation, Row};
use crate::restart::Restarts;
use crate::scheduling::Scheduling;

const BEGIN: &str = "<!-- made by `make bench`: do not edit from here -->";
const END: &str = "<!-- to here -->";

/// A machine is quiet if others use less than this share of it in half of the turns.
const QUIET: f64 = 0.03;

/// Everything that was measured.
#[derive(Debug)]
pub struct Results {
    /// On what.
    pub machine: String,
    /// How long the race was.
    pub distance: Distance,
    /// The race.
    pub rows: Vec<Row>,
    /// Sessions in the memory measurement.
    pub sessions: usize,
    /// What they weigh.
    pub memory: Vec<Memory>,
    /// Restarts.
    pub restarts: Vec<Restarts>,
    /// Outages of Redis.
    pub outages: Vec<Waits>,
    /// Calls of Redis.
    pub calls: Vec<Calls>,
}

impl Results {
    /// Every promise that what was measured can judge.
    pub fn verdicts(&self) -> Vec<Verdict> {
        [
            bars::race(&self.rows),
            bars::memory(&self.memory),
            bars::restarts(&self.restarts),
            bars::outages(&self.outages),
            bars::calls(&self.calls),
        ]
        .concat()
    }

    /// The tables as Markdown.
    pub fn tables(&self) -> String {
        let mut text = format!("{}\n", self.machine);
        text.push_str(&quiet(&self.rows));
        let mut chapter = |title: &str, table: String| {
            if !table.is_empty() {
                text.push_str(&format!("\n### {title}\n\n{table}"));
            }
        };
        chapter("Promises", verdicts(&self.verdicts()));
        let limits = bars::limits(&self.rows);
        chapter("Where the missed bars lie", limits.iter().map(|limit| format!("- {limit}\n")).collect());
        for scheduling in Scheduling::ALL {
            for operation in Operation::ALL {
                let (turns, window) = (self.distance.rounds, self.distance.window.as_secs_f64());
                let title = format!(
                    "{}, {}, {CONNECTIONS} connections, medians of {turns} rounds of {window} s",
                    capitalised(operation.word()),
                    scheduling.word()
                );
                chapter(&title, race(&self.rows, operation, scheduling));
            }
        }
        chapter(&format!("Bytes a session, of {}", self.sessions), memory(&self.memory));
        chapter("Graceful restart, from SIGTERM to ready", restarts(&self.restarts));
        chapter("While Redis does not answer", outages(&self.outages));
        text
    }
}

/// Puts `tables` between the markers of the file.
///
/// # Errors
/// If the file cannot be read or written, or has no markers.
pub fn write(path: &Path, tables: &str) -> Result<()> {
    let old = std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    let (prose, rest) = old.split_once(BEGIN).with_context(|| format!("no {BEGIN} in {}", path.display()))?;
    let (_, more_prose) = rest.split_once(END).with_context(|| format!("no {END} in {}", path.display()))?;
    std::fs::write(path, format!("{prose}{BEGIN}\n\n{tables}\n{END}{more_prose}"))
        .with_context(|| format!("writing {}", path.display()))
}

/// Did anybody else want the processors during the race? Then its numbers say less.
fn quiet(rows: &[Row]) -> String {
    let mut others: Vec<f64> = rows.iter().flat_map(|row| &row.turns).map(|turn| turn.others).collect();
    others.sort_unstable_by(f64::total_cmp);
    if others.is_empty() {
        return String::new();
    }
    let [half, most] = [0.5, 1.0].map(|share| percentile(&others, share));
    let quiet = if half < QUIET { "" } else { " **The machine was not quiet: measure again.**" };
    format!(
        "During the race the rest of the machine used {:.1} % of its processor time in half of the turns, \
         and never more than {:.1} %.{quiet}\n",
        half * 100.0,
        most * 100.0
    )
}

fn verdicts(verdicts: &[Verdict]) -> String {
    let rows = verdicts.iter().map(|verdict| {
        let word = if verdict.met { "met" } else { "**MISSED**" };
        let Verdict { promise, measured, bar, beside, .. } = verdict;
        vec![promise.clone(), measured.clone(), bar.clone(), word.to_owned(), beside.clone()]
    });
    table(&["promise", "measured", "bar", "", "beside"], rows)
}

fn race(rows: &[Row], operation: Operation, scheduling: Scheduling) -> String {
    let rows = rows.iter().filter(|row| (row.operation, row.scheduling) == (operation, scheduling));
    let rows = rows.map(|row| {
        let who = row.contender.name().to_owned();
        if let Some(error) = &row.first_error {
            let shout = format!("**INVALID**: {} errors, the first: {error}", row.errors);
            return vec![
                who,
                shout,
                String::new(),
                String::new(),
                String::new(),
                String::new(),
                String::new(),
            ];
        }
        let mut totals: Vec<f64> = row.turns.iter().map(|turn| turn.total_us()).collect();
        totals.sort_unstable_by(f64::total_cmp);
        let range =
            [totals.first(), totals.last()].map(|end| format!("{:.1}", end.copied().unwrap_or_default()));
        vec![
            who,
            format!("{:.1}", row.median(|turn| turn.service_us)),
            format!("{:.1}", row.median(|turn| turn.redis_us)),
            format!("**{:.1}** ({})", row.median(|turn| turn.total_us()), range.join(" to ")),
            format!("{:.0}", row.median(|turn| turn.requests_per_s)),
            format!("{:.2}", row.median(|turn| turn.p50_ms)),
            format!("{:.2}", row.median(|turn| turn.p99_ms)),
        ]
    });
    table(&["", "server µs", "Redis µs", "together (range)", "requests/s", "p50 ms", "p99 ms"], rows)
}

fn memory(measured: &[Memory]) -> String {
    let rows = measured.iter().map(|memory| {
        let (empty, book) = (memory.empty, memory.with_a_book);
        let number = |bytes: f64| format!("{bytes:.0}");
        vec![
            memory.contender.name().to_owned(),
            number(empty.process),
            number(empty.redis),
            number(book.process),
            number(book.redis),
        ]
    });
    let head = ["", "empty cart: process", "and Redis", "a book in the cart: process", "and Redis"];
    table(&head, rows)
}

fn restarts(measured: &[Restarts]) -> String {
    let rows = measured.iter().map(|restarts| {
        let mut row = vec![restarts.contender.name().to_owned(), restarts.away_ms.len().to_string()];
        row.extend([0.5, 0.99, 1.0].map(|share| format!("{:.1}", restarts.percentile_ms(share))));
        row.push(format!("{:.1}", percentile(&restarts.stop_ms, 0.5)));
        row
    });
    table(&["", "times", "p50 ms", "p99 ms", "longest ms", "of which stopping, p50 ms"], rows)
}

fn outages(measured: &[Waits]) -> String {
    let rows = measured.iter().map(|waits| {
        vec![
            format!("Redis {}", waits.outage.word()),
            waits.answers.to_string(),
            format!("{:.1}", waits.p50_ms),
            format!("{:.1}", waits.p99_ms),
            format!("{:.1}", waits.max_ms),
            format!("{:.0}", waits.recovered_ms),
        ]
    });
    table(&["", "answers (503)", "p50 ms", "p99 ms", "longest ms", "well again after ms"], rows)
}

/// A Markdown table; nothing if there are no rows.
fn table(head: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let rows: Vec<String> = rows.map(|row| format!("| {} |\n", row.join(" | "))).collect();
    if rows.is_empty() {
        return String::new();
    }
    let numbers = "---:|".repeat(head.len().saturating_sub(1));
    format!("| {} |\n|---|{numbers}\n{}", head.join(" | "), rows.concat())
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_ascii_uppercase().to_string() + letters.as_str()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_replaced_and_the_prose_stays() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), format!("before\n{BEGIN}\nold\n{END}\nafter\n")).unwrap();
        write(file.path(), "new").unwrap();
        let text = std::fs::read_to_string(file.path()).unwrap();
        assert_eq!(text, format!("before\n{BEGIN}\n\nnew\n{END}\nafter\n"));
    }

    #[test]
    fn a_file_without_markers_is_left_alone() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "prose").unwrap();
        assert!(write(file.path(), "new").is_err());
        assert_eq!(std::fs::read_to_string(file.path()).unwrap(), "prose");
    }
}
