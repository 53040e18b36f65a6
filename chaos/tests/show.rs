//! Does the live page show a restart as it happens, and does it let nobody else press its buttons?

#![allow(clippy::unwrap_used, reason = "a test that panics has said what it had to say")]

#[path = "support/browser.rs"]
mod browser;
mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use browser::{Browser, DESKTOP, PHONE};
use chaos::driver::local::redis_server;
use chaos::driver::redis;
use fantoccini::Locator;
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
async fn a_kill_by_keyboard_is_seen_by_the_stateful_client_and_not_by_the_stateless_one() {
    let Some(browser) = Browser::open(DESKTOP).await else { return };
    let show = Show::start();
    browser.client.goto(&format!("{}/#{}", show.url, show.token)).await.unwrap();
    for service in ["stateful", "stateless"] {
        browser.until("requests that succeed", &marks(service, "200")).await;
    }
    for (number, replica) in ["stateful-1", "stateless-1"].into_iter().enumerate() {
        let button = format!("[data-target={replica}][data-how=kill]");
        browser.ask(&format!("document.querySelector('{button}').focus(); return null")).await;
        browser.press("\u{E007}").await;
        let number = number + 1;
        let done = format!(
            "const done = document.getElementById('done-{number}'); return done && done.textContent.includes('new boot id')"
        );
        browser.until("the kill and its proof", &done).await;
        browser.until("the fault's window", "return document.querySelectorAll('.fault').length").await;
    }
    browser.until("the stateful client's 401", &marks("stateful", "401")).await;
    browser.until("its new login", &marks("stateful", "201")).await;
    assert_eq!(browser.ask(&marks("stateless", "401")).await, 0, "a stateless session survives the kill");
    // Who hears the page is told the same: whose lane it is and what came last, what was done, what can be done.
    let heard = browser.heard().await;
    for said in [
        "heading stateful: ",
        "application stateful: its requests of the last 30 seconds",
        "application stateless: its requests of the last 30 seconds",
        "button kill stateless-1",
        "list What was done",
        "StaticText kill stateful-1: new boot id ",
    ] {
        assert!(heard.iter().any(|line| line.starts_with(said)), "{said:?} is not in {heard:#?}");
    }
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}

#[tokio::test]
async fn on_a_projector_a_button_and_what_it_does_are_in_sight_at_once() {
    let Some(browser) = Browser::open((1280, 720)).await else { return };
    let show = Show::start();
    browser.client.goto(&format!("{}/#{}", show.url, show.token)).await.unwrap();
    browser.until("the page", "return document.body.dataset.drawn === 'yes'").await;
    let hidden = "return [...document.querySelectorAll('.target button, #heal, #lanes svg')]
        .filter((each) => each.getBoundingClientRect().bottom > innerHeight).map((each) => each.textContent)";
    assert_eq!(browser.ask(hidden).await, serde_json::json!([]));
    assert_eq!(browser.ask(SIDEWAYS).await, 0, "the page itself moves sideways");
}

/// Every target on the page, and what its buttons do.
const BUTTONS: &str = "return [...document.querySelectorAll('.target')].map((target) =>
    [target.getAttribute('aria-label'), ...[...target.querySelectorAll('button')].map((button) => button.dataset.how)])";

/// Presses this button with the keyboard and waits for these words about it.
async fn press_and_read(browser: &Browser, target: &str, how: &str, words: &str) -> String {
    browser
        .ask(&format!(
            "document.querySelector('[data-target={target}][data-how={how}]').focus(); return null"
        ))
        .await;
    browser.press("\u{E007}").await;
    let line = format!(
        "[...document.querySelectorAll('#log li')].find((line) => line.textContent.startsWith('{how} {target}: '))"
    );
    let said = format!("const line = {line}; return line && line.textContent.includes('{words}')");
    browser.until(&format!("{how} {target}: {words}"), &said).await;
    browser.ask(&format!("return {line}.textContent")).await.as_str().unwrap().to_owned()
}

#[tokio::test]
async fn every_target_can_be_restarted_killed_and_paused_redis_too() {
    let Some(browser) = Browser::open(DESKTOP).await else { return };
    let show = Show::start();
    browser.client.goto(&format!("{}/#{}", show.url, show.token)).await.unwrap();
    browser.until("the page", "return document.body.dataset.drawn === 'yes'").await;
    let there_is_redis = redis_server::find().is_some();
    let replicas = ["stateful-1", "stateful-2", "stateless-1", "stateless-2"];
    let targets = replicas.into_iter().chain(there_is_redis.then_some("redis"));
    let expected: Vec<Value> =
        targets.map(|name| serde_json::json!([name, "graceful", "kill", "pause"])).collect();
    assert_eq!(browser.ask(BUTTONS).await, Value::from(expected));
    if !there_is_redis {
        return support::skip("the buttons of Redis", "no redis-server; apt install redis-server");
    }

    let (pid, run_id) = show.redis().await;
    let line = press_and_read(&browser, "redis", "kill", "new run_id").await;
    let (pid_after, run_id_after) = show.redis().await;
    assert_ne!(pid_after, pid, "another process");
    assert_ne!(run_id_after, run_id);
    assert!(line.contains(&format!("new run_id {run_id_after} after {run_id}")), "{line}");
    // Both lanes show it, and say what it was.
    for service in ["stateful", "stateless"] {
        let band = format!(
            "const lane = document.querySelector('svg[data-service={service}]');
             return lane.querySelector('.fault') && [...lane.querySelectorAll('text')].some((each) => each.textContent === 'kill redis')"
        );
        browser.until("the band and its name", &band).await;
    }
    press_and_read(&browser, "redis", "graceful", "run_id").await;
    let (pid_graceful, _) = show.redis().await;
    assert_ne!(pid_graceful, pid_after);
    press_and_read(&browser, "redis", "pause", "left a PING unanswered").await;
    assert_eq!(show.redis().await.0, pid_graceful, "who is paused stays who it is");
    press_and_read(&browser, "stateful-2", "pause", "until it was continued").await;
    browser.until("requests that succeed afterwards", &marks("stateless", "200")).await;
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}

/// What has the focus: a lane by its service, a button by what it does to what.
const FOCUS: &str =
    "const at = document.activeElement.dataset; return at.service || `${at.how} ${at.target}`";

/// Presses this key again and again until the focus is there.
async fn tab_to(browser: &Browser, key: &str, goal: &str) {
    for _ in 0..30 {
        if browser.ask(FOCUS).await == goal {
            return;
        }
        browser.press(key).await;
    }
    panic!("the keyboard does not reach {goal}");
}

#[tokio::test]
async fn a_mark_shows_its_request_to_the_mouse_and_every_mark_to_the_keyboard_alone() {
    let Some(browser) = Browser::open(DESKTOP).await else { return };
    let show = Show::start();
    browser.client.goto(&format!("{}/#{}", show.url, show.token)).await.unwrap();
    browser.until("requests that succeed", &marks("stateful", "200")).await;

    // From the top of the page on nothing but keys: kill, go back to the lane, and find what the kill cost.
    tab_to(&browser, "\u{E004}", "kill stateful-1").await;
    browser.press("\u{E007}").await;
    // Until the client has logged in again, the 401 is the newest.
    let login = "return [...document.querySelectorAll('svg[data-service=stateful] [data-status]')]
        .map((mark) => mark.dataset.status).join(' ').includes('401 201')";
    browser.until("the login after the 401", login).await;
    tab_to(&browser, "\u{E008}\u{E004}", "stateful").await;
    browser.press("\u{E010}").await;
    browser.press("\u{E013}").await;
    let refused = browser.ask("return document.getElementById('detail').textContent").await;
    let refused = refused.as_str().unwrap();
    for part in ["stateful: ", " /", "401 session_lost (restart)", "answered by run stateful-1."] {
        assert!(refused.contains(part), "{part}: {refused}");
    }

    // Every mark there is can be walked to, from the newest to the oldest.
    let there = "return [...document.querySelectorAll('svg[data-service=stateful] g[data-at]')].map((mark) => mark.dataset.at)";
    let at = "return document.querySelector('svg[data-service=stateful] .here').dataset.at";
    let before: Vec<String> = serde_json::from_value(browser.ask(there).await).unwrap();
    assert!(before.len() > 3, "{before:?}");
    browser.press("\u{E010}").await;
    let mut walked = vec![browser.ask(at).await];
    loop {
        browser.press("\u{E012}").await;
        let next = browser.ask(at).await;
        if walked.last() == Some(&next) {
            break;
        }
        walked.push(next);
    }
    let after: Vec<String> = serde_json::from_value(browser.ask(there).await).unwrap();
    // What was there all the time; the picture goes on meanwhile.
    for mark in before.iter().filter(|mark| after.contains(mark)) {
        assert!(walked.iter().any(|it| it == mark.as_str()), "{mark} was not reached: {walked:?}");
    }
    browser.press("\u{E011}").await;
    let oldest = "const lane = document.querySelector('svg[data-service=stateful]');
        const [here, first] = [lane.querySelector('.here'), lane.querySelector('g[data-at]')];
        return here && here.dataset.at === first.dataset.at";
    browser.until("the oldest mark, by Home", oldest).await;

    let lane = browser.client.find(Locator::Css("svg[data-service=stateless]")).await.unwrap();
    lane.click().await.unwrap();
    let clicked = browser.ask("return document.getElementById('detail').textContent").await;
    assert!(clicked.as_str().unwrap().starts_with("stateless: "), "{clicked}");
    browser.picture("show-desktop").await;
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}

#[tokio::test]
async fn in_containers_the_database_has_its_buttons_too() {
    if !support::docker("the live page of a lab in containers") {
        return;
    }
    let Some(browser) = Browser::open(DESKTOP).await else { return };
    let show = Show::start_in(tempfile::tempdir().unwrap(), &["--driver", "docker"]);
    browser.client.goto(&format!("{}/#{}", show.url, show.token)).await.unwrap();
    browser.until("the page", "return document.body.dataset.drawn === 'yes'").await;
    let names = "return [...document.querySelectorAll('.target')].map((each) => each.getAttribute('aria-label')).join(' ')";
    assert_eq!(browser.ask(names).await, "stateful-1 stateful-2 stateless-1 stateless-2 redis sql");
    for (how, words) in
        [("kill", "before that since"), ("graceful", "before that since"), ("pause", "Paused")]
    {
        let line = press_and_read(&browser, "sql", how, words).await;
        assert!(!line.contains("NOT PROVEN"), "{line}");
    }
    let line = press_and_read(&browser, "redis", "kill", "new run_id").await;
    assert!(!line.contains("NOT PROVEN"), "{line}");
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}

#[tokio::test]
async fn healing_asks_before_it_does_anything() {
    let Some(browser) = Browser::open(PHONE).await else { return };
    let show = Show::start();
    browser.client.goto(&format!("{}/#{}", show.url, show.token)).await.unwrap();
    browser.until("the page", "return document.body.dataset.drawn === 'yes'").await;
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
    browser.until("what healing did", done).await;
    assert_eq!(browser.ask(SIDEWAYS).await, 0, "the page itself moves sideways");
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}

#[tokio::test]
async fn on_a_phone_the_names_of_two_faults_do_not_lie_upon_each_other() {
    let Some(browser) = Browser::open(PHONE).await else { return };
    let show = Show::start();
    browser.client.goto(&format!("{}/#{}", show.url, show.token)).await.unwrap();
    browser.until("the page", "return document.body.dataset.drawn === 'yes'").await;
    for how in ["kill", "pause"] {
        browser
            .ask(&format!(
                "document.querySelector('[data-target=stateless-1][data-how={how}]').click(); return null"
            ))
            .await;
        let done =
            format!("return document.getElementById('log').textContent.includes('{how} stateless-1: ')");
        browser.until(how, &done).await;
    }
    let boxes = "return [...document.querySelectorAll('svg[data-service=stateless] text')].map((each) => {
        const { left, right, top, bottom } = each.getBoundingClientRect(); return [left, right, top, bottom]; })";
    let boxes: Vec<[f64; 4]> = serde_json::from_value(browser.ask(boxes).await).unwrap();
    let [[left, right, top, bottom], other] = boxes.try_into().unwrap();
    let beside = right <= other[0] || other[1] <= left;
    // Letters are lower than the boxes they are in.
    let below = bottom <= other[2] + 4.0 || other[3] <= top + 4.0;
    assert!(beside || below, "{:?} {other:?}", [left, right, top, bottom]);
    browser.picture("show-phone").await;
}

const WRONG: &str = "stateful=Survived stateless=Survived polite=Recovered";
const RIGHT: &str = "stateful=Lost stateless=Survived polite=Lost";

/// What stands in an element, as it is seen.
fn text(id: &str) -> String {
    format!("document.getElementById('{id}').innerText")
}

fn says(id: &str, words: &str) -> String {
    format!("return {}.includes({})", text(id), serde_json::to_string(words).unwrap())
}

#[tokio::test]
async fn the_lab_and_its_step_and_the_class_are_shown_as_they_change_on_a_desktop() {
    let Some(browser) = Browser::open(DESKTOP).await else { return };
    let show = Show::start_with_a_class();
    browser.client.goto(&format!("{}/#{}", show.url, show.token)).await.unwrap();
    browser.until("that nobody has handed in", &says("class-about", "Nobody has handed in yet.")).await;
    assert_eq!(browser.ask("return document.getElementById('lab').hidden").await, true);

    show.types("presenter", "lab start 2");
    browser.until("the lab", &says("lab-title", "Lab 2: Restart after login")).await;
    let at = "return document.querySelector('#lab-steps [aria-current=step]').textContent";
    assert_eq!(browser.ask(at).await, "Predict");
    show.types("presenter", &format!("lab predict 2 {RIGHT}"));
    browser.until("the next step", &at.replace("textContent", "textContent === 'Run'")).await;

    show.hands_in("ada", WRONG);
    browser.until("the first hand-in", &says("class-about", "1 handed in")).await;
    show.types("bo", "lab hint 2");
    show.hands_in("bo", "stateful=Survived stateless=Survived polite=Unknown");
    show.hands_in("cy", RIGHT);
    browser.until("three of them", &says("class-about", "3 handed in")).await;

    // Which verdict is right is seen only by those who ask for it, here with the keyboard.
    let common = "3 said Survived; it is Lost";
    assert_eq!(browser.ask(&says("class-parts", common)).await, false);
    browser.ask("document.querySelector('#common summary').focus(); return null").await;
    browser.press("\u{E007}").await;
    browser.until("the misconception", &says("class-parts", common)).await;
    browser.picture("class-desktop").await;

    // The same facts in the same words as on the terminal.
    let told = show.types("teacher", "class collect class");
    for head in ["Who is where", "Common misconceptions", "Who predicted what"] {
        assert!(told.contains(head), "{told}");
        assert_eq!(browser.ask(&says("class-parts", head)).await, true, "{head}");
    }
    let line = told.lines().find(|line| line.contains("it is Lost")).unwrap().trim();
    assert_eq!(line, "lab 2, stateful: 2 of 3 said Survived; it is Lost");
    assert_eq!(browser.ask(&says("class-parts", line)).await, true);
    let place = "bo: lab 2, run; hints: 1";
    assert!(told.contains(place), "{told}");
    assert_eq!(browser.ask(&says("class-parts", place)).await, true);

    // Something new comes, and what was opened stays open and has the focus still.
    show.hands_in("dee", WRONG);
    browser.until("three who are wrong", &says("class-parts", "3 of 4 said Survived; it is Lost")).await;
    browser.until("and two", &says("class-parts", "2 of 4 said Recovered; it is Lost")).await;
    assert_eq!(browser.ask("return document.activeElement.parentElement.id").await, "common");

    // Who comes later is told all of it at once.
    browser.client.refresh().await.unwrap();
    browser.until("the class", &says("class-about", "4 handed in")).await;
    browser.until("the lab", &says("lab-title", "Lab 2")).await;
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}

#[tokio::test]
async fn on_a_phone_too_and_what_cannot_be_read_is_said() {
    let Some(browser) = Browser::open(PHONE).await else { return };
    let show = Show::start_with_a_class();
    let class = show.folder.path().join("class");
    browser.client.goto(&format!("{}/#{}", show.url, show.token)).await.unwrap();
    show.types("presenter", "lab start 2");
    show.hands_in("a_nickname-of-24-letters", WRONG);
    show.hands_in("bo", WRONG);
    let long = "a-file-with-a-name-that-is-longer-than-the-screen-of-a-telephone-<b>bold</b>.json";
    std::fs::write(class.join(long.replace('/', "")), "{").unwrap();
    browser.until("the file", &says("class-about", "2 handed in, 1 not read")).await;
    assert_eq!(browser.ask(&says("class-parts", "telephone-<b>bold<b>.json is not whole JSON")).await, true);
    browser.until("the lab", &says("lab-title", "Lab 2")).await;
    browser.ask("document.getElementById('common').open = true; return null").await;
    browser.picture("class-phone").await;
    assert_eq!(browser.ask(SIDEWAYS).await, 0, "the page itself moves sideways");

    std::fs::rename(&class, class.with_extension("away")).unwrap();
    browser.until("that it is gone", &says("class-about", "there is no folder class")).await;
    assert_eq!(browser.ask(&says("class-parts", "bo")).await, true, "what was seen is still seen");
    std::fs::rename(class.with_extension("away"), &class).unwrap();
    browser.until("that it is back", &says("class-about", "2 handed in, 1 not read")).await;
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}

#[test]
fn a_folder_of_a_class_that_is_not_there_is_said_before_anything_is_started() {
    let folder = tempfile::tempdir().unwrap();
    let output = tool(&folder, "presenter").args(["show", "--class", "clas"]).output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    assert!(output.stdout.is_empty());
    assert!(String::from_utf8_lossy(&output.stderr).contains("there is no folder clas"), "{output:?}");
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
    browser.until("requests", &marks("stateless", "200")).await;
}
