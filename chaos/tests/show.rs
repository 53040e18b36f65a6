//! Does the live page show a restart as it happens, and does it let nobody else press its buttons?

#![allow(clippy::unwrap_used, reason = "a test that panics has said what it had to say")]

#[path = "support/browser.rs"]
mod browser;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use browser::{Browser, DESKTOP, PHONE};
use serde_json::Value;
use tempfile::TempDir;

/// A `chaos show` with a lab of its own. Ends when dropped.
struct Show {
    child: Child,
    /// `http://127.0.0.1:port`
    url: String,
    /// What lets one press the buttons.
    token: String,
    _folder: TempDir,
}

impl Show {
    fn start() -> Show {
        let folder = tempfile::tempdir().unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_chaos"))
            .arg("show")
            .env("TMPDIR", folder.path())
            .env_remove("LAB_DATABASE")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let said = lines.find_map(|line| line.unwrap().strip_prefix("the page: ").map(str::to_owned));
        let said = said.expect("it says where the page is");
        let (url, token) = said.split_once("/#").unwrap();
        Show { child, url: url.to_owned(), token: token.to_owned(), _folder: folder }
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

/// Waits in the page until it says yes: it is asked again at each change of what it shows.
async fn until(browser: &Browser, what: &str, script: &str) {
    let wait = format!(
        "const said = () => {{ {script} }}, done = arguments[0];
         if (said()) {{ done(true); return; }}
         const look = new MutationObserver(() => {{ if (said()) {{ look.disconnect(); done(true); }} }});
         look.observe(document, {{ subtree: true, childList: true, attributes: true, characterData: true }});
         setTimeout(() => done(false), 20000);"
    );
    let said = browser.client.execute_async(&wait, Vec::new()).await.unwrap();
    assert_eq!(said, Value::Bool(true), "not seen on the page: {what}");
}

fn marks(service: &str, status: &str) -> String {
    format!(
        "return document.querySelectorAll('svg[data-service={service}] [data-status=\"{status}\"]').length"
    )
}

const SIDEWAYS: &str = "return document.documentElement.scrollWidth - document.documentElement.clientWidth";

#[tokio::test]
async fn a_kill_by_keyboard_is_seen_by_the_stateful_client_and_not_by_the_stateless_one() {
    let Some(browser) = Browser::open(DESKTOP).await else { return };
    let show = Show::start();
    browser.client.goto(&format!("{}/#{}", show.url, show.token)).await.unwrap();
    for service in ["stateful", "stateless"] {
        until(&browser, "requests that succeed", &marks(service, "200")).await;
    }
    for (number, replica) in ["stateful-1", "stateless-1"].into_iter().enumerate() {
        let button = format!("[data-target={replica}][data-how=kill]");
        browser.ask(&format!("document.querySelector('{button}').focus(); return null")).await;
        browser.press("\u{E007}").await;
        let number = number + 1;
        let done = format!(
            "const done = document.getElementById('done-{number}'); return done && done.textContent.includes('new boot id')"
        );
        until(&browser, "the kill and its proof", &done).await;
        until(&browser, "the fault's window", "return document.querySelectorAll('.fault').length").await;
    }
    until(&browser, "the stateful client's 401", &marks("stateful", "401")).await;
    until(&browser, "its new login", &marks("stateful", "201")).await;
    assert_eq!(browser.ask(&marks("stateless", "401")).await, 0, "a stateless session survives the kill");
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}

#[tokio::test]
async fn healing_asks_before_it_does_anything() {
    let Some(browser) = Browser::open(PHONE).await else { return };
    let show = Show::start();
    browser.client.goto(&format!("{}/#{}", show.url, show.token)).await.unwrap();
    until(&browser, "the page", "return document.body.dataset.drawn === 'yes'").await;
    let press = "document.getElementById('heal').focus(); return null";
    browser.ask(press).await;
    browser.press("\u{E007}").await;
    // The careful answer has the focus.
    assert_eq!(browser.ask("return document.activeElement.value").await, "no");
    browser.press("\u{E007}").await;
    assert_eq!(browser.ask("return document.getElementById('log').children.length").await, 0);
    browser.ask(press).await;
    browser.press("\u{E007}").await;
    browser.ask("document.querySelector('#sure [value=yes]').focus(); return null").await;
    browser.press("\u{E007}").await;
    let done = "return document.getElementById('log').textContent.includes('nothing had to be undone')";
    until(&browser, "what healing did", done).await;
    assert_eq!(browser.ask(SIDEWAYS).await, 0, "the page itself moves sideways");
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}

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
    until(&browser, "requests", &marks("stateless", "200")).await;
}
