//! Which facts of a load go into its page? All numbers, and of the requests as many as there is room for.

use anyhow::Context;
use serde_json::{Value, json};

use super::words::Words;

/// The facts as JSON that can stand inside a script element, with at most `marks` requests.
pub(super) fn facts(load: &str, room: usize, marks: usize) -> anyhow::Result<String> {
    let mut page: Value = serde_json::from_str(load).context("understanding the load")?;
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
    for (at, requests) in taken.iter().enumerate() {
        let (mut rows, mut bytes, before) = (Vec::new(), 0, words.bytes());
        for request in requests {
            let known = words.count();
            let row = packed(request, &mut words);
            bytes += row.to_string().len() + 1;
            if bytes + words.bytes() - before > left || rows.len() >= marks / services {
                words.shorten(known);
                break;
            }
            rows.push(row);
        }
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
