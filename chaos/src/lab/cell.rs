//! Which cell of the matrix does a lab mean? It is written in `lab.toml` in the words of `chaos list`.

use std::time::Duration;

use serde::Deserialize;

use crate::fault::Fault;
use crate::flow::Flow;
use crate::moment::{Moment, Phase};
use crate::names::{fault_named, flow_named, service_named, step_named};
use crate::report::story::by_way;
use crate::run;
use crate::schedule::exists;
use crate::service::{self, Service};
use crate::way::Way;

/// How long a pause lasts where a lab has one: as in `chaos run`.
const PAUSE: Duration = Duration::from_millis(50);

/// A cell by its names.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Named {
    /// Which flow.
    pub flow: String,
    /// Which fault.
    pub fault: String,
    /// Which service.
    pub service: String,
    /// At which step.
    pub step: String,
    /// In which part of it.
    pub phase: Phase,
    /// By which way; without it, directly.
    #[serde(default)]
    pub way: Way,
}

impl Named {
    /// The cell itself.
    ///
    /// # Errors
    /// Which name is wrong, and the nearest right one.
    pub fn cell(&self) -> Result<run::Cell, String> {
        let (flow, fault): (Flow, Fault) = (flow_named(&self.flow)?, fault_named(&self.fault)?);
        let name = service_named(&self.service)?;
        let service: Option<Service> = service::builtin().into_iter().find(|service| service.name == name);
        let service = service.ok_or_else(|| format!("there is no service {name:?}"))?;
        let way = self.way;
        if !exists(flow, fault, &service, way) {
            return Err(format!("{fault} does not apply to {flow} against {name} by the way {way}"));
        }
        let moment = Moment::new(step_named(flow, &self.step)?, self.phase);
        let moment = moment.as_swept(flow.row().steps);
        Ok(run::Cell { flow, fault, service, way, moment, pause_for: PAUSE, replica: None })
    }

    /// The command that tells this cell as a story.
    pub fn command(&self) -> String {
        let way = if self.way == Way::Direct { "" } else { " --way gateway" };
        format!(
            "chaos run {} {} --service {}{way} --at {} --phase {}",
            self.flow,
            self.fault,
            self.service,
            self.step,
            self.phase.word()
        )
    }
}

impl std::fmt::Display for Named {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (step, phase) = (&self.step, self.phase.word());
        let service = by_way(&self.service, self.way);
        write!(f, "{} × {} × {service}, {phase} {step}", self.flow, self.fault)
    }
}
