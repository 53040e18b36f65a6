//! Does the live page show a restart as it happens, and does it let nobody else press its buttons?

#![allow(clippy::unwrap_used, reason = "a test that panics has said what it had to say")]

#[path = "../support/browser.rs"]
mod browser;
#[path = "../support/mod.rs"]
mod support;
mod buttons;
mod class;
mod picture;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use browser::{Browser, DESKTOP};
use chaos::driver::redis;
use serde_json::Value;
use tempfile::TempDir;

/// A `chaos show` with a lab of its own. Ends when dropped.
struct Show {
    child: Child,
    /// `http://127.0.0.1:port`
    url: String,
    /// What lets one press the buttons.
    token: String,
    folder: TempDir,
}

impl Show {
    fn start() -> Show {
        Show::start_in(tempfile::tempdir().unwrap(), &[])
    }

    /// With a class that hands in to the folder `class`.
    fn start_with_a_class() -> Show {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("class")).unwrap();
        Show::start_in(folder, &["--class", "class"])
    }

    fn start_in(folder: TempDir, args: &[&str]) -> Show {
        let mut child = tool(&folder, "presenter")
            .arg("show")
            .args(args)
            .env("TMPDIR", folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let said = lines.find_map(|line| line.unwrap().strip_prefix("the page: ").map(str::to_owned));
        let said = said.expect("it says where the page is");
        let (url, token) = said.split_once("/#").unwrap();
        Show { child, url: url.to_owned(), token: token.to_owned(), folder }
    }

    /// Opens its page, with what lets one press the buttons, and waits until it is drawn.
    async fn open_in(&self, browser: &Browser) {
        browser.client.goto(&format!("{}/#{}", self.url, self.token)).await.unwrap();
        browser.until("the page", "return document.body.dataset.drawn === 'yes'").await;
    }

    /// What somebody types meanwhile; what is printed. `presenter` is who runs the show.
    fn types(&self, who: &str, args: &str) -> String {
        let mut typed = tool(&self.folder, who);
        let output = typed.args(args.split(' ')).env("TMPDIR", self.folder.path()).output().unwrap();
        assert!(output.status.code().is_some_and(|code| code < 2), "{who}: chaos {args}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Somebody predicts all of lab 2, and hands in.
    fn hands_in(&self, who: &str, said: &str) {
        self.types(who, &format!("lab start 2 --nickname {who}"));
        self.types(who, &format!("lab predict 2 {said}"));
        self.types(who, "class hand-in class");
    }

    /// Which process of the system the lab's Redis is, and what it calls its own run.
    async fn redis(&self) -> (i64, String) {
        let status: Value =
            serde_json::from_str(&self.types("presenter", "status --driver local --json")).unwrap();
        let processes = status["labs"][0]["processes"].as_array().unwrap();
        let redis = processes.iter().find(|process| process["name"] == "redis").unwrap();
        let info =
            redis::ask(redis["url"].as_str().unwrap(), &["INFO", "server"], Duration::from_secs(5)).await;
        let info = info.unwrap().unwrap();
        let run_id = info.lines().find_map(|line| line.strip_prefix("run_id:")).unwrap();
        (redis["pid"].as_i64().unwrap(), run_id.to_owned())
    }

    /// Presses a button by hand, with these headers and no others, and returns the status. Written out,
    /// because every client library knows better than its caller what `host` is.
    fn press(&self, act: &str, headers: &[(&str, &str)]) -> u16 {
        let address = self.url.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let length = act.len();
        write!(
            stream,
            "POST /act HTTP/1.1\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n{act}"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.split(' ').nth(1).unwrap().parse().unwrap()
    }
}

impl Drop for Show {
    fn drop(&mut self) {
        let id = nix::unistd::Pid::from_raw(self.child.id().cast_signed());
        let _ = nix::sys::signal::kill(id, nix::sys::signal::Signal::SIGTERM);
        let _ = self.child.wait();
    }
}

/// The tool, as one of the room runs it.
fn tool(folder: &TempDir, who: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chaos"));
    command.current_dir(folder.path()).env("XDG_STATE_HOME", folder.path().join(who));
    command.env_remove("LAB_DATABASE");
    command
}

fn marks(service: &str, status: &str) -> String {
    format!(
        "return document.querySelectorAll('svg[data-service={service}] [data-status=\"{status}\"]').length"
    )
}

const SIDEWAYS: &str = "return document.documentElement.scrollWidth - document.documentElement.clientWidth";

#[tokio::test]
async fn without_the_token_or_from_another_site_nothing_can_be_pressed() {
    let show = Show::start();
    let kill = r#"{"how":"kill","target":"stateful-1"}"#;
    let token = ("x-show-token", show.token.as_str());
    let port = show.url.rsplit_once(':').unwrap().1.to_owned();
    let host = format!("127.0.0.1:{port}");
    for headers in [
        vec![("host", host.as_str())],
        vec![("host", host.as_str()), ("x-show-token", "guessed")],
        vec![("host", host.as_str()), token, ("origin", "http://evil.example")],
        vec![("host", host.as_str()), token, ("sec-fetch-site", "cross-site")],
        vec![("host", "evil.example"), token],
    ] {
        assert_eq!(show.press(kill, &headers), 403, "{headers:?}");
    }
    let own = [("host", host.as_str()), token];
    assert_eq!(show.press(kill, &own), 204, "the control");
    assert_eq!(show.press(r#"{"how":"kill","target":"init"}"#, &own), 422);
    assert_eq!(show.press(r#"{"how":"format-the-disk"}"#, &own), 400);
    let Some(browser) = Browser::open(DESKTOP).await else { return };
    browser.client.goto(&show.url).await.unwrap();
    let enabled = "return [...document.querySelectorAll('button.act:not(:disabled)')].length";
    assert_eq!(browser.ask(enabled).await, 0);
    browser.until("requests", &marks("stateless", "200")).await;
}
