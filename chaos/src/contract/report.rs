//! `chaos contract URL`: which promises does the service at this address keep?

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use clap::Args;
use http_body_util::Full;
use hyper::{Request, Uri};

use super::elsewhere::ELSEWHERE;
use super::site::Site;
use super::{Outcome, Row, behind, check, rows};
use crate::http;
use crate::report::say;
use crate::report::wrap::fitted;
use crate::usage::usage;
use crate::way::Way;

/// A service that takes longer to say that it lives is not there.
const THERE_WITHIN: Duration = Duration::from_secs(5);

/// Ask a running service whether it keeps the contract.
#[derive(Debug, Clone, Args)]
pub struct ContractArgs {
    /// Where it answers, for instance `http://127.0.0.1:8080`
    #[arg(value_name = "URL")]
    pub url: String,

    /// Only this row; can be repeated
    #[arg(long, value_name = "NUMBER")]
    pub row: Vec<u8>,

    /// Whose address it is: one replica's (direct), or that of a gateway with several replicas behind it, where some
    /// rows mean nothing and are left out (gateway)
    #[arg(long, value_enum, default_value_t, hide_possible_values = true)]
    pub way: Way,

    /// A proxy in front of it speaks TLS: its cookie is called __Host-sid
    #[arg(long)]
    pub behind_tls: bool,
}

/// Checks every row and prints one line for each; exits 1 if one does not hold, 2 if none could be
/// checked.
///
/// # Errors
/// If there is no service at the address.
pub async fn run(args: &ContractArgs) -> anyhow::Result<ExitCode> {
    let site = Site::new(&args.url);
    let site = if args.behind_tls { site.behind_tls() } else { site };
    let wanted = |number: u8| args.row.is_empty() || args.row.contains(&number);
    let rows: Vec<Row> = rows().into_iter().filter(|row| wanted(row.number)).collect();
    if rows.is_empty() {
        let rows: Vec<String> = args.row.iter().map(u8::to_string).collect();
        return Err(usage(format!("no row {} can be checked with nothing but an address", rows.join(", "))));
    }
    let known = |number: &u8| {
        rows.iter().any(|row| row.number == *number) || ELSEWHERE.iter().any(|row| row.number == *number)
    };
    if let Some(unknown) = args.row.iter().find(|number| !known(number)) {
        return Err(usage(format!("there is no row {unknown}")));
    }
    there(&args.url).await?;
    let behind = match args.way {
        Way::Direct => None,
        Way::Gateway => Some(behind::look(&site).await?),
    };
    let excuse = |row: &Row| behind.as_ref().and_then(|behind| behind.excuses(row));
    let (excused, rows): (Vec<Row>, Vec<Row>) = rows.into_iter().partition(|row| excuse(row).is_some());
    let findings = check(&site, &rows).await;
    let broken = findings.iter().filter(|(_, outcome)| outcome.is_err()).count();

    let tell = |line: &str, indent| say(&format!("{}\n", fitted(line, indent)));
    for (row, outcome) in &findings {
        tell(&line(row, outcome), 5)?;
    }
    for row in &excused {
        let needs = excuse(row).unwrap_or_default();
        tell(&format!("{:>3}  not run here, it needs {needs}: {}", row.number, row.claim), 5)?;
    }
    for row in ELSEWHERE.iter().filter(|row| wanted(row.number)) {
        tell(&format!("{:>3}  not run here, it needs {}: {}", row.number, row.needs, row.claim), 5)?;
    }
    match rows.len() {
        0 => tell(&format!("nothing of this can be checked at {}", args.url), 2)?,
        all => tell(&format!("{} of {all} rows hold at {}", all - broken, args.url), 2)?,
    }
    if let Some(behind) = &behind {
        let names: Vec<&str> = behind.replicas.iter().map(String::as_str).collect();
        tell(&format!("behind the gateway there: {}", names.join(", ")), 2)?;
    } else if broken > 0 && behind::replicas(&site).await.is_ok_and(|replicas| replicas.len() > 1) {
        tell("several replicas answer there; --way gateway leaves out what means nothing then", 2)?;
    }
    Ok(match rows.len() {
        0 => ExitCode::from(2),
        _ if broken > 0 => ExitCode::from(1),
        _ => ExitCode::SUCCESS,
    })
}

/// One line: the number, the claim, and `ok` or what was expected and seen.
pub fn line(row: &Row, outcome: &Outcome) -> String {
    match outcome {
        Ok(()) => format!("{:>3}  ok: {}", row.number, row.claim),
        Err(deviation) => format!("{:>3}  NO: {}: {deviation}", row.number, row.claim),
    }
}

async fn there(url: &str) -> anyhow::Result<()> {
    let parsed: Option<Uri> = url.parse().ok();
    let is_base = |uri: &Uri| {
        uri.scheme_str() == Some("http")
            && uri.port_u16().is_some()
            && uri.path() == "/"
            && uri.query().is_none()
            && uri.host().is_some_and(|host| !host.is_empty())
            // No other way to write it, no name of a user, no fragment.
            && uri.authority().is_some_and(|at| url.trim_end_matches('/') == format!("http://{at}"))
            && !url.contains('@')
    };
    if !parsed.as_ref().is_some_and(is_base) {
        return Err(usage(format!(
            "{url:?} is not an address like http://127.0.0.1:8080, with a port and no path"
        )));
    }
    let request = Request::get("/livez").body(Full::<Bytes>::default()).context("making a request")?;
    let answer = http::send(url, request, THERE_WITHIN).await;
    answer.map(drop).with_context(|| format!("there is no service at {url}"))
}
