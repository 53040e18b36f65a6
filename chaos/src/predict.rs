//! What will happen? Predictions are data, written down before anybody looks (`predictions.toml`): one
//! verdict for each flow, fault, service, way and phase, exceptions by step, and one sentence why.

use std::collections::BTreeMap;

use anyhow::{Context, bail};
use serde::Deserialize;

use crate::flow::Flow;
use crate::moment::{Moment, Phase};
use crate::verdict::Verdict;
use crate::way::Way;

/// The file itself; it is part of the binary, so that the tool never runs without it.
const FILE: &str = include_str!("../predictions.toml");

/// Everything that is predicted.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Predictions {
    control: Vec<Control>,
    square: Vec<Square>,
}

/// What is predicted where nothing happens.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Control {
    #[serde(default)]
    way: Way,
    flows: Vec<String>,
    services: Vec<String>,
    verdict: Expected,
    because: String,
}

/// What is predicted for some flows, faults and services alike.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Square {
    #[serde(default)]
    way: Way,
    flows: Vec<String>,
    faults: Vec<String>,
    services: Vec<String>,
    before: Expected,
    accepted: Expected,
    committed: Expected,
    after: Expected,
    #[serde(default)]
    except: BTreeMap<String, Expected>,
    because: String,
}

/// A verdict and, where it is worth predicting, the reason the client is told.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Expected {
    /// Exactly this.
    pub verdict: Verdict,
    /// Exactly this, if given.
    pub reason: Option<String>,
}

/// What is predicted for one cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prediction<'a> {
    /// What will be seen.
    pub expected: &'a Expected,
    /// One sentence why.
    pub because: &'a str,
}

impl Expected {
    /// Whether this is what was seen.
    pub fn is(&self, verdict: Verdict, reason: Option<&str>) -> bool {
        self.verdict == verdict && (self.reason.is_none() || self.reason.as_deref() == reason)
    }
}

impl std::fmt::Display for Expected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.reason {
            Some(reason) => write!(f, "{} ({reason})", self.verdict),
            None => write!(f, "{}", self.verdict),
        }
    }
}

impl TryFrom<String> for Expected {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let (word, reason) = text.split_once(' ').map_or((text.as_str(), None), |(w, r)| (w, Some(r)));
        let verdict = Verdict::ALL.into_iter().find(|verdict| verdict.word() == word);
        let verdict = verdict.ok_or_else(|| format!("{word:?} is not a verdict"))?;
        Ok(Expected { verdict, reason: reason.map(str::to_owned) })
    }
}

impl Predictions {
    /// The predictions the lab brings along.
    ///
    /// # Errors
    /// If the file this binary was built with is broken; a test keeps it from being.
    pub fn builtin() -> anyhow::Result<Self> {
        toml::from_str(FILE).context("reading predictions.toml")
    }

    /// Whether anything is predicted for a service of this name.
    pub fn speak_of(&self, service: &str) -> bool {
        self.square.iter().any(|square| has(&square.services, service))
    }

    /// What is predicted where nothing happens.
    ///
    /// # Errors
    /// If nothing is, or more than one thing.
    pub fn control(&self, flow: Flow, service: &str, way: Way) -> anyhow::Result<Prediction<'_>> {
        let fits = |control: &&Control| {
            control.way == way && has(&control.flows, flow.name()) && has(&control.services, service)
        };
        let control =
            only(self.control.iter().filter(fits), || format!("{flow} × nothing × {service}, {way}"))?;
        Ok(Prediction { expected: &control.verdict, because: &control.because })
    }

    /// What is predicted for a cell.
    ///
    /// # Errors
    /// If nothing is, or more than one thing.
    pub fn cell(
        &self,
        flow: Flow,
        fault: &str,
        service: &str,
        way: Way,
        moment: Moment,
    ) -> anyhow::Result<Prediction<'_>> {
        let square = self.square(flow, fault, service, way)?;
        Ok(Prediction { expected: square.at(moment), because: &square.because })
    }

    fn square(&self, flow: Flow, fault: &str, service: &str, way: Way) -> anyhow::Result<&Square> {
        let fits = |square: &&Square| {
            let named = has(&square.faults, fault) && has(&square.services, service);
            square.way == way && named && has(&square.flows, flow.name())
        };
        only(self.square.iter().filter(fits), || format!("{flow} × {fault} × {service}, {way}"))
    }
}

impl Square {
    fn at(&self, moment: Moment) -> &Expected {
        self.except.get(&moment.to_string()).unwrap_or_else(|| self.phase(moment.phase))
    }

    fn phase(&self, phase: Phase) -> &Expected {
        match phase {
            Phase::Before => &self.before,
            Phase::Accepted => &self.accepted,
            Phase::Committed => &self.committed,
            Phase::After => &self.after,
        }
    }
}

fn has(names: &[String], name: &str) -> bool {
    names.iter().any(|known| known == name)
}

fn only<T>(mut found: impl Iterator<Item = T>, what: impl Fn() -> String) -> anyhow::Result<T> {
    let Some(first) = found.next() else { bail!("nothing is predicted for {}", what()) };
    if found.next().is_some() {
        bail!("more than one thing is predicted for {}", what());
    }
    Ok(first)
}

#[cfg(test)]
mod tests;
