//! How much, and how slowly? Rows 4, 5 and 6.

use std::time::{Duration, Instant};

use super::{Taker, takers};
use crate::contract::answer::Answer;
use crate::contract::rules::{self, Credential, Facts};
use crate::contract::site::{Guest, Site};
use crate::contract::{Deviation, Outcome, holds};

/// An answer that need not wait for anything comes within this.
const SOON: Duration = Duration::from_secs(5);

/// How a body is announced.
#[derive(Debug, Clone, Copy)]
enum Announced {
    Length,
    Chunks,
}

/// Row 4.
pub async fn too_large(site: Site) -> Outcome {
    let guest = site.guest().await?;
    for taker in takers(&guest) {
        for how in [Announced::Length, Announced::Chunks] {
            let fits = send(&guest, &taker, how, taker.limit_bytes).await?;
            holds(&fits.asked, "a body of the largest size to be read", fits.status != 413, fits.summary())?;
            let over = send(&guest, &taker, how, taker.limit_bytes + 1).await?;
            over.refused(413, "payload_too_large", None)?;
        }
    }
    declared_only(&guest).await
}

/// The good body, filled up with spaces to `size_bytes`. After a 413 the connection must end.
async fn send(guest: &Guest, taker: &Taker, how: Announced, size_bytes: usize) -> Result<Answer, Deviation> {
    let mut body = taker.body.to_string();
    body.push_str(&" ".repeat(size_bytes.saturating_sub(body.len())));
    let what = format!("{} {} with {size_bytes} bytes ({how:?})", taker.method, taker.path);
    let mut wire = guest.site.wire().await?.called(&what);
    let mut message = head(guest, taker);
    match how {
        Announced::Length => message.push_str(&format!("content-length: {size_bytes}\r\n\r\n{body}")),
        Announced::Chunks => message
            .push_str(&format!("transfer-encoding: chunked\r\n\r\n{size_bytes:x}\r\n{body}\r\n0\r\n\r\n")),
    }
    wire.say(message).await;
    let answer = obedient(wire.must_answer(SOON).await?)?;
    if answer.status == 413 {
        answer.has("connection", "close")?;
        wire.must_end(SOON).await?;
    }
    Ok(answer)
}

/// An answer that obeys the rules for all answers, which a [`Wire`](crate::contract::wire::Wire) does not look at:
/// what cannot be read as a request is answered by the HTTP library, and without them.
fn obedient(answer: Answer) -> Result<Answer, Deviation> {
    let facts = Facts { asked: answer.asked.clone(), credential: Credential::Bearer, ..Facts::default() };
    rules::obeyed(&facts, &answer)?;
    Ok(answer)
}

fn head(guest: &Guest, taker: &Taker) -> String {
    format!(
        "{} {} HTTP/1.1\r\nhost: lab\r\ncontent-type: application/json\r\nidempotency-key: \"k\"\r\n\
         authorization: Bearer {}\r\n",
        taker.method, taker.path, guest.token
    )
}

/// Whoever announces a gigabyte is refused before sending it.
async fn declared_only(guest: &Guest) -> Outcome {
    for taker in takers(guest) {
        let what = format!("{} {} announcing 1 GiB", taker.method, taker.path);
        let mut wire = guest.site.wire().await?.called(&what);
        wire.say(head(guest, &taker) + "content-length: 1073741824\r\n\r\n").await;
        obedient(wire.must_answer(SOON).await?)?.refused(413, "payload_too_large", None)?;
        wire.must_end(SOON).await?;
    }
    Ok(())
}

/// Row 5.
pub async fn too_many_headers(site: Site) -> Outcome {
    let many: String = (0..200).map(|at| format!("x-header-{at}: 1\r\n")).collect();
    let large = format!("x-large: {}\r\n", "y".repeat(100 * 1024));
    for (what, headers) in [("200 headers", many), ("a header of 100 KiB", large)] {
        let mut wire = site.wire().await?.called(what);
        wire.say(format!("GET /livez HTTP/1.1\r\nhost: lab\r\n{headers}\r\n")).await;
        wire.must_answer(SOON).await?.is(431)?;
        wire.must_end(SOON).await?;
    }
    Ok(())
}

/// Row 6: nothing, half a head, and half a head of which more comes every now and then.
pub async fn half_a_head(site: Site) -> Outcome {
    let pause = Duration::from_millis(500);
    let (silent, half, trickled) = tokio::join!(
        hung_up_on(&site, "a connection without a word", b"", Duration::ZERO),
        hung_up_on(&site, "half a head", b"GET /livez HTTP/1.1\r\nhost: lab\r\nx-half: ", Duration::ZERO),
        hung_up_on(&site, "a trickling head", b"GET /livez HTTP/1.1\r\nx-half: trickles and trickles", pause),
    );
    silent.and(half).and(trickled)
}

async fn hung_up_on(site: &Site, what: &str, bytes: &[u8], pause: Duration) -> Outcome {
    let mut wire = site.wire().await?.called(what);
    let start = Instant::now();
    if pause.is_zero() {
        wire.say(bytes).await;
    } else {
        wire.trickle(bytes, pause, Duration::from_secs(9)).await;
    }
    wire.must_end(Duration::from_secs(9)).await?;
    let took = start.elapsed();
    let in_time = (4.0..8.0).contains(&took.as_secs_f64());
    holds(what, "a hang-up after 5 s", in_time, format!("a hang-up after {took:.1?}"))
}

/// Row 6, the other half: a deadline that each byte would renew is none.
pub async fn a_trickling_body(site: Site) -> Outcome {
    let guest = site.guest().await?;
    let mut wire = site.wire().await?.called("a trickling body");
    let head = format!(
        "PUT /cart/items/book HTTP/1.1\r\nhost: lab\r\ncontent-type: application/json\r\n\
         content-length: 100\r\nauthorization: Bearer {}\r\n\r\n",
        guest.token
    );
    let start = Instant::now();
    wire.say(head).await;
    wire.trickle(&[b' '; 100], Duration::from_millis(500), Duration::from_secs(15)).await;
    let answer = obedient(wire.must_answer(SOON).await?)?;
    answer.refused(408, "body_timeout", None)?;
    answer.has("connection", "close")?;
    let took = start.elapsed();
    let in_time = (9.0..13.0).contains(&took.as_secs_f64());
    holds("a trickling body", "an end after 10 s", in_time, format!("an end after {took:.1?}"))?;
    wire.must_end(SOON).await?;
    guest.get("/cart").send().await?.says("/version", &0.into()).map(drop)
}
