//! Which facts of a load go into its page? All numbers, and of the requests as many as there is room for.

use anyhow::Context;
use serde_json::{Value, json};

use super::words::Words;
use crate::load::conclusion::Conclusion;
use crate::load::thin::{Kind, at_most, thinned};

/// The facts as JSON that can stand inside a script element, with at most `marks` requests.
pub(super) fn facts(load: &str, room: usize, marks: usize) -> anyhow::Result<String> {
    let mut page: Value = serde_json::from_str(load).context("understanding the load")?;
    let conclusion: Conclusion =
        serde_json::from_value(page["conclusion"].clone()).context("understanding what the load comes to")?;
    page["says"] = json!(conclusion.words());
    let mut words = Words::default();
    let services = page["services"].as_array_mut().context("a load has services")?;
    let all: usize = services.iter().map(|service| service["requests"].as_array().map_or(0, Vec::len)).sum();
    let total: u64 = services.iter().filter_map(|service| service["tally"]["requests"].as_u64()).sum();
    let mut taken: Vec<Vec<Value>> = Vec::new();
    for service in services.iter_mut() {
        let requests = service["requests"].take();
        taken.push(requests.as_array().cloned().unwrap_or_default());
    }
    let services = services.len().max(1);
    // Two hundred bytes for the sentence about the cap.
    let left = room.saturating_sub(page.to_string().len() + 200) / services;
    let mut shown = 0;
    for (at, requests) in taken.into_iter().enumerate() {
        let rows = as_many_as_fit(requests, left, marks / services, &mut words);
        shown += rows.len();
        page["services"][at]["requests"] = Value::from(rows);
    }
    if (shown as u64) < total {
        page["cap"] = json!(format!(
            "This page draws {shown} of {total} requests; load.json has {all} of them, among them all \
             without an answer and all that were told not now (5xx). The numbers count all."
        ));
    }
    page["words"] = words.list();
    Ok(super::for_a_script(&page))
}

/// The rows of these requests, or of some of them from all of the time, in so many bytes.
fn as_many_as_fit(requests: Vec<Value>, room: usize, marks: usize, words: &mut Words) -> Vec<Value> {
    let kind = |request: &Value| Kind::of(request["status"].as_u64(), request["failure"].is_null());
    let (known, before) = (words.count(), words.bytes());
    let mut most = requests.len().min(marks);
    loop {
        let rows: Vec<Value> = at_most(thinned(requests.clone(), most, kind), most)
            .iter()
            .map(|request| packed(request, words))
            .collect();
        let bytes: usize = rows.iter().map(|row| row.to_string().len() + 1).sum();
        if most == 0 || bytes + words.bytes() - before <= room {
            return rows;
        }
        words.shorten(known);
        most = most * 19 / 20;
    }
}

/// One request as a row of numbers; `load.js` takes it apart again. A boot id says whose it is, so the replica is
/// named only where nobody answered.
fn packed(request: &Value, words: &mut Words) -> Value {
    let mut number = |name: &str| request[name].as_str().map(|word| words.number(word));
    json!([
        request["client"],
        number("flow"),
        number("step"),
        number("method"),
        number("path"),
        request["at_ms"],
        request["ms"],
        request["status"],
        number("failure"),
        number("failure_reason"),
        number("boot_id"),
        if request["boot_id"].is_null() { number("replica") } else { None },
    ])
}

#[cfg(test)]
mod tests {
    use super::super::{SIZE_AT_MOST, load_page};
    use super::*;

    #[test]
    fn where_there_is_no_room_for_all_requests_some_of_every_second_are_drawn_and_all_that_failed() {
        const SECONDS: usize = 20;
        let request = |number: usize| {
            let failed = number % 100 == 99;
            json!({ "client": number % 64, "flow": "whoami", "step": "look", "method": "GET", "path": "/session",
                "at_ms": number as f64 * 4.01, "ms": 1.25, "status": if failed { Value::Null } else { json!(200) },
                "failure": failed.then_some("reset"), "failure_reason": null, "replica": "stateful-1",
                "boot_id": format!("stateful-1.{:016x}", number / 2) })
        };
        let requests: Vec<Value> = (0..SECONDS * 250).map(request).collect();
        let service = |name: &str| json!({ "service": name, "tally": { "requests": requests.len() }, "requests": requests });
        let page = load_page(
            &json!({ "conclusion": "explained", "services": [service("stateful"), service("stateless")] })
                .to_string(),
        );
        let page = page.unwrap();
        assert!(page.len() <= SIZE_AT_MOST, "{} bytes", page.len());
        let (_, rest) = page.split_once(r#"<script type="application/json" id="data">"#).unwrap();
        let facts: Value = serde_json::from_str(rest.split_once("</script>").unwrap().0).unwrap();
        assert!(facts["cap"].as_str().unwrap().contains("of 10000 requests"), "{}", facts["cap"]);
        for service in facts["services"].as_array().unwrap() {
            let drawn = service["requests"].as_array().unwrap();
            for second in 0..SECONDS {
                let of_it = drawn.iter().filter(|row| row[5].as_f64().unwrap() as usize / 1_000 == second);
                assert_ne!(of_it.count(), 0, "nobody is drawn at {second} s");
            }
            assert_eq!(drawn.iter().filter(|row| row[7].is_null()).count(), requests.len() / 100);
        }
    }
}
