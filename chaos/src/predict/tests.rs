//! Are the predictions complete, and does every word of them count?

use super::*;
use crate::fault::FAULTS;
use crate::flow::FLOWS;
use crate::schedule::exists;
use crate::service;

/// Every square the matrix has: flow × fault × service × way, where there is such a thing.
fn squares() -> Vec<(Flow, &'static str, String, Way)> {
    let mut squares = Vec::new();
    for row in FLOWS {
        for service in service::builtin() {
            for fault in FAULTS {
                for way in Way::ALL.into_iter().filter(|way| exists(row.flow, fault.fault, &service, *way)) {
                    squares.push((row.flow, fault.name, service.name.clone(), way));
                }
            }
        }
    }
    squares
}

#[test]
fn every_square_and_every_control_is_predicted_exactly_once() {
    let predictions = Predictions::builtin().unwrap();
    for (flow, fault, service, way) in squares() {
        predictions.square(flow, fault, &service, way).unwrap();
        predictions.control(flow, &service, way).unwrap();
    }
}

#[test]
fn nothing_is_predicted_that_the_matrix_does_not_have() {
    let predictions = Predictions::builtin().unwrap();
    let squares = squares();
    for square in &predictions.square {
        for flow in &square.flows {
            for fault in &square.faults {
                for service in &square.services {
                    let there = squares.iter().any(|(f, x, s, w)| {
                        f.name() == flow && x == fault && s == service && *w == square.way
                    });
                    assert!(there, "{flow} × {fault} × {service}, {}", square.way);
                }
            }
        }
    }
}

#[test]
fn every_exception_is_reached_and_differs_from_its_rule() {
    for square in &Predictions::builtin().unwrap().square {
        for flow in &square.flows {
            let steps = Flow::named(flow).unwrap().row().steps;
            let moments = steps.iter().flat_map(|step| Phase::ALL.map(|phase| Moment::new(step, phase)));
            let moments: Vec<Moment> = moments.collect();
            for (name, exception) in &square.except {
                let moment = moments.iter().find(|moment| moment.to_string() == *name);
                let moment = moment.unwrap_or_else(|| panic!("{flow} has no moment {name:?}"));
                assert_ne!(exception, square.phase(moment.phase), "{flow}: {name:?} is no exception");
            }
        }
    }
}

#[test]
fn after_a_step_and_before_the_next_are_predicted_alike() {
    for square in &Predictions::builtin().unwrap().square {
        for flow in &square.flows {
            let steps = Flow::named(flow).unwrap().row().steps;
            for moment in Moment::sweep(steps) {
                if let Some(also) = moment.also(steps) {
                    assert_eq!(square.at(moment), square.at(also), "{flow}, {:?}: {moment}", square.faults);
                }
            }
        }
    }
}

#[test]
fn every_square_says_why_in_one_sentence() {
    let predictions = Predictions::builtin().unwrap();
    let reasons = predictions.square.iter().map(|square| &square.because);
    for because in reasons.chain(predictions.control.iter().map(|control| &control.because)) {
        assert!(because.ends_with('.') && because.len() > 20, "{because}");
        assert!(!because.trim_end_matches('.').contains(". "), "more than one sentence: {because}");
    }
}

#[test]
fn a_predicted_reason_must_be_the_observed_one() {
    let lost = Expected::try_from("Lost restart".to_owned()).unwrap();
    assert!(lost.is(Verdict::Lost, Some("restart")));
    assert!(!lost.is(Verdict::Lost, Some("other_instance")));
    assert!(!lost.is(Verdict::Unknown, Some("restart")));
    assert!(Expected::try_from("Survived".to_owned()).unwrap().is(Verdict::Survived, None));
    assert!(Expected::try_from("Survives".to_owned()).is_err());
}

#[test]
fn predictions_with_windows_line_ends_are_the_same_predictions() {
    let edited: Predictions = toml::from_str(&FILE.replace('\n', "\r\n")).unwrap();
    assert_eq!(format!("{edited:?}"), format!("{:?}", Predictions::builtin().unwrap()));
}
