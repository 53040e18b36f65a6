//! What does a student read? The labs, their questions, hints and answers as text that fits the terminal.

use std::fmt::Write;
use std::path::Path;

use super::catalogue::{HOW_MANY, Lab};
use super::progress::{LabProgress, Progress};
use super::step::Step;
use crate::report::wrap::{columns, command, fitted, wrapped_at};

/// A sentence or more, moved to the right and broken to fit; with a line end.
pub fn paragraph(indent: usize, text: &str) -> String {
    let mut out = String::new();
    for line in text.trim().lines() {
        let _ = writeln!(out, "{}{}", " ".repeat(indent), wrapped_at(line.trim(), indent, columns()));
    }
    out
}

/// `chaos lab list`
pub fn list(labs: &[Lab], progress: &Progress) -> String {
    let mut out = String::new();
    for lab in labs {
        let state = progress.lab(lab.number).map_or("", |mine| state(lab, mine));
        out.push_str(&heading(lab, state));
        out.push_str(&paragraph(4, &format!("{} ({} minutes)", lab.question, lab.minutes)));
    }
    let _ = write!(out, "\nBegin one: chaos lab start {}\n", progress.current.unwrap_or(1));
    out
}

/// `chaos lab start N`
pub fn start(lab: &Lab, progress: &Progress) -> String {
    let mut out = format!("Lab {}: {} ({} minutes)\n\n", lab.number, lab.title, lab.minutes);
    out.push_str(&paragraph(0, &lab.question));
    out.push('\n');
    for (at, step) in lab.steps.iter().enumerate() {
        let _ = writeln!(out, "{:>2}. {}", at + 1, wrapped_at(step, 4, columns()));
    }
    let _ = writeln!(out, "\n{}\n\nPredict:\n", fitted(&format!("The text: {}", lab.text()), 2));
    out.push_str(&questions(lab, progress.lab(lab.number)));
    let _ = write!(out, "\n{}\n", fitted(&predict_command(lab), 2));
    out.push_str(&paragraph(0, VERDICTS));
    out
}

const VERDICTS: &str = "A verdict is Survived (the client noticed nothing but time), Recovered (it was told, and \
                        its own documented move finished the work), Unknown (it cannot know whether its request \
                        took effect), Lost (acknowledged work or its session is gone) or Duplicated (something \
                        happened twice).";

/// What is asked, and what was said to it.
fn questions(lab: &Lab, mine: Option<&LabProgress>) -> String {
    let mut out = String::new();
    for ask in &lab.predict {
        let said = mine.and_then(|mine| mine.predictions.get(&ask.key));
        let said = said.map_or(String::new(), |said| format!(" You said {}.", said.said));
        out.push_str(&paragraph(2, &format!("{} · {}", ask.key, ask.cell)));
        out.push_str(&paragraph(4, &format!("{}{said}", ask.ask)));
    }
    out
}

fn predict_command(lab: &Lab) -> String {
    let keys: Vec<String> = lab.predict.iter().map(|ask| format!("{}=…", ask.key)).collect();
    command(&format!("chaos lab predict {} {}", lab.number, keys.join(" ")))
}

/// `chaos lab check 2`, and perhaps something after it; to be copied, so in one piece.
pub fn chaos_lab(what: &str, number: u8, more: &str) -> String {
    command(&format!("chaos lab {what} {number}{more}"))
}

/// After `chaos lab predict`.
pub fn predicted(lab: &Lab, progress: &Progress) -> String {
    let mut out = questions(lab, progress.lab(lab.number));
    out.push('\n');
    out + &paragraph(0, &what_next(lab, progress))
}

/// `chaos lab check` where nothing was predicted.
pub fn predict_first(lab: &Lab) -> String {
    let said =
        format!("Lab {}: nothing to compare, because nothing is predicted. Predict first:", lab.number);
    format!("{}{}", paragraph(0, &said), paragraph(2, &predict_command(lab)))
}

/// After a check where something that a question needs is not installed.
pub fn not_all_tried(lab: &Lab, untried: usize, of: usize) -> String {
    let number = lab.number;
    format!(
        "{untried} of {of} could not be tried, so the lab is not proven. Install what is missing (chaos doctor) and \
         try again: {}{}",
        chaos_lab("check", number, ""),
        or_go_on(number)
    )
}

/// `chaos lab hint N`: all that were taken.
pub fn hints(lab: &Lab, taken: usize) -> String {
    let mut out = String::new();
    for (at, hint) in lab.hints.iter().take(taken).enumerate() {
        out.push_str(&paragraph(0, &format!("Hint {} of {}: {hint}", at + 1, lab.hints.len())));
    }
    if taken >= lab.hints.len() {
        let solve = chaos_lab("solve", lab.number, "");
        out.push_str(&paragraph(0, &format!("There is no further hint; the answer: {solve}")));
    }
    out
}

/// `chaos lab solve N`
pub fn answer(lab: &Lab, progress: &Progress) -> String {
    let next = format!("The lab is marked as shown. {}", what_next(lab, progress));
    format!("Lab {}: {}\n\n{}\n{}", lab.number, lab.title, paragraph(0, &lab.answer), paragraph(0, &next))
}

/// `chaos lab reset`
pub fn forgotten(lab: Option<u8>) -> String {
    let said = match lab {
        Some(lab) => {
            format!("What you did in lab {lab} is forgotten. Begin again: {}", chaos_lab("start", lab, ""))
        }
        None => format!("What you did in all labs is forgotten. Begin again: {}", chaos_lab("start", 1, "")),
    };
    paragraph(0, &said)
}

/// `chaos lab status`
pub fn status(labs: &[Lab], progress: &Progress, file: &Path) -> String {
    let mut out = String::new();
    if let Some(nickname) = &progress.nickname {
        let _ = writeln!(out, "{nickname}\n");
    }
    for lab in labs {
        let mine = progress.lab(lab.number);
        out.push_str(&heading(lab, mine.map_or("", |mine| state(lab, mine))));
        if let Some(mine) = mine {
            out.push_str(&paragraph(4, &details(mine)));
        }
    }
    let _ = writeln!(out, "\n{}", fitted(&format!("kept in {}", file.display()), 2));
    out
}

fn details(mine: &LabProgress) -> String {
    let mut words: Vec<String> = Vec::new();
    for (key, said) in &mine.predictions {
        words.push(match said.right() {
            None => format!("{key}={}, not checked", said.said),
            Some(true) => format!("{key}={} right", said.said),
            Some(false) => format!("{key}={} wrong", said.said),
        });
    }
    if words.is_empty() {
        words.push("nothing predicted yet".to_owned());
    }
    if mine.hints > 0 {
        words.push(format!("hints used: {}", mine.hints));
    }
    if mine.change_proven {
        words.push("change proven".to_owned());
    }
    words.join("; ")
}

/// In one word or two, how far a lab is.
pub fn state(lab: &Lab, mine: &LabProgress) -> &'static str {
    let of = |right: Option<bool>| mine.predictions.values().filter(|said| said.right() == right).count();
    match (of(Some(true)), of(Some(false))) {
        _ if mine.shown => "solved by showing",
        (right, 0) if right == lab.predict.len() => "all right",
        (0, 0) if mine.predictions.is_empty() => "begun",
        (0, 0) => "predicted",
        (_, 0) => "partly checked",
        _ => "checked",
    }
}

/// The next sensible thing to do in a lab.
pub fn what_next(lab: &Lab, progress: &Progress) -> String {
    let number = lab.number;
    let Some(mine) = progress.lab(number) else {
        return format!("Begin: {}", chaos_lab("start", number, ""));
    };
    match Step::of(lab, mine) {
        // Whoever has seen the answer is not sent to guess on.
        Step::Predict | Step::Run | Step::Look if mine.shown && mine.change_proven => done(number),
        Step::Predict | Step::Run | Step::Look if mine.shown => change_or_go_on(number),
        Step::Predict => {
            let open = lab.predict.iter().map(|ask| ask.key.as_str());
            let open: Vec<&str> = open.filter(|key| !mine.predictions.contains_key(*key)).collect();
            format!("Still to predict: {}. Then: {}", open.join(", "), chaos_lab("check", number, ""))
        }
        Step::Run => format!("Next: {}", chaos_lab("check", number, "")),
        Step::Look if mine.predictions.values().any(|said| said.right() == Some(false)) => {
            after_a_wrong_prediction(lab, mine)
        }
        Step::Look => change_or_go_on(number),
        Step::Change => {
            let check = chaos_lab("check", number, " --change");
            format!("Next: mend what was broken ({}), then: {check}", command("git diff"))
        }
        Step::Done => done(number),
    }
}

fn done(number: u8) -> String {
    match number {
        HOW_MANY => format!("That was the last lab. What you have done: {}", command("chaos lab status")),
        _ => format!("Next: {}", chaos_lab("start", number + 1, "")),
    }
}

fn change_or_go_on(number: u8) -> String {
    let change = chaos_lab("start", number, " --change");
    format!("Next: change one thing ({change}){}", or_go_on(number))
}

/// Nothing after the last lab.
fn or_go_on(number: u8) -> String {
    if number < HOW_MANY {
        format!(", or go on: {}", chaos_lab("start", number + 1, ""))
    } else {
        String::new()
    }
}

fn after_a_wrong_prediction(lab: &Lab, mine: &LabProgress) -> String {
    let number = lab.number;
    let anew = chaos_lab("predict", number, " KEY=VERDICT");
    if mine.hints < lab.hints.len() {
        let hint = chaos_lab("hint", number, "");
        return format!(
            "Next: read {} from \"Why\" on, ask for a hint ({hint}), or predict anew: {anew}",
            lab.text()
        );
    }
    format!("Next: {anew}, or the answer: {}", chaos_lab("solve", number, ""))
}

/// A lab's line in a list of all.
fn heading(lab: &Lab, state: &str) -> String {
    let title = format!("{}{}", lab.title, dash(state));
    format!("{:>2}  {}\n", lab.number, wrapped_at(&title, 4, columns()))
}

fn dash(state: &str) -> String {
    if state.is_empty() { String::new() } else { format!(" · {state}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::Verdict;

    #[test]
    fn an_answer_that_is_shown_is_marked_as_shown_and_leads_on() {
        let lab = Lab::numbered(1).unwrap();
        let mut progress = Progress::default();
        progress.predict(1, "pause-stateful", Verdict::Lost);
        assert!(what_next(&lab, &progress).starts_with("Still to predict"));
        progress.show(1);
        let shown = answer(&lab, &progress);
        let shown = shown.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(shown.contains("The lab is marked as shown. Next: change one thing"), "{shown}");
        progress.checked(1, &[("pause-stateful".to_owned(), Verdict::Survived)], None);
        assert!(
            what_next(&lab, &progress).contains(&format!("go on: {}", command("chaos lab start 2"))),
            "not to guess, nor to the answer"
        );
        assert_eq!(state(&lab, progress.lab(1).unwrap()), "solved by showing");
        progress.begin_change(1);
        progress.change_proven(1);
        assert_eq!(what_next(&lab, &progress), format!("Next: {}", command("chaos lab start 2")));
    }
}
