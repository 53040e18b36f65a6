//! Does a script of promises (`ci/claims`) say which of its tests failed, and count what it did?

#![allow(clippy::unwrap_used, reason = "a test that panics has said what it had to say")]

use std::path::Path;
use std::process::Command;

/// A cargo test with one failure, and more behind it than the last lines hold.
const CARGO_TEST: &str = "\
running 2 tests
test a_good_one ... ok
test a_bad_one ... FAILED

failures:

---- a_bad_one stdout ----

thread 'a_bad_one' panicked at tests/x.rs:3:4:
it was not so

failures:
    a_bad_one

test result: FAILED. 1 passed; 1 failed; 0 ignored";

/// What a script prints that counts its promises, and its exit code.
fn script(lines: &str, require: bool) -> (String, Option<i32>) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut bash = Command::new("bash");
    bash.args(["-c", &format!(". ci/claims\n{lines}\nfinish words")]).current_dir(root);
    bash.env("CARGO_TEST", CARGO_TEST).env_remove("LAB_REQUIRE");
    if require {
        bash.env("LAB_REQUIRE", "1");
    }
    let output = bash.output().unwrap();
    (String::from_utf8(output.stdout).unwrap(), output.status.code())
}

#[test]
fn a_promise_that_is_a_cargo_test_names_the_test_that_failed() {
    let (said, code) =
        script("tests() { echo \"$CARGO_TEST\"; seq 100 140; return 1; }\nclaim 'it holds' tests", false);
    assert!(said.starts_with("NO  it holds"), "{said}");
    for words in ["test a_bad_one ... FAILED", "tests/x.rs:3:4", "it was not so", "140"] {
        assert!(said.contains(words), "{words:?} is missing in:\n{said}");
    }
    assert!(!said.contains("a_good_one"), "{said}");
    assert!(said.ends_with("words: 0 passed, 1 failed, 0 skipped\n"), "{said}");
    assert_eq!(code, Some(1));
}

/// A pipe that shows what it hands on opens the log a second time, and cargo itself goes on writing to the first.
#[test]
fn what_a_test_says_is_not_overwritten_where_its_output_is_looked_at_too() {
    let lines = "tests() { { echo Running >&2; echo \"$CARGO_TEST\"; sleep 0.1; seq 100 300 >&2; } | \
                 tee -a /dev/stderr | grep -q never; }\nclaim 'it holds' tests";
    let (said, _) = script(lines, false);
    for words in ["test a_bad_one ... FAILED", "tests/x.rs:3:4", "it was not so", "300"] {
        assert!(said.contains(words), "{words:?} is missing in:\n{said}");
    }
}

#[test]
fn what_is_skipped_is_said_and_fails_where_nothing_may_be_missing() {
    let lines = "claim 'it is so' true\nskip 'the other' 'it is not here'";
    let (said, code) = script(lines, false);
    assert!(said.contains("SKIPPED the other: it is not here"), "{said}");
    assert!(said.ends_with("words: 1 passed, 0 failed, 1 skipped\n"), "{said}");
    assert_eq!(code, Some(0));
    let (said, code) = script(lines, true);
    assert!(said.ends_with("words: 1 passed, 1 failed, 1 skipped\n"), "{said}");
    assert_eq!(code, Some(1));
}
