//! How often does a request ask the session store? Counted by Redis itself, in looks and scripts: what a
//! script does inside is counted by Redis as well, and is not a round trip.

use anyhow::Context;
use chaos::contract::call::Call;
use chaos::contract::site::{Account, Guest, new_key};
use chaos::contract::{Pace, Site};
use chaos::run::redis_calls;
use serde_json::json;

use crate::column::{Column, Lab};
use crate::forge::Jwt;
use crate::table::LabRow;

pub const ROWS: &[LabRow] = &[
    LabRow {
        number: 22,
        claim: "a token that fails verification costs no store call",
        pace: Pace::Brisk,
        applies: Column::has_redis,
        run: |column| Box::pin(nothing_for_a_bad_token(column)),
    },
    LabRow {
        number: 0,
        claim: "store calls a request: read 1, write 1, login 1, renew 1, logout 1, order 2, password 2, others 0",
        pace: Pace::Brisk,
        applies: Column::has_redis,
        run: |column| Box::pin(exactly_as_designed(column)),
    },
];

/// Store calls so far.
async fn calls(lab: &Lab) -> anyhow::Result<u64> {
    redis_calls(&lab.driver).await?.context("a row about a Redis has one")
}

/// Sends a call and compares what it cost.
async fn costs(lab: &Lab, what: &str, status: u16, expected: u64, call: Call) -> anyhow::Result<()> {
    let before = calls(lab).await?;
    call.send().await?.is(status)?;
    let cost = calls(lab).await? - before;
    anyhow::ensure!(cost == expected, "{what}: expected {expected} store calls, saw {cost}");
    Ok(())
}

/// The first call of each script sends its text along; who counts before that counts twice.
async fn warmed_up(site: &Site) -> anyhow::Result<Guest> {
    let account = site.account().await?;
    let guest = site.login(&account).await?;
    let version = guest.shop().await?;
    guest.order(&new_key(), version).send().await?.is(201)?;
    guest.get("/sessions").send().await?.is(200)?;
    let other = site.login(&account).await?;
    guest.delete(&format!("/sessions/{}", other.session_id)).send().await?.is(204)?;
    let renewed = guest.post("/session/renew").send().await?;
    let guest = Guest::of(site, &account, &renewed.json()?)?;
    let body = json!({ "current": account.password, "new": account.password });
    guest.put("/account/password").json(&body).send().await?.is(204)?;
    guest.delete("/session").send().await?.is(204)?;
    Ok(site.login(&account).await?)
}

async fn exactly_as_designed(column: Column) -> anyhow::Result<()> {
    let lab = column.lab().await?;
    let site = lab.site();
    let guest = warmed_up(&site).await?;
    let version = guest.shop().await?;

    for path in ["/session", "/cart", "/checkout", "/sessions", "/orders"] {
        costs(&lab, &format!("read {path}"), 200, 1, guest.get(path)).await?;
    }
    costs(&lab, "write", 200, 1, guest.set("book", 3)).await?;
    costs(&lab, "add", 200, 1, guest.post("/cart/items").json(&json!({ "sku": "pen", "quantity": 1 })))
        .await?;
    costs(&lab, "remove", 200, 1, guest.delete("/cart/items/pen")).await?;
    costs(&lab, "checkout", 200, 1, guest.put("/checkout/payment").json(&json!({ "method": "invoice" })))
        .await?;
    costs(&lab, "login", 201, 1, site.post("/session").json(&guest.account.credentials())).await?;
    let other = site.login(&guest.account).await?;
    let replacing = site.post("/session").json(&guest.account.credentials()).bearer(&other.token);
    costs(&lab, "login that replaces", 201, 1, replacing).await?;
    let (version, key) = (version + 3, new_key());
    costs(&lab, "order", 201, 2, guest.order(&key, version)).await?;
    costs(&lab, "order, repeated", 201, 2, guest.order(&key, version)).await?;
    let body = json!({ "current": guest.account.password, "new": "another password" });
    costs(&lab, "password", 204, 2, guest.put("/account/password").json(&body)).await?;
    costs(&lab, "renew", 200, 1, guest.post("/session/renew")).await?;
    costs(&lab, "renew, repeated", 200, 1, guest.post("/session/renew")).await?;
    costs(&lab, "logout", 204, 1, guest.delete("/session")).await?;
    costs(&lab, "logout, repeated", 204, 1, guest.delete("/session")).await?;

    costs(&lab, "prime", 200, 0, site.get("/prime/97")).await?;
    costs(&lab, "livez", 200, 0, site.get("/livez")).await?;
    costs(&lab, "no credential", 401, 0, site.get("/session")).await?;
    costs(&lab, "register", 201, 0, site.post("/accounts").json(&Account::unknown().credentials())).await?;
    costs(&lab, "failed login", 401, 0, site.post("/session").json(&Account::unknown().credentials())).await
}

async fn nothing_for_a_bad_token(column: Column) -> anyhow::Result<()> {
    let lab = column.lab().await?;
    let guest = lab.site().guest().await?;
    let real = Jwt::of(&guest.token)?;
    let bad = [
        "garbage".to_owned(),
        "a.b.c".to_owned(),
        format!("{}.more", guest.token),
        "A".repeat(5000),
        real.signed_with(&[7; 32]),
        real.clone().header("alg", "none").signed(),
        real.clone().header("kid", "k2").signed(),
        real.clone().header("typ", "JWT").signed(),
        real.clone().claim("iss", "another").signed(),
        real.clone().at("exp", -1).signed(),
        real.clone().at("nbf", 600).signed(),
    ];
    for token in &bad {
        costs(&lab, &format!("read with {token:.60}"), 401, 0, lab.site().get("/session").bearer(token))
            .await?;
        let write = lab.site().put("/cart/items/book").json(&json!({ "quantity": 1 })).bearer(token);
        costs(&lab, &format!("write with {token:.60}"), 401, 0, write).await?;
    }
    costs(&lab, "read with a good token", 200, 1, guest.get("/session")).await
}
