//! Which cells are tried, and in which order? A pure function of what is asked and of the seed, so that
//! the same seed gives the same schedule.

use std::str::FromStr;
use std::time::Duration;

use crate::draws::Draws;
use crate::fault::{Fault, Hits};
use crate::flow::{Entrance, FLOWS, Flow};
use crate::moment::Moment;
use crate::names::{fault_named, flow_named, service_named, way_named};
use crate::run::Cell;
use crate::service::Service;
use crate::way::Way;

/// Which moments of a flow are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Moments {
    /// For each fault the one that tells most.
    Telling,
    /// Each step: before it, in flight at `accepted` and at `committed`, after it.
    All,
}

/// Whether there is a cell of this flow, fault, service and way; elsewhere the table prints a dash.
pub fn exists(flow: Flow, fault: Fault, service: &Service, way: Way) -> bool {
    // Only a client that stays with one replica leaves another one unused.
    let has_a_sibling = flow.row().gateway == Some(Entrance::Sticky);
    flow.row().goes(way)
        && fault.applies_to(service, way)
        && (fault.row().hits != Hits::Sibling || has_a_sibling)
}

/// What is tried: `flow=cart,fault=kill,service=stateful,way=direct`. A word that is not named is not restricted; one
/// that is named twice may be either.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Only {
    flows: Vec<Flow>,
    faults: Vec<Fault>,
    services: Vec<String>,
    ways: Vec<Way>,
}

impl Only {
    /// Just this.
    pub fn one(flow: Flow, fault: Fault, service: &str, way: Way) -> Self {
        Only { flows: vec![flow], faults: vec![fault], services: vec![service.to_owned()], ways: vec![way] }
    }

    /// The flows that are left, in the order of their table.
    pub fn flows(&self) -> impl Iterator<Item = Flow> {
        FLOWS.iter().map(|row| row.flow).filter(|flow| self.flows.is_empty() || self.flows.contains(flow))
    }

    /// Whether this service is left.
    pub fn has_service(&self, name: &str) -> bool {
        self.services.is_empty() || self.services.iter().any(|service| service == name)
    }

    fn has_way(&self, way: Way) -> bool {
        self.ways.is_empty() || self.ways.contains(&way)
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
        self.ways.extend(other.ways);
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
            for service in services.iter().filter(|service| only.has_service(&service.name)) {
                let fits = |way: &Way| only.has_way(*way) && exists(flow, fault, service, *way);
                for way in Way::ALL.into_iter().filter(fits) {
                    let steps = flow.row().steps;
                    let swept = match moments {
                        Moments::Telling => vec![flow.telling(fault.name(), way).as_swept(steps)],
                        Moments::All => Moment::sweep(steps),
                    };
                    let service = || service.clone();
                    let cell = |moment| Cell {
                        flow,
                        fault,
                        service: service(),
                        way,
                        moment,
                        pause_for,
                        replica: None,
                    };
                    cells.extend(swept.into_iter().map(cell));
                }
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
        if text.split(',').all(|word| word.trim().is_empty()) {
            return Err("say of which: flow=…, fault=…, service=… or way=…".to_owned());
        }
        for word in text.split(',').map(str::trim).filter(|word| !word.is_empty()) {
            let Some((what, name)) = word.split_once('=') else {
                return Err(format!("{word:?} is not flow=…, fault=…, service=… or way=…"));
            };
            match what {
                "flow" => only.flows.push(flow_named(name)?),
                "fault" => only.faults.push(fault_named(name)?),
                "service" => only.services.push(service_named(name)?),
                "way" => only.ways.push(way_named(name)?),
                _ => return Err(format!("{what:?} is not flow, fault, service or way")),
            }
        }
        Ok(only)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::FlowRow;
    use crate::service;

    fn names(cells: &[Cell]) -> Vec<String> {
        let name = |cell: &Cell| {
            format!("{} {} {} {} {}", cell.flow, cell.fault, cell.service.name, cell.way, cell.moment)
        };
        cells.iter().map(name).collect()
    }

    fn plan(moments: Moments, only: &str, seed: u64) -> Vec<String> {
        let only = if only.is_empty() { Only::default() } else { only.parse().unwrap() };
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
        // Directly: stateful 8 faults, stateless 10, and 2 for the key made at boot.
        let direct = FLOWS.iter().filter(|row| row.goes(Way::Direct)).count() * 20;
        assert_eq!(plan(Moments::Telling, "way=direct", 1).len(), direct);
        // Through the gateway: 5 faults, and the sibling's death where there is one that is not used.
        let faults = |row: &FlowRow| match row.gateway {
            Some(Entrance::Sticky) => 6,
            Some(Entrance::RoundRobin) => 5,
            None => 0,
        };
        let gateway: usize = FLOWS.iter().map(faults).sum::<usize>() * 2;
        assert_eq!(plan(Moments::Telling, "way=gateway", 1).len(), gateway);
        assert_eq!(plan(Moments::Telling, "", 1).len(), direct + gateway);
    }

    #[test]
    fn what_is_asked_for_is_what_is_tried() {
        let plan = plan(Moments::Telling, "flow=cart,flow=order,fault=kill,service=stateful", 1);
        // The order also through the gateway.
        assert_eq!(plan.len(), 3);
        assert!(plan.iter().all(|cell| cell.contains("kill stateful")), "{plan:?}");
    }

    #[test]
    fn a_telling_moment_is_for_a_fault_that_exists() {
        for (name, _) in FLOWS.iter().flat_map(|row| row.telling) {
            assert!(["*", "gateway"].contains(name) || fault_named(name).is_ok(), "{name}");
        }
    }

    #[test]
    fn a_restriction_must_name_what_it_restricts() {
        assert!("speed=9".parse::<Only>().unwrap_err().contains("not flow, fault, service or way"));
        assert!("cart".parse::<Only>().unwrap_err().contains("flow=…"));
        assert!("flow=card".parse::<Only>().unwrap_err().contains("nearest: cart"));
    }
}
