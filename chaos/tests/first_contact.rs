//! What does somebody meet whose machine is not as the tool would like it: no home, a progress that cannot be read, a
//! folder with a space in its name, no place for results?

#![allow(clippy::unwrap_used, reason = "a test that panics has said what it had to say")]

mod support;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use support::tool::copy;
use tempfile::TempDir;

/// A student with a home of their own.
struct Student {
    home: TempDir,
}

impl Student {
    fn new() -> Student {
        Student { home: tempfile::tempdir().unwrap() }
    }

    fn place(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn chaos(&self, tool: &Path, args: &[&str]) -> Command {
        let mut chaos = Command::new(tool);
        chaos.args(args).current_dir(self.home.path()).env("HOME", self.home.path());
        for name in ["XDG_STATE_HOME", "CHAOS_RESULTS", "CHAOS_BIN_DIR", "LAB_DATABASE"] {
            chaos.env_remove(name);
        }
        chaos
    }

    fn run(&self, args: &[&str]) -> Output {
        self.chaos(Path::new(env!("CARGO_BIN_EXE_chaos")), args).output().unwrap()
    }
}

/// One line of an error, which holds these words; and nothing that looks like a crash.
#[track_caller]
fn refuses(output: &Output, words: &[&str]) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    for word in words {
        assert!(said.contains(word), "{word:?} is missing in: {said}");
    }
}

#[test]
fn who_asks_where_to_begin_is_told_whatever_is_wrong_with_their_progress() {
    let student = Student::new();
    // A folder where the file should be: nobody can read that, not even root.
    fs::create_dir_all(student.place(".local/state/amnesia/labs.json")).unwrap();
    let output = student.run(&[]);
    let (told, said) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && told.contains("chaos lab start 1"), "{output:?}");
    assert!(said.contains("labs.json") && said.contains("set XDG_STATE_HOME"), "{said}");
    refuses(&student.run(&["lab", "start", "1"]), &["labs.json", "set XDG_STATE_HOME"]);

    let mut homeless = student.chaos(Path::new(env!("CARGO_BIN_EXE_chaos")), &[]);
    let output = homeless.env_remove("HOME").output().unwrap();
    assert!(output.status.success() && !output.stdout.is_empty(), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("set HOME"), "{output:?}");
}

#[test]
fn no_place_for_a_lab_or_its_results_is_said_with_the_cure() {
    let student = Student::new();
    fs::write(student.place("results"), "a file where the folder should be").unwrap();
    refuses(&student.run(&["run", "prime", "kill"]), &["set CHAOS_RESULTS to a folder of your own"]);
    let mut chaos = student.chaos(Path::new(env!("CARGO_BIN_EXE_chaos")), &["run", "prime", "kill"]);
    chaos.env("TMPDIR", student.place("results")).env("CHAOS_RESULTS", student.place("elsewhere"));
    refuses(&chaos.output().unwrap(), &["set TMPDIR to a folder of your own"]);
}

/// The tool, where `variable` names a folder on a disk of its own of this size; `None` where nobody may have one.
fn on_a_small_disk(student: &Student, variable: &str, size: &str, args: &str) -> Option<Output> {
    if !support::skip::may_mount("a full disk") {
        return None;
    }
    fs::create_dir_all(student.place("disk")).unwrap();
    let line = format!(
        "mount -t tmpfs -o size={size} none disk && {variable}=$PWD/disk exec '{}' {args}",
        env!("CARGO_BIN_EXE_chaos")
    );
    Some(student.chaos(Path::new("unshare"), &["-Urm", "sh", "-c", &line]).output().unwrap())
}

#[test]
fn a_full_disk_is_said_with_the_cure_and_a_log_without_room_ends_no_service() {
    let student = Student::new();
    let run = "run prime kill --service stateful";
    let Some(output) = on_a_small_disk(&student, "CHAOS_RESULTS", "4k", run) else { return };
    // Were it the service that had ended for want of a log, there would be nothing to write.
    refuses(&output, &["result.json", "set CHAOS_RESULTS to another folder", "No space left"]);
    // What came of it is told, though it cannot be kept.
    assert!(String::from_utf8_lossy(&output.stdout).contains("\n  as predicted\n"), "{output:?}");
    let load = "load --clients 2 --for 1s --every 400ms --pace 50ms --service stateful";
    let output = on_a_small_disk(&student, "CHAOS_RESULTS", "4k", load).unwrap();
    refuses(&output, &["load.json", "set CHAOS_RESULTS to another folder"]);
    assert!(String::from_utf8_lossy(&output.stdout).contains("proven"), "{output:?}");
    let learner = Student::new();
    for args in [&["lab", "start", "2"][..], &["lab", "predict", "2", "stateful=Lost"]] {
        assert!(learner.run(args).status.success(), "{args:?}");
    }
    let output = on_a_small_disk(&learner, "CHAOS_RESULTS", "4k", "lab check 2").unwrap();
    refuses(&output, &["result.json", "set CHAOS_RESULTS to another folder"]);
    assert!(String::from_utf8_lossy(&output.stdout).contains("you said Lost: right"), "{output:?}");
    // With room for some of it, the picture is what is missing.
    let output = on_a_small_disk(&student, "CHAOS_RESULTS", "32k", run).unwrap();
    refuses(&output, &["report.html", "set CHAOS_RESULTS to another folder"]);
    let output = on_a_small_disk(&student, "TMPDIR", "200k", "run prime kill").unwrap();
    refuses(&output, &["chaos doctor"]);
    let output = on_a_small_disk(&student, "TMPDIR", "200k", "doctor").unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(told.contains("0 MiB free") && told.contains("make room"), "what it is sent to says it: {told}");
}

#[test]
fn a_folder_with_a_space_in_its_name_is_a_folder() {
    let student = Student::new();
    let (tools, tmp) = (student.place("my tools"), student.place("my tmp"));
    fs::create_dir_all(&tools).unwrap();
    fs::create_dir_all(&tmp).unwrap();
    let built = Path::new(env!("CARGO_BIN_EXE_chaos")).parent().unwrap();
    for name in ["stateful-svc", "stateless-svc"] {
        symlink(built.join(name), tools.join(name)).unwrap();
    }
    // Not a link: the tool looks for the services beside itself.
    copy(&built.join("chaos"), &tools.join("chaos"));
    let chaos = |args: &[&str]| {
        let mut chaos = student.chaos(&tools.join("chaos"), args);
        chaos.env("TMPDIR", &tmp).env("CHAOS_RESULTS", student.place("my results"));
        let output = chaos.output().unwrap();
        assert!(output.status.success(), "chaos {args:?}: {output:?}");
    };
    chaos(&["run", "cart", "kill"]);
    chaos(&["run", "whoami", "rotate-key", "--service", "stateless"]);
    chaos(&["report"]);
    assert!(student.place("my results/latest/report.html").is_file());
}

#[test]
fn a_run_is_a_run_also_where_latest_is_no_link() {
    let student = Student::new();
    let results = student.place("results");
    fs::create_dir_all(results.join("latest")).unwrap();
    let mut run = student.chaos(Path::new(env!("CARGO_BIN_EXE_chaos")), &["run", "prime", "kill"]);
    let output = run.env("CHAOS_RESULTS", &results).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(output.status.success() && said.contains("latest does not lead to this run"), "{said}");
    let runs = fs::read_dir(&results).unwrap().filter_map(Result::ok);
    assert_eq!(runs.filter(|run| run.path().join("report.html").is_file()).count(), 1);
}

#[test]
fn without_a_number_the_lab_is_the_one_you_are_in_and_nothing_is_forgotten_by_mistake() {
    let student = Student::new();
    let output = student.run(&["lab", "hint"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(64), "{said}");
    assert!(said.contains("chaos lab start 1"), "{said}");

    student.run(&["lab", "start", "3"]);
    let told = |args: &[&str]| String::from_utf8(student.run(args).stdout).unwrap();
    assert!(told(&["lab", "check"]).contains("chaos lab predict 3 "));
    assert!(told(&["lab", "hint"]).starts_with("Hint 1 of 3"));
    assert!(told(&["lab", "solve"]).starts_with("Lab 3: "));
    let output = student.run(&["lab", "reset"]);
    assert_eq!(output.status.code(), Some(64));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--all"), "{output:?}");
    assert!(told(&["lab", "status"]).contains("solved by showing"), "it is all still there");
    assert!(student.run(&["lab", "reset", "--all"]).status.success());
    assert!(!told(&["lab", "status"]).contains("solved by showing"));
}

#[test]
fn a_results_folder_that_is_none_is_named_and_not_the_last_run_blamed() {
    let student = Student::new();
    refuses(&student.run(&["report", "/nonexistent"]), &["/nonexistent is no results folder"]);
    refuses(&student.run(&["report"]), &["chaos run cart kill"]);
}
