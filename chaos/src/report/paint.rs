//! When is there colour? Only on a terminal, and never against the reader's wish (`NO_COLOR`). Nothing is
//! said by colour alone.

use std::io::{IsTerminal, stdout};

use crate::results::Observed;
use crate::verdict::Verdict;

/// A box of paints, perhaps a dry one.
#[derive(Debug, Clone, Copy)]
pub struct Paint {
    wet: bool,
}

impl Paint {
    /// For stdout, as it is.
    pub fn for_stdout() -> Self {
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Paint { wet: stdout().is_terminal() && !unwanted }
    }

    /// Never any colour.
    pub fn dry() -> Self {
        Paint { wet: false }
    }

    /// What stands out.
    pub fn bold(self, text: &str) -> String {
        self.with("1", text)
    }

    /// What may be skipped.
    pub fn faint(self, text: &str) -> String {
        self.with("2", text)
    }

    /// What is wrong.
    pub fn alarm(self, text: &str) -> String {
        self.with("1;31", text)
    }

    /// A verdict, or the lack of one.
    pub fn observed(self, observed: Observed, text: &str) -> String {
        let code = match observed {
            Observed::Verdict(Verdict::Survived) => "32",
            Observed::Verdict(Verdict::Recovered) => "36",
            Observed::Verdict(Verdict::Unknown) => "33",
            Observed::Verdict(Verdict::Lost) => "31",
            Observed::Verdict(Verdict::Duplicated) => "35",
            Observed::Inconclusive | Observed::NotAvailable => "2",
        };
        self.with(code, text)
    }

    fn with(self, code: &str, text: &str) -> String {
        if self.wet { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}
