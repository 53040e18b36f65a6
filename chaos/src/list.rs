//! Which flows and faults are there? The tables the tool works with, so that no document can drift from
//! them.

use std::fmt::Write;

use clap::Args;
use serde_json::json;

use crate::fault::{FAULTS, FaultRow};
use crate::flow::FLOWS;
use crate::service::{self, Keys, Service, Twin};

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
        let _ = writeln!(out, "  {:<12} {}", row.name, row.promise);
        let _ = writeln!(out, "  {:<12} steps: {}", "", row.steps.join(", "));
    }
    out.push_str("\nfaults\n");
    for row in FAULTS {
        let _ = writeln!(out, "  {:<16} {}", row.name, row.what);
        let _ = writeln!(out, "  {:<16} proof: {}", "", row.proof);
    }
    out.push_str("\nservices\n");
    for service in service::builtin() {
        let _ = writeln!(out, "  {:<24} {}", service.name, keeps(&service));
    }
    out.push_str(
        "\nphases of a step: before, accepted (in flight, not begun), committed (in flight, done), after\n",
    );
    out
}

fn as_markdown() -> String {
    let mut out = "| flow | promise | steps |\n|---|---|---|\n".to_owned();
    for row in FLOWS {
        let _ = writeln!(out, "| {} | {} | {} |", row.name, row.promise, row.steps.join(", "));
    }
    out.push_str("\n| fault | what it does | how it is proven | applies to |\n|---|---|---|---|\n");
    for row in FAULTS {
        let _ =
            writeln!(out, "| {} | {} | {} | {} |", row.name, row.what, row.proof, applies_to(row).join(", "));
    }
    out
}

fn as_json() -> serde_json::Value {
    let flows =
        FLOWS.iter().map(|row| json!({ "name": row.name, "promise": row.promise, "steps": row.steps }));
    let faults = FAULTS.iter().map(|row| {
        json!({ "name": row.name, "what": row.what, "proof": row.proof, "applies_to": applies_to(row) })
    });
    let services = service::builtin();
    let services = services.iter().map(|service| json!({ "name": service.name, "sessions": keeps(service) }));
    json!({
        "flows": flows.collect::<Vec<_>>(),
        "faults": faults.collect::<Vec<_>>(),
        "services": services.collect::<Vec<_>>(),
        "phases": ["before", "accepted", "committed", "after"],
    })
}

fn applies_to(row: &FaultRow) -> Vec<String> {
    let services = service::builtin().into_iter();
    services.filter(|service| row.fault.applies_to(service)).map(|service| service.name).collect()
}

fn keeps(service: &Service) -> &'static str {
    match service.twin {
        Twin::Stateful => "sessions in its own process",
        Twin::Stateless if service.keys == Keys::MadeAtBoot => "the same, with a signing key made at boot",
        Twin::Stateless => "sessions in a signed token and a record outside",
    }
}
