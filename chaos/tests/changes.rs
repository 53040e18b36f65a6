//! Is each "change one thing" of the labs broken, for the reason it says, and mended by its fix?
//!
//! All in a copy of the tree, with a target folder of its own that begins as a copy of ours: so only what a
//! patch changes is built, and nobody's binaries are replaced under another test.

#![allow(clippy::unwrap_used, reason = "a test that panics has said what it had to say")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use chaos::driver::local::redis_server;
use chaos::lab::catalogue::{Lab, labs};
use support::tool::words;

/// A copy of this tree, as a git clone of its own.
struct Copy {
    folder: PathBuf,
}

impl Copy {
    /// Made once and brought up to date after that, so that cargo has little to do.
    fn of_this_tree() -> Copy {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("changes");
        let copy = Copy { folder };
        fs::create_dir_all(copy.tree()).unwrap();
        let _ = fs::remove_dir_all(copy.tree().join(".git"));
        // Where a student stands after a test that failed is not where this one begins.
        let _ = fs::remove_dir_all(copy.folder.join("state"));
        let listed = run(Command::new("git").args(["ls-files", "-z"]).current_dir(root));
        let listed = String::from_utf8(listed.stdout).unwrap();
        for name in listed.split('\0').filter(|name| root.join(name).is_file()) {
            let (from, to) = (root.join(name), copy.tree().join(name));
            let text = fs::read(&from).unwrap();
            // What has not changed keeps its time, and cargo builds it only once.
            if fs::read(&to).ok().as_ref() != Some(&text) {
                fs::create_dir_all(to.parent().unwrap()).unwrap();
                fs::write(&to, text).unwrap();
            }
        }
        copy.git(&["init", "--quiet"]);
        copy.git(&["add", "--all", "--force"]);
        copy.git(&["-c", "user.name=t", "-c", "user.email=t@localhost", "commit", "--quiet", "-m", "a copy"]);
        copy.borrow_what_is_built();
        // A link of its own: whoever builds the tool meanwhile takes it from nobody here.
        let _ = fs::remove_file(copy.tool());
        fs::hard_link(env!("CARGO_BIN_EXE_chaos"), copy.tool()).unwrap();
        copy
    }

    fn tool(&self) -> PathBuf {
        self.folder.join("chaos")
    }

    fn tree(&self) -> PathBuf {
        self.folder.join("a tree")
    }

    fn target(&self) -> PathBuf {
        self.folder.join("target")
    }

    /// Everything that is not ours is built already, beside this test's own binary.
    fn borrow_what_is_built(&self) {
        let ours = Path::new(env!("CARGO_BIN_EXE_chaos")).parent().unwrap();
        let theirs = self.target().join("debug");
        if theirs.exists() {
            return;
        }
        fs::create_dir_all(theirs.join("deps")).unwrap();
        for folder in [".fingerprint", "build"] {
            run(Command::new("cp").arg("-a").arg(ours.join(folder)).arg(&theirs));
        }
        let libraries = ["rlib", "rmeta", "so", "dylib", "d"];
        for entry in fs::read_dir(ours.join("deps")).unwrap().map(Result::unwrap) {
            let ending = entry.path().extension().map(|ending| ending.to_string_lossy().into_owned());
            if ending.is_some_and(|ending| libraries.contains(&ending.as_str())) {
                // A link and not a copy: there are gigabytes of them, and the compiler replaces a library, it
                // never writes into one.
                fs::hard_link(entry.path(), theirs.join("deps").join(entry.file_name())).unwrap();
            }
        }
    }

    /// The tool, standing in a folder of the copy.
    fn chaos(&self, args: &[&str]) -> Output {
        Command::new(self.tool())
            .args(args)
            .current_dir(self.tree().join("shared"))
            .env("CARGO_TARGET_DIR", self.target())
            .env("XDG_STATE_HOME", self.folder.join("state"))
            .env("CHAOS_RESULTS", self.folder.join("results"))
            .env_remove("CHAOS_BIN_DIR")
            .env_remove("LAB_DATABASE")
            .output()
            .unwrap()
    }

    fn git(&self, args: &[&str]) {
        run(Command::new("git").args(args).current_dir(self.tree()));
    }

    fn apply(&self, patch: &str) {
        let file = self.folder.join("a.patch");
        fs::write(&file, patch).unwrap();
        self.git(&["apply", file.to_str().unwrap()]);
    }
}

fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", words(&output));
    output
}

fn is_broken_and_can_be_mended(copy: &Copy, lab: &Lab) {
    let number = lab.number.to_string();
    let check = ["lab", "check", &number, "--change"];

    let started = copy.chaos(&["lab", "start", &number, "--change"]);
    assert!(started.status.success(), "lab {number}: {}", words(&started));
    assert!(words(&started).contains("git restore"), "lab {number} does not say how to take it back");

    let broken = copy.chaos(&check);
    assert_eq!(broken.status.code(), Some(1), "lab {number}, broken: {}", words(&broken));
    for cell in &lab.change.cell {
        let seen = format!("{}\n  seen {}, and must be", cell.cell, cell.broken);
        assert!(words(&broken).contains(&seen), "lab {number} does not say {seen:?}: {}", words(&broken));
    }

    copy.apply(lab.change.fix);
    let mended = copy.chaos(&check);
    assert_eq!(mended.status.code(), Some(0), "lab {number}, mended: {}", words(&mended));
    copy.git(&["checkout", "--quiet", "--", "."]);
}

/// An editor that saves Windows line ends is in nobody's way: neither before the code is broken, nor in what
/// mends it.
fn windows_line_ends_change_nothing(copy: &Copy, lab: &Lab) {
    let file = copy.tree().join("stateless-svc/src/token.rs");
    let number = lab.number.to_string();
    with_windows_line_ends(&file);
    let started = copy.chaos(&["lab", "start", &number, "--change"]);
    assert!(started.status.success(), "lab {number}: {}", words(&started));
    assert!(words(&started).contains("stateless-svc/src/token.rs"), "the control: the lab changes this file");
    copy.apply(lab.change.fix);
    with_windows_line_ends(&file);
    let mended = copy.chaos(&["lab", "check", &number, "--change"]);
    assert_eq!(mended.status.code(), Some(0), "lab {number}, mended: {}", words(&mended));
    copy.git(&["checkout", "--quiet", "--", "."]);
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
    let copy = Copy::of_this_tree();

    // Without a beginning there is nothing to prove: the code is whole, and the student has done nothing.
    let early = copy.chaos(&["lab", "check", "1", "--change"]);
    assert_eq!(early.status.code(), Some(2), "{}", words(&early));
    // Somebody's own work is not broken on top.
    fs::write(copy.tree().join("README.md"), "my notes").unwrap();
    let dirty = copy.chaos(&["lab", "start", "1", "--change"]);
    assert_eq!(dirty.status.code(), Some(3), "{}", words(&dirty));
    assert!(words(&dirty).contains("git stash"), "{}", words(&dirty));
    copy.git(&["checkout", "--quiet", "--", "."]);

    let only = std::env::var("LAB_ONLY").ok();
    for lab in labs().unwrap() {
        if only.as_ref().is_none_or(|only| *only == lab.number.to_string()) {
            is_broken_and_can_be_mended(&copy, &lab);
            if lab.number == 2 {
                windows_line_ends_change_nothing(&copy, &lab);
            }
        }
    }

    // What does not build is not mended either.
    copy.chaos(&["lab", "start", "8", "--change"]);
    fs::write(copy.tree().join("stateless-svc/src/main.rs"), "fn main() {").unwrap();
    let torn = copy.chaos(&["lab", "check", "8", "--change"]);
    assert_eq!(torn.status.code(), Some(1), "{}", words(&torn));
    assert!(words(&torn).contains("does not build"), "{}", words(&torn));
    copy.git(&["checkout", "--quiet", "--", "."]);
    fs::remove_dir_all(copy.folder.join("state")).unwrap();
}
