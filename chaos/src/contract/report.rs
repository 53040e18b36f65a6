//! `chaos contract URL`: which promises does the service at this address keep?

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use bytes::Bytes;
use clap::Args;
use http_body_util::Full;
use hyper::Request;

use super::elsewhere::ELSEWHERE;
use super::site::Site;
use super::{Outcome, Row, check, rows};
use crate::http;

/// A service that takes longer to say that it lives is not there.
const THERE_WITHIN: Duration = Duration::from_secs(5);

/// Ask a running service whether it keeps the contract.
#[derive(Debug, Clone, Args)]
pub struct ContractArgs {
    /// Where it answers, for instance <http://127.0.0.1:8080>
    #[arg(value_name = "URL")]
    pub url: String,

    /// Only this row; can be repeated
    #[arg(long, value_name = "NUMBER")]
    pub row: Vec<u8>,

    /// A proxy in front of it speaks TLS: its cookie is called __Host-sid
    #[arg(long)]
    pub behind_tls: bool,
}

/// Checks every row and prints one line for each; exits 1 if one does not hold.
///
/// # Errors
/// If there is no service at the address.
pub async fn run(args: &ContractArgs) -> anyhow::Result<ExitCode> {
    there(&args.url).await?;
    let site = Site::new(&args.url);
    let site = if args.behind_tls { site.behind_tls() } else { site };
    let wanted = |number: u8| args.row.is_empty() || args.row.contains(&number);
    let rows: Vec<Row> = rows().into_iter().filter(|row| wanted(row.number)).collect();
    if rows.is_empty() {
        bail!("no row {:?} can be checked with nothing but an address", args.row);
    }
    let findings = check(&site, &rows).await;
    let broken = findings.iter().filter(|(_, outcome)| outcome.is_err()).count();

    let mut out = std::io::stdout().lock();
    for (row, outcome) in &findings {
        writeln!(out, "{}", line(row, outcome))?;
    }
    for row in ELSEWHERE.iter().filter(|row| wanted(row.number)) {
        writeln!(out, "{:>3}  not run here, it needs {}: {}", row.number, row.needs, row.claim)?;
    }
    writeln!(out, "{} of {} rows hold at {}", rows.len() - broken, rows.len(), args.url)?;
    Ok(if broken == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// One line: the number, the claim, and `ok` or what was expected and seen.
pub fn line(row: &Row, outcome: &Outcome) -> String {
    match outcome {
        Ok(()) => format!("{:>3}  ok: {}", row.number, row.claim),
        Err(deviation) => format!("{:>3}  NO: {}: {deviation}", row.number, row.claim),
    }
}

async fn there(url: &str) -> anyhow::Result<()> {
    if !url.starts_with("http://") {
        bail!("{url:?} is not an address like http://127.0.0.1:8080");
    }
    let request = Request::get("/livez").body(Full::<Bytes>::default()).context("making a request")?;
    let answer = http::send(url, request, THERE_WITHIN).await;
    answer.map(drop).with_context(|| format!("there is no service at {url}"))
}
