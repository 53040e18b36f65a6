//! How is one cell told? As it went: request by request, with what happened in between, and then what was
//! predicted beside what was seen, and why.

use std::fmt::Write;

use super::paint::Paint;
use super::wrap::{COLUMNS, columns, command, fitted, narrow, wrapped};
use crate::client::record::Evidence;
use crate::fault::Fault;
use crate::flow::Flow;
use crate::results::{Cell, Observed, Results};
use crate::way::Way;

/// Where a sentence stands beside a word such as `predicted`.
const BESIDE: usize = 13;

/// The whole story of a cell.
pub fn cell(cell: &Cell, of: &Results, paint: Paint) -> String {
    let mut out = format!("{}\n", paint.bold(&fitted(&title(cell), 0)));
    if let Some(flow) = Flow::named(cell.flow) {
        let _ = writeln!(out, "{}\n", paint.faint(&fitted(&format!("promise: {}", flow.row().promise), 0)));
    }
    for (at, request) in cell.evidence.iter().enumerate() {
        if cell.struck_after == Some(at) {
            out.push_str(&event(cell, paint));
        }
        let _ = writeln!(out, "{}", line(request));
    }
    if cell.struck_after == Some(cell.evidence.len()) {
        out.push_str(&event(cell, paint));
    }
    out.push('\n');
    out.push_str(&verdict(cell, paint));
    let _ = writeln!(out, "{}", paint.faint(&again(cell, of)));
    out
}

/// A cell that is not as predicted: what was expected, what was seen, the evidence.
pub fn deviation(cell: &Cell, of: &Results, paint: Paint) -> String {
    let mut out = format!("{}\n", paint.alarm(&fitted(&title(cell), 0)));
    out.push_str(&verdict(cell, paint));
    out.push_str(&requests(&cell.evidence));
    let _ = writeln!(out, "{}", again(cell, of));
    out
}

/// `cart × kill × stateful, before put-pen`
pub fn title(cell: &Cell) -> String {
    let also = cell.also.map_or(String::new(), |also| format!(" (= {also})"));
    let service = by_way(&cell.service, cell.way);
    format!("{} × {} × {service}, {}{also}", cell.flow, cell.fault, cell.moment)
}

/// `stateful`, `stateful through the gateway`
pub fn by_way(service: &str, way: Way) -> String {
    match way {
        Way::Direct => service.to_owned(),
        Way::Gateway => format!("{service} {}", way.words()),
    }
}

/// Every request, one a line.
pub fn requests(evidence: &[Evidence]) -> String {
    evidence.iter().fold(String::new(), |mut out, request| {
        let _ = writeln!(out, "{}", line(request));
        out
    })
}

fn line(request: &Evidence) -> String {
    let status = request.status.map_or("–".to_owned(), |status| status.to_string());
    let failure = match (&request.failure, &request.failure_reason) {
        (Some(code), Some(reason)) => format!("  {code} ({reason})"),
        (Some(code), None) => format!("  {code}"),
        (None, _) => String::new(),
    };
    // The random part of a boot id is long; four digits of it tell two runs apart.
    let run = request.boot_id.as_deref().and_then(|id| id.rsplit_once('.')).map_or("", |(_, run)| run);
    let run: String = run.chars().take(4).collect();
    let replica = request.replica.as_deref().unwrap_or("?");
    let from = match request.status {
        None => format!("{replica}, no answer"),
        Some(_) if run.is_empty() && replica == "gateway" => "the gateway itself".to_owned(),
        Some(_) if run.is_empty() => replica.to_owned(),
        Some(_) => format!("{replica} run {run}"),
    };
    let call = format!("{} {}", request.method, shortened(&request.path));
    if narrow() {
        let answer = format!("{status}, {:.1} ms, {from}{failure}", request.ms);
        let call = fitted(&format!("{}: {call}", request.step), 2);
        return format!("  {call}\n    {}", fitted(&answer, 4));
    }
    let call_width = if roomy() { 28 } else { 21 };
    let row =
        format!("  {:<13} {call:<call_width$} {status:>4} {:>8.1} ms  {from}", request.step, request.ms);
    if roomy() || format!("{row}{failure}").chars().count() <= columns() {
        return format!("{row}{failure}");
    }
    // Below the call, which is what failed.
    format!("{row}\n{:16}{}", "", failure.trim_start())
}

/// Whether a row of the table has room for its failure.
fn roomy() -> bool {
    columns() == COLUMNS
}

/// An order's id or a large number would push everything else out of sight.
fn shortened(path: &str) -> String {
    let most = if roomy() { 22 } else { 17 };
    if path.chars().count() <= most {
        path.to_owned()
    } else {
        path.chars().take(most - 1).chain(['…']).collect()
    }
}

/// What happened between two requests, or during one.
fn event(cell: &Cell, paint: Paint) -> String {
    let what =
        Fault::ALL.into_iter().find(|fault| fault.name() == cell.fault).map_or("", |fault| fault.row().what);
    let when = if cell.moment.phase.in_flight() {
        format!("while {} is held at `{}`", cell.moment.step, cell.moment.phase.word())
    } else {
        cell.moment.to_string()
    };
    let mut out = format!(
        "{}\n",
        paint.bold(&format!("  {}", fitted(&format!("── {}, {when}: {what}", cell.fault), 2)))
    );
    if let Some(proof) = &cell.proof {
        let _ = writeln!(out, "     proof: {}", wrapped(proof, BESIDE - 1));
    }
    if let Some(times) = &cell.restart {
        let _ = writeln!(out, "     {}", fitted(&times.to_string(), 5));
    }
    out
}

fn verdict(cell: &Cell, paint: Paint) -> String {
    let with = |word: &str, reason: &Option<String>| match reason {
        Some(reason) => format!("{word} ({reason})"),
        None => word.to_owned(),
    };
    let mut out = String::new();
    let predicted = with(cell.predicted.word(), &cell.predicted_reason);
    let _ = writeln!(out, "  predicted  {}", wrapped(&format!("{predicted}: {}", cell.because), BESIDE));
    let word = with(cell.observed.word(), &cell.reason);
    let meaning = match cell.observed {
        Observed::Verdict(verdict) => format!(": the client {}", verdict.meaning()),
        Observed::Inconclusive => ": this proves nothing".to_owned(),
        Observed::NotAvailable => ": this was not tried".to_owned(),
    };
    // Painted after it is wrapped, because paint has no width.
    let observed = wrapped(&format!("{word}{meaning}"), BESIDE);
    let painted = observed.replacen(&word, &paint.observed(cell.observed, &word), 1);
    let _ = writeln!(out, "  observed   {painted}");
    for note in &cell.notes {
        let _ = writeln!(out, "             {}", wrapped(note, BESIDE));
    }
    let agreement = match cell.observed {
        _ if cell.as_predicted => "as predicted".to_owned(),
        Observed::NotAvailable => "not available".to_owned(),
        _ if cell.stands_out() => paint.alarm("not as predicted"),
        _ => String::new(),
    };
    let _ = writeln!(out, "  {agreement}");
    out
}

fn again(cell: &Cell, of: &Results) -> String {
    let way = if cell.way == Way::Direct { String::new() } else { format!("--way {} ", cell.way) };
    let driver = if of.driver == "local" { String::new() } else { format!(" --driver {}", of.driver) };
    let lab = of.lab.as_ref().map_or(String::new(), |lab| format!(" --lab {lab}"));
    let pause = match of.pause_ms {
        50.0 => String::new(), // as if it were not said
        ms if ms.fract() > 0.0 => format!(" --for {:.0}us", ms * 1000.0),
        ms => format!(" --for {ms}ms"),
    };
    let seed = of.seed;
    let same = format!(
        "chaos run {} {} --service {} {way}--at {} --phase {} --seed {seed}{pause}{driver}{lab}",
        cell.flow,
        cell.fault,
        cell.service,
        cell.moment.step,
        cell.moment.phase.word()
    );
    format!("  again      {}", fitted(&command(&same), BESIDE))
}
