//! What do the labs ask, and what will come? The answers are those of `predictions.toml`, as everywhere: a
//! student's own run can differ, where the code of their tree is changed.

use serde::Serialize;

use crate::lab::catalogue::labs;
use crate::lab::catalogue::{Ask, Lab};
use crate::predict::Predictions;
use crate::verdict::Verdict;

/// All questions of all labs, in their order.
#[derive(Debug, Clone)]
pub struct Questions {
    all: Vec<(Question, Ask)>,
}

/// One question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Question {
    /// The lab's number.
    pub lab: u8,
    /// What the lab is called.
    pub title: String,
    /// What a student calls the question.
    pub key: String,
    /// The question, in words.
    pub ask: String,
    /// The cell that answers it, in words.
    pub cell: String,
    /// The verdict that will come.
    pub right: Verdict,
}

impl Questions {
    /// Those this tool was built with.
    ///
    /// # Errors
    /// If a lab or the predictions are broken; tests keep them from being.
    pub fn builtin() -> anyhow::Result<Questions> {
        let predictions = Predictions::builtin()?;
        let mut all = Vec::new();
        for lab in labs()? {
            for ask in &lab.predict {
                all.push((question(&lab, ask, &predictions)?, ask.clone()));
            }
        }
        Ok(Questions { all })
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Question> {
        self.all.iter().map(|(question, _)| question)
    }

    /// The idea behind a wrong verdict, and what is wrong with the idea.
    pub fn idea(&self, question: &Question, said: Verdict) -> Option<&str> {
        let found = self.all.iter().find(|(known, _)| known == question);
        found.and_then(|(_, ask)| ask.wrong.get(&said)).map(String::as_str)
    }
}

fn question(lab: &Lab, ask: &Ask, predictions: &Predictions) -> anyhow::Result<Question> {
    let cell = ask.cell.cell().map_err(anyhow::Error::msg)?;
    let (flow, fault, service) = (cell.flow, cell.fault.name(), &cell.service.name);
    let predicted = predictions.cell(flow, fault, service, cell.way, cell.moment)?;
    Ok(Question {
        lab: lab.number,
        title: lab.title.clone(),
        key: ask.key.clone(),
        ask: ask.ask.clone(),
        cell: ask.cell.to_string(),
        right: predicted.expected.verdict,
    })
}
