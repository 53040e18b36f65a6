//! Can the report be read: on a laptop and on a phone, with nothing but a keyboard, without a complaint of
//! the browser?

#![allow(clippy::unwrap_used, reason = "a test that panics has said what it had to say")]

#[path = "support/browser.rs"]
mod browser;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use browser::{Browser, DESKTOP, PHONE};
use chaos::client::record::Evidence;
use chaos::fault::RestartTimes;
use chaos::flow::FLOWS;
use chaos::predict::{Expected, Predictions};
use chaos::report::html;
use chaos::results::{self, Observed, Results, Summary, Window};
use chaos::schedule::{Moments, Only, schedule};
use chaos::{run, service};
use jiff::Timestamp;
use serde_json::{Value, json};
use tempfile::TempDir;
use uuid::Uuid;

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

#[tokio::test]
async fn every_request_is_a_mark_and_stateful_is_above_stateless() {
    let report = report(&["run", "cart", "kill"]);
    for size in [DESKTOP, PHONE] {
        let Some(browser) = opened(&report, size).await else { return };
        let marks = marks(&browser).await;
        let mut expected = Vec::new();
        for service in ["stateful", "stateless"] {
            let cells = report.result["cells"].as_array().unwrap();
            let cell = cells.iter().find(|cell| cell["service"] == service).unwrap();
            for request in cell["evidence"].as_array().unwrap() {
                expected.push((service, request["step"].as_str().unwrap(), request["status"].to_string()));
            }
        }
        assert_eq!(marks.len(), expected.len(), "{marks:?}");
        for (mark, (service, step, status)) in marks.iter().zip(expected) {
            assert!(mark.starts_with(&format!("{service}: {step}, ")) && mark.contains(&status), "{mark}");
        }
        let faults = "return document.querySelectorAll('.fault').length";
        assert_eq!(browser.ask(faults).await, 2, "each lane shades its fault");
        let above =
            "return document.getElementById('cap').compareDocumentPosition(document.getElementById('lanes'))
            & Node.DOCUMENT_POSITION_FOLLOWING";
        assert_ne!(
            browser.ask(above).await,
            0,
            "what is left out is said before the picture, not far below it"
        );
        let sideways = "return document.documentElement.scrollWidth - document.documentElement.clientWidth";
        assert_eq!(browser.ask(sideways).await, 0, "at {size:?} the page itself moves sideways");
        assert_eq!(browser.complaints().await, Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_screen_reader_is_told_lane_by_lane_what_was_answered_and_the_fault_at_its_place() {
    let report = report(&["run", "cart", "kill"]);
    let Some(browser) = opened(&report, DESKTOP).await else { return };
    let mut expected = vec!["group Requests over time, one lane a service".to_owned()];
    for service in ["stateful", "stateless"] {
        let cell = report.result["cells"].as_array().unwrap().iter().find(|cell| cell["service"] == service);
        let cell = cell.unwrap();
        expected.push(format!("group {service}: {}", cell["observed"].as_str().unwrap()));
        let mut fault = Some("image kill in force from ".to_owned());
        for request in cell["evidence"].as_array().unwrap() {
            if request["at_ms"].as_f64().unwrap() >= cell["window"]["from_ms"].as_f64().unwrap() {
                expected.extend(fault.take());
            }
            let asked = ["step", "method", "path"].map(|part| request[part].as_str().unwrap());
            let [step, method, path] = asked;
            expected.push(format!("button {service}: {step}, {method} {path}, {}", request["status"]));
        }
    }
    expected.push("list Signs".to_owned());
    let heard = browser.heard().await;
    let picture = heard.iter().skip_while(|line| !line.starts_with("group Requests"));
    let picture: Vec<_> = picture
        // What is written in a mark is part of its name.
        .filter(|line| !line.starts_with("generic ") && !line.starts_with("StaticText "))
        .take(expected.len())
        .collect();
    let as_expected = picture.iter().zip(&expected).all(|(line, start)| line.starts_with(start.as_str()));
    assert!(as_expected, "{picture:#?} {expected:#?}");
    let faults: Vec<_> = picture.iter().filter(|line| line.starts_with("image")).collect();
    let split =
        |line: &str| [" to ", ": stop ", ", gone ", ", ready "].iter().all(|part| line.contains(part));
    assert!(faults.len() == 2 && faults.iter().all(|line| split(line)), "{faults:?}");

    // In the matrix the heads of its columns and rows are told as such, and each square is in words.
    let matrix = heard.iter().skip_while(|line| !line.starts_with("table cart"));
    let matrix: Vec<_> = matrix
        .map(String::as_str)
        .filter(|line| line.contains("header ") || line.starts_with("button "))
        .collect();
    let squares = ["button Lost (restart) predicted Lost", "button Survived predicted Survived"];
    let heads = ["columnheader fault", "columnheader stateful", "columnheader stateless", "rowheader kill"];
    assert_eq!(matrix, [heads.as_slice(), &squares].concat());
}

#[tokio::test]
async fn a_keyboard_is_enough() {
    let report = report(&["matrix", "--moments", "telling", "--only", "flow=cart,fault=kill,fault=pause"]);
    let Some(browser) = opened(&report, DESKTOP).await else { return };
    let focus =
        "const at = document.activeElement; return at.getAttribute('aria-label') || at.id || at.tagName";

    // Tab reaches the skip link, the three choices, and then one mark of the picture.
    let mut way = Vec::new();
    for _ in 0..8 {
        browser.press("\u{E004}").await;
        way.push(browser.ask(focus).await.as_str().unwrap().to_owned());
        if way.last().unwrap().starts_with("stateful: ") {
            break;
        }
    }
    assert!(way.contains(&"choose-flow".to_owned()) && way.contains(&"choose-moment".to_owned()), "{way:?}");
    assert!(way.last().unwrap().starts_with("stateful: login"), "{way:?}");

    // The arrows walk along the lane and to the lane below; what has the focus is told in full.
    browser.press("\u{E014}").await;
    assert!(browser.ask(focus).await.as_str().unwrap().starts_with("stateful: put-book"));
    let detail = "return document.getElementById('detail').textContent";
    assert!(browser.ask(detail).await.as_str().unwrap().contains("PUT /cart/items/book"));
    browser.press("\u{E015}").await;
    assert!(browser.ask(focus).await.as_str().unwrap().starts_with("stateless: put-book"));

    // A square of the matrix is a button; it changes the picture.
    let square = "document.querySelector('button.square[data-fault=pause]').focus(); return null";
    browser.ask(square).await;
    browser.press("\u{E007}").await;
    assert_eq!(browser.ask("return document.getElementById('choose-fault').value").await, "pause");
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_deviation_is_what_the_page_opens_with_and_says_in_words() {
    let report = report(&["run", "cart", "kill"]);
    // The same file, but somebody had predicted otherwise.
    let mut result = report.result.clone();
    result["cells"][0]["predicted"] = json!("Recovered");
    result["cells"][0]["as_predicted"] = json!(false);
    result["summary"] = json!({ "as_predicted": 1, "deviated": 1, "inconclusive": 0, "not_available": 0 });
    let file = report.page.with_file_name("result.json");
    std::fs::write(&file, result.to_string()).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_chaos")).arg("report").arg(&file).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let Some(browser) = opened(&report, DESKTOP).await else { return };
    let text = browser.ask("return document.body.innerText").await;
    let text = text.as_str().unwrap();
    assert!(text.contains("1 of 2 moments came as predicted, 1 did not."), "{text}");
    assert!(text.contains("not as predicted") && text.contains("predicted Recovered"), "{text}");
}

/// One service is slow in everything and the other is not: given its full length, all of that is wider than the page.
fn wider_than_the_page() -> (TempDir, PathBuf) {
    let (planned, predictions) = (service::builtin(), Predictions::builtin().unwrap());
    let planned = schedule(&planned, Moments::Telling, &Only::default(), Duration::ZERO, 7);
    let times = [
        (
            "stateful",
            [(0.0, 20.0), (25.0, 15.0), (200.0, 10.0), (215.0, 10.0), (230.0, 10.0)],
            60.0,
            60.0,
            190.0,
        ),
        (
            "stateless",
            [(0.0, 120.0), (130.0, 90.0), (640.0, 10.0), (655.0, 10.0), (670.0, 10.0)],
            240.0,
            330.0,
            630.0,
        ),
    ];
    let cells = times.map(|(service, requests, from_ms, ready_ms, until_ms)| {
        let same = |cell: &&run::Cell| {
            cell.flow.name() == "cart" && cell.fault.name() == "kill" && cell.service.name == service
        };
        let mut cell = as_predicted(planned.iter().find(same).unwrap(), &predictions);
        for (request, (at_ms, ms)) in cell.evidence.iter_mut().zip(requests) {
            (request.at_ms, request.ms) = (at_ms, ms);
        }
        let (boot_before, boot_after) = ("a".to_owned(), "b".to_owned());
        cell.restart = Some(RestartTimes { boot_before, boot_after, stop_ms: 10.0, gone_ms: 2.0, ready_ms });
        cell.window = Some(Window { from_ms, until_ms });
        cell
    });
    page_of(cells.to_vec())
}

#[tokio::test]
async fn what_came_after_the_fault_is_seen_without_moving_anything() {
    let (_folder, page) = wider_than_the_page();
    let load =
        report(&["load", "--clients", "4", "--for", "3s", "--every", "800ms", "--fault", "kill,pause"]);
    for page in [&page, &load.page] {
        let Some(browser) = Browser::open(DESKTOP).await else { return };
        browser.client.goto(&address(page)).await.unwrap();
        let hidden = "return [...document.querySelectorAll('.lanes, .scroll')].filter((each) => each.scrollWidth > each.clientWidth)
            .map((each) => each.id || each.className)";
        assert_eq!(browser.ask(hidden).await, json!([]));
        assert_ne!(browser.ask("return document.querySelectorAll('.lanes .fault').length").await, 0);
    }
}

#[tokio::test]
async fn a_phone_opens_with_the_fault_and_whose_lane_it_is_and_a_sheet_has_the_shortest_picture() {
    let (_folder, page) = wider_than_the_page();
    let Some(browser) = Browser::open(PHONE).await else { return };
    browser.client.goto(&address(&page)).await.unwrap();
    let seen = "const room = document.getElementById('lanes').getBoundingClientRect();
        const all = (which) => [...document.querySelectorAll(`#lanes ${which}`)].map((each) => each.getBoundingClientRect());
        const begins = Math.min(...all('.fault').map(({ left }) => left));
        return [begins >= room.left && begins < (room.left + room.right) / 2,
          all('.name').filter(({ left, right }) => left >= room.left && right <= room.right).length]";
    let moved = "return document.getElementById('lanes').scrollLeft";
    assert_ne!(browser.ask(moved).await, 0, "there was no need to move");
    assert_eq!(browser.ask(seen).await, json!([true, 2]));

    // The print is another picture; what was on the screen is there again when it is done.
    let width = "return document.querySelector('#lanes svg').getAttribute('width')";
    browser.resize(DESKTOP).await;
    browser.client.refresh().await.unwrap();
    let on_screen = browser.ask(width).await;
    let during = format!(
        "window.widths = []; addEventListener('beforeprint', () => window.widths.push((() => {{ {width} }})())); return null"
    );
    browser.ask(&during).await;
    assert_eq!(browser.sheets("one-moment").await, 1);
    let on_paper = browser.ask("return window.widths[0]").await;
    let pixels = |width: &Value| width.as_str().unwrap().parse::<f64>().unwrap();
    assert!(pixels(&on_paper) < pixels(&on_screen), "{on_paper} {on_screen}");
    assert_eq!(browser.ask(width).await, on_screen);
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_phone_that_is_turned_has_its_picture_drawn_anew_and_what_is_chosen_stays_chosen() {
    let (_folder, page) = wider_than_the_page();
    let load = report(&["load", "--clients", "4", "--for", "2s", "--every", "700ms"]);
    let Some(browser) = Browser::open(PHONE).await else { return };
    browser.client.goto(&address(&page)).await.unwrap();
    let chosen = "return document.querySelector('.request.chosen').getAttribute('aria-label')";
    browser.ask("document.querySelectorAll('.request')[1].dispatchEvent(new MouseEvent('click', { bubbles: true })); return 1").await;
    let before = browser.ask(chosen).await;
    browser.ask("document.querySelector('#lanes svg').dataset.old = 'yes'; return 1").await;
    let turned = (PHONE.1, PHONE.0);
    browser.resize(turned).await;
    let anew = "return document.querySelector('#lanes svg').dataset.old === undefined";
    browser.until("a new picture", anew).await;
    assert_eq!(browser.ask(chosen).await, before);

    browser.client.goto(&address(&load.page)).await.unwrap();
    let fits = "return Math.abs(document.querySelector('svg.load').viewBox.baseVal.width
        - document.querySelector('svg.load').getBoundingClientRect().width) < 2";
    browser.ask("document.querySelectorAll('svg.load')[1].focus(); return 1").await;
    for size in [PHONE, turned] {
        browser.resize(size).await;
        browser.until("a picture that fits", fits).await;
    }
    let focused = "return document.activeElement === document.querySelectorAll('svg.load')[1]";
    assert_eq!(browser.ask(focused).await, true, "the focus stays at its lane");
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}

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
    let file = report.page.with_file_name("load.json");
    std::fs::write(&file, result.to_string()).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_chaos")).arg("report").arg(&file).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let Some(browser) = opened(&report, DESKTOP).await else { return };
    let summary = browser.ask("return document.getElementById('summary').textContent").await;
    assert!(summary.as_str().unwrap().starts_with("This proves nothing"), "{summary}");
}

#[tokio::test]
async fn each_square_says_why_to_who_reads_prints_or_asks() {
    let report = report(&["matrix", "--moments", "telling", "--only", "flow=cart,fault=kill,fault=pause"]);
    let Some(browser) = opened(&report, DESKTOP).await else { return };
    let silent = "return [...document.querySelectorAll('button.square')].filter((square) =>
        !document.getElementById(square.getAttribute('aria-describedby')).textContent.trim()).length";
    assert_eq!(browser.ask(silent).await, 0);
    let hidden =
        "return [...document.querySelectorAll('.because')].filter((each) => !each.offsetHeight).length";
    assert_eq!(browser.ask(hidden).await, 0, "a few squares have room for it");
    browser.ask("document.getElementById('reasons').focus(); return null").await;
    browser.press(" ").await;
    assert_ne!(browser.ask(hidden).await, 0);
    browser.prints("dark").await;
    assert_eq!(browser.ask(hidden).await, 0);
}

/// The page of a whole matrix that came as predicted: every cell there is, each with as many requests as a real one.
fn whole_matrix() -> (TempDir, PathBuf) {
    let (services, predictions) = (service::builtin(), Predictions::builtin().unwrap());
    let planned = schedule(&services, Moments::All, &Only::default(), Duration::ZERO, 7);
    page_of(planned.iter().map(|cell| as_predicted(cell, &predictions)).collect())
}

fn page_of(cells: Vec<results::Cell>) -> (TempDir, PathBuf) {
    let results = Results {
        seed: 7,
        driver: "local",
        store: "in a file".to_owned(),
        started_at: Timestamp::UNIX_EPOCH,
        duration_ms: 1,
        summary: Summary::of(&cells),
        control: Vec::new(),
        cells,
    };
    let folder = tempfile::tempdir().unwrap();
    let page = html::write(folder.path(), &html::page(&results.to_json().unwrap()).unwrap()).unwrap();
    (folder, page)
}

fn as_predicted(cell: &run::Cell, predictions: &Predictions) -> results::Cell {
    let (service, steps) = (&cell.service.name, cell.flow.row().steps);
    let prediction = predictions.cell(cell.flow, cell.fault.name(), service, cell.way, cell.moment).unwrap();
    let Expected { verdict, reason } = prediction.expected.clone();
    // Two runs, whose ids nobody else has.
    let boot =
        |run: &str| format!("{service}-1.{}", Uuid::new_v4().simple().to_string()[..15].to_owned() + run);
    let (boot_before, boot_after) = (boot("a"), boot("b"));
    let request = |at: usize| Evidence {
        step: steps[at % steps.len()].to_owned(),
        method: "GET".to_owned(),
        path: "/session".to_owned(),
        status: Some(200),
        failure: None,
        failure_reason: None,
        at_ms: at as f64 * 12.25,
        ms: 3.5,
        replica: Some(format!("{service}-1")),
        boot_id: Some(if at < 3 { boot_before.clone() } else { boot_after.clone() }),
    };
    results::Cell {
        flow: cell.flow.name(),
        fault: cell.fault.name(),
        service: service.clone(),
        way: cell.way,
        moment: cell.moment,
        also: None,
        predicted: verdict,
        predicted_reason: reason.clone(),
        because: prediction.because.to_owned(),
        observed: Observed::Verdict(verdict),
        reason,
        as_predicted: true,
        tries: 1,
        notes: Vec::new(),
        proof: Some(format!("new boot id {boot_after} after {boot_before}")),
        struck_after: None,
        window: Some(Window { from_ms: 14.0, until_ms: 30.0 }),
        restart: None,
        evidence: (0..5).map(request).collect(),
    }
}

#[tokio::test]
async fn a_whole_matrix_opens_with_a_picture_and_is_a_paper_of_a_few_sheets_with_every_reason() {
    let (_folder, page) = whole_matrix();
    let size = std::fs::metadata(&page).unwrap().len();
    assert!(size <= html::SIZE_AT_MOST as u64, "{size} bytes");
    let Some(browser) = Browser::open(DESKTOP).await else { return };
    browser.client.goto(&address(&page)).await.unwrap();
    assert_eq!(browser.ask("return document.body.dataset.drawn").await, "yes");
    assert_eq!(
        browser.ask("return document.getElementById('choose-moment').options.length > 10").await,
        true
    );
    assert_ne!(browser.ask("return document.querySelectorAll('#lanes .request').length").await, 0);
    // On a screen so many squares stay small, until somebody asks.
    let said = "return [...document.querySelectorAll('.because')].filter((each) => each.getClientRects().length).length";
    assert_eq!(browser.ask(said).await, 0);
    // Every square opens with a picture, too.
    let without = "return [...document.querySelectorAll('button.square')].filter((square) => {
        square.click(); return !document.querySelector('#lanes .request'); }).length";
    assert_eq!(browser.ask(without).await, 0);

    let sheets = browser.sheets("matrix").await;
    assert!((2..=9).contains(&sheets), "{sheets} sheets");
    browser.prints("light").await;
    let squares = browser.ask("return document.querySelectorAll('button.square').length").await;
    assert_eq!(browser.ask(said).await, squares);
    assert!(squares.as_u64().unwrap() > 200, "{squares}");
    // What a browser needs to know for not cutting a row, and for saying on each sheet whose rows these are.
    let cut = "return [...document.querySelectorAll('#matrix tbody tr')].filter((row) => getComputedStyle(row).breakInside !== 'avoid').length";
    assert_eq!(browser.ask(cut).await, 0);
    let heads = "return [...document.querySelectorAll('#matrix thead')].filter((head) =>
        getComputedStyle(head).display === 'table-header-group' && head.innerText.trim()).length";
    assert_eq!(browser.ask(heads).await, FLOWS.len());
    // Nothing runs off the sheet.
    let sideways = "return document.documentElement.scrollWidth - document.documentElement.clientWidth";
    assert_eq!(browser.ask(sideways).await, 0);
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}

#[tokio::test]
async fn the_parts_of_a_restart_have_their_names_and_letters_can_be_read_on_every_screen() {
    let run = report(&["run", "cart", "kill"]);
    let load = report(&["load", "--clients", "6", "--for", "3s", "--every", "800ms", "--pace", "50ms"]);
    for size in [DESKTOP, PHONE] {
        let Some(browser) = opened(&run, size).await else { return };
        let texts = browser
            .ask("return [...document.querySelectorAll('#lanes text')].map((each) => each.textContent)")
            .await;
        for part in ["stop", "ready"] {
            let named = texts.as_array().unwrap().iter().filter(|text| *text == part).count();
            assert_eq!(named, 2, "{part} in each lane: {texts}");
        }
        let height = browser.ask(SMALLEST_LETTERS).await.as_f64().unwrap();
        assert!(height >= 12.0, "{size:?}: {height}");
        browser.client.goto(&address(&load.page)).await.unwrap();
        let height = browser.ask(SMALLEST_LETTERS).await.as_f64().unwrap();
        assert!(height >= 12.0, "{size:?}, a load: {height}");
    }
}

/// How high the lines of the smallest letters in a picture are, in pixels of the screen.
const SMALLEST_LETTERS: &str = "return Math.min(...[...document.querySelectorAll('svg text')].map((each) => each.getBoundingClientRect().height))";

#[tokio::test]
async fn dark_and_light_and_paper_all_keep_text_and_signs_readable() {
    let pages = [
        report(&["run", "whoami", "kill", "--service", "stateful"]),
        report(&["matrix", "--moments", "telling", "--only", "flow=cart-blind,service=stateless"]),
        report(&["load", "--clients", "6", "--for", "3s", "--every", "800ms", "--pace", "50ms"]),
    ];
    for page in &pages {
        let Some(browser) = opened(page, DESKTOP).await else { return };
        for scheme in ["light", "dark"] {
            browser.prefers(scheme).await;
            let worst = browser.ask(WORST_CONTRAST).await;
            // WCAG 2.2, success criterion 1.4.3: 4.5 to 1 for text of this size.
            assert!(worst[0].as_f64().unwrap() >= 4.5, "{scheme}: {worst}");
        }
        // The paper is white, also under somebody who reads white on black.
        browser.prints("dark").await;
        let worst = browser.ask(WORST_CONTRAST).await;
        assert!(worst[0].as_f64().unwrap() >= 4.5, "on paper: {worst}");
        let ink = "return getComputedStyle(document.querySelector('.is-ok')).color";
        let on_paper = browser.ask(ink).await;
        browser.prefers("light").await;
        assert_eq!(on_paper, browser.ask(ink).await);
    }
}

/// The worst contrast between any text and what is behind it, and the text.
const WORST_CONTRAST: &str = r"
  const channel = (value) => (value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
  const parse = (colour) => colour.match(/[\d.]+/g).map(Number);
  const light = ([r, g, b]) => 0.2126 * channel(r / 255) + 0.7152 * channel(g / 255) + 0.0722 * channel(b / 255);
  const behind = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      if (colour.length < 4 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  let worst = [21, ''];
  for (const node of document.querySelectorAll('body *')) {
    const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim());
    if (!own || !node.getClientRects().length) continue;
    const style = getComputedStyle(node);
    const ink = parse(node.namespaceURI.endsWith('svg') ? style.fill : style.color);
    const [one, other] = [light(ink), light(behind(node))].sort((a, b) => b - a);
    const contrast = (one + 0.05) / (other + 0.05);
    if (contrast < worst[0]) worst = [contrast, node.textContent];
  }
  return worst;
";
