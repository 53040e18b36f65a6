//! Which cells are tried, and in which order? A pure function of what is asked and of the seed, so that
//! the same seed gives the same schedule.

use std::str::FromStr;
use std::time::Duration;

use crate::draws::Draws;
use crate::fault::Fault;
use crate::flow::{FLOWS, Flow};
use crate::moment::Moment;
use crate::run::Cell;
use crate::service::Service;

/// Which moments of a flow are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Moments {
    /// For each fault the one that tells most.
    Telling,
    /// Each step: before it, in flight at `accepted` and at `committed`, after it.
    All,
}

/// What is tried: `flow=cart,fault=kill,service=stateful`. A word that is not named is not restricted; one
/// that is named twice may be either.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Only {
    flows: Vec<Flow>,
    faults: Vec<Fault>,
    services: Vec<String>,
}

impl Only {
    /// Just this.
    pub fn one(flow: Flow, fault: Fault, service: &str) -> Self {
        Only { flows: vec![flow], faults: vec![fault], services: vec![service.to_owned()] }
    }

    /// The flows that are left, in the order of their table.
    pub fn flows(&self) -> impl Iterator<Item = Flow> {
        FLOWS.iter().map(|row| row.flow).filter(|flow| self.flows.is_empty() || self.flows.contains(flow))
    }

    /// Whether this service is left.
    pub fn has_service(&self, name: &str) -> bool {
        self.services.is_empty() || self.services.iter().any(|service| service == name)
    }

    fn has_fault(&self, fault: Fault) -> bool {
        self.faults.is_empty() || self.faults.contains(&fault)
    }

    /// What either names.
    #[must_use]
    pub fn and(mut self, other: Only) -> Self {
        self.flows.extend(other.flows);
        self.faults.extend(other.faults);
        self.services.extend(other.services);
        self
    }
}

/// The cells of a matrix, in the order in which they are tried.
pub fn schedule(
    services: &[Service],
    moments: Moments,
    only: &Only,
    pause_for: Duration,
    seed: u64,
) -> Vec<Cell> {
    let mut cells = Vec::new();
    for flow in only.flows() {
        for fault in Fault::ALL.into_iter().filter(|fault| only.has_fault(*fault)) {
            let fits = |service: &&Service| only.has_service(&service.name) && fault.applies_to(service);
            for service in services.iter().filter(fits) {
                let steps = flow.row().steps;
                let swept = match moments {
                    Moments::Telling => vec![flow.telling(fault.name()).as_swept(steps)],
                    Moments::All => Moment::sweep(steps),
                };
                let cell =
                    |moment| Cell { flow, fault, service: service.clone(), moment, pause_for, replica: None };
                cells.extend(swept.into_iter().map(cell));
            }
        }
    }
    // In table order a lab would see the same fault many times in a row; shuffled, it sees every order
    // there is, run by run.
    Draws::new(seed).shuffle(&mut cells);
    cells
}

impl FromStr for Only {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut only = Only::default();
        for word in text.split(',').map(str::trim).filter(|word| !word.is_empty()) {
            let Some((what, name)) = word.split_once('=') else {
                return Err(format!("{word:?} is not flow=…, fault=… or service=…"));
            };
            match what {
                "flow" => only.flows.push(flow_named(name)?),
                "fault" => only.faults.push(fault_named(name)?),
                "service" => only.services.push(service_named(name)?),
                _ => return Err(format!("{what:?} is not flow, fault or service")),
            }
        }
        Ok(only)
    }
}

/// The flow of this name.
///
/// # Errors
/// Which there are, and the nearest.
pub fn flow_named(name: &str) -> Result<Flow, String> {
    Flow::named(name).ok_or_else(|| no_such("flow", name, FLOWS.iter().map(|row| row.name)))
}

/// The fault of this name.
///
/// # Errors
/// Which there are, and the nearest.
pub fn fault_named(name: &str) -> Result<Fault, String> {
    let found = Fault::ALL.into_iter().find(|fault| fault.name() == name);
    found.ok_or_else(|| no_such("fault", name, Fault::ALL.iter().map(|fault| fault.name())))
}

/// The name of a built-in service.
///
/// # Errors
/// Which there are, and the nearest.
pub fn service_named(name: &str) -> Result<String, String> {
    let names: Vec<String> = crate::service::builtin().into_iter().map(|service| service.name).collect();
    match names.iter().any(|known| known == name) {
        true => Ok(name.to_owned()),
        false => Err(no_such("service", name, names.iter().map(String::as_str))),
    }
}

/// The step of this name.
///
/// # Errors
/// Which the flow has, and the nearest.
pub fn step_named(flow: Flow, name: &str) -> Result<&'static str, String> {
    let steps = flow.row().steps;
    let found = steps.iter().find(|step| **step == name);
    found.copied().ok_or_else(|| no_such(&format!("step of {flow}"), name, steps.iter().copied()))
}

fn no_such<'a>(what: &str, name: &str, known: impl Iterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.collect();
    let nearest = known.iter().map(|known| (distance(name, known), known)).min();
    let hint = match nearest {
        // Half of it wrong is no spelling mistake.
        Some((edits, nearest)) if edits * 2 <= name.len().max(nearest.len()) => {
            format!(" (nearest: {nearest})")
        }
        _ => String::new(),
    };
    format!("there is no {what} {name:?}{hint}; there are {}", known.join(", "))
}

/// How many letters must be changed, added or removed to make one word of the other (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.chars().count()).collect();
    for (at, a) in one.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], at + 1);
        for (to, b) in other.chars().enumerate() {
            let changed = diagonal + usize::from(a != b);
            diagonal = row[to + 1];
            row[to + 1] = changed.min(diagonal + 1).min(row[to] + 1);
        }
    }
    row[other.chars().count()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service;

    fn names(cells: &[Cell]) -> Vec<String> {
        let name =
            |cell: &Cell| format!("{} {} {} {}", cell.flow, cell.fault, cell.service.name, cell.moment);
        cells.iter().map(name).collect()
    }

    fn plan(moments: Moments, only: &str, seed: u64) -> Vec<String> {
        let only = only.parse().unwrap();
        names(&schedule(&service::builtin(), moments, &only, Duration::from_millis(50), seed))
    }

    #[test]
    fn the_same_seed_gives_the_same_schedule_and_another_seed_another() {
        assert_eq!(plan(Moments::All, "", 7), plan(Moments::All, "", 7));
        assert_ne!(plan(Moments::All, "", 7), plan(Moments::All, "", 8));
    }

    #[test]
    fn every_seed_tries_the_same_cells_each_once() {
        let sorted = |seed| {
            let mut plan = plan(Moments::All, "", seed);
            plan.sort();
            plan
        };
        let all = sorted(1);
        assert_eq!(all, sorted(2));
        assert!(all.windows(2).all(|pair| pair[0] != pair[1]), "a cell comes twice");
        assert!(all.len() > 2000, "{} cells", all.len());
    }

    #[test]
    fn the_telling_matrix_has_one_cell_for_each_square() {
        // Stateful 8 faults, stateless 10, and 2 for the key made at boot.
        assert_eq!(plan(Moments::Telling, "", 1).len(), FLOWS.len() * 20);
    }

    #[test]
    fn what_is_asked_for_is_what_is_tried() {
        let plan = plan(Moments::Telling, "flow=cart,flow=order,fault=kill,service=stateful", 1);
        assert_eq!(plan.len(), 2);
        assert!(plan.iter().all(|cell| cell.contains("kill stateful")), "{plan:?}");
    }

    #[test]
    fn a_wrong_word_is_answered_with_the_nearest_right_one() {
        let error = "flow=card".parse::<Only>().unwrap_err();
        assert!(error.contains("nearest: cart") && error.contains("whoami"), "{error}");
        let error = fault_named("kil").unwrap_err();
        assert!(error.contains("nearest: kill") && error.contains("redis-down"), "{error}");
        assert!(!flow_named("xyzzy").unwrap_err().contains("nearest"));
        assert!(step_named(Flow::Cart, "put-pan").unwrap_err().contains("nearest: put-pen"));
        assert!("speed=9".parse::<Only>().unwrap_err().contains("not flow, fault or service"));
        assert!("cart".parse::<Only>().unwrap_err().contains("flow=…"));
    }

    #[test]
    fn the_distance_counts_letters() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("same", "same"), 0);
    }
}
