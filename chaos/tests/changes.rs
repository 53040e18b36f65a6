//! Is each "change one thing" of the labs broken, for the reason it says, and mended by its fix?
//!
//! What is typed is what each lab's text shows, in a fresh clone: so nobody's binaries are replaced under another
//! test.

#![allow(clippy::unwrap_used, reason = "a test that panics has said what it had to say")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use chaos::driver::local::redis_server;
use chaos::lab::catalogue::{Lab, labs};
use support::document;
use support::fresh_clone::FreshClone;
use support::tool::words;

/// Somebody who works in a fresh clone.
struct Student {
    clone: FreshClone,
    tool: PathBuf,
}

impl Student {
    fn new() -> Student {
        let clone = FreshClone::take();
        // Where a student stands after a test that failed is not where this one begins.
        let _ = fs::remove_dir_all(clone.beside("state"));
        // A link of its own: whoever builds the tool meanwhile takes it from nobody here.
        let tool = clone.beside("chaos");
        let _ = fs::remove_file(&tool);
        fs::hard_link(env!("CARGO_BIN_EXE_chaos"), &tool).unwrap();
        Student { clone, tool }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.clone.tree().join(name)
    }

    /// What the student types, standing in a folder of the tree.
    fn types(&self, line: &str) -> Output {
        let tools = self.tool.parent().unwrap();
        Command::new("sh")
            .args(["-c", line])
            .current_dir(self.file("shared"))
            .env("PATH", format!("{}:{}", tools.display(), std::env::var("PATH").unwrap()))
            .env("XDG_STATE_HOME", self.clone.beside("state"))
            .env("CHAOS_RESULTS", self.clone.beside("results"))
            .env_remove("CARGO_TARGET_DIR")
            .env_remove("CHAOS_BIN_DIR")
            .env_remove("LAB_DATABASE")
            .output()
            .unwrap()
    }

    fn takes_it_back(&self) {
        self.clone.git(&["checkout", "--quiet", "--", "."]);
    }
}

/// The three lines of a lab's "Change one thing".
fn shown_by(lab: &Lab) -> [String; 3] {
    let text = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join(lab.text());
    let lines = document::typed(&fs::read_to_string(text).unwrap());
    lines.try_into().unwrap_or_else(|lines| panic!("{}: three lines, and not {lines:?}", lab.text()))
}

fn is_broken_and_can_be_mended(student: &Student, lab: &Lab) {
    let (number, [start, look, check]) = (lab.number, shown_by(lab));

    let started = student.types(&start);
    assert!(started.status.success(), "lab {number}: {}", words(&started));
    let restore =
        words(&started).lines().find_map(|line| line.strip_prefix("Take it all back:   ").map(str::to_owned));
    let restore = restore.unwrap_or_else(|| panic!("lab {number} does not say how to take it back"));

    let seen = words(&student.types(&look));
    for line in lab.change.broken.lines().filter(|line| line.starts_with(['+', '-'])) {
        assert!(seen.contains(line), "lab {number}: {look} does not show {line:?}: {seen}");
    }

    let broken = student.types(&check);
    assert_eq!(broken.status.code(), Some(1), "lab {number}, broken: {}", words(&broken));
    for cell in &lab.change.cell {
        let seen = format!("{}\n  seen {}, and must be", cell.cell, cell.broken);
        assert!(words(&broken).contains(&seen), "lab {number} does not say {seen:?}: {}", words(&broken));
    }

    student.clone.apply(lab.change.fix);
    let mended = student.types(&check);
    assert_eq!(mended.status.code(), Some(0), "lab {number}, mended: {}", words(&mended));

    // The way back, without the build that it ends with: the next lab builds anyway.
    let restore = restore.split(" && ").next().unwrap();
    assert!(student.types(&format!("cd .. && {restore}")).status.success(), "lab {number}: {restore}");
    let left = words(&student.types(&look));
    assert_eq!(left, "", "lab {number}: {restore} leaves this");
}

/// An editor that saves Windows line ends is in nobody's way: neither before the code is broken, nor in what
/// mends it.
fn windows_line_ends_change_nothing(student: &Student, lab: &Lab) {
    let file = student.file("stateless-svc/src/token.rs");
    let (number, [start, _, check]) = (lab.number, shown_by(lab));
    with_windows_line_ends(&file);
    let started = student.types(&start);
    assert!(started.status.success(), "lab {number}: {}", words(&started));
    assert!(words(&started).contains("stateless-svc/src/token.rs"), "the control: the lab changes this file");
    student.clone.apply(lab.change.fix);
    with_windows_line_ends(&file);
    let mended = student.types(&check);
    assert_eq!(mended.status.code(), Some(0), "lab {number}, mended: {}", words(&mended));
    student.takes_it_back();
}

fn with_windows_line_ends(file: &Path) {
    let text = fs::read_to_string(file).unwrap().replace('\r', "");
    fs::write(file, text.replace('\n', "\r\n")).unwrap();
}

// One test and not ten: they share one copy, and cargo can do one thing at a time in it.
#[test]
fn every_change_is_broken_for_the_reason_it_says_and_mended_by_its_fix() {
    if redis_server::find().is_none() {
        return support::skip("the labs' changes", "no redis-server; apt install redis-server");
    }
    let student = Student::new();

    // Without a beginning there is nothing to prove: the code is whole, and the student has done nothing.
    let early = student.types("chaos lab check 1 --change");
    assert_eq!(early.status.code(), Some(2), "{}", words(&early));
    // Somebody's own work is not broken on top.
    fs::write(student.file("README.md"), "my notes").unwrap();
    let dirty = student.types("chaos lab start 1 --change");
    assert_eq!(dirty.status.code(), Some(3), "{}", words(&dirty));
    assert!(words(&dirty).contains("git stash"), "{}", words(&dirty));
    student.takes_it_back();

    let only = std::env::var("LAB_ONLY").ok();
    for lab in labs().unwrap() {
        if only.as_ref().is_none_or(|only| *only == lab.number.to_string()) {
            is_broken_and_can_be_mended(&student, &lab);
            if lab.number == 2 {
                windows_line_ends_change_nothing(&student, &lab);
            }
        }
    }

    // What does not build is not mended either.
    student.types("chaos lab start 8 --change");
    fs::write(student.file("stateless-svc/src/main.rs"), "fn main() {").unwrap();
    let torn = student.types("chaos lab check 8 --change");
    assert_eq!(torn.status.code(), Some(1), "{}", words(&torn));
    assert!(words(&torn).contains("does not build"), "{}", words(&torn));
    student.takes_it_back();
}
