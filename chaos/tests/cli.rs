//! Does the tool answer to what is typed, and say with its exit code how it went?

#![allow(clippy::unwrap_used, reason = "a test that panics has said what it had to say")]

use std::process::{Command, Output};

fn chaos(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_chaos"))
        .args(args)
        .env_remove("LAB_DATABASE")
        .env("CHAOS_RESULTS", std::env::temp_dir().join("chaos-cli-results"))
        // Whoever runs the tests may be a student, half way through the labs.
        .env("XDG_STATE_HOME", std::env::temp_dir().join("chaos-cli-state"))
        .output()
        .unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn without_arguments_it_says_what_to_try_first() {
    let output = chaos(&[]);
    assert_eq!(code(&output), 0);
    assert!(out(&output).contains("chaos run cart kill"), "{}", out(&output));
}

#[test]
fn help_and_version_exit_0() {
    for args in [&["--help"][..], &["--version"], &["run", "--help"], &["matrix", "-h"]] {
        assert_eq!(code(&chaos(args)), 0, "{args:?}");
    }
    assert!(out(&chaos(&["--help"])).contains("Exit codes: 0 as predicted"));
}

#[test]
fn wrong_usage_exits_64_and_prints_nothing_on_stdout() {
    for args in [
        &["frobnicate"][..],
        &["run"],
        &["run", "cart"],
        &["run", "cart", "kill", "--at", "nowhere"],
        &["run", "cart", "kill", "--service", "mainframe"],
        &["run", "cart", "kill", "--phase", "whenever"],
        &["run", "cart", "kill", "--seed", "minus one"],
        &["run", "cart", "kill", "--for", "-5ms"],
        &["run", "cart", "rotate-key", "--service", "stateful"],
        &["run", "whoami", "kill", "--way", "gateway"],
        &["run", "sticky", "kill", "--way", "direct"],
        &["run", "spread", "kill-sibling", "--way", "gateway"],
        &["run", "order", "redis-down", "--way", "gateway"],
        &["run", "cart", "kill", "--way", "round"],
        &["matrix", "--only", "way=round"],
        &["matrix", "--only", "cart"],
        &["matrix", "--only", "flow=nothing"],
        &["matrix", "--jobs", "0"],
        &["restart", "stateful", "--phase", "after"],
        &["restart", "stateful", "--at", "cart"],
        &["restart", "nobody", "--at", "cart:look"],
        &["restart", "sql", "--at", "cart:look"],
        &["restart", "redis", "--how", "kill", "--at", "cart:look"],
        &["list", "--json", "--markdown"],
        &["class"],
        &["class", "collect"],
        &["class", "hand-in", "--replace"],
        &["class", "hand-in", "--nickname", "a/b"],
    ] {
        let output = chaos(args);
        assert_eq!(code(&output), 64, "{args:?}: {}", err(&output));
        assert_eq!(out(&output), "", "{args:?}");
        assert!(!err(&output).is_empty(), "{args:?} says nothing");
    }
}

#[test]
fn a_misspelt_name_is_answered_with_all_names_and_the_nearest() {
    for (args, nearest, another) in [
        (&["run", "crat", "kill"][..], "nearest: cart", "checkout"),
        (&["run", "cart", "kil"], "nearest: kill", "redis-down"),
        (&["run", "cart", "kill", "--at", "put-pan"], "nearest: put-pen", "put-book"),
        (&["run", "cart", "kill", "--service", "statefull"], "nearest: stateful", "stateless-ephemeral-key"),
        (&["restart", "stateful", "--at", "cart:lok"], "nearest: look", "put-pen"),
    ] {
        let said = err(&chaos(args));
        assert!(said.contains(nearest) && said.contains(another), "{args:?}: {said}");
    }
}

#[test]
fn a_shell_completes_flows_faults_and_services_and_not_only_options() {
    for shell in ["bash", "zsh", "fish"] {
        let output = chaos(&["completions", shell]);
        assert!(output.status.success(), "{output:?}");
        let script = out(&output);
        for word in ["whoami", "cart-blind", "redis-down", "stateless-ephemeral-key", "predict"] {
            // What clap writes for fish completes no argument without a name of its own.
            if shell == "fish" && ["whoami", "cart-blind"].contains(&word) {
                continue;
            }
            assert!(script.contains(word), "{shell} does not complete {word}");
        }
    }
    assert!(out(&chaos(&["man"])).contains(".TH chaos 1"));
}

#[test]
fn the_list_has_every_flow_and_every_fault_in_each_form() {
    for args in [&["list"][..], &["list", "--markdown"], &["list", "--json"]] {
        let output = chaos(args);
        assert_eq!(code(&output), 0);
        for row in chaos::flow::FLOWS {
            assert!(
                out(&output).contains(row.name) && out(&output).contains(row.promise),
                "{args:?}: {}",
                row.name
            );
        }
        for row in chaos::fault::FAULTS {
            assert!(
                out(&output).contains(row.name) && out(&output).contains(row.what),
                "{args:?}: {}",
                row.name
            );
        }
    }
    let json: serde_json::Value = serde_json::from_str(&out(&chaos(&["list", "--json"]))).unwrap();
    assert_eq!(json["flows"].as_array().unwrap().len(), chaos::flow::FLOWS.len());
}

#[test]
fn without_its_services_the_lab_cannot_run_and_says_what_to_do() {
    let empty = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_chaos"))
        .args(["run", "cart", "kill"])
        .env("CHAOS_BIN_DIR", empty.path())
        .env("CHAOS_RESULTS", empty.path())
        .output()
        .unwrap();
    assert_eq!(code(&output), 3, "{}", err(&output));
    assert!(err(&output).contains("cargo build"), "{}", err(&output));
    assert_eq!(out(&output), "");
}

#[test]
fn restarting_a_target_of_a_lab_that_is_not_up_exits_3_and_names_the_cure() {
    let output = chaos(&["restart", "stateful", "--lab", "nobody-has-this-one"]);
    assert_eq!(code(&output), 3);
    assert!(err(&output).contains("chaos up"), "{}", err(&output));
}
