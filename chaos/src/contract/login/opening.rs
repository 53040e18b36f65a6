//! How does a session begin, and for whom does none? Rows 15 to 19.

use std::time::Duration;

use serde_json::json;
use tokio::task::JoinSet;

use crate::contract::rules;
use crate::contract::site::{Account, Guest, Site};
use crate::contract::{Deviation, Outcome, holds, same};

/// Row 15. The attacker's id is one he made up, or one he was given for a session of his own.
pub async fn fixation(site: Site) -> Outcome {
    let attacker = site.guest().await?;
    let made_up = "00000000000000000000000000000000".to_owned();
    for sent in [made_up, attacker.token.clone()] {
        let victim = site.account().await?;
        let login = site.post("/session").json(&victim.credentials()).cookie(&sent).send().await?;
        login.is(201)?;
        let guest = Guest::of(&site, &victim, &login.json()?)?;
        rules::sets_cookie(site.cookie(), &guest.token, &login)?;
        holds("a login with a foreign id", "a new token", guest.token != sent, &guest.token)?;
        let new_session = guest.session_id != attacker.session_id;
        holds("a login with a foreign id", "a new session", new_session, &guest.session_id)?;
        site.get("/session").cookie(&sent).send().await?.is(401)?;
        guest.get("/session").send().await?.is(200)?.says("/account", &json!(victim.name))?;
        site.get("/session").cookie(&guest.token).send().await?.is(200)?;
    }
    Ok(())
}

/// Row 16.
pub async fn while_logged_in(site: Site) -> Outcome {
    let bob = site.account().await?;
    for by_cookie in [true, false] {
        let ada = site.guest().await?;
        let login = site.post("/session").json(&bob.credentials());
        let login = if by_cookie { login.cookie(&ada.token) } else { login.bearer(&ada.token) };
        let login = login.send().await?;
        login.is(201)?.says("/account", &json!(bob.name))?;
        let now = Guest::of(&site, &bob, &login.json()?)?;
        holds("a second login", "a new session", now.session_id != ada.session_id, &now.session_id)?;
        ada.get("/session").refused(401, "session_revoked", Some("revoked")).await?;
    }
    // A token that was renewed a moment ago still opens the session, and so a login with it ends that.
    let ada = site.guest().await?;
    let renewed = ada.post("/session/renew").send().await?;
    let successor = Guest::of(&site, &ada.account, &renewed.is(200)?.json()?)?;
    site.post("/session").json(&bob.credentials()).bearer(&ada.token).send().await?.is(201)?;
    successor.get("/session").refused(401, "session_revoked", Some("revoked")).await?;
    // A login that fails ends nothing.
    let ada = site.guest().await?;
    let failed = site.post("/session").json(&bob.mistyped()).bearer(&ada.token);
    failed.refused(401, "invalid_credentials", None).await?;
    ada.get("/session").send().await?.is(200).map(drop)
}

/// Row 17. Different passwords show which of the two there is.
pub async fn registered_twice(site: Site) -> Outcome {
    for _ in 0..5 {
        let name = Account::unknown().name;
        let twin = |password: &str| Account { name: name.clone(), password: password.to_owned() };
        let (one, other) = (twin("the first password"), twin("the second password"));
        let (first, second) = tokio::join!(
            site.post("/accounts").json(&one.credentials()).send(),
            site.post("/accounts").json(&other.credentials()).send(),
        );
        let (first, second) = (first?, second?);
        let (winner, loser, refusal) =
            if first.status == 201 { (one, other, second) } else { (other, one, first) };
        refusal.refused(409, "account_exists", None)?;
        site.login(&winner).await?;
        site.post("/session").json(&loser.credentials()).refused(401, "invalid_credentials", None).await?;
    }
    Ok(())
}

/// Row 18. Pipelined over a few connections, for ten thousand are a lot.
///
/// # Errors
/// If one of them gets anything but a plain 401.
pub async fn anonymous(site: Site, count: usize) -> Outcome {
    const CONNECTIONS: usize = 4;
    let mut asking = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let site = site.clone();
        asking.spawn(async move { anonymous_on_one_connection(&site, count / CONNECTIONS).await });
    }
    while let Some(ended) = asking.join_next().await {
        ended.map_err(|error| Deviation::new("asking", "an end", error.to_string()))??;
    }
    Ok(())
}

async fn anonymous_on_one_connection(site: &Site, count: usize) -> Outcome {
    const BATCH: usize = 50;
    let mut wire = site.wire().await?.called("GET /session without a credential");
    let batch = "GET /session HTTP/1.1\r\nhost: lab\r\n\r\n".repeat(BATCH);
    for _ in 0..count / BATCH {
        wire.say(&batch).await;
        for _ in 0..BATCH {
            let answer = wire.must_answer(Duration::from_secs(5)).await?;
            answer.refused(401, "credentials_missing", None)?;
            answer.lacks("set-cookie")?;
        }
    }
    Ok(())
}

/// Row 19.
pub async fn one_session_too_many(site: Site) -> Outcome {
    let account = site.account().await?;
    let mut guests = Vec::new();
    for _ in 0..20 {
        guests.push(site.login(&account).await?);
    }
    guests[0].get("/session").send().await?.is(200)?;
    guests.push(site.login(&account).await?);
    guests[0].get("/session").refused(401, "session_revoked", Some("session_limit")).await?;
    for guest in &guests[1..] {
        guest.get("/session").send().await?.is(200)?;
    }
    let listed = guests[20].get("/sessions").send().await?;
    same("GET /sessions after the 21st login: how many", &20, &listed.count("/sessions")?)?;
    // Oldest first, and exactly one of them is the one that asks.
    listed.says("/sessions/0/session_id", &json!(guests[1].session_id))?;
    listed.says("/sessions/19/session_id", &json!(guests[20].session_id))?;
    listed.says("/sessions/19/current", &json!(true))?.says("/sessions/0/current", &json!(false)).map(drop)
}
