//! Can two people use one machine at the same time? Each has a lab under the same name, and neither sees, heals or reads
//! the other's; but what one hands in to a class, the other can collect.

#![allow(clippy::unwrap_used, reason = "a test that panics has said what it had to say")]

mod support;

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use nix::sys::signal::Signal;
use nix::unistd::Uid;
use support::tool::{copy, signal, words};
use tempfile::TempDir;

/// Who sits at the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    /// Whoever runs the tests.
    First,
    /// The user `nobody`.
    Second,
}

/// A machine with one temporary folder for all, as every machine has it.
struct Machine {
    folder: TempDir,
}

/// A lab that is up.
struct Up {
    child: Child,
    said: String,
}

impl Machine {
    /// `None`, and a loud line, where nobody may act for another user.
    fn new() -> Option<Machine> {
        let may = Command::new("sh").args(["-c", &format!("{} true", other().join(" "))]).output().unwrap();
        if !may.status.success() {
            support::skip(
                "a second user",
                "only root may act for another user; or sudo, if it asks for no password",
            );
            return None;
        }
        let machine = Machine { folder: tempfile::tempdir().unwrap() };
        open_to(machine.folder.path(), 0o755);
        for name in ["tools", "tmp", "class", "First", "Second"] {
            fs::create_dir(machine.place(name)).unwrap();
        }
        for name in ["tmp", "class", "Second"] {
            open_to(&machine.place(name), 0o1777);
        }
        let built = Path::new(env!("CARGO_BIN_EXE_chaos")).parent().unwrap();
        for name in ["chaos", "stateful-svc", "stateless-svc"] {
            // Where it was built, a second user may not be allowed to look.
            copy(&built.join(name), &machine.place("tools").join(name));
        }
        Some(machine)
    }

    fn place(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Something that one of them runs.
    fn runs(&self, who: Who, program: &Path, args: &[&str]) -> Command {
        let home = self.place(&format!("{who:?}"));
        let mut line = if who == Who::Second { other() } else { Vec::new() };
        line.extend(["env", "-u", "XDG_STATE_HOME", "-u", "LAB_DATABASE"]);
        let mut command = Command::new(line[0]);
        command.args(&line[1..]);
        for (name, value) in [("HOME", &home), ("TMPDIR", &self.place("tmp")), ("CHAOS_RESULTS", &home)] {
            command.arg(format!("{name}={}", value.display()));
        }
        // What others have in the engine is none of this test's business.
        command.arg("DOCKER_HOST=unix:///nowhere");
        command.arg(program).args(args).current_dir(self.folder.path());
        command
    }

    fn chaos(&self, who: Who, args: &[&str]) -> Output {
        self.runs(who, &self.place("tools/chaos"), args).output().unwrap()
    }

    /// The same; it must end well.
    #[track_caller]
    fn told(&self, who: Who, args: &[&str]) -> String {
        let output = self.chaos(who, args);
        assert!(output.status.success(), "{who:?}: chaos {args:?}: {}", words(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    fn up(&self, who: Who) -> Up {
        let mut command = self.runs(who, &self.place("tools/chaos"), &["up"]);
        let mut up = Up { child: command.stdout(Stdio::piped()).spawn().unwrap(), said: String::new() };
        for line in BufReader::new(up.child.stdout.take().unwrap()).lines() {
            up.said.push_str(&line.unwrap());
            up.said.push('\n');
            if up.said.contains("Ctrl-C ends the lab") {
                return up;
            }
        }
        panic!("{who:?}: chaos up ended: {}", up.said);
    }
}

impl Up {
    fn stateful_1(&self) -> &str {
        self.said
            .lines()
            .find_map(|line| line.trim().strip_prefix("stateful-1"))
            .unwrap()
            .split_whitespace()
            .next()
            .unwrap()
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            // Asked and not killed: `sudo` could not tell the tool that it was.
            signal(&self.child, Signal::SIGTERM);
            let _ = self.child.wait();
        }
    }
}

/// What stands before a command of the second user.
fn other() -> Vec<&'static str> {
    if Uid::current().is_root() {
        // `nobody` has this number everywhere; the name of its group differs.
        vec!["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"]
    } else {
        vec!["sudo", "-n", "-u", "nobody", "--"]
    }
}

fn open_to(folder: &Path, mode: u32) {
    fs::set_permissions(folder, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn two_users_have_labs_of_one_name_and_neither_meets_the_others() {
    let Some(machine) = Machine::new() else { return };
    let (mut first, mut second) = (machine.up(Who::First), machine.up(Who::Second));
    let (mine, theirs) = (first.stateful_1().to_owned(), second.stateful_1().to_owned());
    assert_ne!(mine, theirs);

    // Each sees one lab called "lab", and it is their own.
    let before = machine.told(Who::First, &["status", "--json"]);
    assert!(before.contains(&mine) && !before.contains(&theirs), "{before}");
    let seen = machine.told(Who::Second, &["status", "--json"]);
    assert!(seen.contains(&theirs) && !seen.contains(&mine), "{seen}");

    // What the second does to a lab of this name is done to the second's.
    let restarted = machine.told(Who::Second, &["restart", "stateful", "--how", "kill"]);
    assert!(restarted.contains("proof: new boot id stateful-1."), "{restarted}");
    let healed = machine.told(Who::Second, &["heal"]);
    assert_eq!(healed, "lab: is up, and nothing has to be undone\n");
    assert_eq!(boot_ids(&machine.told(Who::First, &["status", "--json"])), boot_ids(&before));

    // Keys and logs are nobody else's.
    let folder = machine.place("tmp").join(format!("amnesia-{}", Uid::current()));
    assert!(folder.join("labs/lab").is_dir(), "the control: this is where it lies");
    let looked = machine.runs(Who::Second, Path::new("ls"), &[folder.to_str().unwrap()]).output().unwrap();
    assert!(!looked.status.success(), "{}", words(&looked));

    for up in [&mut first, &mut second] {
        signal(&up.child, Signal::SIGINT);
        assert_eq!(up.child.wait().unwrap().code(), Some(130));
    }
    assert!(!folder.join("labs/lab").exists());
}

/// Which runs of the replicas there are.
fn boot_ids(status: &str) -> Vec<String> {
    let status: serde_json::Value = serde_json::from_str(status).unwrap();
    let processes = status["labs"][0]["processes"].as_array().unwrap().iter();
    let ids: Vec<String> = processes.filter_map(|it| it["boot_id"].as_str().map(str::to_owned)).collect();
    assert_eq!(ids.len(), 4, "{status}");
    ids
}

#[test]
fn a_place_that_somebody_else_has_made_is_not_used_and_the_cure_is_named() {
    let Some(machine) = Machine::new() else { return };
    let ours = machine.place("tmp").join(format!("amnesia-{}", Uid::current()));
    let made = machine.runs(Who::Second, Path::new("mkdir"), &[ours.to_str().unwrap()]).output().unwrap();
    assert!(made.status.success(), "{}", words(&made));
    let refused = machine.chaos(Who::First, &["run", "prime", "kill"]);
    assert_eq!(refused.status.code(), Some(3), "{}", words(&refused));
    assert!(
        words(&refused).contains("belongs to somebody else: set TMPDIR to a folder of your own"),
        "{}",
        words(&refused)
    );
}

#[test]
fn what_one_user_hands_in_another_collects_and_progress_is_for_its_owner_alone() {
    let Some(machine) = Machine::new() else { return };
    let class = machine.place("class");
    for (who, name) in [(Who::First, "ada"), (Who::Second, "bo")] {
        machine.told(who, &["lab", "start", "2", "--nickname", name]);
        machine.told(who, &["lab", "predict", "2", "stateful=Survived"]);
        machine.told(who, &["class", "hand-in", class.to_str().unwrap()]);
    }
    // The one who is nobody else: root may read everything.
    let collected = machine.told(Who::Second, &["class", "collect", class.to_str().unwrap()]);
    assert!(collected.contains("2 handed in") && collected.contains("ada: lab 2"), "{collected}");
    let progress = machine.place("First/.local/state/amnesia/labs.json");
    assert!(progress.is_file(), "the control: this is where it lies");
    let read = machine.runs(Who::Second, Path::new("cat"), &[progress.to_str().unwrap()]).output().unwrap();
    assert!(!read.status.success(), "{}", words(&read));
}
