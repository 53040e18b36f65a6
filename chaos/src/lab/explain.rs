//! Why was a prediction wrong? Not because a book says so: by the request that decided it in the student's
//! own run.

use std::fmt::Write;

use crate::client::record::Evidence;
use crate::fault::Fault;
use crate::results::{Cell, Observed};
use crate::verdict::Verdict;

/// The request that decided a cell: where its reason was given, or, where nothing went wrong, the first that
/// was answered after the fault.
pub fn deciding(cell: &Cell) -> Option<&Evidence> {
    let gave_the_reason = |request: &&Evidence| {
        let reason = cell.reason.as_deref();
        reason.is_some()
            && (request.failure_reason.as_deref() == reason || request.failure.as_deref() == reason)
    };
    let after = &cell.evidence[cell.struck_after.unwrap_or(0).min(cell.evidence.len())..];
    match cell.observed {
        // It was acknowledged the second time; that is what doubled it.
        Observed::Verdict(Verdict::Duplicated) => {
            cell.evidence.iter().rev().find(|request| request.step == cell.moment.step)
        }
        _ => cell
            .evidence
            .iter()
            .find(gave_the_reason)
            .or_else(|| after.iter().find(|request| request.status.is_some()))
            .or_else(|| cell.evidence.last()),
    }
}

/// What happened in the student's own run, in a few sentences.
pub fn by_the_run(cell: &Cell) -> String {
    let mut told = String::new();
    if let Some(fault) = Fault::ALL.into_iter().find(|fault| fault.name() == cell.fault) {
        let when = if cell.moment.phase.in_flight() {
            format!("while {} was held at `{}`", cell.moment.step, cell.moment.phase.word())
        } else {
            cell.moment.to_string()
        };
        let _ = write!(told, "In your run {fault} struck {when}");
        let _ = match &cell.proof {
            Some(proof) => write!(told, " ({proof}). "),
            None => write!(told, ". "),
        };
    }
    if let Some(request) = deciding(cell) {
        let _ = write!(told, "This request decided it: {}.", line(request));
        if let Some(before) = answered_before(cell, request) {
            let _ = write!(told, " Before the fault {before} had answered.");
        }
    }
    // The flow's own words are often the request's; once is enough.
    let notes: Vec<&String> = cell.notes.iter().filter(|note| !told.contains(note.as_str())).collect();
    for note in notes {
        let _ = write!(told, " {}.", capitalised(note));
    }
    told
}

/// `look, GET /session: 401 session_lost (restart), answered by stateful-1.5708b024ebb29043`
fn line(request: &Evidence) -> String {
    let mut line = format!("{}, {} {}: ", request.step, request.method, request.path);
    match (request.status, &request.failure) {
        (Some(status), Some(code)) => drop(write!(line, "{status} {code}")),
        (Some(status), None) => drop(write!(line, "{status}")),
        (None, failure) => drop(write!(line, "no answer ({})", failure.as_deref().unwrap_or("lost"))),
    }
    if let Some(reason) = &request.failure_reason {
        let _ = write!(line, " ({reason})");
    }
    if let Some(boot_id) = &request.boot_id {
        let _ = write!(line, ", answered by {boot_id}");
    }
    line
}

/// Which run had answered first, if it is another one than this.
fn answered_before<'a>(cell: &'a Cell, request: &Evidence) -> Option<&'a str> {
    let first = cell.evidence.iter().find_map(|request| request.boot_id.as_deref())?;
    request.boot_id.as_deref().filter(|boot_id| *boot_id != first).map(|_| first)
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::moment::{Moment, Phase};

    fn request(
        step: &str,
        status: Option<u16>,
        failure: Option<(&str, Option<&str>)>,
        boot: &str,
    ) -> Evidence {
        Evidence {
            step: step.to_owned(),
            method: "GET".to_owned(),
            path: "/session".to_owned(),
            status,
            failure: failure.map(|(code, _)| code.to_owned()),
            failure_reason: failure.and_then(|(_, reason)| reason).map(str::to_owned),
            at_ms: 0.0,
            ms: 1.0,
            replica: Some("stateful-1".to_owned()),
            boot_id: status.map(|_| format!("stateful-1.{boot}")),
        }
    }

    fn cell(observed: Verdict, reason: Option<&str>, evidence: Vec<Evidence>) -> Cell {
        Cell {
            flow: "whoami",
            fault: "kill",
            service: "stateful".to_owned(),
            way: crate::way::Way::Direct,
            moment: Moment::new("look", Phase::Committed),
            also: None,
            predicted: observed,
            predicted_reason: None,
            because: String::new(),
            observed: Observed::Verdict(observed),
            reason: reason.map(str::to_owned),
            as_predicted: true,
            tries: 1,
            notes: vec!["it was so".to_owned()],
            proof: Some("new boot id".to_owned()),
            struck_after: Some(1),
            window: None,
            restart: None,
            evidence,
        }
    }

    #[test]
    fn the_request_that_was_refused_decides_and_is_told_with_both_runs() {
        let refused = request("look", Some(401), Some(("session_lost", Some("restart"))), "new");
        let evidence = vec![request("login", Some(201), None, "old"), refused];
        let told = by_the_run(&cell(Verdict::Lost, Some("restart"), evidence));
        for word in ["401 session_lost (restart)", "stateful-1.new", "stateful-1.old", "It was so."] {
            assert!(told.contains(word), "{word:?} is not in: {told}");
        }
    }

    #[test]
    fn a_lost_answer_decides_where_the_client_recovered() {
        let evidence = vec![
            request("login", Some(201), None, "old"),
            request("look", None, Some(("reset", None)), ""),
            request("look", Some(200), None, "new"),
        ];
        let told = by_the_run(&cell(Verdict::Recovered, Some("reset"), evidence));
        assert!(told.contains("no answer (reset)"), "{told}");
    }

    #[test]
    fn the_repeat_decides_where_something_was_doubled() {
        let evidence = vec![
            request("look", None, Some(("reset", None)), ""),
            request("look", Some(200), None, "new"),
            request("closing-look", Some(200), None, "new"),
        ];
        let cell = cell(Verdict::Duplicated, Some("repeated"), evidence);
        assert_eq!(deciding(&cell).unwrap().status, Some(200));
        assert_eq!(deciding(&cell).unwrap().step, "look");
    }

    #[test]
    fn without_a_failure_the_first_answer_after_the_fault_decides() {
        let evidence =
            vec![request("login", Some(201), None, "old"), request("look", Some(200), None, "new")];
        let cell = cell(Verdict::Survived, None, evidence);
        assert_eq!(deciding(&cell).unwrap().step, "look");
    }
}
