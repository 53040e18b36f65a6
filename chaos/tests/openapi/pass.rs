//! What can be asked, so that as many kinds of answers as possible come?

use std::time::Duration;

use bytes::Bytes;
use chaos::contract::Site;
use chaos::contract::answer::Answer;
use chaos::contract::call::Call;
use chaos::contract::requests::{ROUTES, concrete};
use chaos::contract::site::{Account, Guest, address, new_key};
use chaos::contract::tokens::guarded;
use chaos::driver::{Driver, EXIT_WITHIN};
use chaos::http;
use http_body_util::Full;
use hyper::{Method, Request};
use serde_json::{Value, json};
use uuid::Uuid;

type Answers = anyhow::Result<Vec<Answer>>;

/// Sends one call after the other.
async fn all(calls: impl IntoIterator<Item = Call>) -> Answers {
    let mut answers = Vec::new();
    for call in calls {
        answers.push(call.send().await?);
    }
    Ok(answers)
}

/// Every operation, as a client would write it.
fn every_operation(site: &Site) -> Vec<Call> {
    let calls = ROUTES.iter().flat_map(|(path, methods)| methods.iter().map(move |method| (path, method)));
    let call = |(path, method): (&&str, &&str)| {
        site.call(Method::from_bytes(method.as_bytes()).unwrap_or_default(), &concrete(path))
    };
    calls.map(call).collect()
}

/// Asks everything that can be asked of a service that is well.
pub async fn everything(site: &Site, gates: &str) -> Answers {
    let mut answers = all(every_operation(site)).await?;
    answers.extend(all(credentials(site).await?).await?);
    answers.extend(all(bodies(site, &site.guest().await?)).await?);
    answers.extend(accounts(site).await?);
    answers.extend(all(carts(&site.guest().await?)).await?);
    answers.extend(orders(site).await?);
    answers.extend(devices(site).await?);
    answers.extend(panics(site, gates).await?);
    Ok(answers)
}

/// Tokens that are dead, doubled, or sent by another site's page.
async fn credentials(site: &Site) -> anyhow::Result<Vec<Call>> {
    let (ended, guest, stranger) = (site.guest().await?, site.guest().await?, site.guest().await?);
    ended.delete("/session").send().await?.is(204)?;
    let mut calls = Vec::new();
    for call in guarded(site) {
        calls.push(call.clone().bearer(&ended.token));
        calls.push(call.clone().bearer(&guest.token).cookie(&stranger.token));
        calls.push(call.cookie(&guest.token).header("sec-fetch-site", "cross-site"));
    }
    for path in ["/accounts", "/session"] {
        let call = site.post(path).json(&json!({}));
        calls.push(call.clone().header("sec-fetch-site", "cross-site"));
        calls.push(call.bearer(&guest.token).cookie(&stranger.token));
    }
    Ok(calls)
}

/// Bodies that are refused, on every call that takes one.
fn bodies(site: &Site, guest: &Guest) -> Vec<Call> {
    let takers = [
        (Method::POST, "/accounts"),
        (Method::POST, "/session"),
        (Method::PUT, "/account/password"),
        (Method::PUT, "/cart/items/book"),
        (Method::POST, "/cart/items"),
        (Method::PUT, "/checkout/address"),
        (Method::PUT, "/checkout/payment"),
        (Method::POST, "/orders"),
    ];
    let large = " ".repeat(64 * 1024 + 1);
    let refused = |(method, path): (Method, &str)| {
        let call = site.call(method, path).header("idempotency-key", "\"k\"");
        let is_open = path == "/accounts" || path == "/session";
        let call = if is_open { call } else { call.bearer(&guest.token) };
        [call.clone().text("{"), call.clone().text("{}"), call.clone().bytes(b"{}"), call.text(&large)]
    };
    takers.into_iter().flat_map(refused).collect()
}

async fn accounts(site: &Site) -> Answers {
    let account = Account::unknown();
    let register = site.post("/accounts").json(&account.credentials());
    let login = |credentials: &Value| site.post("/session").json(credentials);
    let mut answers = all([register.clone(), register, login(&account.credentials())]).await?;
    let guest = site.login(&account).await?;
    let change = |current: &str| {
        guest.put("/account/password").json(&json!({ "current": current, "new": account.password }))
    };
    answers.extend(all([change(&account.password), change("wrong")]).await?);
    answers.extend(all(vec![login(&account.mistyped()); 10]).await?);
    answers.extend(all([change(&account.password)]).await?);
    Ok(answers)
}

fn carts(guest: &Guest) -> Vec<Call> {
    let add = || guest.post("/cart/items").json(&json!({ "sku": "book", "quantity": 1 }));
    let mut calls = vec![
        guest.get("/checkout"),
        add(),
        guest.put("/checkout/address").json(&address()),
        guest.put("/checkout/payment").json(&json!({ "method": "on_delivery" })),
        guest.get("/checkout"),
        guest.get("/cart"),
        guest.put("/cart/items/a%20b").json(&json!({ "quantity": 1 })),
        guest.delete("/cart/items/a%20b"),
        guest.site.get("/prime/two"),
    ];
    for wrong in ["\"99\"", "what?"] {
        calls.push(guest.set("book", 3).header("if-match", wrong));
        calls.push(add().header("if-match", wrong));
        calls.push(guest.delete("/cart/items/book").header("if-match", wrong));
    }
    calls.extend([guest.set("book", 1000), add(), guest.delete("/cart/items/book")]);
    calls.extend((0..51).map(|article| guest.set(&format!("article-{article}"), 1)));
    calls
}

async fn orders(site: &Site) -> Answers {
    let (guest, key) = (site.guest().await?, new_key());
    let mut answers = all([guest.order(&key, 0), guest.set("book", 1), guest.order(&key, 1)]).await?;
    let version = guest.shop().await?;
    let versions = [version + 9, version, version, version + 1];
    answers.extend(all(versions.map(|version| guest.order(&key, version))).await?);
    let placed = answers.iter().find(|answer| answer.status == 201);
    let order = placed.ok_or_else(|| anyhow::anyhow!("no order was placed"))?.text("/id")?;
    let looks = ["/orders".to_owned(), format!("/orders/{order}"), format!("/orders/{}", Uuid::now_v7())];
    answers.extend(all(looks.iter().map(|path| guest.get(path))).await?);
    answers.extend(all([guest.post("/orders").json(&json!({ "cart_version": 1 }))]).await?);
    Ok(answers)
}

async fn devices(site: &Site) -> Answers {
    let guest = site.guest().await?;
    let other = site.login(&guest.account).await?;
    let end = guest.delete(&format!("/sessions/{}", other.session_id));
    let renew = guest.post("/session/renew");
    let (list, end_all) = (guest.get("/sessions"), guest.delete("/sessions"));
    let mut answers =
        all([guest.get("/session"), renew.clone(), renew, list, end.clone(), end, end_all]).await?;
    answers.extend(all([guest.delete("/session")]).await?);
    Ok(answers)
}

/// Every operation may fail by the service's own fault.
async fn panics(site: &Site, gates: &str) -> Answers {
    let mut answers = Vec::new();
    for call in every_operation(site) {
        let id = Uuid::new_v4();
        let arm = Request::put(format!("/gates/{id}")).header("content-type", "application/json");
        let body = Bytes::from(r#"{"point":"accepted","action":"panic"}"#);
        http::send(gates, arm.body(Full::new(body))?, Duration::from_secs(2)).await?;
        let answer = call.id(id).send().await?;
        answer.refused(500, "internal", None)?;
        answers.push(answer);
    }
    Ok(answers)
}

/// Every operation that needs the session store, while it is gone.
pub async fn without_a_store(driver: &Driver, site: &Site) -> Answers {
    let guest = site.guest().await?;
    driver.terminate("redis").await?;
    anyhow::ensure!(driver.gone("redis", EXIT_WITHIN).await?, "Redis did not exit");
    let with_token = |call: Call| call.bearer(&guest.token);
    let is_password = |call: &Call| call.asked().ends_with("/account/password");
    let mut calls: Vec<Call> =
        guarded(site).into_iter().filter(|call| !is_password(call)).map(with_token).collect();
    // The current password is judged before the store is asked.
    let passwords = json!({ "current": guest.account.password, "new": "another one" });
    calls.push(guest.put("/account/password").json(&passwords));
    calls.push(site.post("/session").json(&guest.account.credentials()));
    calls.push(site.get("/readyz"));
    all(calls).await
}
