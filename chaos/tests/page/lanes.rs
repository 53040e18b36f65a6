//! Does a lane show every request of one client, the fault at its place, and all of it on every screen?

use serde_json::{Value, json};

use super::browser::{Browser, DESKTOP, PHONE};
use super::made_up::wider_than_the_page;
use super::{address, marks, opened, report};

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
    let load = report(&["load", "--clients", "6", "--for", "2s", "--every", "700ms", "--pace", "40ms"]);
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
