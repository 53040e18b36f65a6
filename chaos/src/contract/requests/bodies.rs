//! What is wrong with the body? Rows 1, 2, 3 and 10.

use serde_json::{Map, Value, json};

use super::{Taker, takers};
use crate::contract::answer::Answer;
use crate::contract::site::{Account, Guest, Site};
use crate::contract::{Deviation, Outcome, holds, same};

/// Row 1.
pub async fn malformed_json(site: Site) -> Outcome {
    let guest = site.guest().await?;
    for taker in takers(&guest) {
        let good = taker.body.to_string();
        let half = &good[..good.len() - 1];
        let wrong =
            [half, "", "nonsense", "{'a': 1}", &format!("{good} x"), &format!("{good}{good}"), "{\"a\":1,}"];
        for text in wrong {
            is_malformed(&taker.call(&guest).text(text).send().await?)?;
        }
        let not_utf8 = taker.call(&guest).bytes(b"{\"\xff\": 1}").header("content-type", "application/json");
        is_malformed(&not_utf8.send().await?)?;
        is_malformed(&taker.call(&guest).text(&"[".repeat(4000)).send().await?)?;
    }
    let two_lines = guest.put("/cart/items/book").text("{\n  \"quantity\": two\n}").send().await?;
    is_malformed(&two_lines)?;
    two_lines.says("/line", &json!(2))?;
    nothing_was_done(&guest).await
}

fn is_malformed(answer: &Answer) -> Outcome {
    answer.refused(400, "malformed_json", None)?;
    answer.number("/column")?;
    holds(&answer.asked, "lines counted from 1", answer.number("/line")? >= 1, answer.summary())
}

async fn nothing_was_done(guest: &Guest) -> Outcome {
    guest.get("/cart").send().await?.says("/version", &json!(0))?;
    let checkout = guest.get("/checkout").send().await?;
    checkout.says("/missing", &json!(["address", "payment"])).map(drop)
}

/// Row 2.
pub async fn wrong_fields(site: Site) -> Outcome {
    let guest = site.guest().await?;
    for taker in takers(&guest) {
        let Value::Object(good) = &taker.body else { continue };
        for field in good.keys() {
            one_field_wrong(&guest, &taker, good, field).await?;
        }
        let mut more = good.clone();
        more.insert("colour".to_owned(), json!("red"));
        is_invalid(&taker, &guest, &Value::Object(more).to_string(), None).await?;
        // The fields in order, but as a list: some parsers take that for the same thing.
        let list = Value::Array(good.values().cloned().collect());
        for whole in [list, json!([]), json!("text"), json!(5), json!(null)] {
            is_invalid(&taker, &guest, &whole.to_string(), Some("")).await?;
        }
    }
    wrong_values(&guest).await?;
    nothing_was_done(&guest).await
}

async fn one_field_wrong(guest: &Guest, taker: &Taker, good: &Map<String, Value>, field: &str) -> Outcome {
    let mut less = good.clone();
    less.remove(field);
    is_invalid(taker, guest, &Value::Object(less).to_string(), Some("")).await?;
    let twice = format!("{{{}:{},{}", json!(field), good[field], &taker.body.to_string()[1..]);
    is_invalid(taker, guest, &twice, None).await?;
    let pointer = format!("/{field}");
    for odd in [json!(null), json!({}), json!([]), json!(true), json!(1.5), json!(-1)] {
        let mut wrong = good.clone();
        wrong.insert(field.to_owned(), odd);
        is_invalid(taker, guest, &Value::Object(wrong).to_string(), Some(&pointer)).await?;
    }
    Ok(())
}

/// Of the right type, and still impossible.
async fn wrong_values(guest: &Guest) -> Outcome {
    for taker in takers(guest) {
        let odd: &[(&str, Value)] = match taker.path {
            "/cart/items/book" => {
                &[("quantity", json!(0)), ("quantity", json!(1001)), ("quantity", json!("2"))]
            }
            "/cart/items" => {
                &[("sku", json!("a b")), ("sku", json!("")), ("quantity", json!(4_294_967_298_u64))]
            }
            "/checkout/address" => {
                &[("street", json!("")), ("city", json!("a\nb")), ("country", json!("x".repeat(201)))]
            }
            "/checkout/payment" => &[("method", json!("card"))],
            "/orders" => &[("cart_version", json!("7"))],
            _ => &[],
        };
        for (field, value) in odd {
            let mut wrong = taker.body.clone();
            wrong[*field] = value.clone();
            is_invalid(&taker, guest, &wrong.to_string(), Some(&format!("/{field}"))).await?;
        }
    }
    for path in ["/cart/items/a%20b", "/cart/items/%00"] {
        guest.put(path).json(&json!({ "quantity": 2 })).refused(422, "validation_failed", None).await?;
    }
    for path in ["/prime/-1", "/prime/two", "/prime/18446744073709551616", "/prime/1.0"] {
        guest.get(path).refused(422, "validation_failed", None).await?;
    }
    Ok(())
}

/// 422, and every error has a pointer and a detail; the first one points to `pointer`, where that is clear.
async fn is_invalid(taker: &Taker, guest: &Guest, text: &str, pointer: Option<&str>) -> Outcome {
    let answer = taker.call(guest).text(text).send().await?;
    let about = |deviation: Deviation| Deviation { at: format!("{} with {text}", deviation.at), ..deviation };
    answer.refused(422, "validation_failed", None).map_err(about)?;
    let problem = answer.problem();
    let errors = problem["errors"].as_array().cloned().unwrap_or_default();
    let complete = errors.iter().all(|error| {
        error["pointer"].is_string() && error["detail"].as_str().is_some_and(|detail| !detail.is_empty())
    });
    if errors.is_empty() || !complete {
        return Err(about(answer.deviates("errors, each with a pointer and a detail")));
    }
    match pointer {
        Some(pointer) => same(
            &format!("{} with {text}: the pointer", answer.asked),
            &json!(pointer),
            &errors[0]["pointer"],
        ),
        None => Ok(()),
    }
}

/// Row 3.
pub async fn wrong_type(site: Site) -> Outcome {
    let guest = site.guest().await?;
    let wrong = [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/json5",
        "application/jsonp",
        "json",
        "",
    ];
    for taker in takers(&guest) {
        let body = taker.body.to_string();
        for kind in wrong {
            let answer =
                taker.call(&guest).bytes(body.as_bytes()).header("content-type", kind).send().await?;
            is_unsupported(&answer)?;
        }
        is_unsupported(&taker.call(&guest).bytes(body.as_bytes()).send().await?)?;
    }
    nothing_was_done(&guest).await?;
    for right in ["application/json; charset=utf-8", "Application/JSON"] {
        let call = guest.put("/cart/items/book").bytes(b"{\"quantity\":2}").header("content-type", right);
        call.send().await?.is(200)?;
    }
    Ok(())
}

fn is_unsupported(answer: &Answer) -> Outcome {
    answer.refused(415, "unsupported_media_type", None)?;
    answer.has("accept-post", "application/json").map(drop)
}

/// Row 10. Sent all at once: a service that hashed first would find itself too busy for some of them.
pub async fn impossible_names(site: Site) -> Outcome {
    let long_name = "n".repeat(65);
    let long_password = "p".repeat(129);
    let mut bodies = Vec::new();
    for name in
        ["ada\0", "ada\u{202e}adA", "a\u{200b}da", "a\u{ad}da", "\u{3164}", "", &long_name, "ada\n", " ada"]
    {
        bodies.push(json!({ "name": name, "password": "a password" }));
    }
    for password in ["", &long_password] {
        bodies.push(json!({ "name": Account::unknown().name, "password": password }));
    }
    let mut asking = tokio::task::JoinSet::new();
    for body in bodies.iter().cycle().take(64) {
        for path in ["/accounts", "/session"] {
            let call = site.post(path).json(body).at_once();
            asking.spawn(async move { call.refused(422, "validation_failed", None).await });
        }
    }
    while let Some(ended) = asking.join_next().await {
        ended.map_err(|error| Deviation::new("asking", "an end", error.to_string()))??;
    }
    // As long as it may be, and no longer.
    let longest = json!({ "name": format!("{:é<64}", Account::unknown().name), "password": "p".repeat(128) });
    site.post("/accounts").json(&longest).send().await?.is(201).map(drop)
}
