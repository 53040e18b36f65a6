//! What was found out about one thing, and what helps?

use serde::Serialize;

/// What was found out about one thing.
#[derive(Debug, Serialize)]
pub(super) struct Finding {
    pub health: Health,
    pub what: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cure: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Health {
    /// As it should be.
    Good,
    /// A lab runs, with less in it or slower.
    Poor,
    /// No lab can run.
    Bad,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let word = match self.health {
            Health::Good => "ok  ",
            Health::Poor => "poor",
            Health::Bad => "BAD ",
        };
        let cure = self.cure.as_ref().map_or_else(String::new, |cure| format!("; cure: {cure}"));
        write!(f, "{word} {}{cure}", self.what)
    }
}

pub(super) fn good(what: impl Into<String>) -> Finding {
    Finding { health: Health::Good, what: what.into(), cure: None }
}

pub(super) fn poor(what: impl Into<String>, cure: &str) -> Finding {
    Finding { health: Health::Poor, what: what.into(), cure: Some(cure.to_owned()) }
}

pub(super) fn bad(what: impl Into<String>, cure: &str) -> Finding {
    Finding { health: Health::Bad, what: what.into(), cure: Some(cure.to_owned()) }
}
