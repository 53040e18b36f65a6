//! Does the page of a load tell of many clients at once: every fault, every number, and what it comes to?

use serde_json::json;

use super::browser::{DESKTOP, PHONE};
use super::{opened, report};

#[tokio::test]
async fn a_load_is_drawn_with_a_lane_for_each_service_and_every_fault_shaded() {
    let report = report(&["load", "--clients", "6", "--for", "3s", "--every", "800ms", "--pace", "50ms"]);
    for size in [DESKTOP, PHONE] {
        let Some(browser) = opened(&report, size).await else { return };
        let lanes = "return [...document.querySelectorAll('svg.load')].map((lane) => [lane.getAttribute('aria-label'),
            lane.querySelectorAll('.fault').length,
            [...lane.querySelectorAll('.mark')].reduce((sum, mark) => sum + Number(mark.dataset.count), 0)])";
        let lanes = browser.ask(lanes).await;
        for (at, service) in ["stateful", "stateless"].into_iter().enumerate() {
            let told = &report.result["services"][at];
            assert!(lanes[at][0].as_str().unwrap().starts_with(service), "{lanes}");
            assert_eq!(lanes[at][1], told["outages"].as_array().unwrap().len(), "{lanes}");
            assert_eq!(lanes[at][2], told["requests"].as_array().unwrap().len(), "{lanes}");
        }
        let sideways = "return document.documentElement.scrollWidth - document.documentElement.clientWidth";
        assert_eq!(browser.ask(sideways).await, 0, "at {size:?} the page itself moves sideways");
        assert_eq!(browser.complaints().await, Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_loads_faults_are_split_into_stop_gone_and_ready_and_can_be_looked_at_one_by_one() {
    let report = report(&["load", "--clients", "6", "--for", "3s", "--every", "800ms", "--pace", "50ms"]);
    for size in [DESKTOP, PHONE] {
        let Some(browser) = opened(&report, size).await else { return };
        browser.ask("document.getElementById('choose-time').focus(); return null").await;
        browser.press("\u{E015}").await;
        let mut ready_is_named = false;
        for (at, service) in report.result["services"].as_array().unwrap().iter().enumerate() {
            // Where the band begins and ends, where its lines are, and what is written in it.
            let told = browser
                .ask(&format!(
                    "const lane = document.querySelectorAll('svg.load')[{at}], number = (each, name) => Number(each.getAttribute(name));
                     return {{
                       bands: [...lane.querySelectorAll('.fault')].map((each) => [number(each, 'x'), number(each, 'width')]),
                       lines: [...lane.querySelectorAll('.split')].map((each) => number(each, 'x1')),
                       names: [...lane.querySelectorAll('text')].map((each) => each.textContent),
                     }}"
                ))
                .await;
            let bands: Vec<(f64, f64)> = serde_json::from_value(told["bands"].clone()).unwrap();
            let [(left, width)] = bands[..] else { panic!("one fault is looked at: {told}") };
            let lines: Vec<f64> = serde_json::from_value(told["lines"].clone()).unwrap();
            let outage = &service["outages"][0];
            let time = |name: &str| outage[name].as_f64().unwrap();
            let pixels_a_ms = width / (time("until_ms") - time("from_ms"));
            let mut edge = left;
            for part in ["stop", "gone", "ready"] {
                let wide = outage["restart"][format!("{part}_ms")].as_f64().unwrap() * pixels_a_ms;
                let named = told["names"].as_array().unwrap().iter().any(|name| name == part);
                // In between it is a question of rounding.
                let room = part.len() as f64 * 8.0;
                assert!(named || wide < room + 1.0, "{part} has room for its name: {told} {outage}");
                assert!(!named || wide > room - 1.0, "{part} has no room for its name: {told} {outage}");
                edge += wide;
                assert!(lines.iter().any(|line| (line - edge).abs() < 2.5), "after {part}: {told} {outage}");
            }
            ready_is_named |= told["names"].as_array().unwrap().iter().any(|name| name == "ready");
        }
        // The picture is as wide as the longer of the two, and most of that is the start.
        assert!(ready_is_named, "{size:?}");
        let sideways = "return document.documentElement.scrollWidth - document.documentElement.clientWidth";
        assert_eq!(browser.ask(sideways).await, 0, "at {size:?} the page itself moves sideways");
        browser.picture(&format!("load-fault-{}", size.0)).await;
        // And back to all of it.
        browser.ask("document.getElementById('choose-time').focus(); return null").await;
        browser.press("\u{E013}").await;
        let all = "return document.querySelector('svg.load').querySelectorAll('.fault').length";
        let outages = report.result["services"][0]["outages"].as_array().unwrap().len();
        assert_eq!(browser.ask(all).await, outages);
        browser.picture(&format!("load-{}", size.0)).await;
        assert_eq!(browser.complaints().await, Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_load_can_be_read_with_the_keyboard_alone() {
    let report = report(&["load", "--clients", "6", "--for", "3s", "--every", "800ms", "--pace", "50ms"]);
    let Some(browser) = opened(&report, DESKTOP).await else { return };
    // A screen reader is told each lane in words and leaves it its keys; what the marks say is in tables, too.
    let heard = browser.heard().await;
    for service in report.result["services"].as_array().unwrap() {
        let (name, count) = (service["service"].as_str().unwrap(), &service["tally"]["requests"]);
        let lane = format!("application {name}: {count} requests, ");
        assert!(heard.iter().any(|line| line.starts_with(&lane)), "{lane}: {heard:#?}");
        let strikes = service["outages"].as_array().unwrap().len();
        let row = format!("rowheader {name}, at ");
        assert_eq!(heard.iter().filter(|line| line.starts_with(&row)).count(), strikes, "{heard:#?}");
    }
    let detail = "return document.getElementById('detail').textContent";
    browser.press("\u{E004}").await;
    assert_eq!(browser.ask("return document.activeElement.id").await, "choose-time");
    browser.press("\u{E004}").await;
    assert_eq!(browser.ask("return document.activeElement.classList.contains('load')").await, true);
    browser.press("\u{E014}").await;
    let first = browser.ask(detail).await;
    assert!(first.as_str().unwrap().starts_with("stateful, client "), "{first}");
    browser.press("\u{E014}").await;
    assert_ne!(browser.ask(detail).await, first, "right goes on to the next request");
    // Down leads to one that did not succeed: every kill cost somebody their session.
    browser.press("\u{E015}").await;
    let mut told = browser.ask(detail).await;
    assert!(!told.as_str().unwrap().contains(", 20"), "{told}");
    // Sooner or later to one whose session died with its run: what it asked, what it was told, by which run, and why.
    for _ in 0..200 {
        if told.as_str().unwrap().contains("session_lost") {
            break;
        }
        browser.press("\u{E015}").await;
        told = browser.ask(detail).await;
    }
    for part in [
        "stateful, client ",
        " /",
        ", 401 session_lost (restart), after ",
        "due at ",
        "answered by run stateful-",
    ] {
        assert!(told.as_str().unwrap().contains(part), "{part}: {told}");
    }
    assert_eq!(browser.ask("return document.querySelectorAll('.here[visibility=visible]').length").await, 1);
    let text = browser.ask("return document.body.innerText").await;
    let text = text.as_str().unwrap();
    for number in ["a second", "answered", "p99", "Flows by verdict"] {
        assert!(text.contains(number), "the page does not tell {number}");
    }
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_load_that_proves_nothing_does_not_look_like_a_good_one() {
    let report = report(&["load", "--clients", "6", "--for", "3s", "--every", "800ms", "--pace", "50ms"]);
    let mut result = report.result.clone();
    result["conclusion"] = json!("nothing_proven");
    report.make_again("load.json", &result);
    let Some(browser) = opened(&report, DESKTOP).await else { return };
    let summary = browser.ask("return document.getElementById('summary').textContent").await;
    assert!(summary.as_str().unwrap().starts_with("This proves nothing"), "{summary}");
}
