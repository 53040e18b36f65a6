//! Does an end hold, whatever is on its way at the same time? Rows 37 and 38, by sending much at once; what
//! needs a request held half way is checked with a lab.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;
use tokio::task::JoinSet;

use crate::contract::answer::Answer;
use crate::contract::site::{Account, Guest, Site};
use crate::contract::{Deviation, Outcome, holds};

const ROUNDS: usize = 8;
const WRITERS: usize = 6;

/// Row 37.
pub async fn writes_around_a_logout(site: Site) -> Outcome {
    for _ in 0..ROUNDS {
        let guest = site.guest().await?;
        guest.shop().await?;
        let logged_out = Arc::new(AtomicBool::new(false));
        let mut writing = JoinSet::new();
        for writer in 0..WRITERS {
            let (guest, logged_out) = (guest.clone(), Arc::clone(&logged_out));
            writing.spawn(async move { write_until_refused(&guest, writer, &logged_out).await });
        }
        guest.delete("/session").send().await?.is(204)?;
        logged_out.store(true, Ordering::SeqCst);
        while let Some(ended) = writing.join_next().await {
            ended.map_err(|error| Deviation::new("a writer", "an end", error.to_string()))??;
        }
        guest.get("/session").refused(401, "session_revoked", Some("revoked")).await?;
    }
    Ok(())
}

/// Writes until it is told that the session is over.
async fn write_until_refused(guest: &Guest, writer: usize, logged_out: &AtomicBool) -> Outcome {
    loop {
        let sent_after = logged_out.load(Ordering::SeqCst);
        let answer = match writer % 3 {
            0 => guest.set("book", 7).send().await?,
            1 => guest.post("/cart/items").json(&json!({ "sku": "pen", "quantity": 1 })).send().await?,
            _ => guest.put("/checkout/payment").json(&json!({ "method": "invoice" })).send().await?,
        };
        match answer.status {
            200 if sent_after => return Err(answer.deviates("no success for what was sent after a logout")),
            // A full cart; the session is still there.
            200 | 409 => {}
            _ => return answer.refused(401, "session_revoked", Some("revoked")),
        }
    }
}

/// Row 38. A login checks the password, and only then begins a session; a change in between must not miss it.
pub async fn logins_around_a_password_change(site: Site) -> Outcome {
    let mut raced = 0;
    for _ in 0..ROUNDS {
        let mine = site.guest().await?;
        let new = Account { password: "a better password".to_owned(), ..mine.account.clone() };
        let mut logins = JoinSet::new();
        for _ in 0..WRITERS {
            let login = site.post("/session").json(&mine.account.credentials()).at_once();
            logins.spawn(login.send());
        }
        let body = json!({ "current": mine.account.password, "new": new.password });
        let change = mine.put("/account/password").json(&body).at_once().send().await?;
        let mut old = Vec::new();
        while let Some(ended) = logins.join_next().await {
            let answer: Answer =
                ended.map_err(|error| Deviation::new("a login", "an end", error.to_string()))??;
            match answer.status {
                201 => old.push(Guest::of(&site, &mine.account, &answer.json()?)?),
                503 if answer.code() == "login_busy" => {}
                _ => answer.refused(401, "invalid_credentials", None)?,
            }
        }
        if change.status == 503 && change.code() == "login_busy" {
            continue; // Too many hashes at once: nothing was changed.
        }
        change.is(204)?;
        raced += usize::from(!old.is_empty());
        for guest in old {
            guest.get("/session").send().await?.is(401)?;
        }
        mine.get("/session").send().await?.is(200)?;
        site.login(&new).await?;
    }
    holds("logins around a password change", "one that began a session before it", raced > 0, raced)
}
