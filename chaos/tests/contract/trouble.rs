//! Section G, bad luck: kill -9 in mid-request, a client that leaves, a handler that panics.

use std::time::{Duration, Instant};

use bytes::Bytes;
use chaos::contract::Pace;
use chaos::contract::call::Call;
use chaos::contract::idempotency::{in_progress, one_order};
use chaos::contract::site::new_key;
use chaos::gates::{self, Point};
use chaos::http;
use http_body_util::Full;
use hyper::Request;
use serde_json::json;
use uuid::Uuid;

use crate::column::{Column, Lab, back_again};
use crate::idempotency::once_the_lease_ends;
use crate::login::metric;
use crate::table::{LabRow, everywhere};

pub const ROWS: &[LabRow] = &[
    LabRow {
        number: 63,
        claim: "kill -9 in mid-request: a reset, and the repeat with the key places one order",
        pace: Pace::Brisk,
        applies: everywhere,
        run: |column| Box::pin(killed_in_mid_request(column)),
    },
    LabRow {
        number: 64,
        claim: "the client leaves mid-order: the order is placed, and the repeat is answered with it",
        pace: Pace::Brisk,
        applies: everywhere,
        run: |column| Box::pin(the_client_leaves(column)),
    },
    LabRow {
        number: 65,
        claim: "a panic in a request: 500 internal, and the session and everybody else's are intact",
        pace: Pace::Brisk,
        applies: everywhere,
        run: |column| Box::pin(a_panic(column)),
    },
    LabRow {
        number: 65,
        claim: "a panic between claim and order: 500 internal, no order, and its key is free again in time",
        pace: Pace::Slow,
        applies: everywhere,
        run: |column| Box::pin(a_panic_in_an_order(column)),
    },
];

async fn killed_in_mid_request(column: Column) -> anyhow::Result<()> {
    for point in [Point::Accepted, Point::Claimed, Point::Committed] {
        let lab = column.lab().await?;
        let guest = lab.site().guest().await?;
        let (version, key) = (guest.shop().await?, new_key());
        let order = lab.hold(guest.order(&key, version), point).await?;
        lab.kill().await?;
        order.broken().await?;
        lab.start_again().await?;
        let guest = back_again(&column, &lab.site(), &guest).await?;
        let placed = guest.order(&key, version).send().await?;
        placed.is(201)?;
        one_order(&guest, &placed).await?;
        let cart = guest.get("/cart").send().await?;
        anyhow::ensure!(cart.count("/items")? == 0, "the cart was not emptied: {}", cart.summary());
    }
    Ok(())
}

async fn the_client_leaves(column: Column) -> anyhow::Result<()> {
    let lab = column.lab().await?;
    let site = lab.site();
    let guest = site.guest().await?;
    let (version, key, id) = (guest.shop().await?, new_key(), Uuid::new_v4());
    let armed = gates::arm(&lab.replicas, id, Point::Claimed).await?;
    let body = json!({ "cart_version": version }).to_string();
    let mut wire = site.wire().await?;
    wire.say(format!(
        "POST /orders HTTP/1.1\r\nhost: lab\r\nx-request-id: {id}\r\nidempotency-key: \"{key}\"\r\n\
         authorization: Bearer {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        guest.token,
        body.len()
    ))
    .await;
    let held = armed.held(Duration::from_secs(5)).await?;
    let held = held.ok_or_else(|| anyhow::anyhow!("the order was not held"))?;
    in_progress(&guest.order(&key, version).send().await?)?;

    drop(wire);
    // The service has noticed when the request no longer counts as in flight; only this one question does.
    let left = Instant::now();
    while metric(&site, "http_requests_in_flight").await? > 1 {
        anyhow::ensure!(left.elapsed() < Duration::from_secs(5), "it does not notice that a client left");
    }
    in_progress(&guest.order(&key, version).send().await?)?;
    held.release().await?;
    let released = Instant::now();
    let placed = loop {
        let answer = guest.order(&key, version).send().await?;
        if answer.status == 201 {
            break answer;
        }
        in_progress(&answer)?;
        let waited = released.elapsed();
        anyhow::ensure!(waited < Duration::from_secs(3), "the order was dropped with its client");
    };
    // Placed by the first request, not by this one.
    placed.has("idempotent-replay", "true")?;
    Ok(one_order(&guest, &placed).await?)
}

/// Tells the service to panic when this call comes to `point`, and sends it.
async fn panic_at(lab: &Lab, point: &str, call: Call) -> anyhow::Result<chaos::contract::answer::Answer> {
    let id = Uuid::new_v4();
    let gates = lab.replicas[0].gates.clone().ok_or_else(|| anyhow::anyhow!("no gates"))?;
    let body = json!({ "point": point, "action": "panic" }).to_string();
    let arm = Request::put(format!("/gates/{id}")).header("content-type", "application/json");
    let armed = http::send(&gates, arm.body(Full::new(Bytes::from(body)))?, Duration::from_secs(2)).await?;
    anyhow::ensure!(armed.status().is_success(), "arming a panic: {}", armed.status());
    Ok(call.id(id).send().await?)
}

async fn a_panic(column: Column) -> anyhow::Result<()> {
    let lab = column.lab().await?;
    let (guest, bystander) = (lab.site().guest().await?, lab.site().guest().await?);
    guest.shop().await?;
    let boot_id = guest.get("/session").send().await?.header("x-boot-id")?.to_owned();
    for call in
        [guest.set("book", 5), guest.get("/cart"), guest.post("/session/renew"), lab.site().get("/livez")]
    {
        let answer = panic_at(&lab, "accepted", call).await?;
        answer.refused(500, "internal", None)?;
        answer.says("/retryable", &json!(false))?;
    }
    let cart = guest.get("/cart").send().await?;
    cart.is(200)?.says("/items/0/quantity", &json!(2))?.has("x-boot-id", &boot_id)?;
    guest.set("book", 3).send().await?.is(200)?;
    bystander.set("book", 1).send().await?.is(200)?;
    lab.site().guest().await?;
    Ok(())
}

async fn a_panic_in_an_order(column: Column) -> anyhow::Result<()> {
    let lab = column.lab().await?;
    let guest = lab.site().guest().await?;
    let (version, key) = (guest.shop().await?, new_key());
    let claimed = Instant::now();
    panic_at(&lab, "claimed", guest.order(&key, version)).await?.refused(500, "internal", None)?;
    let none = guest.get("/orders").send().await?;
    anyhow::ensure!(none.count("/orders")? == 0, "an order was placed: {}", none.summary());
    let placed = once_the_lease_ends(&guest, &key, version, claimed).await?;
    Ok(one_order(&guest, &placed).await?)
}
