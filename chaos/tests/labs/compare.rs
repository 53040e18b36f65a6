//! Does a command still print what a document says? In what is printed, `[..]` stands for anything in a line, and a
//! line of three dots for any number of lines.

use crate::mask::masked;
use crate::support::document::{Shown, shown};

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
    let said = shown.prints.as_ref().map_or(0, Vec::len);
    let before = lines[..shown.line].iter().map(|line| (*line).to_owned());
    let after = lines[shown.line + said..].iter().map(|line| (*line).to_owned());
    before.chain(printed).chain(after).collect::<Vec<_>>().join("\n") + "\n"
}

#[test]
fn a_document_is_read_and_written_anew() {
    let text = "a\n```console\n$ one\nout\n$ two\n```\n```sh\nthree # $ no\n\n# why\n```\n";
    let found = shown(text);
    let commands: Vec<(usize, &str)> = found.iter().map(|it| (it.line, it.command.as_str())).collect();
    assert_eq!(commands, [(3, "one"), (5, "two"), (8, "three")]);
    let prints: Vec<Option<usize>> = found.iter().map(|it| it.prints.as_ref().map(Vec::len)).collect();
    assert_eq!(prints, [Some(1), Some(0), None]);
    let new = rewritten(text, &found[0], &["x".to_owned(), "y".to_owned()]);
    assert_eq!(new, text.replace("out\n", "x\ny\n"));
}

#[test]
fn a_command_in_a_block_that_nobody_reads_is_found() {
    for hidden in ["```\nmake lab\n```\n", "```bash\nmake lab\n```\n", "```text\n$ make lab\n```\n"] {
        let read = std::panic::catch_unwind(|| shown(hidden));
        assert!(read.is_err(), "{hidden}");
    }
    assert_eq!(shown("```text\na picture\n```\n"), []);
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
