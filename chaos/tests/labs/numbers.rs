//! Who checks the numbers in what is told? The blocks of a document are typed (`reader.rs`); here it is what stands
//! between them. A number that nobody checks is found.

use std::collections::BTreeSet;

use chaos::class::tally::{COMMON_FROM, COMMON_ONE_IN};
use chaos::cli::Cli;
use chaos::lab::catalogue::{HOW_MANY, Lab, labs};
use clap::CommandFactory;

use crate::read;
use crate::typist::{IN_A_CLONE, IN_THIS_TREE};

/// Names of things that are not ours, with a number in them.
const NAMES: [&str; 3] = ["RFC 9457", "Apache-2.0", "UTF-8"];

/// Between these words other tests check every number: `chaos/tests/repo.rs` what was measured, and `main.rs` that the
/// rows of the labs are right and the minutes of a plan add up.
const CHECKED_ELSEWHERE: [(&str, &str, &str); 4] = [
    ("README.md", "On 2 cores: ", "`deploy/README.md` says the rest"),
    ("labs/README.md", "\n| lab | | question |\n", "\n## How it works"),
    ("labs/instructor.md", "## 90 minutes\n", "\nLeave "),
    ("labs/instructor.md", "## Three hours\n", "\n## What to listen for"),
];

/// Every number of a document that nobody checks, or that is wrong.
fn wrong_numbers(name: &str, text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let blocks: String = text.split("```").skip(1).step_by(2).collect();
    let mut told: String = text.split("```").step_by(2).collect();
    for (document, from, to) in CHECKED_ELSEWHERE {
        if let Some((before, rest)) = told.clone().split_once(from).filter(|_| document == name) {
            let after =
                rest.split_once(to).unwrap_or_else(|| panic!("{name}: {to:?} is not behind {from:?}")).1;
            told = format!("{before} {after}");
        }
    }
    for known in NAMES {
        told = told.replace(known, "");
    }
    let mine = labs().unwrap().into_iter().find(|lab| lab.text() == name);
    // Code, and where links lead: tests type the one and follow the other. But it must be this lab's number.
    let code: Vec<&str> = told.split('`').skip(1).step_by(2).collect();
    for number in
        code.iter().filter_map(|code| code.strip_prefix("chaos lab ")?.split(' ').nth(1)?.parse::<u8>().ok())
    {
        if mine.as_ref().map_or(number > HOW_MANY, |lab| lab.number != number) {
            wrong.push(format!("{name}: a command for lab {number}"));
        }
    }
    let keys = told.split("(Lab ").skip(1).filter_map(|rest| rest.split_once(", `"));
    for (number, rest) in keys.filter_map(|(number, rest)| Some((number.parse::<u8>().ok()?, rest))) {
        let key = rest.split('`').next().unwrap();
        if !Lab::numbered(number).unwrap().predict.iter().any(|ask| ask.key == key) {
            wrong.push(format!("{name}: lab {number} does not ask for {key}"));
        }
    }
    let without_code: String = told.split('`').step_by(2).collect();
    let without_links =
        without_code.split("](").map(|part| part.split_once(')').map_or(part, |(_, rest)| rest));
    let prose = without_links.collect::<Vec<_>>().join(" ");
    let words: Vec<&str> = prose.split_whitespace().collect();
    let mut about = Vec::new();
    for word in words {
        let bare = word.trim_matches(|c: char| !c.is_alphanumeric());
        if !bare.contains(|c: char| c.is_ascii_digit()) {
            // `labs 1, 2 and 3`, `lab 5 or 7`: what they are about goes on until another word.
            if !["and", "or", "to"].contains(&bare) {
                about = vec![bare.to_lowercase()];
            }
            continue;
        }
        let number = bare.parse::<u16>().ok();
        let lab = about.last().is_some_and(|about| ["lab", "labs"].contains(&about.as_str()));
        let known = match number {
            Some(number) if lab => number <= u16::from(HOW_MANY),
            Some(number) if mine.as_ref().is_some_and(|lab| u16::from(lab.number) == number) => true,
            // An answer's status is one that a block of the same document shows.
            Some(status @ 100..600) if mine.is_some() => {
                blocks.split_whitespace().any(|it| it == status.to_string())
            }
            _ => false,
        };
        if !known {
            wrong.push(format!("{name}: {word}"));
        }
    }
    wrong
}

/// The exit codes in a sentence that says what they mean.
fn exit_codes(text: &str) -> BTreeSet<u8> {
    let (_, rest) = text.split_once("Exit codes: ").unwrap_or_else(|| panic!("no exit codes in {text}"));
    let sentence = rest.split(['.', '\n']).next().unwrap();
    sentence.split(", ").filter_map(|part| part.split_whitespace().next()?.parse().ok()).collect()
}

/// A document with its exit codes on one line, and the rest of it.
fn without_exit_codes(text: &str) -> (Option<String>, String) {
    let Some((before, rest)) = text.split_once("Exit codes: ") else { return (None, text.to_owned()) };
    let (sentence, after) = rest.split_once(".\n").unwrap();
    let line = sentence.split_whitespace().collect::<Vec<_>>().join(" ");
    (Some(format!("Exit codes: {line}.")), format!("{before}{after}"))
}

fn help(path: &[&str]) -> String {
    let mut command = Cli::command();
    for name in path {
        command = command.find_subcommand(name).unwrap().clone();
    }
    command.get_after_help().unwrap().to_string()
}

#[test]
fn every_number_that_is_told_is_checked() {
    let labs = labs().unwrap();
    let texts: Vec<String> = labs.iter().map(Lab::text).collect();
    let names = IN_A_CLONE.into_iter().chain([IN_THIS_TREE]).chain(texts.iter().map(String::as_str));
    let mut wrong = Vec::new();
    for name in names {
        wrong.extend(wrong_numbers(name, &without_exit_codes(&read(name)).1));
    }
    assert!(
        wrong.is_empty(),
        "nobody checks these numbers, or they are wrong (chaos/tests/labs/numbers.rs):\n{}",
        wrong.join("\n")
    );
}

#[test]
fn a_number_that_nobody_checks_and_one_that_is_wrong_are_found() {
    let lab = "labs/02-restart-after-login/lab.md";
    let text = read(lab);
    for (more, found) in [
        ("Nine of 10 do.", "10"),
        ("See lab 11.", "11"),
        ("It answers 204.", "204"),
        ("Type `chaos lab hint 3`.", "lab 3"),
        ("It took 0.3 s.", "0.3"),
        ("(Lab 8, `gone`.)", "lab 8 does not ask for gone"),
    ] {
        let wrong = wrong_numbers(lab, &format!("{text}\n{more}\n"));
        assert!(wrong.len() == 1 && wrong[0].contains(found), "{more}: {wrong:?}");
    }
    for right in ["See labs 1, 2 and 10.", "It answers 401.", "(Lab 8, `lose`.)", "RFC 9457"] {
        assert_eq!(wrong_numbers(lab, &format!("{text}\n{right}\n")), [""; 0], "{right}");
    }
}

#[test]
fn the_exit_codes_that_are_told_are_those_of_the_tool() {
    let of = |name: &str| exit_codes(&without_exit_codes(&read(name)).0.unwrap());
    let all = exit_codes(&help(&[]));
    assert_eq!(of("README.md"), all);
    assert_eq!(of("labs/instructor.md"), exit_codes(&help(&["class", "collect"])));
    // Nobody waits so long in a lab that they interrupt it.
    let labs: BTreeSet<u8> = all.into_iter().filter(|code| *code != 130).collect();
    assert_eq!(of("labs/README.md"), labs);
}

#[test]
fn what_is_counted_in_words_is_counted_right() {
    let all = labs().unwrap();
    let told = |name: &str| read(name).split_whitespace().collect::<Vec<_>>().join(" ");
    let (book, guide) = (told("labs/README.md"), told("labs/instructor.md"));
    assert_eq!(
        (all.len(), book.contains("# Ten labs"), book.contains("Ten labs answer that")),
        (10, true, true)
    );
    assert!(book.contains("each in about fifteen minutes") && all.iter().all(|lab| lab.minutes == 15));
    assert!(book.contains("gives three hints") && all.iter().all(|lab| lab.hints.len() == 3));
    assert_eq!((COMMON_FROM, COMMON_ONE_IN), (2, 5));
    assert!(guide.contains("common if two share it, and a fifth of those who answered"));
    let five = chaos::verdict::Verdict::ALL.len();
    assert!(guide.contains("count the five verdicts") && five == 5);
    let handed_in = std::fs::read_dir(crate::root().join("labs/example-class")).unwrap().count();
    assert!(guide.contains("These four are in the repository") && handed_in == 4);
}
