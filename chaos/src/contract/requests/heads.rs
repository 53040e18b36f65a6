//! What is wrong with the head? Rows 7, 8, 9 and 11.

use std::time::Duration;

use hyper::Method;
use serde_json::json;
use uuid::Uuid;

use super::{ROUTES, concrete};
use crate::contract::answer::Answer;
use crate::contract::site::Site;
use crate::contract::{Deviation, Outcome, holds, same};

const SOON: Duration = Duration::from_secs(5);

/// Row 7. The second request hides where only one of two readings of the first has a body. First the
/// control: two honest requests in one go get two answers, so that one answer means something.
pub async fn two_lengths(site: Site) -> Outcome {
    let hidden = "GET /prime/7 HTTP/1.1\r\nhost: lab\r\n\r\n";
    let mut honest = site.wire().await?.called("two honest requests");
    honest.say(format!("{hidden}{hidden}")).await;
    for _ in 0..2 {
        honest.must_answer(SOON).await?.is(200)?;
    }
    let chunked = format!("0\r\n\r\n{hidden}");
    let both = [
        format!("content-length: {}\r\ntransfer-encoding: chunked", chunked.len()),
        "content-length: 5\r\ntransfer-encoding: chunked".to_owned(),
        "transfer-encoding: chunked\r\ncontent-length: 5".to_owned(),
        "content-length: 5\r\nTransfer-Encoding: xchunked".to_owned(),
        "content-length: 5\r\ntransfer-encoding : chunked".to_owned(),
        "content-length: 5\r\ntransfer-encoding: chunked, identity".to_owned(),
        "content-length: 5\r\ncontent-length: 0".to_owned(),
        "content-length: +5".to_owned(),
    ];
    for headers in both {
        let first = format!(
            "POST /session HTTP/1.1\r\nhost: lab\r\ncontent-type: application/json\r\n{headers}\r\n\r\n"
        );
        let seen = answers(&site, &(first + &chunked)).await?;
        let harmless = match seen.as_slice() {
            // Hung up on without a word, or one answer, which is about the first and not the hidden one.
            [] => true,
            [only] => only.status == 400 && only.header("connection").is_ok_and(|value| value == "close"),
            _ => false,
        };
        let seen: Vec<String> = seen.iter().map(Answer::summary).collect();
        holds(&format!("{headers:?}"), "one 400 and a close, or a close", harmless, seen)?;
    }
    Ok(())
}

/// All answers to `bytes`, until the service hangs up. One that does neither has said nothing about what it has read.
async fn answers(site: &Site, bytes: &str) -> Result<Vec<Answer>, Deviation> {
    let mut wire = site.wire().await?.called("pipelined requests");
    wire.say(bytes).await;
    let mut seen = Vec::new();
    while let Some(answer) = wire.answer(SOON).await? {
        seen.push(answer);
    }
    Ok(seen)
}

/// Row 8.
pub async fn wrong_method_or_path(site: Site) -> Outcome {
    for (path, methods) in ROUTES {
        for method in ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW"] {
            if methods.contains(&method) {
                continue;
            }
            let method = Method::from_bytes(method.as_bytes()).unwrap_or_default();
            let answer = site.call(method, &concrete(path)).send().await?;
            answer.refused(405, "method_not_allowed", None)?;
            allows(&answer, methods)?;
        }
    }
    let unknown = [
        "/",
        "/nope",
        "/cart/",
        "//cart",
        "/Cart",
        "/sessions/a/b",
        "/prime",
        "/prime/",
        "/cart/items/a/b",
        "/%ff",
        "/..%2fcart",
    ];
    for path in unknown {
        site.get(path).refused(404, "not_found", None).await?;
    }
    site.get("/prime/%ff").send().await?;
    site.call(Method::HEAD, "/livez").send().await?.is(200)?;
    nothing_made_up_is_counted(&site).await
}

/// A label for each path that somebody thinks of would make the metrics grow without end.
async fn nothing_made_up_is_counted(site: &Site) -> Outcome {
    let answer = site.get("/metrics").send().await?;
    let metrics = String::from_utf8_lossy(&answer.is(200)?.body).into_owned();
    for made_up in ["BREW", "/nope", "/sessions/a/b"] {
        holds("GET /metrics", "only our own routes and methods", !metrics.contains(made_up), made_up)?;
    }
    Ok(())
}

/// `Allow` names the methods of the path. HEAD comes with GET (RFC 9110 section 9.3.2) and may be named.
fn allows(answer: &Answer, methods: &[&str]) -> Outcome {
    let mut told: Vec<&str> = answer.header("allow")?.split(',').map(str::trim).collect();
    told.retain(|method| *method != "HEAD");
    told.sort_unstable();
    let mut expected = methods.to_vec();
    expected.sort_unstable();
    same(&format!("{}: Allow", answer.asked), &expected, &told)
}

/// Row 9.
pub async fn bad_ids(site: Site) -> Outcome {
    let (trace, span) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
    let continued =
        site.get("/prime/97").header("traceparent", &format!("00-{trace}-{span}-01")).send().await?;
    continued.is(200)?;
    let ours = continued.header("traceparent")?;
    let goes_on = ours.starts_with(&format!("00-{trace}-")) && !ours.contains(span) && ours.ends_with("-01");
    holds("a good traceparent", "the same trace, another span", goes_on, ours)?;

    let bad = [
        format!("00-{}-{span}-01", "0".repeat(32)),
        format!("00-{trace}-{}-01", "0".repeat(16)),
        format!("00-{}-{span}-01", trace.to_uppercase()),
        format!("ff-{trace}-{span}-01"),
        format!("00-{trace}-{span}-01-more"),
        format!("00-{trace}-{span}"),
        format!("00-{}g-{span}-01", &trace[1..]),
        "nonsense".to_owned(),
    ];
    for sent in &bad {
        let answer = site.get("/prime/97").header("traceparent", sent).send().await?;
        is_not_echoed(answer.is(200)?, &[trace, &trace.to_uppercase(), span, "nonsense"])?;
    }
    let long = "x".repeat(1024);
    for sent in ["not-a-uuid", "", &long, "8e03978e-40d5-43e8-bc93", "'; drop table accounts; --"] {
        let answer = site.get("/prime/97").header("x-request-id", sent).send().await?;
        is_not_echoed(answer.is(200)?, &["not-a-uuid", "xxxxxxxx", "43e8-bc93", "drop table"])?;
    }
    // A good one is taken over; that it comes back is one of the rules for all answers.
    site.get("/prime/97").id(Uuid::new_v4()).send().await?.is(200)?;
    carriage_return(&site).await
}

/// A bare CR in a value splits answers in two where it is echoed. It may be refused or replaced
/// (RFC 9112 section 2.2).
async fn carriage_return(site: &Site) -> Outcome {
    let mut wire = site.wire().await?.called("an x-request-id with a CR");
    wire.say("GET /prime/97 HTTP/1.1\r\nhost: lab\r\nx-request-id: abc\rset-cookie: evil=1\r\n\r\n").await;
    let answer = wire.must_answer(SOON).await?;
    holds(&answer.asked, "200 or 400", [200, 400].contains(&answer.status), answer.summary())?;
    is_not_echoed(&answer, &["abc", "evil"])
}

fn is_not_echoed(answer: &Answer, sent: &[&str]) -> Outcome {
    let told: Vec<String> = answer
        .headers
        .iter()
        .map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value.as_bytes())))
        .collect();
    let echoed = sent.iter().find(|text| told.iter().any(|line| line.contains(**text)));
    holds(&answer.asked, "no echo of a bad id", echoed.is_none(), told)
}

/// Row 11.
pub async fn cross_site(site: Site) -> Outcome {
    let guest = site.guest().await?;
    let add = || site.post("/cart/items").json(&json!({ "sku": "book", "quantity": 1 })).cookie(&guest.token);
    for strange in ["cross-site", "same-site", "nonsense"] {
        add().header("sec-fetch-site", strange).refused(403, "csrf_rejected", None).await?;
        let end = site.delete("/session").cookie(&guest.token).header("sec-fetch-site", strange);
        end.refused(403, "csrf_rejected", None).await?;
    }
    // A browser that knows a password for this site sends it by itself, as it does the cookie.
    for other in ["Basic eDp5", "Bearer", "nonsense", ""] {
        let call = add().header("authorization", other).header("sec-fetch-site", "cross-site");
        call.refused(403, "csrf_rejected", None).await?;
    }
    for origin in ["https://evil.example", "null"] {
        add().header("origin", origin).refused(403, "csrf_rejected", None).await?;
    }
    guest.get("/cart").send().await?.says("/version", &json!(0))?;
    // What must still work, or the row would be kept by a service that refuses everything.
    add().header("sec-fetch-site", "same-origin").send().await?.is(200)?;
    add().header("origin", site.base()).send().await?.is(200)?;
    add().send().await?.is(200)?;
    site.get("/cart").cookie(&guest.token).header("sec-fetch-site", "cross-site").send().await?.is(200)?;
    // Nobody's browser sends a bearer token by itself.
    let bearer = guest.post("/cart/items").json(&json!({ "sku": "book", "quantity": 1 }));
    bearer.header("sec-fetch-site", "cross-site").send().await?.is(200)?;
    guest.get("/cart").send().await?.says("/items/0/quantity", &json!(4)).map(drop)
}
