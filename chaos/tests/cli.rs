//! Does the tool answer to what is typed, and say with its exit code how it went?

#![allow(clippy::unwrap_used, reason = "a test that panics has said what it had to say")]

mod support;

use std::process::{Command, Output, Stdio};

use clap::CommandFactory;
use support::tool::Place;

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
        &["up", "--service", "both"],
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
        &["matrix", "--only", ""],
        &["run", "cart", "kill", "--lab", ""],
        &["status", "--driver", "swarm"],
        &["heal", "--lab", "../lab"],
        &["up", "--lab", "A B"],
        &["contract", "http://127.0.0.1:1/path"],
        &["contract", "http://127.0.0.1:1?query"],
        &["contract", "http://localhost"],
        &["contract", "http://127.0.0.1:1", "--row", "0"],
        &["load", "--pace", "0s"],
        &["load", "--pace", "999us"],
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
        &["contract", "nonsense"],
        &["contract", "http://127.0.0.1:1", "--row", "250"],
    ] {
        let output = chaos(args);
        assert_eq!(code(&output), 64, "{args:?}: {}", err(&output));
        assert_eq!(out(&output), "", "{args:?}");
        assert!(!err(&output).is_empty(), "{args:?} says nothing");
    }
}

#[test]
fn what_cannot_be_meant_is_answered_with_the_usage_of_its_own_command() {
    for (args, usage) in [
        (&["lab", "predict", "1", "pause-stateful=Maybe"][..], "Usage: chaos lab predict <LAB>"),
        (&["run", "cart", "kill", "--at", "nowhere"], "Usage: chaos run [OPTIONS] <FLOW> <FAULT>"),
        (&["contract", "nonsense"], "Usage: chaos contract [OPTIONS] <URL>"),
    ] {
        let said = err(&chaos(args));
        assert!(said.contains(usage), "{args:?}: {said}");
    }
}

#[test]
fn a_misspelt_name_is_answered_with_all_names_and_the_nearest() {
    for (args, nearest, another) in [
        (&["run", "crat", "kill"][..], "nearest: cart", "checkout"),
        (&["run", "cart", "kil"], "nearest: kill", "redis-down"),
        (&["run", "cart", "kill", "--at", "put-pan"], "nearest: put-pen", "put-book"),
        (&["run", "cart", "kill", "--service", "statefull"], "nearest: stateful", "stateless-ephemeral-key"),
        (&["up", "--service", "statefull"], "nearest: stateful", "stateless-ephemeral-key"),
        (&["restart", "stateful", "--at", "cart:lok"], "nearest: look", "put-pen"),
    ] {
        let said = err(&chaos(args));
        assert!(said.contains(nearest) && said.contains(another), "{args:?}: {said}");
    }
}

#[test]
fn help_is_had_by_either_of_its_names() {
    assert_eq!(out(&chaos(&["help"])), out(&chaos(&["--help"])));
    assert_eq!(out(&chaos(&["help", "lab", "check"])), out(&chaos(&["lab", "check", "--help"])));
    assert!(!out(&chaos(&["man"])).contains("chaos lab help"), "the manual needs no chapters about help");
}

/// What a shell offers for what was typed so far, after it has read our script; `None` where there is no such shell.
fn offered(shell: &str, typed: &str) -> Option<Vec<String>> {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("_chaos");
    std::fs::write(&script, out(&chaos(&["completions", shell]))).unwrap();
    let mut command = Command::new(shell);
    // Where there are no files, because their names are offered, too.
    let empty = folder.path().join("empty");
    std::fs::create_dir(&empty).unwrap();
    command.current_dir(&empty).env("HOME", folder.path()).env("SCRIPT", &script).env("TYPED", typed);
    match shell {
        "bash" => command.args([
            "--norc",
            "-c",
            r#"source "$SCRIPT"; read -ra COMP_WORDS <<<"$TYPED x"
            COMP_WORDS[-1]=${COMP_WORDS[-1]%x}; [[ $TYPED == *" " ]] || unset 'COMP_WORDS[-1]'
            COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
            _chaos chaos "${COMP_WORDS[-1]}" "${COMP_WORDS[-2]}"; printf '%s\n' "${COMPREPLY[@]}""#,
        ]),
        "fish" => command.args(["--no-config", "-c", r#"source $SCRIPT; complete -C "$TYPED""#]),
        // Its completion needs a line editor; what can be asked without is whether it takes our script for chaos.
        "zsh" => command.args([
            "-fc",
            r#"autoload -U compinit && compinit -u -D && source "$SCRIPT" && echo $_comps[chaos]"#,
        ]),
        other => panic!("{other}"),
    };
    match command.output() {
        Ok(output) => {
            assert_eq!(err(&output), "", "{shell}: {typed}");
            let offered = out(&output);
            // What fish says about a word stands behind a tab.
            Some(offered.lines().map(|line| line.split('\t').next().unwrap().to_owned()).collect())
        }
        Err(error) => {
            support::skip(
                &format!("completions of {shell}"),
                &format!("no {shell} ({error}); apt install {shell}"),
            );
            None
        }
    }
}

#[test]
fn a_shell_completes_flows_faults_and_services_and_not_only_options() {
    for shell in ["bash", "fish"] {
        for (typed, expected) in [
            ("chaos comp", &["completions"][..]),
            ("chaos lab st", &["start", "status"]),
            ("chaos run who", &["whoami"]),
            ("chaos run whoami ki", &["kill", "kill-sibling"]),
            ("chaos run whoami kill --service stateless", &["stateless", "stateless-ephemeral-key"]),
            ("chaos load --fault redis-d", &["redis-down"]),
            ("chaos restart stateless", &["stateless", "stateless-1", "stateless-2"]),
            ("chaos up --service stateful", &["stateful"]),
            ("chaos completions z", &["zsh"]),
            ("chaos completions y", &[]),
        ] {
            let Some(mut words) = offered(shell, typed) else { break };
            words.retain(|word| !word.is_empty());
            words.sort();
            assert_eq!(words, expected, "{shell}: {typed}");
        }
    }
    assert!(offered("zsh", "").is_none_or(|words| words == ["_chaos"]));
    let script = out(&chaos(&["completions", "zsh"]));
    for word in ["whoami", "cart-blind", "redis-down", "stateless-ephemeral-key", "predict"] {
        assert!(script.contains(word), "zsh does not complete {word}");
    }
}

#[test]
fn the_manual_has_every_command() {
    let page = out(&chaos(&["man"])).replace("\\-", "-");
    assert!(page.contains(".TH chaos 1"));
    for command in chaos::cli::Cli::command().get_subcommands() {
        for name in command.get_subcommands().map(|sub| format!("{} {}", command.get_name(), sub.get_name()))
        {
            assert!(page.contains(&format!("chaos {name}")), "the manual lacks {name}");
        }
        assert!(
            page.contains(&format!("\"chaos {}\"", command.get_name())),
            "the manual lacks {}",
            command.get_name()
        );
    }
    assert!(page.contains("Exit codes: 0 as predicted"));
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

#[test]
fn a_replica_that_cannot_be_the_one_is_refused_before_anything_is_hit() {
    for (target, at, part) in [
        ("stateful-1", "sticky:put-pen", "decided by the gateway"),
        ("stateless-2", "spread:put-book", "name its service"),
        ("stateless-9", "cart:put-pen", "has two replicas of each"),
    ] {
        let output = chaos(&["restart", target, "--how", "kill", "--at", at]);
        assert!(code(&output) == 64 && err(&output).contains(part), "{output:?}");
    }
}

#[test]
fn what_the_contract_cannot_be_asked_is_wrong_usage() {
    for args in [
        &["http://127.0.0.1:1", "--row", "11", "--row", "99"][..],
        &["HTTP://127.0.0.1:1"],
        &["http://x@127.0.0.1:1"],
        &["http://127.0.0.1:1#a"],
    ] {
        let output = chaos(&[&["contract"], args].concat());
        assert_eq!(code(&output), 64, "{output:?}");
    }
}

#[test]
fn a_reader_that_has_gone_is_no_trouble() {
    let place = Place::new();
    for args in [&["status", "--driver", "local"][..], &["heal", "--driver", "local"], &["doctor"], &["list"]]
    {
        let mut child = place.chaos(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(err(&output), "", "{args:?}");
    }
}

#[test]
fn a_report_of_something_that_is_no_file_is_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let output = chaos(&["report", pipe.to_str().unwrap()]);
    assert!(code(&output) == 3 && err(&output).contains("is no results folder"), "{output:?}");
}
