//! Does every button do what it says, and does the page say what came of it?

use chaos::driver::local::redis_server;
use serde_json::Value;

use super::browser::{Browser, DESKTOP, PHONE};
use super::{SIDEWAYS, Show, marks, support};

#[tokio::test]
async fn a_kill_by_keyboard_is_seen_by_the_stateful_client_and_not_by_the_stateless_one() {
    let Some(browser) = Browser::open(DESKTOP).await else { return };
    let show = Show::start();
    show.open_in(&browser).await;
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
    show.open_in(&browser).await;
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
    show.open_in(&browser).await;
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
    let line = press_and_read(&browser, "redis", "kill", "has run_id").await;
    let (pid_after, run_id_after) = show.redis().await;
    assert_ne!(pid_after, pid, "another process");
    assert_ne!(run_id_after, run_id);
    assert!(line.contains(&format!("run_id {run_id_after}, before that {run_id}")), "{line}");
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

#[tokio::test]
async fn in_containers_the_database_has_its_buttons_too() {
    if !support::docker("the live page of a lab in containers") {
        return;
    }
    let Some(browser) = Browser::open(DESKTOP).await else { return };
    let show = Show::start_in(tempfile::tempdir().unwrap(), &["--driver", "docker"]);
    show.open_in(&browser).await;
    let names = "return [...document.querySelectorAll('.target')].map((each) => each.getAttribute('aria-label')).join(' ')";
    assert_eq!(browser.ask(names).await, "stateful-1 stateful-2 stateless-1 stateless-2 redis sql");
    for (how, words) in
        [("kill", "before that since"), ("graceful", "before that since"), ("pause", "Paused")]
    {
        let line = press_and_read(&browser, "sql", how, words).await;
        assert!(!line.contains("NOT PROVEN"), "{line}");
    }
    let line = press_and_read(&browser, "redis", "kill", "has run_id").await;
    assert!(!line.contains("NOT PROVEN"), "{line}");
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}

#[tokio::test]
async fn healing_asks_before_it_does_anything() {
    let Some(browser) = Browser::open(PHONE).await else { return };
    let show = Show::start();
    show.open_in(&browser).await;
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
