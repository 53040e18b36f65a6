//! What is written down about a whole run? One object: for `--json`, for `result.json` in the results
//! folder, and for the tables people read. `schema/result.schema.json` describes it.

use std::path::{Path, PathBuf};

use anyhow::Context;
use jiff::Timestamp;
use serde::{Serialize, Serializer};

use crate::client::record::Evidence;
use crate::fault::RestartTimes;
use crate::moment::Moment;
use crate::predict::Expected;
use crate::verdict::Verdict;
use crate::way::Way;

/// What a run or a matrix is called in its results folder.
pub const FILE: &str = "result.json";

/// What a load is called there.
pub const LOAD_FILE: &str = "load.json";

/// One run of the tool over some cells.
#[derive(Debug, Clone, Serialize)]
pub struct Results {
    /// The same seed gives the same schedule and the same data.
    pub seed: u64,
    /// What drove the lab: `local` or `docker`.
    pub driver: &'static str,
    /// The lab of somebody else in which it was tried; null if it had its own.
    pub lab: Option<String>,
    /// How long a pause lasted.
    pub pause_ms: f64,
    /// Where sessions of the services that keep them outside lived, and why there.
    pub store: String,
    /// When it began.
    pub started_at: Timestamp,
    /// How long it took.
    pub duration_ms: u64,
    /// How the cells ended, counted.
    pub summary: Summary,
    /// The undisturbed runs: what the promises cost when nothing happens.
    pub control: Vec<Control>,
    /// The cells, in the order of the schedule.
    pub cells: Vec<Cell>,
}

/// How the cells ended, counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Seen as predicted.
    pub as_predicted: usize,
    /// Seen, and otherwise than predicted.
    pub deviated: usize,
    /// Not proven, and so neither.
    pub inconclusive: usize,
    /// Not tried, because something it needs is not here (a Redis, a gateway).
    pub not_available: usize,
}

/// An undisturbed run of a flow.
#[derive(Debug, Clone, Serialize)]
pub struct Control {
    /// Which flow.
    pub flow: &'static str,
    /// Which service.
    pub service: String,
    /// By which way the client's requests went.
    pub way: Way,
    /// What was predicted.
    pub predicted: Verdict,
    /// What was seen.
    pub observed: Observed,
    /// Whether the two agree, the reason included if one was predicted.
    pub as_predicted: bool,
    /// The one word for what was seen.
    pub reason: Option<String>,
    /// Half of the requests took less.
    pub p50_ms: f64,
    /// Calls to Redis for each request; null where there is none.
    pub redis_calls_per_request: Option<f64>,
    /// What was found wrong.
    pub notes: Vec<String>,
    /// Every request.
    pub evidence: Vec<Evidence>,
}

/// One cell: a flow, a fault, a service, a way, a moment.
#[derive(Debug, Clone, Serialize)]
pub struct Cell {
    /// Which flow.
    pub flow: &'static str,
    /// Which fault.
    pub fault: &'static str,
    /// Which service.
    pub service: String,
    /// By which way the client's requests went.
    pub way: Way,
    /// When.
    pub moment: Moment,
    /// The other name of the same moment: after one step is before the next.
    pub also: Option<Moment>,
    /// What was predicted.
    pub predicted: Verdict,
    /// The reason that was predicted with it, if one was.
    pub predicted_reason: Option<String>,
    /// Why it was predicted.
    pub because: String,
    /// What was seen.
    pub observed: Observed,
    /// The one word for it: why a session is lost, how an answer went missing.
    pub reason: Option<String>,
    /// Whether prediction and observation agree.
    pub as_predicted: bool,
    /// How often it was tried: twice if it said nothing at first.
    pub tries: u8,
    /// What else must be said: why it is inconclusive, what the history overruled.
    pub notes: Vec<String>,
    /// How we know that the fault happened.
    pub proof: Option<String>,
    /// How many requests had ended when it happened.
    #[serde(skip)]
    pub struck_after: Option<usize>,
    /// From when to when the fault was in force, by the client's clock.
    pub window: Option<Window>,
    /// How long the replica was away, if one was restarted.
    pub restart: Option<RestartTimes>,
    /// Every request of the client.
    pub evidence: Vec<Evidence>,
}

/// When a fault was in force, in milliseconds since the client began; as [`Evidence::at_ms`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Window {
    /// When it was ordered.
    pub from_ms: f64,
    /// When everything it hit was ready again.
    pub until_ms: f64,
}

impl Cell {
    /// Whether it asks for a second look: it deviated, or proves nothing.
    pub fn stands_out(&self) -> bool {
        !self.as_predicted && self.observed != Observed::NotAvailable
    }
}

/// What was seen of a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Observed {
    /// A verdict.
    Verdict(Verdict),
    /// Nothing that proves anything.
    Inconclusive,
    /// It was not tried: the lab has no Redis, or no gateway.
    NotAvailable,
}

impl Observed {
    /// One word.
    pub fn word(self) -> &'static str {
        match self {
            Observed::Verdict(verdict) => verdict.word(),
            Observed::Inconclusive => "Inconclusive",
            Observed::NotAvailable => "NotAvailable",
        }
    }

    /// Whether it is what was predicted.
    pub fn agrees(self, expected: &Expected, reason: Option<&str>) -> bool {
        matches!(self, Observed::Verdict(verdict) if expected.is(verdict, reason))
    }
}

impl std::fmt::Display for Observed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.word())
    }
}

impl Serialize for Observed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

impl Summary {
    /// Counts.
    pub fn of(cells: &[Cell]) -> Self {
        let mut summary = Summary::default();
        for cell in cells {
            match cell.observed {
                Observed::Inconclusive => summary.inconclusive += 1,
                Observed::NotAvailable => summary.not_available += 1,
                Observed::Verdict(_) if cell.as_predicted => summary.as_predicted += 1,
                Observed::Verdict(_) => summary.deviated += 1,
            }
        }
        summary
    }
}

impl Results {
    /// What the tool exits with; the worst wins.
    pub fn exit_code(&self) -> u8 {
        let control_holds = self.control.iter().all(|control| control.as_predicted);
        match self.summary {
            _ if !control_holds => 3,
            Summary { deviated: 1.., .. } => 1,
            Summary { inconclusive: 1.., .. } => 2,
            // Nothing was tried, so nothing is proven.
            Summary { as_predicted: 0, .. } => 2,
            _ => 0,
        }
    }

    /// The object, as `--json` prints it.
    ///
    /// # Errors
    /// Never for what this tool fills in.
    pub fn to_json(&self) -> anyhow::Result<String> {
        serde_json::to_string_pretty(self).context("putting the results into JSON")
    }
}

/// Writes a file into the results folder of a run.
///
/// # Errors
/// If the folder cannot be written to.
pub fn write(folder: &Path, name: &str, text: &str) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder)
        .with_context(|| format!("making {}; set CHAOS_RESULTS to a folder of your own", folder.display()))?;
    keep(&folder.join(name), text)
}

/// Writes one file of a results folder.
///
/// # Errors
/// If it cannot be written.
pub fn keep(file: &Path, text: &str) -> anyhow::Result<()> {
    std::fs::write(file, text).with_context(|| {
        format!("writing {}; make room there, or set CHAOS_RESULTS to another folder", file.display())
    })
}

/// The results folder of a run: `results/<time>-<seed>`, here or in `CHAOS_RESULTS`.
pub fn folder(started_at: Timestamp, seed: u64) -> PathBuf {
    home().join(format!("{}-{seed}", started_at.strftime("%Y%m%dT%H%M%S.%3fZ")))
}

/// The results folder of the latest run.
pub fn latest() -> PathBuf {
    home().join("latest")
}

fn home() -> PathBuf {
    let named = std::env::var_os("CHAOS_RESULTS").filter(|named| !named.is_empty());
    named.map_or_else(|| PathBuf::from("results"), PathBuf::from)
}

/// Points `results/latest` to the results folder of a run.
///
/// # Errors
/// If it is no link, or cannot be one there. The run is as good without.
pub fn point_latest_to(folder: &Path) -> anyhow::Result<()> {
    let (Some(home), Some(name)) = (folder.parent(), folder.file_name()) else { return Ok(()) };
    let (latest, fresh) = (home.join("latest"), home.join(format!(".latest-{}", std::process::id())));
    // A link cannot be replaced in one step, but another one can be moved over it.
    std::os::unix::fs::symlink(name, &fresh)
        .and_then(|()| std::fs::rename(&fresh, &latest))
        .inspect_err(|_| {
            let _ = std::fs::remove_file(&fresh);
        })
        .with_context(|| {
            format!(
                "{} does not lead to this run (remove what is there; `chaos report {}` takes the run)",
                latest.display(),
                folder.display()
            )
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::moment::Phase;

    fn cell(observed: Observed, as_predicted: bool) -> Cell {
        Cell {
            flow: "cart",
            fault: "kill",
            service: "stateful".to_owned(),
            way: Way::Direct,
            moment: Moment::new("login", Phase::Before),
            also: None,
            predicted: Verdict::Survived,
            predicted_reason: None,
            because: String::new(),
            observed,
            reason: None,
            as_predicted,
            tries: 1,
            notes: Vec::new(),
            proof: None,
            struck_after: None,
            window: None,
            restart: None,
            evidence: Vec::new(),
        }
    }

    fn exit_code(cells: Vec<Cell>) -> u8 {
        let summary = Summary::of(&cells);
        let (started_at, store) = (Timestamp::UNIX_EPOCH, String::new());
        let control = Vec::new();
        let (lab, pause_ms) = (None, 50.0);
        Results {
            seed: 1,
            driver: "local",
            lab,
            pause_ms,
            store,
            started_at,
            duration_ms: 0,
            summary,
            control,
            cells,
        }
        .exit_code()
    }

    #[test]
    fn the_worst_cell_decides_the_exit_code_and_a_deviation_is_worse_than_nothing_proven() {
        let good = cell(Observed::Verdict(Verdict::Survived), true);
        let bad = cell(Observed::Verdict(Verdict::Lost), false);
        let open = cell(Observed::Inconclusive, false);
        assert_eq!(exit_code(vec![good.clone()]), 0);
        assert_eq!(exit_code(vec![good.clone(), open.clone()]), 2);
        assert_eq!(exit_code(vec![good.clone(), open, bad]), 1);
        assert_eq!(exit_code(vec![good, cell(Observed::NotAvailable, false)]), 0);
    }

    #[test]
    fn a_run_in_which_nothing_was_tried_proves_nothing() {
        assert_eq!(exit_code(Vec::new()), 2);
        assert_eq!(exit_code(vec![cell(Observed::NotAvailable, false)]), 2);
    }
}
