//! Which labs are there? Each is a folder under `labs/`; its `lab.toml` and its patches are part of this
//! binary, so that the tool and the labs it speaks of are always the same age.
//!
//! What is right is nowhere in these files: `chaos lab check` finds out.

use std::collections::BTreeMap;

use anyhow::{Context, bail};
use serde::Deserialize;

use super::cell::Named;
use crate::predict::Expected;
use crate::verdict::Verdict;

/// What is built in of one lab.
struct Source {
    folder: &'static str,
    toml: &'static str,
    broken: &'static str,
    fix: &'static str,
}

/// How many there are.
pub const HOW_MANY: u8 = 10;

const SOURCES: [Source; HOW_MANY as usize] = [
    Source {
        folder: "01-two-services",
        toml: include_str!("../../../labs/01-two-services/lab.toml"),
        broken: include_str!("../../../labs/01-two-services/broken.patch"),
        fix: include_str!("../../../labs/01-two-services/fix.patch"),
    },
    Source {
        folder: "02-restart-after-login",
        toml: include_str!("../../../labs/02-restart-after-login/lab.toml"),
        broken: include_str!("../../../labs/02-restart-after-login/broken.patch"),
        fix: include_str!("../../../labs/02-restart-after-login/fix.patch"),
    },
    Source {
        folder: "03-the-cart",
        toml: include_str!("../../../labs/03-the-cart/lab.toml"),
        broken: include_str!("../../../labs/03-the-cart/broken.patch"),
        fix: include_str!("../../../labs/03-the-cart/fix.patch"),
    },
    Source {
        folder: "04-two-replicas",
        toml: include_str!("../../../labs/04-two-replicas/lab.toml"),
        broken: include_str!("../../../labs/04-two-replicas/broken.patch"),
        fix: include_str!("../../../labs/04-two-replicas/fix.patch"),
    },
    Source {
        folder: "05-paying-once",
        toml: include_str!("../../../labs/05-paying-once/lab.toml"),
        broken: include_str!("../../../labs/05-paying-once/broken.patch"),
        fix: include_str!("../../../labs/05-paying-once/fix.patch"),
    },
    Source {
        folder: "06-the-blind-retry",
        toml: include_str!("../../../labs/06-the-blind-retry/lab.toml"),
        broken: include_str!("../../../labs/06-the-blind-retry/broken.patch"),
        fix: include_str!("../../../labs/06-the-blind-retry/fix.patch"),
    },
    Source {
        folder: "07-logging-out",
        toml: include_str!("../../../labs/07-logging-out/lab.toml"),
        broken: include_str!("../../../labs/07-logging-out/broken.patch"),
        fix: include_str!("../../../labs/07-logging-out/fix.patch"),
    },
    Source {
        folder: "08-the-state-moved",
        toml: include_str!("../../../labs/08-the-state-moved/lab.toml"),
        broken: include_str!("../../../labs/08-the-state-moved/broken.patch"),
        fix: include_str!("../../../labs/08-the-state-moved/fix.patch"),
    },
    Source {
        folder: "09-keys",
        toml: include_str!("../../../labs/09-keys/lab.toml"),
        broken: include_str!("../../../labs/09-keys/broken.patch"),
        fix: include_str!("../../../labs/09-keys/fix.patch"),
    },
    Source {
        folder: "10-rolling-and-prime",
        toml: include_str!("../../../labs/10-rolling-and-prime/lab.toml"),
        broken: include_str!("../../../labs/10-rolling-and-prime/broken.patch"),
        fix: include_str!("../../../labs/10-rolling-and-prime/fix.patch"),
    },
];

/// A lab.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lab {
    /// 1 to 10; in the file system, the number its folder begins with.
    #[serde(skip)]
    pub number: u8,
    /// Its folder under `labs/`.
    #[serde(skip)]
    pub folder: String,
    /// What it is called.
    pub title: String,
    /// The one thing it asks.
    pub question: String,
    /// How long it takes.
    pub minutes: u16,
    /// What to do, in order.
    pub steps: Vec<String>,
    /// What to predict.
    pub predict: Vec<Ask>,
    /// Three, each deeper than the one before.
    pub hints: Vec<String>,
    /// What `solve` shows.
    pub answer: String,
    /// "Change one thing".
    pub change: Change,
}

/// One prediction that is asked for.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    /// What the student calls it.
    pub key: String,
    /// The question, in words.
    pub ask: String,
    /// The cell that answers it.
    pub cell: Named,
    /// For a verdict that does not come: the idea behind it, and what is wrong with the idea.
    pub wrong: BTreeMap<Verdict, String>,
}

/// "Change one thing": the code is broken on purpose, and the student mends it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// What to do.
    pub task: String,
    /// What must be as predicted again, and what is seen before that.
    pub cell: Vec<Broken>,
    /// Breaks it.
    #[serde(skip)]
    pub broken: &'static str,
    /// One way to mend it, to be applied after [`Change::broken`].
    #[serde(skip)]
    pub fix: &'static str,
}

/// A cell that shows the breakage.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Broken {
    /// Which.
    pub cell: Named,
    /// What is seen while the code is broken.
    pub broken: Expected,
}

/// All labs, in order.
///
/// # Errors
/// If a file this binary was built with is broken; a test keeps it from being.
pub fn labs() -> anyhow::Result<Vec<Lab>> {
    (1..=HOW_MANY).map(Lab::numbered).collect()
}

impl Lab {
    /// The lab of this number.
    ///
    /// # Errors
    /// As [`labs`], or if there is none.
    pub fn numbered(number: u8) -> anyhow::Result<Lab> {
        let Some(source) = usize::from(number).checked_sub(1).and_then(|at| SOURCES.get(at)) else {
            bail!("there is no lab {number}");
        };
        let mut lab =
            Lab::read(source.toml).with_context(|| format!("reading labs/{}/lab.toml", source.folder))?;
        lab.number = number;
        lab.folder = source.folder.to_owned();
        lab.change.broken = source.broken;
        lab.change.fix = source.fix;
        Ok(lab)
    }

    /// Reads a `lab.toml`; Windows line ends are no different from others.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn read(toml: &str) -> anyhow::Result<Lab> {
        Ok(toml::from_str(&toml.replace("\r\n", "\n"))?)
    }

    /// Where its text is, from the root of the tree.
    pub fn text(&self) -> String {
        format!("labs/{}/lab.md", self.folder)
    }
}
