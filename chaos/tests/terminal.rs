//! Can the tool be read on a terminal that is narrow, or that wants no colour?

#![allow(clippy::unwrap_used, reason = "a test that panics has said what it had to say")]

mod support;

use std::io::{Read, Write};
use std::process::{ChildStdin, Command, Stdio};

use support::tool::Place;

/// A terminal of so many columns, where this is typed.
fn terminal(place: &Place, columns: usize, typed: &str, no_color: bool) -> Command {
    let chaos = env!("CARGO_BIN_EXE_chaos");
    terminal_for(place, columns, &format!("'{chaos}' {typed} 2>/dev/null"), no_color)
}

/// The same for any line of the shell.
fn terminal_for(place: &Place, columns: usize, line: &str, no_color: bool) -> Command {
    let line = format!("stty cols {columns} rows 50; {line}");
    let mut script = Command::new("script");
    place.furnish(&mut script);
    script.args(["-qec", &line, "/dev/null"]).env("XDG_STATE_HOME", place.path().join("state"));
    script.env("CHAOS_RESULTS", place.path().join("results"));
    script.env_remove("NO_COLOR").env("TERM", "xterm");
    if no_color {
        script.env("NO_COLOR", "1");
    }
    script
}

/// What a person sees who types this on a terminal of so many columns; `None` where there is no `script`.
fn on_a_terminal(columns: usize, typed: &str, no_color: bool) -> Option<String> {
    sees(&Place::new(), columns, typed, no_color)
}

/// The same, where somebody may have a lab.
fn sees(place: &Place, columns: usize, typed: &str, no_color: bool) -> Option<String> {
    match terminal(place, columns, typed, no_color).output() {
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
        "matrix --moments telling --only flow=cart,flow=sticky,fault=kill,service=stateful,service=stateless",
        "restart redis --at cart:look",
    ] {
        let Some(said) = on_a_terminal(40, typed, true) else { return };
        assert!(said.lines().count() > 3, "chaos {typed}: {said}");
        fits_forty_columns(typed, &said);
    }
}

#[test]
fn a_terminal_as_it_opens_has_eighty_columns_and_they_are_enough() {
    for typed in [
        "",
        "list",
        "lab list",
        "lab start 7",
        "run cart kill",
        "run order kill --service stateless",
        "load --clients 4 --for 2s --every 700ms --pace 50ms --service stateful",
        "matrix --moments telling --only flow=cart,flow=sticky,fault=kill,service=stateful,service=stateless",
    ] {
        let Some(said) = on_a_terminal(80, typed, true) else { return };
        for line in said.lines() {
            assert!(line.chars().count() <= 80, "chaos {typed}: {line:?}");
        }
    }
}

#[test]
fn a_command_that_is_told_on_two_lines_can_be_pasted() {
    let place = Place::new();
    let Some(said) = sees(&place, 80, "run cart kill --service stateful", true) else { return };
    let (_, rest) = said.split_once("  again      chaos ").unwrap();
    let (command, _) = rest.split_once("\n\n").unwrap();
    assert!(command.contains("\\\n"), "the control: it is broken: {command:?}");
    let again = sees(&place, 80, command, true).unwrap();
    assert!(again.contains(&format!("again      chaos {command}\n")), "{again}");
}

fn fits_forty_columns(typed: &str, said: &str) {
    for line in said.lines() {
        // What is to be pasted is not broken, and a word that is longer than the line cannot be: a path, an address.
        if line.starts_with("  curl ") {
            continue;
        }
        let words = line.split_whitespace().count();
        let one_word = words == 1 || words == 2 && line.contains(['/', '.']);
        assert!(line.chars().count() <= 40 || one_word, "chaos {typed}: {line:?}");
    }
}

/// Presses Ctrl-C when it is dropped, so that no lab is left by a test that panics.
struct CtrlC(ChildStdin);

impl Drop for CtrlC {
    fn drop(&mut self) {
        let _ = self.0.write_all(&[3]);
    }
}

#[test]
fn a_lab_that_is_up_fits_forty_columns() {
    let place = Place::new();
    let Some(none) = sees(&place, 40, "status", true) else { return };
    assert!(none.contains("no lab is up"), "{none}");
    fits_forty_columns("status", &none);

    let mut up = terminal(&place, 40, "up", true);
    let mut up = up.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (mut said, mut screen) = (Vec::new(), up.stdout.take().unwrap());
    let ctrl_c = CtrlC(up.stdin.take().unwrap());
    // Between these words a line may end, but not within one.
    while !String::from_utf8_lossy(&said).contains("Ctrl-C") {
        let mut more = [0; 512];
        let read = screen.read(&mut more).unwrap();
        assert!(read > 0, "chaos up ended: {}", String::from_utf8_lossy(&said));
        said.extend(&more[..read]);
    }
    let address = String::from_utf8_lossy(&said)
        .split_whitespace()
        .find(|word| word.starts_with("http://"))
        .unwrap()
        .to_owned();
    let contract = format!("contract {address} --row 1 --row 8 --row 32");
    let redis = String::from_utf8_lossy(&said).contains("redis://");
    for typed in ["status", "restart stateful-1 --how kill", "restart redis", &contract] {
        if typed == "restart redis" && !redis {
            support::skip(typed, "there is no redis-server (apt-get install redis-server)");
            continue;
        }
        let told = sees(&place, 40, typed, true).unwrap();
        assert!(told.lines().count() > 2, "chaos {typed}: {told}");
        fits_forty_columns(typed, &told);
    }
    drop(ctrl_c);
    screen.read_to_end(&mut said).unwrap();
    up.wait().unwrap();
    fits_forty_columns("up", &String::from_utf8(said).unwrap().replace("\r\n", "\n"));
    assert_eq!(place.left_behind(), Vec::<std::path::PathBuf>::new());
}

#[test]
fn a_lab_from_its_prediction_to_its_end_fits_forty_columns() {
    let place = Place::new();
    for typed in [
        "class hand-in --nickname ada",
        "lab start 2",
        "lab predict 2 stateful=Survived stateless=Lost",
        "lab check 2",
        "lab hint 2",
        "lab reset 2",
    ] {
        let Some(said) = sees(&place, 40, typed, true) else { return };
        assert!(said.lines().count() > 1, "chaos {typed}: {said}");
        fits_forty_columns(typed, &said);
    }
}

#[test]
fn an_error_fits_forty_columns() {
    for (typed, said) in [
        ("lab predict 1 pause-stateful=Maybe", "there are Survived, Recovered,"),
        ("run cart kil", "(nearest: kill)"),
        ("frobnicate", "unrecognized subcommand"),
        ("contract http://127.0.0.1:1", "there is no service at"),
    ] {
        let line = format!("'{}' {typed}", env!("CARGO_BIN_EXE_chaos"));
        let Ok(output) = terminal_for(&Place::new(), 40, &line, true).output() else {
            return support::skip("what a terminal shows", "no script; apt install bsdutils");
        };
        let told = String::from_utf8(output.stdout).unwrap().replace("\r\n", "\n");
        let words = told.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains(said), "chaos {typed}: {told}");
        fits_forty_columns(typed, &told);
    }
}

#[test]
fn an_error_has_a_line_of_its_own() {
    let place = Place::new();
    let line = format!("CHAOS_RESULTS=/dev/null/none '{}' run prime kill", env!("CARGO_BIN_EXE_chaos"));
    let Ok(output) = terminal_for(&place, 100, &line, true).output() else {
        return support::skip("what a terminal shows", "no script; apt install bsdutils");
    };
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("starting"), "the control: there was a line to be written over: {said:?}");
    // Each of these takes the line back.
    assert!(said.rsplit("\r\u{1b}[K").next().unwrap().starts_with("chaos: "), "{said:?}");
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
