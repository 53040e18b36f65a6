//! How does a matrix look to people? One table for each way; in it one block for each flow, one line for each
//! fault, one square for each service, at most 100 columns. What is not as predicted comes last, where the eye ends up, with all of
//! its evidence.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::paint::Paint;
use super::square::Square;
use super::story;
use super::wrap::{columns, fitted, narrow, wrapped};
use crate::fault::FAULTS;
use crate::flow::{FLOWS, FlowRow};
use crate::results::{Cell, Control, Observed, Results};
use crate::way::Way;

/// How many deviations are told in full; all of them are in `result.json`.
const TOLD_IN_FULL: usize = 5;

/// Columns of one square: verdict, sign, moment, down time. Two of them and the fault's name fit into 100.
const SQUARE: usize = 39;
const FAULT: usize = 16;

/// What stands over the second table.
const THROUGH_THE_GATEWAY: &str =
    "through the gateway, which repeats nothing; who is away is back after one request";

/// The whole report.
pub fn matrix(results: &Results, services: &[String], paint: Paint) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "{}\nseed {}\n", wrapped(&results.store, 0), results.seed);
    out.push_str(&legend(paint));
    for way in Way::ALL {
        let tried =
            |service: &&String| results.cells.iter().any(|cell| cell.way == way && cell.service == **service);
        let services: Vec<&String> = services.iter().filter(tried).collect();
        if way == Way::Gateway && !services.is_empty() {
            let _ = writeln!(out, "\n{}", paint.faint(&fitted(THROUGH_THE_GATEWAY, 0)));
            if !results.cells.iter().any(|cell| cell.way == way && cell.observed != Observed::NotAvailable) {
                let _ = writeln!(out, "nothing was tried");
                continue;
            }
        }
        let room_for = if columns() < FAULT + 2 * (2 + SQUARE) { 1 } else { 2 };
        for beside in services.chunks(room_for) {
            table(&mut out, results, beside, way, paint);
        }
    }
    out.push_str(&broken_controls(results, paint));
    standing_out(&mut out, results, paint);
    let _ = writeln!(out, "\n{}", summary(results, paint));
    out
}

fn table(out: &mut String, results: &Results, services: &[&String], way: Way, paint: Paint) {
    if narrow() {
        for row in FLOWS {
            told(out, results, row, services, way, paint);
        }
        return;
    }
    let mut head = format!("\n{:FAULT$}", "");
    for service in services {
        let _ = write!(head, "  {service:SQUARE$}");
    }
    let _ = writeln!(out, "{}", paint.bold(head.trim_end()));
    let mut line = format!("{:FAULT$}", "");
    for _ in services {
        let _ = write!(line, "  {:<10}   {:<18}{:>8}", "observed", "decided", "down ms");
    }
    let _ = writeln!(out, "{}", paint.faint(line.trim_end()));
    for row in FLOWS {
        block(out, results, row, services, way, paint);
    }
}

/// A fault, and its square for each service.
type Line = (&'static str, Vec<Option<Square>>);

/// The squares of one flow: a line for each fault that was tried with any of these services, and the names of the
/// faults that could not be.
fn lines_of(
    results: &Results,
    row: &FlowRow,
    services: &[&String],
    way: Way,
) -> (Vec<Line>, Vec<&'static str>) {
    let line = |fault: &'static str| {
        services.iter().map(|service| Square::of(results, row.flow, fault, service, way)).collect::<Vec<_>>()
    };
    let lines = FAULTS.iter().map(|fault| (fault.name, line(fault.name)));
    let (tried, untried): (Vec<Line>, Vec<Line>) = lines
        .filter(|(_, squares)| squares.iter().any(Option::is_some))
        .partition(|(_, squares)| squares.iter().flatten().any(|it| it.observed != Observed::NotAvailable));
    (tried, untried.into_iter().map(|(fault, _)| fault).collect())
}

/// What stands over the lines of a flow.
fn promise(row: &FlowRow, way: Way) -> String {
    match (way, row.gateway) {
        (Way::Gateway, Some(entrance)) => format!("· {} · {}", row.promise, entrance.words()),
        _ => format!("· {}", row.promise),
    }
}

fn block(out: &mut String, results: &Results, row: &FlowRow, services: &[&String], way: Way, paint: Paint) {
    let (lines, untried) = lines_of(results, row, services, way);
    if lines.is_empty() && untried.is_empty() {
        return;
    }
    let _ = writeln!(out, "{} {}", paint.bold(row.name), paint.faint(&promise(row, way)));
    let _ = writeln!(out, "{}", paint.faint(costs(results, row.name, services, way).trim_end()));
    for (fault, squares) in lines {
        let mut line = format!(" {fault:<width$}", width = FAULT - 1);
        for square in &squares {
            let _ = write!(line, "  {}", cell(square.as_ref(), paint));
        }
        let _ = writeln!(out, "{}", line.trim_end());
    }
    if !untried.is_empty() {
        let faults = wrapped(&untried.join(", "), FAULT + 2);
        let _ = writeln!(out, " {:<width$}  {faults}", "not tried", width = FAULT - 1);
    }
}

/// The same where there is no room for columns: each square is a line of its own, below its fault.
fn told(out: &mut String, results: &Results, row: &FlowRow, services: &[&String], way: Way, paint: Paint) {
    let (lines, untried) = lines_of(results, row, services, way);
    if lines.is_empty() && untried.is_empty() {
        return;
    }
    let head = fitted(&format!("{} {}", row.name, promise(row, way)), 2);
    let _ = writeln!(out, "\n{}", paint.bold(&head));
    let base = services.first().and_then(|service| control(results, row.name, service, way));
    for (at, service) in services.iter().enumerate() {
        if let Some(control) = control(results, row.name, service, way) {
            let cost = cost(control, base.map(|base| base.p50_ms).filter(|_| at > 0));
            let line = format!(" undisturbed, {service}: {cost}");
            let _ = writeln!(out, "{}", paint.faint(&fitted(&line, 3)));
        }
    }
    for (fault, squares) in lines {
        let _ = writeln!(out, " {fault}");
        for (service, square) in services.iter().zip(&squares) {
            let Some(square) = square else { continue };
            let verdict = paint.observed(square.observed, verdict(square));
            let mut line = format!("   {service}: {verdict} {}", sign(square, paint));
            let moment = moment(square);
            if !moment.is_empty() {
                let _ = write!(line, " {moment}");
            }
            if let Some(ms) = square.down_ms {
                let _ = write!(line, ", down {ms:.0} ms");
            }
            // Paint counts as width here, so a painted line is broken a little early.
            let _ = writeln!(out, "{}", fitted(&line, 5));
        }
    }
    if !untried.is_empty() {
        let _ = writeln!(out, "{}", fitted(&format!(" not tried: {}", untried.join(", ")), 3));
    }
}

/// The undisturbed run of a flow.
fn control<'r>(results: &'r Results, flow: &str, service: &str, way: Way) -> Option<&'r Control> {
    let mut controls = results.control.iter().filter(|control| control.way == way);
    controls.find(|control| control.flow == flow && control.service == service)
}

/// What an undisturbed request costs, and what it costs more than the first service's.
fn costs(results: &Results, flow: &str, services: &[&String], way: Way) -> String {
    let control = |service: &&String| control(results, flow, service, way);
    let base = services.first().and_then(control).map(|control| control.p50_ms);
    let mut line = format!(" {:<width$}", "undisturbed", width = FAULT - 1);
    for (at, service) in services.iter().enumerate() {
        let cost = control(service).map_or(String::new(), |control| cost(control, base.filter(|_| at > 0)));
        let _ = write!(line, "  {cost:SQUARE$}");
    }
    line
}

fn cost(control: &Control, base: Option<f64>) -> String {
    let mut text = format!("p50 {:.2} ms", control.p50_ms);
    if let Some(base) = base {
        let _ = write!(text, " ({:+.2})", control.p50_ms - base);
    }
    match control.redis_calls_per_request {
        Some(0.0) => text.push_str(", no Redis call"),
        Some(calls) => drop(write!(text, ", {calls:.1} Redis calls")),
        None => {}
    }
    text
}

fn cell(square: Option<&Square>, paint: Paint) -> String {
    let Some(square) = square else { return format!("{:SQUARE$}", "–") };
    let verdict = paint.observed(square.observed, &format!("{:<10}", verdict(square)));
    let down = square.down_ms.map_or(String::new(), |ms| format!("{ms:.0}"));
    format!("{verdict} {} {:<20}{down:>6}", sign(square, paint), moment(square))
}

fn verdict(square: &Square) -> &'static str {
    match square.observed {
        Observed::NotAvailable => "not tried",
        observed => observed.word(),
    }
}

fn sign(square: &Square, paint: Paint) -> String {
    match square.sign() {
        "=" => "=".to_owned(),
        sign => paint.alarm(sign),
    }
}

/// The moment that decided, or what had been predicted instead. A moment says nothing where nothing was noticed.
fn moment(square: &Square) -> String {
    match square.observed {
        observed if square.deviated > 0 && observed != Observed::Verdict(square.predicted) => {
            format!("predicted {}", square.predicted)
        }
        Observed::Verdict(crate::verdict::Verdict::Survived) | Observed::NotAvailable => String::new(),
        _ => square.moment.to_string(),
    }
}

fn legend(paint: Paint) -> String {
    let lines = [
        "A square shows the worst of its moments, and the first moment that came to it.",
        "= as predicted   ! not as predicted   ? proves nothing   – does not apply, or not available",
        "undisturbed: what a request costs, in brackets what it costs more than in the first column.",
    ];
    let lines: String = lines.iter().map(|line| format!("{}\n", fitted(line, 0))).collect();
    paint.faint(&lines)
}

/// The promises that are not kept even undisturbed; empty if there are none.
pub fn broken_controls(results: &Results, paint: Paint) -> String {
    let mut out = String::new();
    for control in results.control.iter().filter(|control| !control.as_predicted) {
        let service = story::by_way(&control.service, control.way);
        let title = format!("{} × nothing × {service}", control.flow);
        let _ = writeln!(out, "\n{}", paint.alarm(&title));
        let _ = writeln!(out, "  predicted  {}", control.predicted);
        let reason = control.reason.as_ref().map_or(String::new(), |reason| format!(" ({reason})"));
        let _ = writeln!(out, "  observed   {}{reason}", control.observed);
        for note in &control.notes {
            let _ = writeln!(out, "             {note}");
        }
        out.push_str(&story::requests(&control.evidence));
        let _ = writeln!(
            out,
            "  Nothing was done to it, so the lab cannot tell what a fault would do. Stopped here."
        );
    }
    out
}

fn standing_out(out: &mut String, results: &Results, paint: Paint) {
    let odd: Vec<&Cell> = results.cells.iter().filter(|cell| cell.stands_out()).collect();
    for cell in odd.iter().take(TOLD_IN_FULL) {
        out.push('\n');
        out.push_str(&story::deviation(cell, results, paint));
    }
    if odd.len() > TOLD_IN_FULL {
        let _ = writeln!(out, "\nand {} more:", odd.len() - TOLD_IN_FULL);
        for cell in &odd[TOLD_IN_FULL..] {
            let _ = writeln!(out, "  {}", story::title(cell));
        }
    }
    let twice = results.cells.iter().filter(|cell| cell.tries > 1).count();
    if twice > 0 {
        let _ = writeln!(out, "\ntried once more, alone: {twice}; result.json says which (tries: 2)");
    }
    let skipped: Vec<&Cell> =
        results.cells.iter().filter(|cell| cell.observed == Observed::NotAvailable).collect();
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    for cell in skipped {
        *reasons.entry(cell.notes.first().map_or("", String::as_str)).or_default() += 1;
    }
    for (why, count) in reasons {
        let cells = if count == 1 { "cell was" } else { "cells were" };
        let _ = writeln!(out, "\n{}", wrapped(&format!("{count} {cells} not tried: {why}"), 0));
    }
}

/// One line that says it all.
pub fn summary(results: &Results, paint: Paint) -> String {
    let summary = results.summary;
    if results.cells.is_empty() {
        return paint.alarm("no cell was tried, so nothing is proven");
    }
    let cells = if summary.as_predicted == 1 { "cell" } else { "cells" };
    let mut line = format!("{} {cells} as predicted", summary.as_predicted);
    if summary.deviated > 0 {
        line = format!("{line}, {}", paint.alarm(&format!("{} deviated", summary.deviated)));
    }
    if summary.inconclusive > 0 {
        line = format!("{line}, {}", paint.alarm(&format!("{} inconclusive", summary.inconclusive)));
    }
    if summary.not_available > 0 {
        line = format!("{line}, {} not available", summary.not_available);
    }
    let seconds = results.duration_ms as f64 / 1000.0;
    // Paint counts as width here, so a painted line is broken a little early.
    fitted(&format!("{line} · {seconds:.1} s · seed {}", results.seed), 0)
}
