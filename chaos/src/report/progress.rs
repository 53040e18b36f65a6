//! Is it still working? A line on stderr that is written over, on a terminal; a line now and then in a log.

use std::cell::Cell;
use std::io::{IsTerminal, Write, stderr};
use std::time::{Duration, Instant};

use crate::results;

/// How often a log gets a line.
const LOG_EVERY: Duration = Duration::from_secs(10);

/// Where progress is shown.
#[derive(Debug)]
pub struct Progress {
    terminal: bool,
    start: Instant,
    logged_at: Cell<Instant>,
    stood_out: Cell<usize>,
    shown: Cell<bool>,
}

/// An error that ends a run early does not begin in the middle of a line.
impl Drop for Progress {
    fn drop(&mut self) {
        self.done();
    }
}

impl Progress {
    /// Shown on stderr.
    pub fn on_stderr() -> Self {
        let now = Instant::now();
        Progress {
            terminal: stderr().is_terminal(),
            start: now,
            logged_at: Cell::new(now),
            stood_out: Cell::new(0),
            shown: Cell::new(false),
        }
    }

    /// Shows what is being done.
    pub fn say(&self, what: &str) {
        self.write(what);
    }

    /// Shows how many cells are done, and how many of them were not as predicted.
    pub fn count(&self, done: usize, of: usize, cell: &results::Cell) {
        self.stood_out.set(self.stood_out.get() + usize::from(cell.stands_out()));
        let odd = match self.stood_out.get() {
            0 => String::new(),
            odd => format!(", {odd} not as predicted"),
        };
        let seconds = self.start.elapsed().as_secs();
        self.write(&format!("{done} of {of} cells{odd}, {seconds} s"));
    }

    /// Says something that stays.
    pub fn note(&self, what: &str) {
        self.done();
        let _ = writeln!(stderr(), "{what}");
    }

    /// Leaves a clean line.
    pub fn done(&self) {
        if self.shown.replace(false) {
            // A terminal that cannot be written to cannot show progress either.
            let _ = write!(stderr(), "\r\u{1b}[K");
        }
    }

    fn write(&self, text: &str) {
        if self.terminal {
            // Longer than the terminal is wide, and it would be two lines, of which one could not be taken back.
            let width =
                terminal_size::terminal_size_of(stderr()).map_or(usize::MAX, |(width, _)| width.0.into());
            let text: String = text.chars().take(width.saturating_sub(1)).collect();
            let _ = write!(stderr(), "\r\u{1b}[K{text}");
            self.shown.set(true);
        } else if self.logged_at.get().elapsed() >= LOG_EVERY {
            self.logged_at.set(Instant::now());
            let _ = writeln!(stderr(), "{text}");
        }
    }
}
