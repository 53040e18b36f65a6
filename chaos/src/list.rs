//! Which flows and faults are there? The tables the tool works with, so that no document can drift from
//! them.

use std::fmt::Write;

use clap::Args;
use serde_json::json;

use crate::fault::{FAULTS, FaultRow};
use crate::flow::{Entrance, FLOWS, FlowRow, Replicas};
use crate::report::wrap::{fitted, narrow, wrapped};
use crate::service::{self, Keys, Service, Twin};
use crate::way::Way;

/// `chaos list`
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct ListArgs {
    /// One JSON object instead of text
    #[arg(long, conflicts_with = "markdown")]
    pub json: bool,

    /// The tables as they stand in the documents
    #[arg(long)]
    pub markdown: bool,
}

/// The tables, in the form that was asked for.
pub fn list(args: ListArgs) -> String {
    match args {
        ListArgs { json: true, .. } => format!("{:#}\n", as_json()),
        ListArgs { markdown: true, .. } => as_markdown(),
        ListArgs { .. } => as_text(),
    }
}

fn as_text() -> String {
    let mut out = "flows\n".to_owned();
    for row in FLOWS {
        out.push_str(&beside(12, row.name, row.promise));
        out.push_str(&beside(12, "", &format!("steps: {}", row.steps.join(", "))));
        out.push_str(&beside(12, "", &goes(row).join(", ")));
    }
    out.push_str("\nfaults\n");
    for row in FAULTS {
        out.push_str(&beside(16, row.name, row.what));
        out.push_str(&beside(16, "", &format!("proof: {}", row.proof)));
        out.push_str(&beside(16, "", &format!("ways: {}", words(row.ways))));
    }
    out.push_str("\nservices\n");
    for service in service::builtin() {
        out.push_str(&beside(24, &service.name, keeps(&service)));
    }
    let ways = "ways: direct (to a replica), gateway (to whom the gateway chooses)";
    let phases =
        "phases of a step: before, accepted (in flight, not begun), committed (in flight, done), after";
    let _ = write!(out, "\n{}\n\n{}\n", fitted(ways, 0), fitted(phases, 0));
    out
}

/// What is said of a name, beside it; below it on a narrow terminal.
fn beside(width: usize, name: &str, what: &str) -> String {
    match (narrow(), name) {
        (false, _) => format!("  {name:<width$} {}\n", wrapped(what, width + 3)),
        (true, "") => format!("    {}\n", fitted(what, 4)),
        (true, _) => format!("  {name}\n    {}\n", fitted(what, 4)),
    }
}

fn as_markdown() -> String {
    let mut out =
        "| flow | promise | steps | directly to | through the gateway |\n|---|---|---|---|---|\n".to_owned();
    for row in FLOWS {
        let direct = row.direct.map_or("–", Replicas::words);
        let gateway = row.gateway.map_or("–", Entrance::words);
        let steps = row.steps.join(", ");
        let _ = writeln!(out, "| {} | {} | {steps} | {direct} | {gateway} |", row.name, row.promise);
    }
    out.push_str(
        "\n| fault | what it does | how it is proven | applies to | ways |\n|---|---|---|---|---|\n",
    );
    for row in FAULTS {
        let (services, ways) = (applies_to(row).join(", "), words(row.ways));
        let _ = writeln!(out, "| {} | {} | {} | {services} | {ways} |", row.name, row.what, row.proof);
    }
    out
}

fn as_json() -> serde_json::Value {
    let flows = FLOWS.iter().map(|row| {
        json!({
            "name": row.name, "promise": row.promise, "steps": row.steps,
            "direct": row.direct.map(Replicas::words), "gateway": row.gateway.map(Entrance::words),
        })
    });
    let faults = FAULTS.iter().map(|row| {
        json!({
            "name": row.name, "what": row.what, "proof": row.proof,
            "applies_to": applies_to(row), "ways": row.ways,
        })
    });
    let services = service::builtin();
    let services = services.iter().map(|service| json!({ "name": service.name, "sessions": keeps(service) }));
    json!({
        "flows": flows.collect::<Vec<_>>(),
        "faults": faults.collect::<Vec<_>>(),
        "services": services.collect::<Vec<_>>(),
        "ways": Way::ALL,
        "phases": ["before", "accepted", "committed", "after"],
    })
}

fn applies_to(row: &FaultRow) -> Vec<String> {
    let services = service::builtin().into_iter();
    let says_something = |service: &Service| row.ways.iter().any(|way| row.fault.applies_to(service, *way));
    services.filter(says_something).map(|service| service.name).collect()
}

/// By which ways a flow goes, in words.
fn goes(row: &FlowRow) -> Vec<String> {
    let direct = row.direct.map(|replicas| format!("directly to {}", replicas.words()));
    let gateway = row.gateway.map(|entrance| format!("through the gateway, {}", entrance.words()));
    direct.into_iter().chain(gateway).collect()
}

fn words(ways: &[Way]) -> String {
    ways.iter().map(|way| way.word()).collect::<Vec<_>>().join(", ")
}

fn keeps(service: &Service) -> &'static str {
    match service.twin {
        Twin::Stateful => "sessions in its own process",
        Twin::Stateless if service.keys == Keys::MadeAtBoot => "the same, with a signing key made at boot",
        Twin::Stateless => "sessions in a signed token and a record outside",
    }
}
