//! Do the labs say what is so? Every command that a document shows is typed and its output compared; every question
//! names a cell that exists, with a sentence for every wrong answer.

#![allow(clippy::unwrap_used, reason = "a test that panics has said what it had to say")]

mod compare;
mod containers;
mod mask;
mod numbers;
mod reader;
#[path = "../support/mod.rs"]
mod support;
mod terminal;
mod typist;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use chaos::lab::catalogue::{Lab, labs};
use chaos::predict::{Expected, Predictions};
use chaos::verdict::Verdict;
use compare::{compare, rewritten};
use reader::reads;
use support::document::{self, shown};
use support::fresh_clone::FreshClone;
use support::tool::Place;
use terminal::Terminal;
use typist::{IN_A_CLONE, IN_THIS_TREE};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// What `predictions.toml` says of a cell.
fn predicted<'a>(predictions: &'a Predictions, cell: &chaos::run::Cell) -> &'a Expected {
    let said = predictions.cell(cell.flow, cell.fault.name(), &cell.service.name, cell.way, cell.moment);
    said.unwrap().expected
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

// Four tests and not one for each document: as many as two cores can do beside each other.
#[test]
fn what_the_readmes_show_is_what_comes_of_it() {
    // They build, and so they are read in a clone: nobody's binaries are replaced under another test.
    let clone = FreshClone::take();
    reads(IN_A_CLONE, &clone.tree());
}

#[test]
fn what_the_instructors_guide_shows_is_what_comes_of_it() {
    reads([IN_THIS_TREE], &root());
}

#[test]
fn what_the_first_labs_show_is_what_comes_of_it() {
    let labs = labs().unwrap();
    reads(labs[..5].iter().map(Lab::text).collect::<Vec<_>>().iter().map(String::as_str), &root());
}

#[test]
fn what_the_other_labs_show_is_what_comes_of_it() {
    let labs = labs().unwrap();
    reads(labs[5..].iter().map(Lab::text).collect::<Vec<_>>().iter().map(String::as_str), &root());
}

#[test]
fn a_document_that_is_edited_to_be_wrong_is_found() {
    let mut terminal = Terminal::open(&root(), Place::new());
    let text =
        "```console\n$ chaos run prime kill --service stateful | grep observed\n  observed   Lost\n```\n";
    let shown = shown(text).remove(0);
    let came = terminal.types(&shown.command);
    assert!(compare(shown.prints.as_ref().unwrap(), &came.printed).is_err(), "{came:?}");
    let blessed = document::shown(&rewritten(text, &shown, &came.printed)).remove(0);
    assert_eq!(compare(&blessed.prints.unwrap(), &came.printed), Ok(()));
}

#[test]
fn a_terminal_remembers_says_how_a_line_ended_and_presses_ctrl_c() {
    let mut terminal = Terminal::open(&root(), Place::new());
    terminal.types("export WORD='a word'");
    let came = terminal.types("printf '%s' \"$WORD\"");
    assert_eq!((came.code, came.printed), (0, vec!["a word".to_owned()]));
    let came = terminal.types("chaos frobnicate");
    assert!(came.code == 64 && came.complained.contains("frobnicate"), "{came:?}");
    assert_eq!(terminal.types("true").complained, "");
    terminal.fills_in.insert("BLANK".to_owned(), "word".to_owned());
    assert_eq!(terminal.types("echo BLANK").printed, ["word"]);
    let lasting = terminal.starts("chaos up --service stateful", "Ctrl-C ends");
    assert!(lasting.said.contains("stateful-1"), "{}", lasting.said);
    terminal.ends(lasting);
}

#[test]
fn every_question_of_a_lab_stands_in_its_text() {
    for lab in labs().unwrap() {
        let text = read(&lab.text());
        for ask in &lab.predict {
            let line = format!("- `{}`: {}\n", ask.key, ask.ask);
            assert!(text.contains(&line), "{} does not ask {line:?}", lab.text());
        }
    }
}

#[test]
fn every_lab_names_the_files_that_its_change_breaks() {
    for lab in labs().unwrap() {
        let files = lab.change.broken.lines().filter_map(|line| line.strip_prefix("+++ b/"));
        let files: Vec<&str> = files.collect();
        let text = read(&lab.text());
        for words in [
            format!("--change     # breaks it: {}\n", files.join(", ")),
            format!("git restore {} && cargo build --workspace`", files.join(" ")),
        ] {
            assert!(text.contains(&words), "{} does not say {words:?}", lab.text());
        }
    }
}

#[test]
fn the_instructors_guide_counts_right() {
    let guide = read("labs/instructor.md");
    for (plan, minutes) in [("## 90 minutes\n", 90), ("## Three hours\n", 180)] {
        let part = guide.split(plan).nth(1).unwrap().split("\n## ").next().unwrap();
        let rows =
            part.lines().filter_map(|line| line.strip_prefix("| ")?.split(" |").next()?.parse::<u32>().ok());
        assert_eq!(rows.sum::<u32>(), minutes, "{plan}");
    }
    let which = |what: fn(&chaos::run::Cell) -> bool| {
        let asks = |lab: &Lab| lab.predict.iter().any(|ask| what(&ask.cell.cell().unwrap()));
        let numbers = labs().unwrap().into_iter().filter(|lab| asks(lab)).map(|lab| lab.number.to_string());
        let numbers: Vec<String> = numbers.collect();
        match numbers.split_last().unwrap() {
            (only, []) => format!("lab {only}"),
            (last, others) => format!("labs {} and {last}", others.join(", ")),
        }
    };
    let (redis, gateway) = (
        which(|cell| cell.fault.name().starts_with("redis-")),
        which(|cell| cell.way != chaos::way::Way::Direct),
    );
    for words in [format!("Without it {redis}"), format!("without `haproxy` {gateway}")] {
        assert!(
            guide.split_whitespace().collect::<Vec<_>>().join(" ").contains(&words),
            "the guide must say: {words}"
        );
    }
}

#[test]
fn the_labs_are_the_folders_and_the_book_lists_them_all() {
    let labs = labs().unwrap();
    let known: BTreeSet<String> = labs.iter().map(|lab| lab.folder.clone()).collect();
    let entries = fs::read_dir(root().join("labs")).unwrap().map(Result::unwrap);
    let folders = entries.filter(|entry| entry.path().is_dir());
    let folders = folders.map(|entry| entry.file_name().into_string().unwrap());
    // The one folder that is no lab: what a class has handed in, for the instructor's guide.
    let folders: BTreeSet<String> = folders.filter(|name| name != "example-class").collect();
    assert_eq!(folders, known);
    for lab in &labs {
        assert!(lab.folder.starts_with(&format!("{:02}-", lab.number)), "{}", lab.folder);
        let line = format!("[{}. {}]({}/lab.md)", lab.number, lab.title, lab.folder);
        assert!(read("labs/SUMMARY.md").contains(&line), "labs/SUMMARY.md lacks {line}");
        let row = format!("| [{}]({}/lab.md) | {} | {} |", lab.number, lab.folder, lab.title, lab.question);
        assert!(read("labs/README.md").contains(&row), "labs/README.md lacks {row}");
    }
}

#[test]
fn every_lab_has_its_parts_in_their_order() {
    let parts = [
        "## Question",
        "## Predict",
        "## Run",
        "## Look",
        "## Why",
        "## Change one thing",
        "## What a real system does",
    ];
    for lab in labs().unwrap() {
        let text = read(&lab.text());
        assert!(text.starts_with(&format!("# {}. {}\n", lab.number, lab.title)), "{}", lab.text());
        let found: Vec<&str> = text.lines().filter(|line| line.starts_with("## ")).collect();
        assert_eq!(found, parts, "{}", lab.text());
        assert!(text.contains(&lab.question), "{} does not ask its question", lab.text());
        assert_eq!(lab.hints.len(), 3, "{}", lab.folder);
        assert!((10..=20).contains(&lab.minutes) && !lab.steps.is_empty(), "{}", lab.folder);
    }
}

#[test]
fn every_prediction_names_a_cell_and_has_a_sentence_for_each_wrong_verdict() {
    let predictions = Predictions::builtin().unwrap();
    for lab in labs().unwrap() {
        let mut keys = BTreeSet::new();
        for ask in &lab.predict {
            let name = format!("{}, {}", lab.folder, ask.key);
            assert!(keys.insert(&ask.key), "{name} is asked for twice");
            let cell = ask.cell.cell().unwrap_or_else(|error| panic!("{name}: {error}"));
            let right = predicted(&predictions, &cell).verdict;
            let wrong: BTreeSet<Verdict> = ask.wrong.keys().copied().collect();
            let others: BTreeSet<Verdict> =
                Verdict::ALL.into_iter().filter(|verdict| *verdict != right).collect();
            assert_eq!(wrong, others, "{name}: one sentence for each verdict that does not come");
            for (verdict, sentence) in &ask.wrong {
                assert!(sentence.ends_with(['.', '!', '?']), "{name}, {verdict}: {sentence}");
            }
        }
        for task in &lab.change.cell {
            let cell = task.cell.cell().unwrap_or_else(|error| panic!("{}: {error}", lab.folder));
            let (right, broken) = (predicted(&predictions, &cell), &task.broken);
            let same = right.is(broken.verdict, broken.reason.as_deref());
            assert!(!same, "{}: {} is not broken", lab.folder, task.cell);
            assert!(broken.reason.is_some(), "{}: {} names no reason", lab.folder, task.cell);
        }
    }
}

#[test]
fn a_lab_with_windows_line_ends_is_the_same_lab() {
    for lab in labs().unwrap() {
        let text = read(&format!("labs/{}/lab.toml", lab.folder));
        let other = Lab::read(&text.replace('\n', "\r\n")).unwrap();
        assert_eq!((other.title, other.answer, other.hints), (lab.title, lab.answer, lab.hints));
    }
}
