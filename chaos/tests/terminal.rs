//! Can the tool be read on a terminal that is narrow, or that wants no colour?

#![allow(clippy::unwrap_used, reason = "a test that panics has said what it had to say")]

mod support;

use std::process::Command;

/// What a person sees who types this on a terminal of so many columns; `None` where there is no `script`.
fn on_a_terminal(columns: usize, typed: &str, no_color: bool) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    let chaos = env!("CARGO_BIN_EXE_chaos");
    let line = format!("stty cols {columns} rows 50; '{chaos}' {typed} 2>/dev/null");
    let mut script = Command::new("script");
    script.args(["-qec", &line, "/dev/null"]).env("XDG_STATE_HOME", folder.path());
    script.env("CHAOS_RESULTS", folder.path().join("results")).env_remove("LAB_DATABASE");
    script.env_remove("NO_COLOR").env("TERM", "xterm");
    if no_color {
        script.env("NO_COLOR", "1");
    }
    match script.output() {
        Ok(output) => Some(String::from_utf8(output.stdout).unwrap().replace("\r\n", "\n")),
        Err(error) => {
            support::skip("what a terminal shows", &format!("no script ({error}); apt install bsdutils"));
            None
        }
    }
}

#[test]
fn prose_and_stories_fit_forty_columns() {
    for typed in [
        "",
        "list",
        "lab list",
        "lab start 2",
        "lab status",
        "lab solve 7",
        "class collect ../labs/example-class",
        "run cart kill",
        "load --clients 4 --for 2s --every 700ms --pace 50ms --service stateful",
        "doctor",
    ] {
        let Some(said) = on_a_terminal(40, typed, true) else { return };
        assert!(said.lines().count() > 3, "chaos {typed}: {said}");
        for line in said.lines() {
            // A word that is longer than the line cannot be broken: a path, an address, a boot id.
            let one_word = line.split_whitespace().count() <= 2 && line.contains(['/', '.']);
            assert!(line.chars().count() <= 40 || one_word, "chaos {typed}: {line:?}");
        }
    }
}

#[test]
fn a_story_on_a_narrow_terminal_tells_as_much_as_on_a_wide_one() {
    let words =
        ["POST /session", "201", "stateful-1 run", "session_lost (restart)", "as predicted", "--seed"];
    for columns in [40, 120] {
        let Some(said) = on_a_terminal(columns, "run cart kill --service stateful", true) else { return };
        let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
        for word in words {
            assert!(said.contains(word), "{word:?} is missing at {columns} columns: {said}");
        }
    }
}

#[test]
fn colour_is_for_terminals_that_want_it() {
    let typed = "run prime kill --service stateful";
    let (Some(painted), Some(plain)) = (on_a_terminal(100, typed, false), on_a_terminal(100, typed, true))
    else {
        return;
    };
    assert!(painted.contains("\u{1b}["), "{painted}");
    assert!(!plain.contains('\u{1b}'), "{plain}");
}
