//! Which commands does a document show, and does each still say what the document says?
//!
//! A block that begins with three backquotes and `console` is a terminal: after `$ ` comes a command, and below
//! it what it prints. In what is printed, `[..]` stands for anything in a line, and a line of three dots for
//! any number of lines.

use std::path::Path;
use std::process::Command;

use crate::mask::masked;

/// One command of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The line it stands on, from 1.
    pub line: usize,
    /// What is typed.
    pub command: String,
    /// What is printed.
    pub prints: Vec<String>,
}

/// All commands in the blocks of a document.
pub fn shown(text: &str) -> Vec<Shown> {
    let mut found: Vec<Shown> = Vec::new();
    let (mut inside, mut fresh) = (false, true);
    for (at, line) in text.lines().enumerate() {
        if line.starts_with("```") {
            inside = line == "```console";
            fresh = true;
        } else if let (true, Some(command)) = (inside, line.strip_prefix("$ ")) {
            found.push(Shown { line: at + 1, command: command.to_owned(), prints: Vec::new() });
            fresh = false;
        } else if let (true, Some(last)) = (inside, found.last_mut()) {
            assert!(!fresh, "line {}: a console block begins with a command, `$ …`", at + 1);
            last.prints.push(line.to_owned());
        }
    }
    found
}

/// Runs a command in `root`, with an environment of its own; what it prints on stdout.
///
/// # Errors
/// If it fails and prints nothing.
pub fn run(command: &str, root: &Path, home: &Path) -> Result<Vec<String>, String> {
    let tools = Path::new(env!("CARGO_BIN_EXE_chaos")).parent().unwrap();
    let path = std::env::var("PATH").unwrap();
    let output = Command::new("sh")
        .args(["-c", command])
        .current_dir(root)
        .env("PATH", format!("{}:{path}", tools.display()))
        .env("XDG_STATE_HOME", home)
        .env("CHAOS_RESULTS", home.join("results"))
        .env("NO_COLOR", "1")
        .env_remove("LAB_DATABASE")
        .output()
        .map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if text.is_empty() && !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    Ok(text.lines().map(str::to_owned).collect())
}

/// Whether these lines are what was expected, as far as it counts. The first line that is not, if any.
///
/// # Errors
/// The line that was expected, and what came instead.
pub fn compare(expected: &[String], printed: &[String]) -> Result<(), String> {
    let expected: Vec<String> = trimmed(expected);
    let printed: Vec<String> = trimmed(printed);
    let mut longest = 0;
    if matches(&expected, &printed, &mut longest) {
        return Ok(());
    }
    let at = longest.min(expected.len().saturating_sub(1));
    let wanted = expected.get(at).cloned().unwrap_or_default();
    Err(format!("not found: {wanted}\n--- printed:\n{}", printed.join("\n")))
}

/// Masked, and without the empty lines at the end.
fn trimmed(lines: &[String]) -> Vec<String> {
    let mut lines: Vec<String> = lines.iter().map(|line| masked(line)).collect();
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    lines
}

fn matches(expected: &[String], printed: &[String], longest: &mut usize) -> bool {
    fn from(e: usize, p: usize, expected: &[String], printed: &[String], longest: &mut usize) -> bool {
        *longest = (*longest).max(e);
        match expected.get(e) {
            None => p == printed.len(),
            Some(dots) if dots == "..." => {
                (p..=printed.len()).any(|p| from(e + 1, p, expected, printed, longest))
            }
            Some(wanted) => {
                printed.get(p).is_some_and(|line| line_matches(wanted, line))
                    && from(e + 1, p + 1, expected, printed, longest)
            }
        }
    }
    from(0, 0, expected, printed, longest)
}

/// Whether a line is as expected; `[..]` is anything.
fn line_matches(expected: &str, line: &str) -> bool {
    let mut parts = expected.split("[..]");
    let Some(mut rest) = parts.next().and_then(|first| line.strip_prefix(first)) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

/// The document with what was really printed in the place of one command's output.
pub fn rewritten(text: &str, shown: &Shown, printed: &[String]) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let mut printed = printed.to_vec();
    while printed.last().is_some_and(String::is_empty) {
        printed.pop();
    }
    let before = lines[..shown.line].iter().map(|line| (*line).to_owned());
    let after = lines[shown.line + shown.prints.len()..].iter().map(|line| (*line).to_owned());
    before.chain(printed).chain(after).collect::<Vec<_>>().join("\n") + "\n"
}

#[test]
fn a_document_is_read_and_written_anew() {
    let text = "a\n```console\n$ one\nout\n$ two\n```\n```sh\n$ no\n```\n";
    let found = shown(text);
    assert_eq!(found.len(), 2);
    assert_eq!((found[0].command.as_str(), found[0].line, found[0].prints.len()), ("one", 3, 1));
    let new = rewritten(text, &found[0], &["x".to_owned(), "y".to_owned()]);
    assert_eq!(new, "a\n```console\n$ one\nx\ny\n$ two\n```\n```sh\n$ no\n```\n");
}

#[test]
fn an_output_that_differs_where_it_counts_is_found() {
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let printed = lines("one 200 0.7 ms\ntwo\nthree 401 restart");
    for right in ["one 200 9.9 ms\ntwo\nthree 401 restart", "one [..]\n...", "...\nthree [..] restart"] {
        assert_eq!(compare(&lines(right), &printed), Ok(()), "{right}");
    }
    for wrong in ["one 500 9.9 ms\ntwo\nthree 401 restart", "one 200 9.9 ms\ntwo", "...\nfour", ""] {
        assert!(compare(&lines(wrong), &printed).is_err(), "{wrong}");
    }
}
