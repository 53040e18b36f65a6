//! Which rows are there, and who checks them?

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, Instant};

use chaos::contract::elsewhere::ELSEWHERE;
use chaos::contract::{self, Pace, Row};
use tokio::task::JoinSet;

use crate::column::{Column, Lab};
use crate::{budget, idempotency, login, redis, renewal, session_life, shutdown, sql, tokens, trouble};

/// A check under way.
pub type Checking = Pin<Box<dyn Future<Output = anyhow::Result<()>> + Send>>;

/// A promise that takes more than HTTP to check.
#[derive(Clone, Copy)]
pub struct LabRow {
    /// Its number.
    pub number: u8,
    /// What it says.
    pub claim: &'static str,
    /// When it is checked.
    pub pace: Pace,
    /// Where it means something.
    pub applies: fn(&Column) -> bool,
    /// Finds out whether it is kept.
    pub run: fn(Column) -> Checking,
}

/// How many rows have a lab at the same time, beside those that mostly wait.
const LABS_AT_ONCE: usize = 3;

/// How often a row is checked again whose store did not answer in time.
const RETRIES: usize = 2;

/// No row takes longer.
const ROW_WITHIN: Duration = Duration::from_secs(40);

/// All of them, by section.
fn lab_rows() -> Vec<LabRow> {
    let sections = [
        login::ROWS,
        tokens::ROWS,
        session_life::ROWS,
        renewal::ROWS,
        idempotency::ROWS,
        redis::ROWS,
        sql::ROWS,
        shutdown::ROWS,
        trouble::ROWS,
        budget::ROWS,
    ];
    sections.concat()
}

/// The rows in which SQL is asked for something; on another database the others would say nothing new.
const ON_SQL: [u8; 24] =
    [1, 2, 10, 12, 13, 14, 16, 17, 19, 36, 37, 38, 39, 47, 48, 49, 50, 51, 52, 53, 60, 63, 64, 65];

/// Everywhere.
pub fn everywhere(_: &Column) -> bool {
    true
}

/// What was found out about one row.
#[derive(Clone)]
struct Finding {
    number: u8,
    claim: &'static str,
    // Rows that are asked over HTTP share their time.
    took: Option<Duration>,
    deviation: Option<String>,
    check: Check,
}

/// How a row is checked, to check it again.
#[derive(Clone, Copy)]
enum Check {
    OverHttp(Row, &'static str),
    WithLab(LabRow),
}

/// Checks every row in this column, and fails with all that deviates.
pub async fn check(column: Column) {
    let together = |pace: Pace| pace != Pace::Alone;
    let (asked, done) = tokio::join!(over_http(&column, together), with_labs(&column, together));
    let mut findings = [asked, done].concat();
    findings.extend(over_http_alone(&column).await);
    findings.extend(with_labs(&column, |pace| pace == Pace::Alone).await);
    for finding in findings.iter_mut().filter(|finding| was_too_busy(finding)) {
        check_again(&column, finding).await;
    }
    findings.sort_by_key(|finding| finding.number);
    let on = if column.postgres.is_some() { "Postgres" } else { "SQLite" };
    let mut broken = 0;
    #[expect(clippy::print_stdout, reason = "captured, and shown where the test fails")]
    for Finding { number, claim, took, deviation, .. } in &findings {
        let took = took.map(|took| format!(" ({took:.1?})")).unwrap_or_default();
        match deviation {
            None => println!("{number:>3}  ok{took}: {claim}"),
            Some(what) => println!("{number:>3}  NO{took}: {claim}: {what}"),
        }
        broken += usize::from(deviation.is_some());
    }
    assert!(!findings.is_empty(), "no row was checked");
    assert_eq!(broken, 0, "{broken} of {} rows do not hold for {} on {on}", findings.len(), column.name);
}

/// Whether the store ran out of its 200 ms, or a service was late to be back. Where the machine is busy with other
/// rows, that says nothing about this row.
fn was_too_busy(finding: &Finding) -> bool {
    finding.deviation.as_ref().is_some_and(|seen| {
        seen.contains("session_store_unavailable") && seen.contains("timeout")
            || seen.contains("is not ready after")
    })
}

/// Checks a row again, when nothing else is checked.
async fn check_again(column: &Column, finding: &mut Finding) {
    for _ in 0..RETRIES {
        let again = match finding.check {
            Check::OverHttp(row, cost) => ask(column, cost, vec![row]).await.pop(),
            Check::WithLab(row) => Some(with_a_lab(column.clone(), row).await),
        };
        *finding = again.expect("one row has one finding");
        if !was_too_busy(finding) {
            return;
        }
    }
}

/// The rows that need nothing but HTTP and can be checked side by side.
async fn over_http(column: &Column, is_due: fn(Pace) -> bool) -> Vec<Finding> {
    let rows = contract::rows().into_iter().filter(|row| is_wanted(column, row.number) && is_due(row.pace));
    ask(column, "lab", rows.collect()).await
}

/// The others; and once more those about hashing, against a service that hashes as in earnest.
async fn over_http_alone(column: &Column) -> Vec<Finding> {
    let about_hashing = |row: &Row| matches!(row.number, 10 | 12 | 14) && is_wanted(column, row.number);
    let costly = contract::rows().into_iter().filter(about_hashing).collect();
    let mut findings = over_http(column, |pace| pace == Pace::Alone).await;
    findings.extend(ask(column, "owasp", costly).await);
    findings
}

async fn ask(column: &Column, cost: &'static str, rows: Vec<Row>) -> Vec<Finding> {
    if rows.is_empty() {
        return Vec::new();
    }
    let mut service = column.service();
    for arg in &mut service.args {
        if arg == "lab" {
            *arg = cost.to_owned();
        }
    }
    let lab = Lab::start(column.spec(service)).await.expect("a lab to ask");
    let findings = contract::check(&lab.site(), &rows).await;
    let finding = |(row, outcome): (Row, contract::Outcome)| Finding {
        number: row.number,
        claim: row.claim,
        took: None,
        deviation: outcome.err().map(|deviation| deviation.to_string()),
        check: Check::OverHttp(row, cost),
    };
    findings.into_iter().map(finding).collect()
}

async fn with_labs(column: &Column, is_due: fn(Pace) -> bool) -> Vec<Finding> {
    let mut rows: Vec<LabRow> = lab_rows();
    rows.retain(|row| is_wanted(column, row.number) && is_due(row.pace) && (row.applies)(column));
    rows.sort_by_key(|row| row.pace);
    let waiting = rows.iter().filter(|row| row.pace == Pace::Slow).count();
    let (mut findings, mut running) = (Vec::new(), JoinSet::new());
    for row in rows {
        let limit = if row.pace == Pace::Alone { 1 } else { waiting + LABS_AT_ONCE };
        while running.len() >= limit {
            findings.extend(running.join_next().await.map(|ended| ended.expect("rows do not panic")));
        }
        running.spawn(with_a_lab(column.clone(), row));
    }
    while let Some(ended) = running.join_next().await {
        findings.push(ended.expect("rows do not panic"));
    }
    findings
}

async fn with_a_lab(column: Column, row: LabRow) -> Finding {
    let start = Instant::now();
    let checked = tokio::spawn(tokio::time::timeout(ROW_WITHIN, (row.run)(column))).await;
    let deviation = match checked {
        Ok(Ok(outcome)) => outcome.err().map(|error| format!("{error:#}")),
        Ok(Err(_)) => Some(format!("no end within {ROW_WITHIN:?}")),
        Err(panic) => Some(panic.to_string()),
    };
    let (number, claim, took) = (row.number, row.claim, Some(start.elapsed()));
    Finding { number, claim, took, deviation, check: Check::WithLab(row) }
}

fn is_wanted(column: &Column, number: u8) -> bool {
    if column.postgres.is_some() && !ON_SQL.contains(&number) {
        return false;
    }
    let Ok(wanted) = std::env::var("CONTRACT_ROWS") else { return true };
    wanted.split(',').any(|word| word.trim().parse() == Ok(number))
}

#[test]
fn every_row_of_the_contract_is_checked_somewhere() {
    let over_http: BTreeSet<u8> = contract::rows().iter().map(|row| row.number).collect();
    let in_labs: BTreeSet<u8> = lab_rows().iter().map(|row| row.number).collect();
    // 31 (a clock that is wrong), 59 (a degraded mode) and 66 (event streams) are not built, and so are
    // not promised; 67 is the flow `spread` as well; 68 needs two versions.
    let promised = (1..=67).filter(|number| ![31, 59, 66].contains(number));
    for number in promised {
        assert!(over_http.contains(&number) || in_labs.contains(&number), "nobody checks row {number}");
    }
    for row in ELSEWHERE {
        assert!(in_labs.contains(&row.number), "row {} is said to be checked with a lab", row.number);
    }
    // The budget has no row in the contract; it is a promise to whoever pays for Redis.
    for number in in_labs.difference(&over_http).filter(|number| **number > 0) {
        assert!(ELSEWHERE.iter().any(|row| row.number == *number), "`chaos contract` is silent on {number}");
    }
}
