//! What cannot be tested on this machine, and how loudly is that said?
//!
//! Only the standard library, so that any crate's tests can take this file in with `#[path]`.

#![allow(dead_code, reason = "each test binary uses another part")]

use std::io::Write;
use std::process::Command;

/// Says loudly that something was not tested; in CI (`LAB_REQUIRE` set) that is a failure.
pub fn skip(what: &str, why: &str) {
    assert!(std::env::var_os("LAB_REQUIRE").is_none(), "LAB_REQUIRE is set, and {what} cannot run: {why}");
    // Past the test's capture, so that it is seen where nothing failed.
    let _ = writeln!(std::io::stderr(), "SKIPPED {what}: {why}");
}

/// Whether a test may mount a small disk that only its own processes see; where it may not, that is said.
pub fn may_mount(what: &str) -> bool {
    let tried = Command::new("unshare").args(["-Urm", "true"]).status();
    let allowed = tried.is_ok_and(|status| status.success());
    if !allowed {
        skip(what, "this machine lets nobody mount a small disk (unshare -Urm)");
    }
    allowed
}
