//! Section G, the store: what is a client told while Redis is down, slow, empty, full, a replica or loading?

mod own;

use std::time::{Duration, Instant};

use chaos::contract::answer::Answer;
use chaos::contract::call::Call;
use chaos::contract::differences;
use chaos::contract::idempotency::one_order;
use chaos::contract::site::{Guest, new_key};
use chaos::contract::{Pace, Site};
use chaos::driver::{EXIT_WITHIN, Store};
use chaos::gates::Point;
use chaos::service;
use serde_json::json;

use crate::column::{Column, Lab, READY_WITHIN};
use crate::process::Process;
use crate::skip::skip;
use crate::table::LabRow;
use own::OwnRedis;

pub const ROWS: &[LabRow] = &[
    LabRow {
        number: 48,
        claim: "Redis gone between an order's commit and its answer: 503, retryable; the repeat also empties the cart",
        pace: Pace::Brisk,
        applies: Column::has_redis,
        run: |column| Box::pin(gone_before_the_emptying(column)),
    },
    LabRow {
        number: 54,
        claim: "Redis stopped: 503 in under 300 ms, reason down; /readyz 503, /livez 200; and back within a second",
        pace: Pace::Alone,
        applies: Column::has_redis,
        run: |column| Box::pin(stopped(column)),
    },
    LabRow {
        number: 54,
        claim: "started without Redis: not ready, and ready within a second of its return",
        pace: Pace::Alone,
        applies: Column::has_redis,
        run: |column| Box::pin(not_there_at_the_start(column)),
    },
    LabRow {
        number: 54,
        claim: "started beside its Redis: not even the first request of all is told that it is down",
        pace: Pace::Brisk,
        applies: Column::has_redis,
        run: |column| Box::pin(there_at_the_start(column)),
    },
    LabRow {
        number: 55,
        claim: "Redis paused: 503 in under 300 ms, reason timeout; an addition is not retryable, and does not come later",
        pace: Pace::Alone,
        applies: Column::has_redis,
        run: |column| Box::pin(paused(column)),
    },
    LabRow {
        number: 56,
        claim: "logout while Redis is down: 503, never 204; and the session is still there afterwards",
        pace: Pace::Brisk,
        applies: Column::has_redis,
        run: |column| Box::pin(logout_while_down(column)),
    },
    LabRow {
        number: 57,
        claim: "Redis back, empty: 401 session_lost, reason store_reset",
        pace: Pace::Brisk,
        applies: Column::has_redis,
        run: |column| Box::pin(back_empty(column)),
    },
    LabRow {
        number: 57,
        claim: "rows 54 to 58 beside a service that has no Redis: 200, 204 for a logout, and nothing is lost",
        pace: Pace::Brisk,
        applies: Column::is_stateful_on_sqlite,
        run: |column| Box::pin(somebody_elses_redis(column)),
    },
    LabRow {
        number: 58,
        claim: "Redis full: 503, reason full; a look goes on, and a logout is possible once there is room",
        pace: Pace::Brisk,
        applies: Column::has_redis,
        run: |column| Box::pin(full(column)),
    },
    LabRow {
        number: 58,
        claim: "Redis become a replica: 503, reason readonly; and back by itself",
        pace: Pace::Brisk,
        applies: Column::has_redis,
        run: |column| Box::pin(read_only(column)),
    },
    LabRow {
        number: 58,
        claim: "Redis loading: 503, reason loading; and back by itself",
        pace: Pace::Brisk,
        applies: Column::has_redis,
        run: |column| Box::pin(loading(column)),
    },
];

/// An answer about a store that is away comes within this. 300 ms are promised and measured by the bench; a busy
/// machine is forgiven, a service that waits is not.
const TOLD_WITHIN: Duration = Duration::from_secs(1);

/// How long one attempt to connect to the store may take.
const CONNECTS_WITHIN: Duration = Duration::from_millis(200);

/// Once the store is back, so is the service.
const BACK_WITHIN: Duration = Duration::from_secs(1);

/// The calls that need the session store; those that a repeat would apply twice are apart.
fn calls(guest: &Guest) -> Vec<Call> {
    vec![
        guest.get("/session"),
        guest.get("/cart"),
        guest.set("book", 9),
        guest.delete("/cart/items/book"),
        guest.get("/checkout"),
        guest.put("/checkout/payment").json(&json!({ "method": "invoice" })),
        guest.order(&new_key(), 1),
        guest.get("/orders"),
        guest.post("/session/renew"),
        guest.get("/sessions"),
        guest.delete("/session"),
        guest.delete("/sessions"),
        guest.delete(&format!("/sessions/{}", guest.session_id)),
        guest.site.post("/session").json(&guest.account.credentials()),
        guest
            .put("/account/password")
            .json(&json!({ "current": guest.account.password, "new": "a new password" })),
    ]
}

fn addition(guest: &Guest) -> Call {
    guest.post("/cart/items").json(&json!({ "sku": "book", "quantity": 1 }))
}

/// The store is away: every call says so, and soon.
async fn told(calls: Vec<Call>, reason: &str, retryable: bool) -> anyhow::Result<()> {
    for call in calls {
        let (start, what) = (Instant::now(), call.asked().to_owned());
        let answer = call.send().await?;
        let took = start.elapsed();
        anyhow::ensure!(took < TOLD_WITHIN, "{what} took {took:?}");
        is_away(&answer, reason)?;
        answer.says("/retryable", &json!(retryable))?;
    }
    Ok(())
}

fn is_away(answer: &Answer, reason: &str) -> anyhow::Result<()> {
    answer.refused(503, "session_store_unavailable", Some(reason))?;
    answer.has("retry-after", "1")?;
    Ok(())
}

async fn not_ready(site: &Site, reason: &str) -> anyhow::Result<()> {
    let ready = site.get("/readyz").send().await?;
    ready.refused(503, "not_ready", Some(reason))?;
    ready.says("/not_ready", &json!(["session_store"]))?;
    site.get("/livez").send().await?.is(200)?;
    site.get("/prime/97").send().await?.is(200)?;
    Ok(())
}

async fn stop_redis(lab: &Lab) -> anyhow::Result<()> {
    lab.driver.terminate("redis").await?;
    anyhow::ensure!(lab.driver.gone("redis", EXIT_WITHIN).await?, "Redis did not exit");
    Ok(())
}

/// Starts Redis again; the service must find it by itself.
async fn start_redis(lab: &Lab) -> anyhow::Result<()> {
    lab.driver.start_again("redis").await?;
    lab.driver.ready(lab.name(), BACK_WITHIN).await?;
    Ok(())
}

async fn stopped(column: Column) -> anyhow::Result<()> {
    let lab = column.lab().await?;
    let guest = lab.site().guest().await?;
    let version = guest.shop().await?;
    stop_redis(&lab).await?;
    told(calls(&guest), "down", true).await?;
    // Nothing was sent, so an addition can be repeated as well.
    told(vec![addition(&guest)], "down", true).await?;
    differences::expected(54, column.twin).matches(&guest.get("/session").send().await?, 200)?;
    not_ready(&lab.site(), "down").await?;
    start_redis(&lab).await?;
    guest.get("/cart").send().await?.is(200)?.says("/version", &json!(version))?;
    // Neither the password nor any session changed while the store could not follow.
    lab.site().login(&guest.account).await?;
    Ok(())
}

async fn not_there_at_the_start(column: Column) -> anyhow::Result<()> {
    let lab = column.lab().await?;
    let guest = lab.site().guest().await?;
    lab.kill().await?;
    stop_redis(&lab).await?;
    lab.driver.start_again(lab.name()).await?;
    not_ready(&lab.site(), "down").await?;
    told(calls(&guest), "down", true).await?;
    start_redis(&lab).await?;
    guest.get("/session").send().await?.is(200)?;
    Ok(())
}

async fn paused(column: Column) -> anyhow::Result<()> {
    let lab = column.lab().await?;
    let guest = lab.site().guest().await?;
    let version = guest.shop().await?;
    lab.driver.freeze("redis").await?;
    told(calls(&guest), "timeout", true).await?;
    told(vec![addition(&guest), addition(&guest)], "timeout", false).await?;
    // With If-Match a repeat is refused if the first one took effect, so that one can be repeated.
    told(vec![addition(&guest).header("if-match", "\"1\"")], "timeout", true).await?;
    // A list may name the version that the first one leaves behind, too.
    told(vec![addition(&guest).header("if-match", "\"1\", \"2\"")], "timeout", false).await?;
    differences::expected(55, column.twin).matches(&guest.get("/session").send().await?, 200)?;
    not_ready(&lab.site(), "timeout").await?;
    lab.driver.thaw("redis").await?;
    lab.driver.ready(lab.name(), BACK_WITHIN).await?;
    // What was sent to it while it slept, it reads now. Nobody waits for that any more, so it must do
    // nothing: no late logout, no late renewal, no late addition.
    let cart = guest.get("/cart").send().await?;
    cart.is(200)?.says("/version", &json!(version))?.says("/items/0/quantity", &json!(2))?;
    let renewed = guest.post("/session/renew").send().await?;
    renewed.is(200)?.lacks("idempotent-replay")?;
    Ok(())
}

/// The order is committed, and its cart cannot be emptied. Whoever repeats must get both.
async fn gone_before_the_emptying(column: Column) -> anyhow::Result<()> {
    let lab = column.lab().await?;
    let guest = lab.site().guest().await?;
    let (version, key) = (guest.shop().await?, new_key());
    let order = lab.hold(guest.order(&key, version), Point::Claimed).await?;
    stop_redis(&lab).await?;
    not_ready(&lab.site(), "down").await?;
    let answer = order.finish().await?;
    is_away(&answer, "down")?;
    answer.says("/retryable", &json!(true))?;
    start_redis(&lab).await?;
    guest.get("/cart").send().await?.is(200)?.says("/items/0/quantity", &json!(2))?;

    let again = guest.order(&key, version).send().await?;
    again.is(201)?.has("idempotent-replay", "true")?;
    let cart = guest.get("/cart").send().await?;
    anyhow::ensure!(cart.count("/items")? == 0, "the repeat left the cart as it was: {}", cart.summary());
    Ok(one_order(&guest, &again).await?)
}

/// Beside the other twin, whose Redis is in every trouble that there is a row for.
async fn somebody_elses_redis(column: Column) -> anyhow::Result<()> {
    let mut spec = column.spec(column.service());
    spec.services.push(service::stateless());
    let lab = Lab::start(spec).await?;
    if let Store::Embedded { why } = lab.driver.store() {
        skip("rows 54 to 58 for stateful", why);
        return Ok(());
    }
    let (site, guest) = (lab.site(), lab.site().guest().await?);
    let version = guest.shop().await?;
    for trouble in ["CONFIG SET maxmemory 1", "REPLICAOF 127.0.0.1 1", "REPLICAOF NO ONE"] {
        let words: Vec<&str> = trouble.split(' ').collect();
        lab.driver.redis_ask(&words).await?;
        goes_on(&site, &guest).await?;
    }
    lab.driver.freeze("redis").await?;
    differences::expected(55, column.twin).matches(&guest.get("/session").send().await?, 200)?;
    goes_on(&site, &guest).await?;
    lab.driver.thaw("redis").await?;
    stop_redis(&lab).await?;
    differences::expected(54, column.twin).matches(&guest.get("/session").send().await?, 200)?;
    goes_on(&site, &guest).await?;
    lab.driver.wipe_redis().await?;
    lab.driver.start_again("redis").await?;
    differences::expected(57, column.twin).matches(&guest.get("/session").send().await?, 200)?;
    guest.get("/cart").send().await?.is(200)?.says("/version", &json!(version))?;
    Ok(())
}

/// Somebody can log in, write and log out for good, and whoever was logged in still is.
async fn goes_on(site: &Site, guest: &Guest) -> anyhow::Result<()> {
    site.get("/readyz").send().await?.is(200)?;
    let other = site.login(&guest.account).await?;
    other.set("pen", 1).send().await?.is(200)?;
    other.delete("/session").send().await?.is(204)?;
    other.get("/session").refused(401, "session_revoked", Some("revoked")).await?;
    guest.get("/cart").send().await?.is(200)?.says("/items/0/quantity", &json!(2))?;
    Ok(())
}

async fn logout_while_down(column: Column) -> anyhow::Result<()> {
    let lab = column.lab().await?;
    let guest = lab.site().guest().await?;
    stop_redis(&lab).await?;
    for _ in 0..2 {
        let logout = guest.delete("/session").send().await?;
        is_away(&logout, "down")?;
        logout.lacks("clear-site-data")?.lacks("set-cookie")?;
    }
    start_redis(&lab).await?;
    guest.get("/session").send().await?.is(200)?;
    guest.delete("/session").send().await?.is(204)?;
    guest.get("/session").refused(401, "session_revoked", Some("revoked")).await?;
    Ok(())
}

async fn back_empty(column: Column) -> anyhow::Result<()> {
    let lab = column.lab().await?;
    let (live, dead) = (lab.site().guest().await?, lab.site().guest().await?);
    dead.delete("/session").send().await?.is(204)?;
    lab.driver.kill("redis").await?;
    anyhow::ensure!(lab.driver.gone("redis", EXIT_WITHIN).await?, "Redis did not exit");
    lab.driver.wipe_redis().await?;
    start_redis(&lab).await?;

    let expected = differences::expected(57, column.twin);
    // A list of what is forbidden would have forgotten that this one was logged out.
    for guest in [&live, &dead] {
        expected.matches(&guest.get("/session").send().await?, 200)?;
        expected.matches(&guest.set("book", 1).send().await?, 200)?;
        expected.matches(&guest.post("/session/renew").send().await?, 200)?;
    }
    let again = lab.site().login(&live.account).await?;
    again.get("/session").send().await?.is(200)?;
    // The new store is nobody's excuse for the old token.
    expected.matches(&live.get("/session").send().await?, 200)?;
    live.delete("/session").send().await?.is(204)?;
    Ok(())
}

async fn full(column: Column) -> anyhow::Result<()> {
    let lab = column.lab().await?;
    let guest = lab.site().guest().await?;
    let version = guest.shop().await?;
    lab.driver.redis_ask(&["CONFIG", "SET", "maxmemory", "1"]).await?;
    for call in [guest.set("book", 9), addition(&guest), guest.post("/session/renew")] {
        is_away(&call.send().await?, "full")?;
    }
    is_away(&lab.site().post("/session").json(&guest.account.credentials()).send().await?, "full")?;
    // Who only looks, at a session that was used a moment ago, needs no room.
    guest.get("/session").send().await?.is(200)?;
    lab.driver.redis_ask(&["CONFIG", "SET", "maxmemory", "0"]).await?;
    let cart = guest.get("/cart").send().await?;
    cart.is(200)?.says("/version", &json!(version))?;
    guest.delete("/session").send().await?.is(204)?;
    guest.get("/session").refused(401, "session_revoked", Some("revoked")).await?;
    Ok(())
}

async fn read_only(column: Column) -> anyhow::Result<()> {
    let lab = column.lab().await?;
    let guest = lab.site().guest().await?;
    guest.shop().await?;
    // A replica of nobody: nothing listens on port 1.
    lab.driver.redis_ask(&["REPLICAOF", "127.0.0.1", "1"]).await?;
    for call in [guest.set("book", 9), guest.delete("/session"), guest.post("/session/renew")] {
        is_away(&call.send().await?, "readonly")?;
    }
    not_ready(&lab.site(), "readonly").await?;
    lab.driver.redis_ask(&["REPLICAOF", "NO", "ONE"]).await?;
    lab.driver.ready(lab.name(), BACK_WITHIN).await?;
    guest.set("book", 9).send().await?.is(200)?;
    guest.get("/session").send().await?.is(200)?;
    Ok(())
}

/// Started ten times, each time asked at once: a connection takes a moment, and so does a question.
async fn there_at_the_start(column: Column) -> anyhow::Result<()> {
    let redis = OwnRedis::start().await?;
    let folder = tempfile::tempdir()?;
    let database = match &column.postgres {
        Some(server) => server.new_database(),
        None => format!("sqlite:{}", folder.path().join("lab.db").display()),
    };
    let first = Process::start(&column, &database, &redis.url(), &[]).await?;
    let guest = first.site().guest().await?;
    let asked_at_once = async || -> anyhow::Result<_> {
        let at = Instant::now();
        let next = Process::start(&column, &database, &redis.url(), &[]).await?;
        // It waits this long for its first connection, and then begins without: on a busy machine, too.
        let late = at.elapsed() >= CONNECTS_WITHIN;
        let there = Guest { site: next.site(), ..guest.clone() };
        Ok((there.get("/session").send().await?, late))
    };
    for _ in 0..10 {
        let mut answer = asked_at_once().await?;
        for _ in 0..2 {
            if answer.0.status == 200 || !answer.1 {
                break;
            }
            answer = asked_at_once().await?;
        }
        answer.0.is(200)?;
    }
    Ok(())
}

/// A Redis of the row's own, for it must be started with a setting that makes it slow to load.
async fn loading(column: Column) -> anyhow::Result<()> {
    let redis = OwnRedis::start().await?;
    let folder = tempfile::tempdir()?;
    let database = match &column.postgres {
        Some(server) => server.new_database(),
        None => format!("sqlite:{}", folder.path().join("lab.db").display()),
    };
    let service = Process::start(&column, &database, &redis.url(), &[]).await?;
    ready(&service.site()).await?;
    let guest = service.site().guest().await?;
    guest.shop().await?;
    redis.load_slowly().await?;
    is_away(&guest.get("/session").send().await?, "loading")?;
    is_away(&guest.set("book", 9).send().await?, "loading")?;
    is_away(&guest.delete("/session").send().await?, "loading")?;
    not_ready(&service.site(), "loading").await?;
    redis.load_quickly().await?;
    ready(&service.site()).await?;
    guest.get("/cart").send().await?.is(200)?.says("/items/0/quantity", &json!(2))?;
    Ok(())
}

async fn ready(site: &Site) -> anyhow::Result<()> {
    let start = Instant::now();
    loop {
        let answer = site.get("/readyz").send().await?;
        if answer.status == 200 {
            return Ok(());
        }
        anyhow::ensure!(start.elapsed() < READY_WITHIN, "not ready: {}", answer.summary());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
