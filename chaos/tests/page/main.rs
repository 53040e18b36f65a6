//! Can the report be read: on a laptop and on a phone, with nothing but a keyboard, without a complaint of
//! the browser?

#![allow(clippy::unwrap_used, reason = "a test that panics has said what it had to say")]

#[path = "../support/browser.rs"]
mod browser;
mod lanes;
mod load;
mod looks;
mod made_up;
mod matrix;

use std::path::{Path, PathBuf};
use std::process::Command;

use browser::Browser;
use serde_json::Value;
use tempfile::TempDir;

/// A real run, its page, and what `result.json` says.
struct Report {
    _folder: TempDir,
    page: PathBuf,
    result: Value,
}

fn report(args: &[&str]) -> Report {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_chaos"))
        .args(args)
        .args(["--json", "--seed", "7"])
        .env("CHAOS_RESULTS", folder.path())
        .env_remove("LAB_DATABASE")
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let latest = folder.path().join("latest");
    let file = if args[0] == "load" { "load.json" } else { "result.json" };
    let result = serde_json::from_slice(&std::fs::read(latest.join(file)).unwrap()).unwrap();
    Report { page: latest.join("report.html"), result, _folder: folder }
}

impl Report {
    /// Makes its page of this result instead of its own.
    fn make_again(&self, file: &str, result: &Value) {
        let file = self.page.with_file_name(file);
        std::fs::write(&file, result.to_string()).unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_chaos")).arg("report").arg(&file).output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }
}

async fn opened(report: &Report, size: (u32, u32)) -> Option<Browser> {
    let browser = Browser::open(size).await?;
    browser.client.goto(&address(&report.page)).await.unwrap();
    assert_eq!(browser.ask("return document.body.dataset.drawn").await, "yes");
    Some(browser)
}

fn address(page: &Path) -> String {
    format!("file://{}", page.canonicalize().unwrap().display())
}

/// What the marks say, lane by lane, in the words a screen reader would read.
async fn marks(browser: &Browser) -> Vec<String> {
    let all =
        "return [...document.querySelectorAll('.request')].map((mark) => mark.getAttribute('aria-label'))";
    serde_json::from_value(browser.ask(all).await).unwrap()
}
