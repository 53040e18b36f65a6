//! Section D, where the process restarts, time passes, or a request is held half way.

use std::time::Duration;

use anyhow::Context;
use chaos::contract::call::Call;
use chaos::contract::differences;
use chaos::contract::session_life::hundred_additions;
use chaos::contract::site::{Guest, new_key};
use chaos::contract::{Pace, rules};
use chaos::gates::Point;
use chaos::service::Twin;
use jiff::Timestamp;
use serde_json::json;

use crate::column::Column;
use crate::table::{LabRow, everywhere};

pub const ROWS: &[LabRow] = &[
    LabRow {
        number: 32,
        claim: "the backend is restarted, gracefully or by kill -9: session_lost (restart), or nothing",
        pace: Pace::Brisk,
        applies: everywhere,
        run: |column| Box::pin(restarted(column)),
    },
    LabRow {
        number: 34,
        claim: "idle limit passed: 401 session_expired, reason idle; use keeps a session from idling",
        pace: Pace::Slow,
        applies: everywhere,
        run: |column| Box::pin(idle_limit_passed(column)),
    },
    LabRow {
        number: 34,
        claim: "absolute limit passed: 401 session_expired, reason absolute, used or renewed or not",
        pace: Pace::Slow,
        applies: everywhere,
        run: |column| Box::pin(absolute_limit_passed(column)),
    },
    LabRow {
        number: 34,
        claim: "a table that is full: 503 sessions_full; what is logged out or idle makes room, and old reasons go",
        pace: Pace::Slow,
        applies: Column::is_stateful_on_sqlite,
        run: |column| Box::pin(a_full_table(column)),
    },
    LabRow {
        number: 35,
        claim: "logout of a session that the restart took: 204",
        pace: Pace::Brisk,
        applies: everywhere,
        run: |column| Box::pin(logout_after_a_restart(column)),
    },
    LabRow {
        number: 35,
        claim: "behind TLS the cookie is __Host-sid and Secure, and is cleared as such",
        pace: Pace::Brisk,
        applies: everywhere,
        run: |column| Box::pin(behind_tls(column)),
    },
    LabRow {
        number: 37,
        claim: "writes in flight during logout: 401 session_revoked, nothing written, and the session stays dead",
        pace: Pace::Brisk,
        applies: everywhere,
        run: |column| Box::pin(in_flight_during_logout(column)),
    },
    LabRow {
        number: 37,
        claim: "an order that was claimed before the logout is placed, and its client is told so",
        pace: Pace::Brisk,
        applies: everywhere,
        run: |column| Box::pin(claimed_before_logout(column)),
    },
    LabRow {
        number: 38,
        claim: "a password change ends the sessions on the other replica, or only this one's",
        pace: Pace::Brisk,
        applies: everywhere,
        run: |column| Box::pin(password_change_elsewhere(column)),
    },
    LabRow {
        number: 41,
        claim: "100 parallel additions at two replicas that share a store end at exactly 100",
        pace: Pace::Alone,
        applies: |column| column.twin == Twin::Stateless,
        run: |column| Box::pin(additions_at_two_replicas(column)),
    },
    LabRow {
        number: 67,
        claim: "two instances without stickiness: session_lost (other_instance), or nothing",
        pace: Pace::Brisk,
        applies: everywhere,
        run: |column| Box::pin(the_other_instance(column)),
    },
];

async fn restarted(column: Column) -> anyhow::Result<()> {
    let lab = column.lab().await?;
    for graceful in [true, false] {
        let guest = lab.site().guest().await?;
        guest.shop().await?;
        let before = guest.get("/session").send().await?.header("x-boot-id")?.to_owned();
        if graceful {
            lab.terminate().await?
        } else {
            lab.kill().await?
        }
        lab.start_again().await?;
        let after = guest.get("/cart").send().await?;
        anyhow::ensure!(after.header("x-boot-id")? != before, "the boot id did not change: no restart");
        let expected = differences::expected(32, column.twin);
        expected.matches(&after, 200)?;
        match expected {
            differences::Seen::Served => drop(after.says("/items/0/quantity", &json!(2))?),
            differences::Seen::Refused(..) => drop(after.says("/retryable", &json!(false))?),
        }
        expected.matches(&guest.set("pen", 1).send().await?, 200)?;
        expected.matches(&guest.post("/session/renew").send().await?, 200)?;
        expected.matches(&guest.get("/sessions").send().await?, 200)?;
        // What is in SQL is still there in both: the account.
        lab.site().login(&guest.account).await?;
    }
    Ok(())
}

/// A short limit, so that it passes while the row looks on; when it does are the service's own words.
async fn idle_limit_passed(column: Column) -> anyhow::Result<()> {
    let lab = column.lab_with(["--idle", "2s"]).await?;
    let account = lab.site().account().await?;
    let (idle, busy) = (lab.site().login(&account).await?, lab.site().login(&account).await?);
    let idle_ends = time(&idle, "/idle_expires_at").await?;
    // In use every now and then, the one outlives the limit of the other twice over.
    while Timestamp::now() < idle_ends + Duration::from_secs(2) {
        busy.set("book", 1).send().await?.is(200)?;
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let listed = busy.get("/sessions").send().await?;
    anyhow::ensure!(listed.count("/sessions")? == 1, "an idle session is listed: {}", listed.summary());
    for call in [idle.get("/session"), idle.set("book", 1), idle.post("/session/renew")] {
        call.refused(401, "session_expired", Some("idle")).await?;
    }
    // What is over needs no ending.
    idle.delete("/session").send().await?.is(204)?;
    busy.get("/session").send().await?.is(200)?;
    Ok(())
}

async fn absolute_limit_passed(column: Column) -> anyhow::Result<()> {
    let lab = column.lab_with(["--absolute", "3s"]).await?;
    let guest = lab.site().guest().await?;
    let ends = time(&guest, "/absolute_expires_at").await?;
    let renewed = guest.post("/session/renew").send().await?;
    let guest = Guest::of(&lab.site(), &guest.account, &renewed.is(200)?.json()?)?;
    let idle_ends = time(&guest, "/idle_expires_at").await?;
    anyhow::ensure!(idle_ends <= ends, "a session cannot idle beyond its absolute limit: {idle_ends}");
    // Use does not help. Here the passing of time is the event.
    let mut younger = None;
    while Timestamp::now() < ends {
        tokio::time::sleep(Duration::from_millis(200)).await;
        if younger.is_none() && Timestamp::now() + Duration::from_millis(1500) > ends {
            younger = Some(lab.site().login(&guest.account).await?);
        }
        let last = guest.get("/session").send().await?;
        anyhow::ensure!(last.status == 200 || Timestamp::now() >= ends, "too early: {}", last.summary());
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    for call in [guest.get("/session"), guest.set("book", 2), guest.post("/session/renew")] {
        call.refused(401, "session_expired", Some("absolute")).await?;
    }
    guest.delete("/session").send().await?.is(204)?;
    // Nor is it among the sessions of its account any more.
    let younger = younger.context("the limit was over before somebody else could log in")?;
    let listed = younger.get("/sessions").send().await?;
    anyhow::ensure!(
        listed.count("/sessions")? == 1,
        "a session past its limit is listed: {}",
        listed.summary()
    );
    Ok(())
}

/// What is in the process must not grow for ever: neither with the sessions, nor with the reasons of those that ended.
async fn a_full_table(column: Column) -> anyhow::Result<()> {
    let lab = column.lab_with(["--max-sessions", "2", "--idle", "4s"]).await?;
    let (site, eve) = (lab.site(), lab.site().account().await?);
    let (first, second) = (site.guest().await?, site.guest().await?);
    let refused = site.post("/session").json(&eve.credentials()).send().await?;
    refused.refused(503, "sessions_full", None)?;
    refused.says("/retryable", &json!(true))?;
    // Nobody was pushed out for it.
    second.get("/session").send().await?.is(200)?;

    first.delete("/session").send().await?.is(204)?;
    first.get("/session").refused(401, "session_revoked", Some("revoked")).await?;
    for _ in 0..3 {
        site.login(&eve).await?.delete("/session").send().await?.is(204)?;
    }
    // Still dead, only with less to say.
    first.get("/session").refused(401, "session_unknown", None).await?;

    let idle_ends = time(&second, "/idle_expires_at").await?;
    site.login(&eve).await?;
    site.post("/session").json(&eve.credentials()).refused(503, "sessions_full", None).await?;
    // What idles makes room by itself. Here the passing of time is the event.
    tokio::time::sleep((idle_ends - Timestamp::now()).try_into().unwrap_or_default()).await;
    site.login(&eve).await?;
    second.get("/session").send().await?.is(401)?;
    Ok(())
}

async fn time(guest: &Guest, pointer: &str) -> anyhow::Result<Timestamp> {
    Ok(guest.get("/session").send().await?.text(pointer)?.parse()?)
}

async fn logout_after_a_restart(column: Column) -> anyhow::Result<()> {
    let lab = column.lab().await?;
    let guest = lab.site().guest().await?;
    lab.kill().await?;
    lab.start_again().await?;
    for _ in 0..2 {
        let logout = lab.site().delete("/session").cookie(&guest.token).send().await?;
        logout.is(204)?.has("clear-site-data", "\"cookies\",\"storage\"")?;
        rules::clears_cookie("sid", &logout)?;
    }
    guest.get("/session").send().await?.is(401)?;
    Ok(())
}

async fn behind_tls(column: Column) -> anyhow::Result<()> {
    let lab = column.lab_with(["--behind-tls"]).await?;
    let site = lab.site().behind_tls();
    let account = site.account().await?;
    let login = site.post("/session").json(&account.credentials()).send().await?;
    login.is(201)?;
    let token = login.text("/token")?;
    rules::sets_cookie("__Host-sid", &token, &login)?;
    site.get("/session").cookie(&token).send().await?.is(200)?;
    // A sibling host could set a cookie of the plain name; it must mean nothing here.
    lab.site()
        .get("/session")
        .header("cookie", &format!("sid={token}"))
        .refused(401, "credentials_missing", None)
        .await?;
    let cart = site.post("/cart/items").json(&json!({ "sku": "book", "quantity": 1 })).cookie(&token);
    cart.header("sec-fetch-site", "cross-site").refused(403, "csrf_rejected", None).await?;
    rules::clears_cookie("__Host-sid", &site.delete("/session").cookie(&token).send().await?)?;
    // The common rules look at the cookie that this 401 clears.
    site.get("/session").cookie(&token).refused(401, "session_revoked", Some("revoked")).await?;
    Ok(())
}

async fn in_flight_during_logout(column: Column) -> anyhow::Result<()> {
    let lab = column.lab().await?;
    let site = lab.site();
    let writes: [fn(&Guest) -> Call; 6] = [
        |guest| guest.set("book", 5),
        |guest| guest.post("/cart/items").json(&json!({ "sku": "book", "quantity": 5 })),
        |guest| guest.put("/checkout/payment").json(&json!({ "method": "on_delivery" })),
        |guest| guest.order(&new_key(), 1),
        |guest| guest.post("/session/renew"),
        |guest| guest.get("/cart"),
    ];
    for write in writes {
        let guest = site.guest().await?;
        guest.shop().await?;
        let witness = site.login(&guest.account).await?;
        let slow = lab.hold(write(&guest), Point::Accepted).await?;
        guest.delete("/session").send().await?.is(204)?;
        slow.finish().await?.refused(401, "session_revoked", Some("revoked"))?;
        for call in [guest.get("/session"), guest.set("book", 1), guest.post("/session/renew")] {
            call.refused(401, "session_revoked", Some("revoked")).await?;
        }
        let listed = witness.get("/sessions").send().await?;
        anyhow::ensure!(listed.count("/sessions")? == 1, "a dead session is listed: {}", listed.summary());
        let orders = witness.get("/orders").send().await?;
        anyhow::ensure!(orders.count("/orders")? == 0, "an order was placed: {}", orders.summary());
    }
    Ok(())
}

async fn claimed_before_logout(column: Column) -> anyhow::Result<()> {
    let lab = column.lab().await?;
    let guest = lab.site().guest().await?;
    let (version, key) = (guest.shop().await?, new_key());
    let witness = lab.site().login(&guest.account).await?;
    let order = lab.hold(guest.order(&key, version), Point::Claimed).await?;
    guest.delete("/session").send().await?.is(204)?;
    let answer = order.finish().await?;
    let placed = witness.get("/orders").send().await?;
    anyhow::ensure!(placed.count("/orders")? == 1, "the order was not placed: {}", placed.summary());
    placed.says("/orders/0", &answer.is(201)?.json()?)?;
    guest.get("/session").refused(401, "session_revoked", Some("revoked")).await?;
    Ok(())
}

async fn password_change_elsewhere(column: Column) -> anyhow::Result<()> {
    let lab = column.pair().await?;
    let account = lab.site().account().await?;
    let (mine, there) = (lab.site().login(&account).await?, lab.sibling().login(&account).await?);
    let body = json!({ "current": account.password, "new": "a better password" });
    mine.put("/account/password").json(&body).send().await?.is(204)?;
    mine.get("/session").send().await?.is(200)?;
    differences::expected(38, column.twin).matches(&there.get("/session").send().await?, 200)?;
    // The account is one, wherever its sessions live.
    let old = lab.sibling().post("/session").json(&account.credentials());
    old.refused(401, "invalid_credentials", None).await?;
    Ok(())
}

async fn additions_at_two_replicas(column: Column) -> anyhow::Result<()> {
    let lab = column.pair().await?;
    Ok(hundred_additions(&lab.guest_at_both().await?).await?)
}

async fn the_other_instance(column: Column) -> anyhow::Result<()> {
    let lab = column.pair().await?;
    let here = lab.site().guest().await?;
    here.shop().await?;
    let there = Guest { site: lab.sibling(), ..here.clone() };
    let expected = differences::expected(67, column.twin);
    expected.matches(&there.get("/cart").send().await?, 200)?;
    expected.matches(&there.set("pen", 1).send().await?, 200)?;
    // Nobody there can end what lives here, so nobody there may say that it is ended.
    expected.matches(&there.delete("/session").send().await?, 204)?;
    let after = here.get("/session").send().await?;
    match column.twin {
        Twin::Stateful => drop(after.is(200)?),
        Twin::Stateless => after.refused(401, "session_revoked", Some("revoked"))?,
    }
    Ok(())
}
