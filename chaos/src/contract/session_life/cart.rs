//! Is a cart changed only as it was meant, whoever else is at it? Rows 40 and 41.

use serde_json::json;
use tokio::task::JoinSet;

use crate::contract::call::Call;
use crate::contract::site::{Guest, Site};
use crate::contract::{Deviation, Outcome, same};

const WRITERS: u32 = 100;

/// Row 40.
pub async fn preconditions(site: Site) -> Outcome {
    let guest = site.guest().await?;
    guest.set("book", 1).send().await?.is(200)?.has("etag", "\"1\"")?;
    guest.set("book", 2).send().await?.is(200)?.has("etag", "\"2\"")?;
    guest.get("/cart").send().await?.is(200)?.has("etag", "\"2\"")?.says("/version", &json!(2))?;

    for change in changes(&guest) {
        for old in ["\"1\"", "\"3\"", "\"0\"", "\"someone-elses\""] {
            let answer = change.clone().header("if-match", old).send().await?;
            answer.refused(412, "version_conflict", None)?;
            answer.has("etag", "\"2\"")?;
        }
        for malformed in ["2", "\"2", "", "nonsense", "\"2\"; \"3\""] {
            change.clone().header("if-match", malformed).refused(400, "precondition_invalid", None).await?;
        }
    }
    guest.get("/cart").send().await?.says("/version", &json!(2))?.says("/items/0/quantity", &json!(2))?;

    let mut version = 2;
    for change in changes(&guest) {
        for present in ["etag", "any", "none"] {
            let call = match present {
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
    let guest = site.guest().await?;
    let mut adding = JoinSet::new();
    for _ in 0..WRITERS {
        let add = guest.post("/cart/items").json(&json!({ "sku": "book", "quantity": 1 }));
        adding.spawn(async move { add.send().await?.is(200).map(drop) });
    }
    all(adding).await?;
    let cart = guest.get("/cart").send().await?;
    cart.says("/items/0/quantity", &json!(WRITERS))?.says("/version", &json!(WRITERS)).map(drop)
}

/// Row 41, the second way.
pub async fn a_hundred_careful_writers(site: Site) -> Outcome {
    let guest = site.guest().await?;
    let mut writing = JoinSet::new();
    for _ in 0..WRITERS {
        let guest = guest.clone();
        writing.spawn(async move { add_one(&guest).await });
    }
    all(writing).await?;
    let cart = guest.get("/cart").send().await?;
    cart.says("/items/0/quantity", &json!(WRITERS))?.says("/version", &json!(WRITERS)).map(drop)
}

/// Reads, adds one in its own head, writes; and begins again if the cart has changed meanwhile.
async fn add_one(guest: &Guest) -> Outcome {
    let mut cart = guest.get("/cart").send().await?;
    loop {
        let has = cart.json()?["items"][0]["quantity"].as_u64().unwrap_or(0);
        let put = guest.put("/cart/items/book").json(&json!({ "quantity": has + 1 }));
        let written = put.header("if-match", cart.header("etag")?).send().await?;
        if written.status == 200 {
            return Ok(());
        }
        written.refused(412, "version_conflict", None)?;
        cart = guest.get("/cart").send().await?;
    }
}

async fn all(mut running: JoinSet<Outcome>) -> Outcome {
    while let Some(ended) = running.join_next().await {
        ended.map_err(|error| Deviation::new("a writer", "an end", error.to_string()))??;
    }
    Ok(())
}
