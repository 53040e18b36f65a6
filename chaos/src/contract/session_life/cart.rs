//! Is a cart changed only as it was meant, whoever else is at it? Rows 40 and 41.

use std::sync::Arc;

use serde_json::json;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::contract::answer::Answer;
use crate::contract::call::Call;
use crate::contract::site::{Guest, Site};
use crate::contract::{Deviation, Outcome, holds, same};

const WRITERS: u64 = 100;

/// Row 40.
pub async fn preconditions(site: Site) -> Outcome {
    let guest = site.guest().await?;
    guest.set("book", 1).send().await?.is(200)?.has("etag", "\"1\"")?;
    guest.set("book", 2).send().await?.is(200)?.has("etag", "\"2\"")?;
    guest.get("/cart").send().await?.is(200)?.has("etag", "\"2\"")?.says("/version", &json!(2))?;

    for change in changes(&guest) {
        let old = ["\"1\"", "\"3\"", "\"0\"", "\"+2\"", "\"someone-elses\""];
        // A weak tag never matches here, not even the present one's.
        let lists = ["W/\"2\"", "\"1\", \"3\"", "\"1\",, W/\"2\" ,\"20\""];
        for old in old.into_iter().chain(lists) {
            let answer = change.clone().header("if-match", old).send().await?;
            answer.refused(412, "version_conflict", None)?;
            answer.has("etag", "\"2\"")?;
        }
        for malformed in ["2", "\"2", "", ",", "nonsense", "\"2\"; \"3\"", "\"2\", *", "w/\"2\""] {
            change.clone().header("if-match", malformed).refused(400, "precondition_invalid", None).await?;
        }
    }
    guest.get("/cart").send().await?.says("/version", &json!(2))?.says("/items/0/quantity", &json!(2))?;

    let mut version = 2;
    for change in changes(&guest) {
        for present in ["etag", "list", "any", "none"] {
            let call = match present {
                "list" => change.clone().header("if-match", &format!("\"0\", W/\"1\",\"{version}\"")),
                "etag" => change.clone().header("if-match", &format!("\"{version}\"")),
                "any" => change.clone().header("if-match", "*"),
                _ => change.clone(),
            };
            let answer = call.send().await?;
            version = answer.is(200)?.number("/version")?;
            answer.has("etag", &format!("\"{version}\""))?;
        }
    }
    limits(&guest).await
}

/// Each way to change a cart.
fn changes(guest: &Guest) -> [Call; 3] {
    [
        guest.set("book", 7),
        guest.post("/cart/items").json(&json!({ "sku": "book", "quantity": 1 })),
        guest.delete("/cart/items/book"),
    ]
}

/// At most 1000 pieces of an article and 50 articles, and what would exceed that changes nothing.
async fn limits(guest: &Guest) -> Outcome {
    guest.delete("/cart/items/not-there").send().await?.is(200)?;
    let full = guest.set("book", 1000).send().await?;
    let version = full.is(200)?.number("/version")?;
    let one_more = guest.post("/cart/items").json(&json!({ "sku": "book", "quantity": 1 }));
    one_more.refused(409, "cart_limit", None).await?;
    guest.get("/cart").send().await?.says("/version", &json!(version))?;
    for article in 1..50 {
        guest.set(&format!("article-{article}"), 1).send().await?.is(200)?;
    }
    guest.set("the-51st", 1).refused(409, "cart_limit", None).await?;
    same("lines in a full cart", &50, &guest.get("/cart").send().await?.count("/items")?)
}

/// Row 41, the first way.
pub async fn a_hundred_additions(site: Site) -> Outcome {
    hundred_additions(&[site.guest().await?]).await
}

/// A hundred additions of one, by one guest at one or several replicas: a hundred.
///
/// # Errors
/// If there are more or less.
pub async fn hundred_additions(guest_at: &[Guest]) -> Outcome {
    let mut adding = JoinSet::new();
    for guest in guest_at.iter().cycle().take(WRITERS as usize) {
        let add = guest.post("/cart/items").json(&json!({ "sku": "book", "quantity": 1 }));
        adding.spawn(async move { added(&add.send().await?) });
    }
    counted(&guest_at[0], adding).await
}

/// Row 41, the second way.
pub async fn a_hundred_careful_writers(site: Site) -> Outcome {
    let guest = site.guest().await?;
    // All of them are between their look and their write, but not all of them speak at once: a store that
    // takes its callers one by one would let the last ones wait for too long.
    let speaking = Arc::new(Semaphore::new(20));
    let mut writing = JoinSet::new();
    for _ in 0..WRITERS {
        let (guest, speaking) = (guest.clone(), Arc::clone(&speaking));
        writing.spawn(async move { add_one(&guest, &speaking).await });
    }
    counted(&guest, writing).await
}

/// Reads, adds one in its own head, writes; and begins again if the cart has changed meanwhile.
async fn add_one(guest: &Guest, speaking: &Semaphore) -> Result<Added, Deviation> {
    let ask = async |call: Call| {
        let _turn = speaking.acquire().await.ok();
        call.send().await
    };
    loop {
        let cart = ask(guest.get("/cart")).await?;
        if added(&cart)? == Added::Unknown {
            continue; // Only a look; it can be repeated.
        }
        let has = cart.json()?["items"][0]["quantity"].as_u64().unwrap_or(0);
        let put = guest.put("/cart/items/book").json(&json!({ "quantity": has + 1 }));
        let written = ask(put.header("if-match", cart.header("etag")?)).await?;
        if written.status != 412 {
            return added(&written);
        }
        written.refused(412, "version_conflict", None)?;
    }
}

/// What a writer knows about its addition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Added {
    Yes,
    Unknown,
}

/// 200, or, where the store has to be waited for and the machine is busy, that its time was up.
fn added(answer: &Answer) -> Result<Added, Deviation> {
    if answer.status == 200 {
        return Ok(Added::Yes);
    }
    answer.refused(503, "session_store_unavailable", Some("timeout"))?;
    Ok(Added::Unknown)
}

/// Every addition that was acknowledged is there once, and one whose end is not known at most once.
async fn counted(guest: &Guest, mut running: JoinSet<Result<Added, Deviation>>) -> Outcome {
    let (mut acknowledged, mut unknown) = (0, 0);
    while let Some(ended) = running.join_next().await {
        match ended.map_err(|error| Deviation::new("a writer", "an end", error.to_string()))?? {
            Added::Yes => acknowledged += 1,
            Added::Unknown => unknown += 1,
        }
    }
    // A busy machine lets many time out. The few that race to an end show a lost update as well as all would.
    holds("100 writers", "answers to a tenth of them", acknowledged >= WRITERS / 10, acknowledged)?;
    let cart = guest.get("/cart").send().await?;
    let quantity = cart.number("/items/0/quantity")?;
    let expected = format!("a quantity of {acknowledged}, and up to {unknown} more");
    holds("100 writers", &expected, (acknowledged..=acknowledged + unknown).contains(&quantity), quantity)?;
    same("100 writers: the version", &quantity, &cart.number("/version")?)
}
