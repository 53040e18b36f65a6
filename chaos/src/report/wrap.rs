//! How does a sentence fit on a projector? Broken between words at 100 columns, or at fewer where the
//! terminal is narrower.

use terminal_size::{Height, Width};

/// The widest line of any report.
pub const COLUMNS: usize = 100;

/// Where a table of requests still has room; on a narrower terminal each is told in two lines.
pub const TABLE_COLUMNS: usize = 80;

/// Stands for a blank within a command, until it is printed.
const GLUE: char = '\u{a0}';

/// A command in a sentence: whoever copies it must get all of it, so it counts as one word. So does what stands
/// between backticks. If it is longer than a line, it is broken in the way a shell reads as one.
pub fn command(words: &str) -> String {
    words.replace(' ', &GLUE.to_string())
}

/// Breaks a sentence so that it ends before the last column; its first line begins at column `indent`, and
/// the others are moved there. A single word is never broken.
pub fn wrapped(sentence: &str, indent: usize) -> String {
    wrapped_at(sentence, indent, columns())
}

/// The same for a line that is meant to be one, and is broken only where the terminal has no room for it. It begins
/// with as many blanks as it has.
pub fn fitted(line: &str, indent: usize) -> String {
    fitted_at(line, indent, columns())
}

fn fitted_at(line: &str, indent: usize, columns: usize) -> String {
    if columns == COLUMNS {
        return line.replace(GLUE, " ");
    }
    let words = line.trim_start_matches(' ');
    let blanks = &line[..line.len() - words.len()];
    format!("{blanks}{}", broken(words, blanks.len().max(indent), indent, columns))
}

/// Whether the terminal is too narrow for tables.
pub fn narrow() -> bool {
    columns() < TABLE_COLUMNS
}

/// The same for a text of several lines that goes to stderr, each broken as far to the right as it begins.
pub fn complaint(text: &str) -> String {
    let columns = within(terminal_size::terminal_size_of(std::io::stderr()));
    let lines = text.split('\n').map(|line| {
        let blanks = line.len() - line.trim_start_matches(' ').len();
        fitted_at(line, blanks, columns)
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// How wide a line can be here: [`COLUMNS`], or what the terminal has if that is less.
pub fn columns() -> usize {
    within(terminal_size::terminal_size_of(std::io::stdout()))
}

fn within(terminal: Option<(Width, Height)>) -> usize {
    terminal.map_or(COLUMNS, |(width, _)| usize::from(width.0).clamp(20, COLUMNS))
}

/// As [`wrapped`], for lines of at most so many columns.
pub fn wrapped_at(sentence: &str, indent: usize, columns: usize) -> String {
    broken(sentence, indent, indent, columns)
}

/// Breaks a sentence whose first line begins at column `start`, and every other at `indent`.
fn broken(sentence: &str, start: usize, indent: usize, columns: usize) -> String {
    let (mut out, mut begin, mut column) = (String::new(), start, start);
    for word in glued(sentence).split(' ') {
        // One word, or the words of a command that has no line to itself.
        let parts: Vec<&str> = match word.chars().count() {
            width if width > columns.saturating_sub(indent) => word.split(GLUE).collect(),
            _ => vec![word],
        };
        for (at, part) in parts.iter().enumerate() {
            let width = part.chars().count();
            let backslash = if at + 1 < parts.len() { 2 } else { 0 };
            if column > begin && column + 1 + width + backslash > columns {
                out.push_str(if at > 0 { " \\\n" } else { "\n" });
                out.push_str(&" ".repeat(indent));
                (begin, column) = (indent, indent);
            } else if column > begin {
                out.push(' ');
                column += 1;
            }
            out.push_str(&part.replace(GLUE, " "));
            column += width;
        }
    }
    out
}

/// With glue between the words that stand between backticks.
fn glued(sentence: &str) -> String {
    let piece = |(at, piece): (usize, &str)| if at % 2 == 1 { command(piece) } else { piece.to_owned() };
    sentence.split('`').enumerate().map(piece).collect::<Vec<_>>().join("`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_is_wider_than_the_projector_and_no_word_is_lost() {
        let sentence = "a word ".repeat(60);
        let broken = wrapped(sentence.trim_end(), 13);
        assert!(broken.lines().count() > 3);
        for (at, line) in broken.lines().enumerate() {
            let begins_at = if at == 0 { 13 } else { 0 };
            assert!(begins_at + line.chars().count() <= COLUMNS, "{line}");
        }
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(words(&broken), words(&sentence));
    }

    #[test]
    fn a_narrow_terminal_gets_narrow_lines() {
        let broken = wrapped_at("one two three four five six seven", 4, 20);
        assert_eq!(broken, "one two three\n    four five six\n    seven");
    }

    #[test]
    fn a_line_that_is_broken_begins_where_it_began() {
        assert_eq!(fitted_at("  one two three four", 4, 20), "  one two three\n    four");
        assert_eq!(fitted_at("          one two", 4, 15), "          one\n    two");
        assert_eq!(fitted_at("  one two three four", 4, COLUMNS), "  one two three four");
    }

    #[test]
    fn a_command_is_not_broken_or_as_a_shell_reads_it() {
        let next = format!("Next: {}, or go on", command("chaos lab check 2"));
        assert_eq!(wrapped_at(&next, 0, 20), "Next:\nchaos lab check 2,\nor go on");
        assert_eq!(fitted_at("`git restore a`, or not", 0, 16), "`git restore a`,\nor not");
        let again = command("chaos run cart kill --at look --seed 7");
        assert_eq!(fitted_at(&again, 2, 24), "chaos run cart kill \\\n  --at look --seed 7");
        assert_eq!(fitted_at(&command("chaos run"), 0, COLUMNS), "chaos run");
    }

    #[test]
    fn a_short_sentence_stays_as_it_is() {
        assert_eq!(wrapped("nothing to do", 2), "nothing to do");
        assert_eq!(wrapped("", 2), "");
    }
}
