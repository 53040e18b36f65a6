//! Section F: does an order happen once, however often it is asked for?

use serde_json::json;
use tokio::task::JoinSet;

use super::answer::Answer;
use super::site::{Guest, Site, address, new_key};
use super::{Deviation, Outcome, Pace, Row, holds, same};

/// Rows 47 to 50 and 53; the others need a process to die.
pub const ROWS: &[Row] = &[
    Row {
        number: 47,
        claim: "an order without a key, or with one that is empty, unquoted or over 255 characters: 400 with Link",
        pace: Pace::Brisk,
        run: |site| Box::pin(bad_keys(site)),
    },
    Row {
        number: 48,
        claim: "a repeat after the order was placed: 201, byte for byte, Idempotent-Replay: true, one order",
        pace: Pace::Brisk,
        run: |site| Box::pin(repeated(site)),
    },
    Row {
        number: 48,
        claim: "a refusal is not kept under its key, and frees it",
        pace: Pace::Brisk,
        run: |site| Box::pin(refusals_free_the_key(site)),
    },
    Row {
        number: 49,
        claim: "a repeat with another cart_version: 422 idempotency_key_reused",
        pace: Pace::Brisk,
        run: |site| Box::pin(another_cart(site)),
    },
    Row {
        number: 50,
        claim: "20 orders at once under one key: one order; each is answered 201, or 409 with Retry-After: 1",
        pace: Pace::Brisk,
        run: |site| Box::pin(twenty_at_once(site)),
    },
    Row {
        number: 53,
        claim: "the same key of another account: another order",
        pace: Pace::Brisk,
        run: |site| Box::pin(another_account(site)),
    },
];

async fn bad_keys(site: Site) -> Outcome {
    let guest = site.guest().await?;
    let version = guest.shop().await?;
    let call = || guest.post("/orders").json(&json!({ "cart_version": version }));
    is_refused(&call().send().await?, "idempotency_key_missing")?;
    let long = format!("\"{}\"", "k".repeat(256));
    for key in [
        "",
        "\"\"",
        "unquoted",
        "'single'",
        "\"open",
        "open\"",
        "\"a\" \"b\"",
        "\"k\u{e9}y\"",
        "\"a\tb\"",
        &long,
    ] {
        is_refused(&call().header("idempotency-key", key).send().await?, "idempotency_key_invalid")?;
    }
    let two = call().header("idempotency-key", "\"a\"").header("idempotency-key", "\"b\"");
    is_refused(&two.send().await?, "idempotency_key_invalid")?;
    same("orders after refusals", &0, &guest.get("/orders").send().await?.count("/orders")?)?;
    guest.order(&"k".repeat(255), version).send().await?.is(201).map(drop)
}

fn is_refused(answer: &Answer, code: &str) -> Outcome {
    answer.refused(400, code, None)?;
    let link = answer.header("link")?;
    let described = link.starts_with('<') && link.contains(">; rel=\"describedby\"");
    holds(&answer.asked, "Link: <..>; rel=\"describedby\"", described, link)
}

async fn repeated(site: Site) -> Outcome {
    let guest = site.guest().await?;
    let (version, key) = (guest.shop().await?, new_key());
    let first = guest.order(&key, version).send().await?;
    first.is(201)?.lacks("idempotent-replay")?;
    first.says("/items", &json!([{ "sku": "book", "quantity": 2 }]))?;
    first.says("/address", &address())?.says("/payment", &json!({ "method": "invoice" }))?;
    let location = format!("/orders/{}", first.text("/id")?);
    first.has("location", &location)?;
    guest.get(&location).send().await?.is(200)?.says("", &first.json()?)?;

    emptied(&guest).await?;
    // Something new is in the cart when the old request comes again: it is none of the old one's business.
    guest.set("pen", 1).send().await?.is(200)?;
    for _ in 0..2 {
        let again = guest.order(&key, version).send().await?;
        again.is(201)?.has("idempotent-replay", "true")?.has("location", &location)?;
        same("a repeated order", &first.body, &again.body)?;
    }
    guest.get("/cart").send().await?.says("/items", &json!([{ "sku": "pen", "quantity": 1 }]))?;
    // From another device of the same account, too: the key belongs to the account.
    let phone = site.login(&guest.account).await?;
    let from_there = phone.order(&key, version).send().await?;
    from_there.is(201)?.has("idempotent-replay", "true")?;
    same("a repeat from another device", &first.body, &from_there.body)?;
    one_order(&guest, &first).await
}

/// An order empties the cart and the checkout.
async fn emptied(guest: &Guest) -> Outcome {
    same("lines after an order", &0, &guest.get("/cart").send().await?.count("/items")?)?;
    let checkout = guest.get("/checkout").send().await?;
    checkout.says("/missing", &json!(["address", "payment"]))?.says("/address", &json!(null)).map(drop)
}

/// The account has exactly this order.
///
/// # Errors
/// If it has another, or more, or none.
pub async fn one_order(guest: &Guest, placed: &Answer) -> Outcome {
    let orders = guest.get("/orders").send().await?;
    orders.says("/orders", &json!([placed.json()?])).map(drop)
}

async fn refusals_free_the_key(site: Site) -> Outcome {
    let guest = site.guest().await?;
    let key = new_key();
    guest.order(&key, 0).refused(409, "cart_empty", None).await?;
    guest.set("book", 2).send().await?.is(200)?;
    let incomplete = guest.order(&key, 1).send().await?;
    incomplete.refused(409, "checkout_incomplete", None)?;
    incomplete.says("/missing", &json!(["address", "payment"]))?;
    guest.put("/checkout/payment").json(&json!({ "method": "on_delivery" })).send().await?.is(200)?;
    guest.order(&key, 1).send().await?.says("/missing", &json!(["address"]))?;
    guest.put("/checkout/address").json(&address()).send().await?.is(200)?;
    guest.order(&key, 7).refused(409, "cart_changed", None).await?;
    let placed = guest.order(&key, 1).send().await?;
    placed.is(201)?.lacks("idempotent-replay")?;
    one_order(&guest, &placed).await
}

async fn another_cart(site: Site) -> Outcome {
    let guest = site.guest().await?;
    let (version, key) = (guest.shop().await?, new_key());
    let placed = guest.order(&key, version).send().await?;
    placed.is(201)?;
    let next = guest.shop().await?;
    guest.order(&key, next).refused(422, "idempotency_key_reused", None).await?;
    one_order(&guest, &placed).await?;
    guest.order(&new_key(), next).send().await?.is(201)?;
    // One cart makes one order, whatever the keys say; and the newest order comes first.
    guest.order(&new_key(), version).refused(409, "cart_changed", None).await?;
    let orders = guest.get("/orders").send().await?;
    same("orders of two carts", &2, &orders.count("/orders")?)?;
    orders.says("/orders/1/id", &json!(placed.text("/id")?)).map(drop)
}

async fn twenty_at_once(site: Site) -> Outcome {
    let guest = site.guest().await?;
    twenty_orders(&[guest]).await
}

/// Twenty orders under one key, by one guest at one or several replicas: one is placed.
///
/// # Errors
/// If there are more, or none, or an answer that does not belong to it.
pub async fn twenty_orders(guest_at: &[Guest]) -> Outcome {
    let guest = &guest_at[0];
    let (version, key) = (guest.shop().await?, new_key());
    let mut ordering = JoinSet::new();
    for guest in guest_at.iter().cycle().take(20) {
        ordering.spawn(guest.order(&key, version).send());
    }
    let (mut bodies, mut first_hand) = (Vec::new(), 0);
    while let Some(ended) = ordering.join_next().await {
        let answer = ended.map_err(|error| Deviation::new("an order", "an end", error.to_string()))??;
        if answer.status == 409 {
            in_progress(&answer)?;
            continue;
        }
        answer.is(201)?;
        first_hand += usize::from(!answer.headers.contains_key("idempotent-replay"));
        bodies.push(answer);
    }
    same("20 orders under one key: placed by hand", &1, &first_hand)?;
    for other in &bodies[1..] {
        same("20 orders under one key: the answers", &bodies[0].body, &other.body)?;
    }
    one_order(guest, &bodies[0]).await
}

/// Somebody else is at it: come back in a second.
///
/// # Errors
/// If the answer says anything else.
pub fn in_progress(answer: &Answer) -> Outcome {
    answer.refused(409, "idempotency_in_progress", None)?;
    answer.has("retry-after", "1")?.says("/retryable", &json!(true)).map(drop)
}

async fn another_account(site: Site) -> Outcome {
    let (ada, bob) = (site.guest().await?, site.guest().await?);
    let key = new_key();
    let mut placed = Vec::new();
    for guest in [&ada, &bob] {
        let version = guest.shop().await?;
        let order = guest.order(&key, version).send().await?;
        order.is(201)?.lacks("idempotent-replay")?;
        one_order(guest, &order).await?;
        placed.push(order.text("/id")?);
    }
    holds("one key of two accounts", "two orders", placed[0] != placed[1], placed)
}
