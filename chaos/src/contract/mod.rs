//! What does every service of this lab promise over HTTP, and does this one keep it?
//!
//! A promise is a [`Row`]: a number, a claim, and a function that finds out at any base URL. Nothing here
//! knows which twin it asks, so a broken variant, or a learner's own service, is asked the same questions.
//! Whatever a row sends that is an HTTP request, [`rules`] looks at the answer too: some promises hold for every answer
//! there is. To what is none, the HTTP library answers by itself.
//!
//! Read in this order: how a row asks, what holds for every answer, the rows by subject, and what only
//! somebody with power over the process can find out.

pub mod site;
pub mod call;
pub mod answer;
pub mod wire;
pub mod rules;
pub mod requests;
pub mod login;
pub mod tokens;
pub mod session_life;
pub mod renewal;
pub mod idempotency;
pub mod elsewhere;
pub mod behind;
pub mod differences;
pub mod report;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use tokio::task::JoinSet;

pub use report::{ContractArgs, run};
pub use site::Site;

use crate::http::NoAnswer;

/// What a row found out: nothing to say, or what was promised beside what was seen.
pub type Outcome = Result<(), Deviation>;

/// A check under way.
pub type Checking = Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// One promise.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// Its number; several rows share one where a promise has several sides.
    pub number: u8,
    /// What it says.
    pub claim: &'static str,
    /// When it is checked.
    pub pace: Pace,
    /// Finds out whether it is kept.
    pub run: fn(Site) -> Checking,
}

/// When a row is checked, so that the whole takes little longer than its slowest row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pace {
    /// It mostly waits for a limit to pass: begun first.
    Slow,
    /// It is done in a moment.
    Brisk,
    /// It makes the service so busy that others would notice: checked when nothing else is.
    Alone,
}

/// How many rows are checked at the same time, beside those that mostly wait.
const AT_ONCE: usize = 4;

/// No row takes longer; one that does has found a service that hangs.
const ROW_WITHIN: Duration = Duration::from_secs(60);

/// Something was promised and something else was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deviation {
    /// Where: the request, as far as it matters.
    pub at: String,
    /// What was promised.
    pub expected: String,
    /// What came.
    pub seen: String,
}

impl Deviation {
    /// A deviation at `at`.
    pub fn new(at: impl Into<String>, expected: impl Into<String>, seen: impl Into<String>) -> Self {
        Deviation { at: at.into(), expected: expected.into(), seen: seen.into() }
    }

    /// No answer where there should be one.
    pub fn no_answer(at: impl Into<String>, why: &NoAnswer) -> Self {
        Deviation::new(at, "an answer", why.to_string())
    }
}

impl fmt::Display for Deviation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: expected {}, saw {}", self.at, self.expected, self.seen)
    }
}

impl std::error::Error for Deviation {}

/// `expected` and `seen` are the same thing.
///
/// # Errors
/// [`Deviation`] if they are not.
pub fn same<T: PartialEq + fmt::Debug>(at: &str, expected: &T, seen: &T) -> Outcome {
    if expected == seen {
        return Ok(());
    }
    Err(Deviation::new(at, format!("{expected:?}"), format!("{seen:?}")))
}

/// Something holds.
///
/// # Errors
/// [`Deviation`] if it does not.
pub fn holds(at: &str, expected: &str, fact: bool, seen: impl fmt::Debug) -> Outcome {
    if fact { Ok(()) } else { Err(Deviation::new(at, expected, format!("{seen:?}"))) }
}

/// Every row that needs nothing but HTTP, by number.
pub fn rows() -> Vec<Row> {
    let sections =
        [requests::ROWS, login::ROWS, tokens::ROWS, session_life::ROWS, renewal::ROWS, idempotency::ROWS];
    sections.concat()
}

/// Checks `rows` at `site`, several at a time. The findings come in the order of the rows.
pub async fn check(site: &Site, rows: &[Row]) -> Vec<(Row, Outcome)> {
    let mut findings: Vec<Option<Outcome>> = vec![None; rows.len()];
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by_key(|&at| rows[at].pace);
    let waiting = rows.iter().filter(|row| row.pace == Pace::Slow).count();
    let mut running = JoinSet::new();
    for at in order {
        let limit = if rows[at].pace == Pace::Alone { 1 } else { waiting + AT_ONCE };
        while running.len() >= limit {
            note(running.join_next().await, &mut findings);
        }
        let checking = (rows[at].run)(site.clone());
        running.spawn(async move {
            let outcome = tokio::time::timeout(ROW_WITHIN, checking).await;
            (at, outcome.unwrap_or_else(|_| Err(too_slow())))
        });
    }
    while let Some(ended) = running.join_next().await {
        note(Some(ended), &mut findings);
    }
    let never = || Err(Deviation::new("the check", "to end", "a panic inside it"));
    rows.iter().zip(findings).map(|(row, outcome)| (*row, outcome.unwrap_or_else(never))).collect()
}

/// Keeps what a row found out; one that panicked has found out nothing, and is reported as such.
fn note(ended: Option<Result<(usize, Outcome), tokio::task::JoinError>>, findings: &mut [Option<Outcome>]) {
    if let Some(Ok((at, outcome))) = ended {
        findings[at] = Some(outcome);
    }
}

fn too_slow() -> Deviation {
    Deviation::new("the whole row", format!("an end within {ROW_WITHIN:?}"), "none")
}
