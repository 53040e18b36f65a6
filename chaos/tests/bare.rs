//! What does a student see on a machine without Redis and without HAProxy? What can be tried is tried; what cannot
//! says so, names the cure, and passes for nothing.

#![allow(clippy::unwrap_used, reason = "a test that panics has said what it had to say")]

use std::path::PathBuf;
use std::process::{Command, Output};

use chaos::lab::catalogue::{Lab, labs};
use chaos::predict::Predictions;
use tempfile::TempDir;

/// A machine on which nothing is installed but what was built here, and a student's home on it.
struct Bare {
    home: TempDir,
}

impl Bare {
    fn new() -> Bare {
        Bare { home: tempfile::tempdir().unwrap() }
    }

    fn chaos(&self, args: &[&str]) -> Said {
        let place = |name: &str| -> PathBuf { self.home.path().join(name) };
        std::fs::create_dir_all(place("tmp")).unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_chaos"))
            .args(args)
            .env("PATH", "/nowhere")
            .env("TMPDIR", place("tmp"))
            .env("XDG_STATE_HOME", place("state"))
            .env("CHAOS_RESULTS", place("results"))
            .env("DOCKER_HOST", "unix:///nowhere")
            .env_remove("LAB_DATABASE")
            .output()
            .unwrap();
        Said::of(args, &output)
    }
}

/// What a command printed and how it ended.
struct Said {
    code: Option<i32>,
    // On one line, for a sentence is broken where the terminal ends.
    words: String,
    errors: String,
}

impl Said {
    fn of(args: &[&str], output: &Output) -> Said {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let (out, errors) = (text(&output.stdout), text(&output.stderr));
        assert!(!errors.contains("panicked") && !errors.contains("backtrace"), "chaos {args:?}: {errors}");
        let words = out.split_whitespace().collect::<Vec<_>>().join(" ");
        Said { code: output.status.code(), words, errors }
    }

    #[track_caller]
    fn expect(&self, code: i32, words: &[&str]) {
        assert_eq!(self.code, Some(code), "{}\n{}", self.words, self.errors);
        for expected in words {
            let said = self.words.contains(expected) || self.errors.contains(expected);
            assert!(said, "{expected:?} is missing in: {}\n{}", self.words, self.errors);
        }
    }
}

/// The right answers to a lab, as they are typed.
fn right_answers(lab: &Lab) -> Vec<String> {
    let predictions = Predictions::builtin().unwrap();
    let answer = |ask: &chaos::lab::catalogue::Ask| {
        let cell = ask.cell.cell().unwrap();
        let said = predictions
            .cell(cell.flow, cell.fault.name(), &cell.service.name, cell.way, cell.moment)
            .unwrap();
        format!("{}={}", ask.key, said.expected.verdict)
    };
    lab.predict.iter().map(answer).collect()
}

#[test]
fn a_lab_is_right_only_where_all_of_it_could_be_tried() {
    let machine = Bare::new();
    for lab in labs().unwrap() {
        let number = lab.number.to_string();
        let asked = |what: &str, way: &str| {
            lab.predict.iter().any(|ask| {
                let command = ask.cell.command();
                command.contains(what) || command.contains(way)
            })
        };
        let (redis, gateway) = (asked("redis-", "redis-"), asked("gateway", "sticky"));
        let answers = right_answers(&lab);
        let predict: Vec<&str> =
            ["lab", "predict", &number].into_iter().chain(answers.iter().map(String::as_str)).collect();
        machine.chaos(&predict).expect(0, &["Next: chaos lab check"]);
        let checked = machine.chaos(&["lab", "check", &number]);
        if !redis && !gateway {
            checked.expect(0, &["right"]);
            continue;
        }
        let cure = if redis { "(apt install redis-server)" } else { "(apt install haproxy)" };
        checked.expect(2, &["not tried, and so it does not count", cure, "so the lab is not proven"]);
        if lab.number < 10 {
            checked.expect(2, &[&format!("or go on: chaos lab start {}", lab.number + 1)]);
        }
    }
    let status = machine.chaos(&["lab", "status"]);
    for untried in ["Two replicas, then sticky · partly checked", "The state moved · predicted"] {
        status.expect(0, &[untried]);
    }
}

#[test]
fn a_fault_that_needs_what_is_missing_is_not_tried_and_names_the_cure() {
    let machine = Bare::new();
    let (redis, gateway) = ("(apt install redis-server)", "(apt install haproxy)");
    machine.chaos(&["run", "whoami", "redis-lose"]).expect(2, &["NotAvailable", redis]);
    machine.chaos(&["run", "sticky", "drain"]).expect(2, &["NotAvailable", gateway]);
    machine.chaos(&["restart", "redis", "--at", "cart:put-pen"]).expect(2, &["NotAvailable", redis]);
    let only = ["matrix", "--moments", "telling", "--only", "flow=whoami,fault=redis-lose"];
    machine.chaos(&only).expect(2, &["0 cells as predicted", "not tried", redis]);
    machine.chaos(&["up", "--store", "redis"]).expect(3, &["apt install redis-server"]);
    let load = machine.chaos(&["load", "--clients", "2", "--for", "2s", "--fault", "kill,redis-down"]);
    load.expect(3, &["this lab has no Redis", redis]);
    assert_eq!(load.errors.lines().filter(|line| line.starts_with("chaos: ")).count(), 1, "{}", load.errors);
    // And what needs neither goes on, and says where the sessions are.
    machine.chaos(&["run", "cart", "kill"]).expect(0, &["2 cells as predicted"]);
}
