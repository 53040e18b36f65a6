//! Which one was meant? A name that is not known is answered with those that are, and the nearest first.

use std::ffi::OsStr;

use clap::builder::{PossibleValue, TypedValueParser};
use clap::{Arg, Command};

use crate::fault::Fault;
use crate::flow::{FLOWS, Flow};
use crate::service;
use crate::way::Way;

/// A word on the command line that is one of a few: told to the shell, which completes it, and answered with the
/// nearest where it is none of them.
#[derive(Debug, Clone, Copy)]
pub struct OneOf<T> {
    read: fn(&str) -> Result<T, String>,
    names: fn() -> Vec<&'static str>,
}

/// One of the flows.
pub const A_FLOW: OneOf<Flow> =
    OneOf { read: flow_named, names: || FLOWS.iter().map(|row| row.name).collect() };

/// One of the faults.
pub const A_FAULT: OneOf<Fault> =
    OneOf { read: fault_named, names: || Fault::ALL.iter().map(|fault| fault.name()).collect() };

/// One of the built-in services, or `both`.
pub const SERVICES: OneOf<String> =
    OneOf { read: both_or_one, names: || vec!["both", "stateful", "stateless", "stateless-ephemeral-key"] };

/// One of the built-in services.
pub const A_SERVICE: OneOf<String> =
    OneOf { read: service_named, names: || vec!["stateful", "stateless", "stateless-ephemeral-key"] };

/// Reads the name of a lab that is there: of ours, of a project of compose, or of a stack. Whether it is, its driver knows.
///
/// # Errors
/// How such a name is written.
pub fn lab_name(text: &str) -> Result<String, String> {
    let clean = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    match clean && text.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        true => Ok(text.to_owned()),
        false => {
            Err("a lab's name is made of letters, digits, - _ and ., a letter or a digit first".to_owned())
        }
    }
}

/// What can be restarted. A lab may have more replicas than these, so only the lab can say that there is none.
pub const A_TARGET: OneOf<String> = OneOf {
    read: |name| Ok(name.to_owned()),
    names: || {
        vec![
            "stateful",
            "stateful-1",
            "stateful-2",
            "stateless",
            "stateless-1",
            "stateless-2",
            "redis",
            "sql",
        ]
    },
};

impl<T: Clone + Send + Sync + 'static> TypedValueParser for OneOf<T> {
    type Value = T;

    fn parse_ref(&self, command: &Command, arg: Option<&Arg>, value: &OsStr) -> Result<T, clap::Error> {
        self.read.parse_ref(command, arg, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new((self.names)().into_iter().map(PossibleValue::new)))
    }
}

fn both_or_one(name: &str) -> Result<String, String> {
    if name == "both" { Ok(name.to_owned()) } else { service_named(name) }
}

/// The flow of this name.
///
/// # Errors
/// Which there are, and the nearest.
pub fn flow_named(name: &str) -> Result<Flow, String> {
    Flow::named(name).ok_or_else(|| {
        let swapped = Fault::ALL.iter().any(|fault| fault.name() == name);
        let hint =
            if swapped { "; it is a fault, and the flow comes first: `chaos run FLOW FAULT`" } else { "" };
        no_such("flow", name, FLOWS.iter().map(|row| row.name)) + hint
    })
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
    let names: Vec<String> = service::builtin().into_iter().map(|service| service.name).collect();
    match names.iter().any(|known| known == name) {
        true => Ok(name.to_owned()),
        false => Err(no_such("service", name, names.iter().map(String::as_str))),
    }
}

/// The way of this name.
///
/// # Errors
/// Which there are, and the nearest.
pub fn way_named(name: &str) -> Result<Way, String> {
    let found = Way::ALL.into_iter().find(|way| way.word() == name);
    found.ok_or_else(|| no_such("way", name, Way::ALL.iter().map(|way| way.word())))
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

/// There is none of that name: which there are, and the nearest.
pub(crate) fn no_such<'a>(what: &str, name: &str, known: impl Iterator<Item = &'a str>) -> String {
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

    #[test]
    fn a_wrong_word_is_answered_with_the_nearest_right_one() {
        let error = flow_named("card").unwrap_err();
        assert!(error.contains("nearest: cart") && error.contains("whoami"), "{error}");
        let error = fault_named("kil").unwrap_err();
        assert!(error.contains("nearest: kill") && error.contains("redis-down"), "{error}");
        assert!(step_named(Flow::Cart, "put-pan").unwrap_err().contains("nearest: put-pen"));
        assert!(flow_named("kill").unwrap_err().contains("the flow comes first"));
        assert!(!flow_named("xyzzy").unwrap_err().contains("nearest"));
    }

    #[test]
    fn a_shell_is_told_of_every_service() {
        let told: Vec<String> =
            SERVICES.possible_values().unwrap().map(|value| value.get_name().to_owned()).collect();
        let there: Vec<String> = service::builtin().into_iter().map(|service| service.name).collect();
        assert_eq!(told, [vec!["both".to_owned()], there.clone()].concat());
        let told: Vec<String> =
            A_SERVICE.possible_values().unwrap().map(|value| value.get_name().to_owned()).collect();
        assert_eq!(told, there);
    }

    #[test]
    fn the_distance_counts_letters() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("same", "same"), 0);
    }
}
