//! Does a class see itself? Students hand in by the tool, and whoever teaches collects; nothing that names a
//! person is in between, and one bad file spoils nothing.

#![allow(clippy::unwrap_used, reason = "a test that panics has said what it had to say")]

#[path = "support/schema.rs"]
mod schema;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use schema::faults_by_schema;
use serde_json::Value;
use tempfile::TempDir;

/// A room: a folder to hand in to, and a home for each student.
struct Room {
    folder: TempDir,
}

/// Words that must never leave a student's machine.
const SECRETS: [&str; 3] = ["ada.lovelace", "analytical-engine", "difference"];

impl Room {
    fn new() -> Room {
        let room = Room { folder: tempfile::tempdir().unwrap() };
        fs::create_dir(room.handed_in()).unwrap();
        room
    }

    fn handed_in(&self) -> PathBuf {
        self.folder.path().join("handed in")
    }

    /// What a student types, on a machine and in a home whose names give them away.
    fn student(&self, student: &str, args: &[&str]) -> Output {
        let home = self.folder.path().join("difference").join(SECRETS[0]).join(student);
        fs::create_dir_all(&home).unwrap();
        Command::new(env!("CARGO_BIN_EXE_chaos"))
            .args(args)
            .current_dir(&home)
            .env("HOME", &home)
            .env("USER", SECRETS[0])
            .env("LOGNAME", SECRETS[0])
            .env("HOSTNAME", SECRETS[1])
            .env("CHAOS_RESULTS", home.join("results"))
            .env_remove("XDG_STATE_HOME")
            .env_remove("LAB_DATABASE")
            .output()
            .unwrap()
    }

    /// A student who predicts all of lab 2, and hands in.
    fn hands_in(&self, student: &str, [stateful, stateless, polite]: [&str; 3]) {
        let said =
            [format!("stateful={stateful}"), format!("stateless={stateless}"), format!("polite={polite}")];
        succeeded(&self.student(student, &["lab", "start", "2", "--nickname", student]));
        succeeded(&self.student(student, &["lab", "predict", "2", &said[0], &said[1], &said[2]]));
        succeeded(&self.student(student, &["class", "hand-in", self.handed_in().to_str().unwrap()]));
    }

    fn collect(&self, more: &[&str]) -> Output {
        collect(&self.handed_in(), more)
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.collect(&["--json"]).stdout).unwrap()
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        fs::write(self.handed_in().join(name), text).unwrap();
    }
}

fn collect(folder: &Path, more: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_chaos"))
        .args(["class", "collect"])
        .arg(folder)
        .args(more)
        .output()
        .unwrap()
}

fn succeeded(output: &Output) {
    assert!(output.status.success(), "{output:?}");
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

#[test]
fn a_class_is_collected_and_what_several_got_wrong_is_called_common() {
    let room = Room::new();
    room.hands_in("ada", ["Survived", "Survived", "Survived"]);
    room.hands_in("bo", ["Survived", "Lost", "Recovered"]);
    room.hands_in("cy", ["Lost", "Survived", "Lost"]);
    let output = room.collect(&[]);
    assert_eq!(code(&output), 0, "{output:?}");
    let told = out(&output);
    assert!(told.contains("lab 2, stateful: 2 of 3 said Survived; it is Lost"), "{told}");
    assert!(told.contains("bo: lab 2, run"), "{told}");

    let json = room.json();
    let common = json["misconceptions"].as_array().unwrap();
    assert_eq!(common.len(), 1, "one alone is wrong about each of the others: {common:?}");
    let fields = ["lab", "key", "said", "right", "count", "of"].map(|field| common[0][field].clone());
    assert_eq!(serde_json::json!(fields), serde_json::json!([2, "stateful", "Survived", "Lost", 2, 3]));
    let students = json["students"].as_array().unwrap().iter();
    let students: Vec<&str> = students.map(|student| student["name"].as_str().unwrap()).collect();
    assert_eq!(students, ["ada", "bo", "cy"]);

    // The tool itself thinks as its user does: a third who is wrong in the same way makes it three.
    room.hands_in("dee", ["Survived", "Survived", "Recovered"]);
    let told = out(&room.collect(&[]));
    assert!(told.contains("lab 2, stateful: 3 of 4 said Survived"), "{told}");
    assert!(told.contains("lab 2, polite: 2 of 4 said Recovered"), "{told}");
}

#[test]
fn nothing_is_handed_in_but_what_was_done_under_a_chosen_name() {
    let room = Room::new();
    let unnamed = room.student("x", &["lab", "start", "2"]);
    succeeded(&unnamed);
    let refused = room.student("x", &["class", "hand-in"]);
    assert_eq!(code(&refused), 64);
    assert!(err(&refused).contains("--nickname NAME"), "{}", err(&refused));
    assert_eq!(out(&refused), "");

    succeeded(&room.student("x", &["lab", "predict", "2", "stateful=Lost"]));
    // Only a check writes down where the results lie.
    succeeded(&room.student("x", &["lab", "check", "2"]));
    let progress = fs::read_to_string(
        room.folder.path().join("difference").join(SECRETS[0]).join("x/.local/state/amnesia/labs.json"),
    );
    assert!(progress.unwrap().contains(SECRETS[0]), "the control: the progress file has the path");

    let shown = room.student("x", &["class", "hand-in", "--nickname", "enchantress"]);
    succeeded(&shown);
    let put = room.student("x", &["class", "hand-in", room.handed_in().to_str().unwrap()]);
    succeeded(&put);
    let file = room.handed_in().join("hand-in-enchantress.json");
    let text = fs::read_to_string(&file).unwrap();
    assert_eq!(text, out(&shown), "what is shown is what is handed in");
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    for secret in SECRETS.into_iter().chain([host.trim(), "/", "results"]) {
        assert!(!text.contains(secret), "{secret:?} is in what is handed in: {text}");
    }
    let expected = serde_json::json!({
        "hand_in": 1, "nickname": "enchantress", "lab": 2,
        "labs": { "2": {
            "step": "predict", "hints": 0, "checks": 1, "shown": false,
            "predictions": { "stateful": { "first": "Lost", "said": "Lost", "seen": "Lost" } }
        } }
    });
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), expected);
}

#[test]
fn one_hands_in_again_on_purpose_and_never_over_somebody_elses() {
    let room = Room::new();
    let folder = room.handed_in();
    let folder = folder.to_str().unwrap();
    room.hands_in("ada", ["Lost", "Survived", "Lost"]);
    succeeded(&room.student("other", &["lab", "start", "3", "--nickname", "ada"]));
    let refused = room.student("other", &["class", "hand-in", folder]);
    assert_eq!(code(&refused), 3);
    for word in ["hand-in-ada.json", "--replace", "--nickname"] {
        assert!(err(&refused).contains(word), "{}", err(&refused));
    }
    assert_eq!(room.json()["students"][0]["now"]["lab"], 2);
    succeeded(&room.student("ada", &["lab", "start", "4"]));
    succeeded(&room.student("ada", &["class", "hand-in", folder, "--replace"]));
    assert_eq!(room.json()["students"][0]["now"]["lab"], 4);
    let nowhere = room.student("ada", &["class", "hand-in", "/nowhere"]);
    assert_eq!(code(&nowhere), 3);
    assert!(err(&nowhere).contains("/nowhere"), "{}", err(&nowhere));
}

#[test]
fn a_bad_file_is_named_with_its_cure_and_spoils_nothing() {
    let room = Room::new();
    room.hands_in("ada", ["Survived", "Survived", "Lost"]);
    room.hands_in("bo", ["Survived", "Survived", "Lost"]);
    let good = fs::read_to_string(room.handed_in().join("hand-in-ada.json")).unwrap();
    room.write("hand-in-windows.json", good.replace("\"ada\"", "\"win\"").replace('\n', "\r\n"));
    room.write("half.json", &good[..good.len() / 2]);
    room.write("version.json", good.replace("\"hand_in\": 1", "\"hand_in\": 2"));
    room.write("progress.json", r#"{ "version": 1, "labs": {} }"#);
    room.write("empty.json", "");
    room.write("photo.jpg", b"\xff\xd8\xff\xe0");
    room.write("nasty\u{1b}[31m.json", "{}");
    fs::create_dir(room.handed_in().join("a folder")).unwrap();
    let output = room.collect(&[]);
    assert_eq!(code(&output), 1, "{output:?}");
    assert_eq!(err(&output), "");
    let told = out(&output);
    assert!(told.contains("3 handed in to"), "{told}");
    assert!(told.contains(", 7 not read"), "{told}");
    assert!(
        told.contains("3 of 3 said Survived"),
        "Windows line ends are none of a student's faults: {told}"
    );
    let unread = told.split_once("Not read").unwrap().1.split_whitespace().collect::<Vec<_>>().join(" ");
    for line in [
        "half.json is not whole JSON (",
        "version.json is of version 2, and this tool reads 1: build the student's tool",
        "progress.json is a student's progress file itself: hand in with `chaos class hand-in`",
        "empty.json is empty: hand it in again",
        "photo.jpg is not UTF-8 text: hand in with",
        "a folder is not a file: put the files themselves",
        "nasty\\u{1b}[31m.json is JSON, but no hand-in: hand in what",
    ] {
        assert!(unread.contains(line), "{line:?} is not in: {unread}");
    }
    assert_eq!(room.json()["unread"].as_array().unwrap().len(), 7);
}

#[test]
fn two_of_one_name_are_told_apart() {
    let room = Room::new();
    room.hands_in("ada", ["Survived", "Survived", "Lost"]);
    let good = fs::read_to_string(room.handed_in().join("hand-in-ada.json")).unwrap();
    room.write("copy.json", &good);
    let told = out(&room.collect(&[]));
    assert!(told.contains("1 handed in") && told.contains("counted once"), "{told}");
    room.write("copy.json", good.replace("\"hints\": 0", "\"hints\": 2"));
    let output = room.collect(&[]);
    assert_eq!(code(&output), 0);
    let told = out(&output);
    for line in
        ["2 handed in", "ada (copy.json): lab 2, run; hints: 2", "ada (hand-in-ada.json)", "remove the"]
    {
        assert!(told.contains(line), "{line:?} is not in: {told}");
    }
}

#[test]
fn an_empty_folder_and_a_missing_one_are_answered_with_what_to_do() {
    let room = Room::new();
    let empty = room.collect(&[]);
    assert_eq!(code(&empty), 2);
    assert!(out(&empty).contains("chaos class hand-in"), "{empty:?}");
    let missing = collect(&room.handed_in().join("nowhere"), &[]);
    assert_eq!(code(&missing), 3);
    assert!(err(&missing).contains("there is no folder") && err(&missing).contains("nowhere"), "{missing:?}");
    assert_eq!(out(&missing), "");
    room.write("file", "");
    let no_folder = collect(&room.handed_in().join("file"), &[]);
    assert_eq!(code(&no_folder), 3, "{no_folder:?}");
}

#[test]
fn what_a_script_gets_is_what_the_schema_says() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../labs/example-class");
    let mut class: Value = serde_json::from_slice(&collect(&example, &["--json"]).stdout).unwrap();
    assert_eq!(faults_by_schema("class", &class), [""; 0]);
    let room = Room::new();
    succeeded(&room.student("bo", &["lab", "start", "2", "--nickname", "bo"]));
    succeeded(&room.student("bo", &["class", "hand-in", room.handed_in().to_str().unwrap()]));
    room.write("empty.json", "");
    assert_eq!(faults_by_schema("class", &room.json()), [""; 0]);
    // The control.
    class["students"][0]["now"]["step"] = "sleep".into();
    class["students"][1]["e-mail"] = "bo@example.org".into();
    assert_eq!(faults_by_schema("class", &class).len(), 2);
}
