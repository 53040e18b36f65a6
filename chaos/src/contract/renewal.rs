//! Section E: can a token be replaced without losing the client, or its thief?

use std::time::Duration;

use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::answer::Answer;
use super::rules;
use super::site::{Guest, Site};
use super::{Deviation, Outcome, Pace, Row, holds, same};

/// Rows 42 to 45.
pub const ROWS: &[Row] = &[
    Row {
        number: 42,
        claim: "renew: a new token; the old one is honoured 10 s more, then 401 session_revoked, reason rotated",
        pace: Pace::Slow,
        run: |site| Box::pin(renewed(site)),
    },
    Row {
        number: 43,
        claim: "renewed again with the same old token within 10 s: the same successor, Idempotent-Replay: true",
        pace: Pace::Brisk,
        run: |site| Box::pin(the_answer_was_lost(site)),
    },
    Row {
        number: 44,
        claim: "20 parallel renewals with one token: 20 times 200, one rotation, one successor",
        pace: Pace::Brisk,
        run: |site| Box::pin(twenty_at_once(site)),
    },
    Row {
        number: 45,
        claim: "an old token renewed after its 10 s: 401 token_reused, and the whole session ends",
        pace: Pace::Slow,
        run: |site| Box::pin(reused(site)),
    },
];

/// How long a renewed token is still honoured.
const GRACE: Duration = Duration::from_secs(10);

/// Either side of the grace, for clocks are read at both ends of a connection.
const MARGIN: Duration = Duration::from_millis(700);

async fn renew(guest: &Guest) -> Result<(Guest, Answer), Deviation> {
    let answer = guest.post("/session/renew").send().await?;
    answer.is(200)?;
    let next = Guest::of(&guest.site, &guest.account, &answer.json()?)?;
    rules::sets_cookie(guest.site.cookie(), &next.token, &answer)?;
    Ok((next, answer))
}

async fn renewed(site: Site) -> Outcome {
    let old = site.guest().await?;
    old.shop().await?;
    let before = old.get("/session").send().await?;
    let begun = Instant::now();
    let (new, answer) = renew(&old).await?;
    answer.lacks("idempotent-replay")?;
    holds("a renewal", "another token", new.token != old.token, &new.token)?;
    same("a renewal: the session id", &old.session_id, &new.session_id)?;
    for unchanged in ["/created_at", "/absolute_expires_at", "/account"] {
        same(&format!("a renewal: {unchanged}"), &before.text(unchanged)?, &answer.text(unchanged)?)?;
    }
    for token in [&old, &new] {
        token.get("/cart").send().await?.is(200)?.says("/items/0/quantity", &json!(2))?;
    }
    // Requests that were on their way are honoured up to the end of the grace, and not a second longer.
    sleep_until(begun + GRACE - MARGIN).await;
    old.set("pen", 1).send().await?.is(200)?;
    sleep_until(Instant::now().max(begun + GRACE + MARGIN)).await;
    old.get("/session").refused(401, "session_revoked", Some("rotated")).await?;
    old.set("pen", 2).refused(401, "session_revoked", Some("rotated")).await?;
    // Who holds only a replaced token can end nothing with it.
    old.delete("/session").refused(401, "session_revoked", Some("rotated")).await?;
    new.get("/cart").send().await?.is(200)?.says("/items/1/quantity", &json!(1)).map(drop)
}

async fn the_answer_was_lost(site: Site) -> Outcome {
    let old = site.guest().await?;
    let (first, answer) = renew(&old).await?;
    for _ in 0..2 {
        let (again, replay) = renew(&old).await?;
        replay.has("idempotent-replay", "true")?;
        same("a renewal repeated: the token", &first.token, &again.token)?;
        for unchanged in ["/session_id", "/absolute_expires_at"] {
            same(
                &format!("a renewal repeated: {unchanged}"),
                &answer.text(unchanged)?,
                &replay.text(unchanged)?,
            )?;
        }
    }
    let by_cookie = site.post("/session/renew").cookie(&old.token).send().await?;
    by_cookie.is(200)?.says("/token", &json!(first.token))?;
    first.get("/session").send().await?.is(200)?;
    // The successor can be renewed in its turn.
    let (second, answer) = renew(&first).await?;
    answer.lacks("idempotent-replay")?;
    second.get("/session").send().await?.is(200)?;
    // And is as dead as any after a logout; the old one cannot bring it back.
    second.delete("/session").send().await?.is(204)?;
    for token in [&first, &second] {
        token.post("/session/renew").refused(401, "session_revoked", Some("revoked")).await?;
    }
    Ok(())
}

async fn twenty_at_once(site: Site) -> Outcome {
    twenty_renewals(&[site.guest().await?]).await
}

/// Twenty renewals with one token, by one guest at one or several replicas: one rotation, one successor.
///
/// # Errors
/// If there are more.
pub async fn twenty_renewals(guest_at: &[Guest]) -> Outcome {
    let mut renewing = JoinSet::new();
    for old in guest_at.iter().cycle().take(20) {
        let old = old.clone();
        renewing.spawn(async move { renew(&old).await });
    }
    let (mut tokens, mut rotations) = (Vec::new(), 0);
    while let Some(ended) = renewing.join_next().await {
        let (next, answer) =
            ended.map_err(|error| Deviation::new("a renewal", "an end", error.to_string()))??;
        rotations += usize::from(!answer.headers.contains_key("idempotent-replay"));
        tokens.push(next.token);
    }
    tokens.sort();
    tokens.dedup();
    same("20 renewals: rotations", &1, &rotations)?;
    same("20 renewals: successors", &1, &tokens.len())?;
    guest_at[0].site.get("/session").bearer(&tokens[0]).send().await?.is(200).map(drop)
}

async fn reused(site: Site) -> Outcome {
    let old = site.guest().await?;
    let (new, _) = renew(&old).await?;
    let begun = Instant::now();
    sleep_until(begun + GRACE + MARGIN).await;
    new.get("/session").send().await?.is(200)?;
    old.post("/session/renew").refused(401, "token_reused", None).await?;
    new.get("/session").refused(401, "session_revoked", Some("reuse")).await?;
    new.set("book", 1).refused(401, "session_revoked", Some("reuse")).await?;
    new.post("/session/renew").refused(401, "session_revoked", Some("reuse")).await?;
    // Only this session: the account can log in, and its owner is told nothing worse.
    site.login(&old.account).await.map(drop)
}
