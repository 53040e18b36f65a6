//! Can every mark of the picture be reached, and every fault be told from the next?

use fantoccini::Locator;
use serde_json::Value;

use super::browser::{Browser, DESKTOP, PHONE};
use super::{Show, marks};

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
    show.open_in(&browser).await;
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
    let at = "return document.querySelector('svg[data-service=stateful] .here')?.dataset.at";
    let before: Vec<String> = serde_json::from_value(browser.ask(there).await).unwrap();
    assert!(before.len() > 3, "{before:?}");
    browser.press("\u{E010}").await;
    let mut walked = vec![browser.ask(at).await];
    // To the oldest, which leaves the picture some time; whoever stood on it stands nowhere then, or on the next.
    let ms = |mark: &Value| mark.as_str().and_then(|at| at.parse::<f64>().ok());
    loop {
        browser.press("\u{E012}").await;
        let next = browser.ask(at).await;
        if ms(&next).is_none() || ms(&next) >= walked.last().and_then(ms) {
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
async fn on_a_phone_the_names_of_two_faults_do_not_lie_upon_each_other() {
    let Some(browser) = Browser::open(PHONE).await else { return };
    let show = Show::start();
    show.open_in(&browser).await;
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
