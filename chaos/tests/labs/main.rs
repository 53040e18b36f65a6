//! Do the labs say what is so? Every command that a lab or the README shows is run and its output compared;
//! every question names a cell that exists, with a sentence for every wrong answer.
//!
//! `LAB_BLESS=1` writes what was printed into the documents instead of comparing; read the difference before
//! you commit it.

#![allow(clippy::unwrap_used, reason = "a test that panics has said what it had to say")]

mod document;
mod mask;
#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use chaos::cli::Cli;
use chaos::driver::local::{haproxy, redis_server};
use chaos::lab::catalogue::{Lab, labs};
use chaos::predict::{Expected, Predictions};
use chaos::verdict::Verdict;
use clap::Parser;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The README, the instructor's guide and every lab's text.
fn documents() -> Vec<String> {
    let labs = labs().unwrap();
    ["README.md", "labs/instructor.md"]
        .map(str::to_owned)
        .into_iter()
        .chain(labs.iter().map(Lab::text))
        .collect()
}

/// What `predictions.toml` says of a cell.
fn predicted<'a>(predictions: &'a Predictions, cell: &chaos::run::Cell) -> &'a Expected {
    let said = predictions.cell(cell.flow, cell.fault.name(), &cell.service.name, cell.way, cell.moment);
    said.unwrap().expected
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

#[test]
fn every_command_in_the_labs_and_the_readme_prints_what_they_say() {
    if redis_server::find().is_none() {
        return support::skip("the commands of the labs", "no redis-server; apt install redis-server");
    }
    if haproxy::find().is_none() {
        return support::skip("the commands of the labs", "no haproxy; apt install haproxy");
    }
    let bless = std::env::var_os("LAB_BLESS").is_some();
    let only = std::env::var("LAB_ONLY").unwrap_or_default();
    let mut wrong = Vec::new();
    for name in documents().into_iter().filter(|name| name.contains(&only)) {
        let home = tempfile::tempdir().unwrap();
        let mut text = read(&name);
        let commands = document::shown(&text).len();
        assert!(commands > 0, "{name} shows no command");
        for at in 0..commands {
            let shown = document::shown(&text).swap_remove(at);
            let tried = || document::run(&shown.command, &root(), home.path());
            let compare = |printed: &Result<Vec<String>, String>| {
                printed.clone().and_then(|printed| document::compare(&shown.prints, &printed))
            };
            let mut printed = tried();
            // On a busy machine a cell can be late, and says so. What is wrong is wrong twice.
            if compare(&printed).is_err() {
                printed = tried();
            }
            let compared = compare(&printed);
            match (compared, printed) {
                (Ok(()), _) => {}
                (Err(_), Ok(printed)) if bless => text = document::rewritten(&text, &shown, &printed),
                (Err(why), _) => wrong.push(format!("{name}:{}: $ {}\n{why}", shown.line, shown.command)),
            }
        }
        if bless {
            fs::write(root().join(&name), text).unwrap();
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n\n"));
}

#[test]
fn a_block_that_is_edited_to_be_wrong_is_found() {
    let home = tempfile::tempdir().unwrap();
    let text =
        "```console\n$ chaos run prime kill --service stateful | grep observed\n  observed   Lost\n```\n";
    let shown = document::shown(text).remove(0);
    let printed = document::run(&shown.command, &root(), home.path()).unwrap();
    assert!(document::compare(&shown.prints, &printed).is_err(), "{printed:?}");
    let blessed = document::shown(&document::rewritten(text, &shown, &printed)).remove(0);
    assert_eq!(document::compare(&blessed.prints, &printed), Ok(()));
    let failed = document::run("chaos frobnicate", &root(), home.path());
    assert!(failed.is_err_and(|why| why.contains("frobnicate")));
}

/// The commands that a document shows without their output, without what is said behind `#`.
fn typed(text: &str) -> Vec<String> {
    let blocks = text.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    let lines = blocks.flat_map(str::lines).map(|line| line.split(" #").next().unwrap().trim().to_owned());
    lines.filter(|line| !line.is_empty()).collect()
}

/// Where such commands stand.
fn documents_to_type_from() -> Vec<String> {
    documents().into_iter().chain(["labs/README.md".to_owned()]).collect()
}

#[test]
fn every_command_that_is_shown_without_its_output_can_be_typed() {
    let makefile = read("Makefile");
    for name in documents_to_type_from() {
        for line in typed(&read(&name)) {
            if line.starts_with("chaos ") || line == "chaos" {
                let parsed = Cli::try_parse_from(line.split_whitespace());
                let wrong = parsed.err().filter(clap::Error::use_stderr);
                assert!(wrong.is_none(), "{name}: {line}: {}", wrong.unwrap());
            } else if let Some(target) = line.strip_prefix("make ") {
                assert!(makefile.contains(&format!("\n{target}:")), "{name}: the Makefile has no {target:?}");
            }
        }
    }
}

/// Short ones that need nothing but this tree. The others wait for Ctrl-C, for a folder of a class or for minutes;
/// `tests/changes.rs` types what "change one thing" shows.
const SHORT: [&str; 7] = [
    "make diff",
    "chaos list",
    "chaos run ",
    "chaos report",
    "chaos doctor",
    "chaos class collect labs/",
    "chaos lab start ",
];

#[test]
fn every_short_command_that_is_shown_without_its_output_ends_well() {
    if redis_server::find().is_none() || haproxy::find().is_none() {
        return support::skip("the short commands", "apt install redis-server haproxy");
    }
    for name in ["README.md", "labs/README.md", "labs/instructor.md"] {
        let home = tempfile::tempdir().unwrap();
        let short = |line: &&String| SHORT.iter().any(|begin| line.starts_with(begin));
        let lines = typed(&read(name));
        let lines: Vec<&String> = lines.iter().filter(short).collect();
        assert!(!lines.is_empty(), "{name} shows none");
        for line in lines {
            let again = || document::run(&format!("{line} && echo ended well"), &root(), home.path());
            let well = |printed: Result<Vec<String>, String>| {
                printed.is_ok_and(|lines| lines.last().is_some_and(|last| last == "ended well"))
            };
            // On a busy machine a cell can be late. What is wrong is wrong twice.
            assert!(well(again()) || well(again()), "{name}: {line} does not end well");
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
            format!("git restore {}`", files.join(" ")),
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
