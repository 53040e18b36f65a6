//! What does somebody learn who guesses? Rows 12, 13 and 14.

use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::task::JoinSet;

use crate::contract::answer::Answer;
use crate::contract::site::{Account, Site};
use crate::contract::{Deviation, Outcome, holds, same};

/// Row 12. The quickest of each count: a busy machine makes an answer late, and none early. So more is
/// tried while the two are apart; where one answer needs no hash they stay apart.
pub async fn unknown_or_wrong(site: Site) -> Outcome {
    let (mut wrong_took, mut unknown_took) = (Vec::new(), Vec::new());
    for _ in 0..6 {
        // A new account for each round: after ten failures nobody hashes for the old one any more.
        let known = site.account().await?;
        for _ in 0..8 {
            let wrong = timed(&mut wrong_took, &site, &known.mistyped()).await?;
            let unknown = timed(&mut unknown_took, &site, &Account::unknown().credentials()).await?;
            same("an unknown name beside a wrong password", &masked(&wrong), &masked(&unknown))?;
            same("the headers of both", &header_names(&wrong), &header_names(&unknown))?;
        }
        if unnoticeable(quickest(&wrong_took), quickest(&unknown_took)) {
            return Ok(());
        }
    }
    let (wrong, unknown) = (quickest(&wrong_took), quickest(&unknown_took));
    let seen = format!("at best {wrong:.1?} for a wrong password, {unknown:.1?} for an unknown name");
    Err(Deviation::new("the time a refused login takes", "the same in both cases", seen))
}

fn unnoticeable(one: Duration, other: Duration) -> bool {
    one.abs_diff(other) < Duration::from_millis(3).max(one.max(other) * 2 / 5)
}

async fn timed(took: &mut Vec<Duration>, site: &Site, credentials: &Value) -> Result<Answer, Deviation> {
    let start = Instant::now();
    let answer = site.post("/session").json(credentials).send().await?;
    took.push(start.elapsed());
    answer.refused(401, "invalid_credentials", None)?;
    Ok(answer)
}

/// The body without the id of the request, which differs.
fn masked(answer: &Answer) -> String {
    let body = String::from_utf8_lossy(&answer.body).into_owned();
    let id = answer.header("x-request-id").unwrap_or_default();
    body.replace(id, "<id>")
}

fn header_names(answer: &Answer) -> Vec<String> {
    answer.headers.keys().map(ToString::to_string).collect()
}

fn quickest(times: &[Duration]) -> Duration {
    times.iter().min().copied().unwrap_or_default()
}

/// Row 13.
pub async fn too_many_failures(site: Site) -> Outcome {
    let (known, bystander) = (site.account().await?, site.account().await?);
    for guessed in [&known, &Account::unknown()] {
        for _ in 0..10 {
            let guess = site.post("/session").json(&guessed.mistyped());
            guess.refused(401, "invalid_credentials", None).await?;
        }
        for credentials in [guessed.mistyped(), guessed.credentials()] {
            site.post("/session").json(&credentials).refused(429, "rate_limited", None).await?;
        }
    }
    site.login(&bystander).await?;
    through_the_back_door(&site).await
}

/// A stolen session must not be a way to guess the password either.
async fn through_the_back_door(site: &Site) -> Outcome {
    let guest = site.guest().await?;
    let guess = |current: &str| {
        let body = serde_json::json!({ "current": current, "new": "a new password" });
        guest.put("/account/password").json(&body)
    };
    for _ in 0..10 {
        guess("wrong horse").refused(403, "password_wrong", None).await?;
    }
    guess(&guest.account.password).refused(429, "rate_limited", None).await?;
    let login = site.post("/session").json(&guest.account.credentials());
    login.refused(429, "rate_limited", None).await
}

/// Row 13, side by side: who counts before the hash and writes after it lets all of them through.
pub async fn guesses_side_by_side(site: Site) -> Outcome {
    let known = site.account().await?;
    let mut guessing = JoinSet::new();
    for _ in 0..40 {
        let guess = site.post("/session").json(&known.mistyped()).at_once();
        guessing.spawn(guess.send());
    }
    let mut looked_at = 0;
    while let Some(ended) = guessing.join_next().await {
        let answer = ended.map_err(|error| Deviation::new("guessing", "an end", error.to_string()))??;
        match answer.code().as_str() {
            "invalid_credentials" => looked_at += 1,
            "rate_limited" | "login_busy" => {}
            _ => return Err(answer.deviates("invalid_credentials, rate_limited or login_busy")),
        }
    }
    holds("40 guesses at once", "at most 10 that are told right from wrong", looked_at <= 10, looked_at)
}

/// Row 14, as far as it can be seen from here: whoever is refused is told so in the right words. A lab's
/// hash is so cheap that the line may never fill; where its cost is known, [`rush`] is judged strictly.
pub async fn everybody_at_once(site: Site) -> Outcome {
    rush(&site).await.map(drop)
}

/// What became of 200 logins at once.
#[derive(Debug)]
pub struct Rush {
    /// How many were told `login_busy`.
    pub busy: usize,
    /// How long a login takes when nobody else wants one.
    pub one_login: Duration,
    /// The longest that somebody waited who wanted something else.
    pub worst_aside: Duration,
}

/// Sends 200 logins at once, and asks for something else meanwhile.
///
/// # Errors
/// [`Deviation`] if one is refused in other words than `login_busy`, or if nobody can log in afterwards.
pub async fn rush(site: &Site) -> Result<Rush, Deviation> {
    let account = site.account().await?;
    let mut took = Vec::new();
    for _ in 0..4 {
        let start = Instant::now();
        site.login(&account).await?;
        took.push(start.elapsed());
    }
    let one_login = quickest(&took);

    let mut logins = JoinSet::new();
    for _ in 0..200 {
        let login = site.post("/session").json(&account.credentials()).at_once();
        logins.spawn(login.send());
    }
    let (busy, waited) = probe_until_done(site, &mut logins).await?;
    let worst_aside = waited.iter().max().copied().unwrap_or_default();
    site.login(&account).await?;
    Ok(Rush { busy, one_login, worst_aside })
}

/// Asks something else as long as logins are under way; how many were refused, and how long it took.
async fn probe_until_done(
    site: &Site,
    logins: &mut JoinSet<Result<Answer, Deviation>>,
) -> Result<(usize, Vec<Duration>), Deviation> {
    let (mut busy, mut waited) = (0, Vec::new());
    while !logins.is_empty() {
        let start = Instant::now();
        site.get("/prime/97").send().await?.is(200)?;
        waited.push(start.elapsed());
        while let Some(ended) = logins.try_join_next() {
            let answer = ended.map_err(|error| Deviation::new("a login", "an end", error.to_string()))??;
            match answer.status {
                201 => {}
                // Where sessions are kept elsewhere, it may be the turn there that does not come in time.
                503 if answer.code() == "session_store_unavailable" => {}
                503 => {
                    answer.refused(503, "login_busy", None)?;
                    answer.has("retry-after", "1")?.says("/retryable", &true.into())?;
                    busy += 1;
                }
                _ => return Err(answer.deviates("201 or 503 login_busy")),
            }
        }
    }
    Ok((busy, waited))
}
