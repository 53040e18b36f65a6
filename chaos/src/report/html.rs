//! What does a results file look like as one picture? A page that needs nothing else: no network, no file
//! beside it, at most [`SIZE_AT_MOST`]. It is made from `result.json` alone, so it can be made again later.

mod cells;
mod load;
mod words;

use std::path::{Path, PathBuf};

use anyhow::Context;
use serde_json::json;

use super::progress::Progress;
use crate::driver::Driver;
use crate::results;

/// How large a page may be. It must open at once on an old laptop and pass through any mail.
pub const SIZE_AT_MOST: usize = 500 * 1024;

/// How many requests a page draws at most.
pub const MARKS_AT_MOST: usize = 10_000;

/// What every page has around its own: the head, the style, the facts, the script.
const FRAME: &str = include_str!("html/frame.html");
const STYLE: &str = include_str!("html/page.css");
const TOOLS: &str = include_str!("html/tools.js");

/// What is a page's own.
#[derive(Clone, Copy)]
struct Page {
    title: &'static str,
    body: &'static str,
    script: &'static str,
}

const CELLS: Page = Page {
    title: "What survived the restart",
    body: include_str!("html/page.html"),
    script: include_str!("html/page.js"),
};
const LOAD: Page = Page {
    title: "What a load saw of the restarts",
    body: include_str!("html/load.html"),
    script: include_str!("html/load.js"),
};
const SHOW: Page = Page {
    title: "Restarts, live",
    body: include_str!("html/show.html"),
    script: include_str!("html/show.js"),
};

/// The page for the `result.json` or `load.json` of a results folder.
///
/// # Errors
/// If there is no such file, or it is not a results file.
pub fn page_of(result: &Path) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(result).with_context(|| format!("reading {}", result.display()))?;
    let is_load = result.file_name().is_some_and(|name| name == results::LOAD_FILE);
    let page = if is_load { load_page(&text) } else { page(&text) };
    page.with_context(|| format!("{} is not a results file", result.display()))
}

/// Writes what came of a run and its page into the results folder, to which `latest` leads from then on, and says where
/// the page is. A `latest` that cannot lead there is noted.
///
/// # Errors
/// If the folder cannot be written to.
pub fn keep(
    folder: &Path,
    name: &str,
    json: &str,
    page: &str,
    progress: &Progress,
) -> anyhow::Result<PathBuf> {
    results::write(folder, name, json)?;
    if let Err(error) = results::point_latest_to(folder) {
        progress.note(&format!("{error:#}"));
    }
    write(folder, page)
}

/// Writes a page into a results folder, and says where it is.
///
/// # Errors
/// If the folder cannot be written to.
pub fn write(folder: &Path, page: &str) -> anyhow::Result<PathBuf> {
    let file = folder.join("report.html");
    results::keep(&file, page)?;
    Ok(file)
}

/// The page for the text of a `result.json`.
///
/// # Errors
/// If that is not what the text is.
pub fn page(result: &str) -> anyhow::Result<String> {
    Ok(filled_in(CELLS, &cells::facts(result, room(CELLS), MARKS_AT_MOST)?))
}

/// The page for the text of a `load.json`.
///
/// # Errors
/// If that is not what the text is.
pub fn load_page(load: &str) -> anyhow::Result<String> {
    Ok(filled_in(LOAD, &load::facts(load, room(LOAD), MARKS_AT_MOST)?))
}

/// The live page of a lab. What happens it hears while it is open; what can be hit it knows from here.
pub fn show_page(driver: &Driver) -> String {
    let replicas = driver.all_replicas().map(|replica| json!([replica.service, replica.name]));
    let facts = json!({
        "lab": driver.lab().name,
        "store": driver.store().why(),
        "replicas": replicas.collect::<Vec<_>>(),
        "targets": driver.single_targets(),
        "words": [],
    });
    filled_in(SHOW, &for_a_script(&facts))
}

/// What is left for the facts.
fn room(page: Page) -> usize {
    SIZE_AT_MOST - filled_in(page, "").len()
}

fn filled_in(page: Page, facts: &str) -> String {
    // The facts go in last: a text in them that looks like a place to fill in stays a text.
    FRAME
        .replace("/*title*/", page.title)
        .replace("/*css*/", STYLE)
        .replace("/*body*/", page.body)
        .replace("/*js*/", &format!("{TOOLS}\n{}", page.script))
        .replace("/*data*/", facts)
}

/// JSON that can stand inside a script element: "<" is the only character that could end it early.
fn for_a_script(facts: &serde_json::Value) -> String {
    facts.to_string().replace('<', "\\u003c")
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn result(cells: usize, requests: usize) -> Value {
        // Every restart brings a boot id that no other cell has.
        let request = |cell: usize| {
            json!({ "step": "look", "method": "GET", "path": "/cart", "status": 200, "failure": null,
                "failure_reason": null, "at_ms": 1.25, "ms": 0.5, "replica": "stateful-1",
                "boot_id": format!("stateful-1.{cell:016x}") })
        };
        let cell = |number: usize| {
            json!({ "flow": "cart", "fault": "kill", "service": "stateful",
                "moment": { "step": format!("step-{number}"), "phase": "before" }, "also": null,
                "predicted": "Lost", "predicted_reason": "restart", "because": "</script><b>because</b>",
                "observed": "Lost", "reason": "restart", "as_predicted": true, "tries": 1, "notes": [],
                "proof": "new boot id", "window": null, "restart": null,
                "evidence": vec![request(number); requests] })
        };
        json!({ "seed": 7, "driver": "local", "store": "in a file", "started_at": "2026-01-01T00:00:00Z",
            "duration_ms": 5, "control": [],
            "summary": { "as_predicted": cells, "deviated": 0, "inconclusive": 0, "not_available": 0 },
            "cells": (0..cells).map(cell).collect::<Vec<_>>() })
    }

    fn facts(page: &str) -> Value {
        let (_, rest) = page.split_once(r#"<script type="application/json" id="data">"#).unwrap();
        serde_json::from_str(rest.split_once("</script>").unwrap().0).unwrap()
    }

    #[test]
    fn a_page_holds_every_request_and_no_text_of_it_can_become_markup() {
        let page = page(&result(2, 3).to_string()).unwrap();
        let facts = facts(&page);
        assert_eq!(facts["cells"].as_array().unwrap().len(), 2);
        assert_eq!(facts["cells"][1][11]["requests"].as_array().unwrap().len(), 3);
        assert_eq!(facts["cap"], Value::Null);
        assert!(!page.contains("</script><b>"));
    }

    #[test]
    fn a_page_reaches_for_nothing_outside_itself() {
        let page = page(&result(1, 1).to_string()).unwrap();
        let outside = ["src=", "@import", "url(", "fetch(", "XMLHttpRequest", "https://"];
        assert!(outside.iter().all(|word| !page.contains(word)), "{outside:?}");
    }

    #[test]
    fn what_has_no_room_is_left_out_and_the_page_says_so() {
        for (cells, requests) in [(3_000, 6), (200, 100)] {
            let page = page(&result(cells, requests).to_string()).unwrap();
            assert!(page.len() <= SIZE_AT_MOST, "{} bytes", page.len());
            let facts = facts(&page);
            let shown: usize = facts["cells"]
                .as_array()
                .unwrap()
                .iter()
                .filter_map(|cell| cell[11]["requests"].as_array())
                .map(Vec::len)
                .sum();
            assert!((1..=MARKS_AT_MOST).contains(&shown), "{shown} requests");
            let cap = facts["cap"].as_str().unwrap();
            assert!(cap.contains(&format!("{shown} of {}", cells * requests)), "{cap}");
        }
    }

    #[test]
    fn another_file_is_refused() {
        assert!(page("{}").is_err());
        assert!(page("not JSON").is_err());
    }
}
