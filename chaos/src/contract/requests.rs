//! Section A: requests that are wrong. What is told to whoever sends nonsense, too much, or too slowly?

mod bodies;
mod heads;
mod limits;

use hyper::Method;
use serde_json::{Value, json};

use super::call::Call;
use super::site::{Guest, address};
use super::{Pace, Row};

/// Rows 1 to 11.
pub const ROWS: &[Row] = &[
    Row {
        number: 1,
        claim: "invalid JSON, or bytes after the document: 400 malformed_json with line and column, and nothing done",
        pace: Pace::Brisk,
        run: |site| Box::pin(bodies::malformed_json(site)),
    },
    Row {
        number: 2,
        claim: "a field that is missing, unknown, doubled or of a wrong type: 422 validation_failed with pointers",
        pace: Pace::Brisk,
        run: |site| Box::pin(bodies::wrong_fields(site)),
    },
    Row {
        number: 3,
        claim: "a body that is not application/json: 415 with Accept-Post",
        pace: Pace::Brisk,
        run: |site| Box::pin(bodies::wrong_type(site)),
    },
    Row {
        number: 4,
        claim: "a body over 64 KiB, 4 KiB where a password is hashed, with or without a length: 413 and a close",
        pace: Pace::Brisk,
        run: |site| Box::pin(limits::too_large(site)),
    },
    Row {
        number: 5,
        claim: "200 headers, or one of 100 KiB: 431 and a close",
        pace: Pace::Brisk,
        run: |site| Box::pin(limits::too_many_headers(site)),
    },
    Row {
        number: 6,
        claim: "half a head is hung up on after 5 s, however it trickles",
        pace: Pace::Slow,
        run: |site| Box::pin(limits::half_a_head(site)),
    },
    Row {
        number: 6,
        claim: "a body that trickles for 10 s: 408 body_timeout and a close",
        pace: Pace::Slow,
        run: |site| Box::pin(limits::a_trickling_body(site)),
    },
    Row {
        number: 7,
        claim: "Content-Length beside Transfer-Encoding never makes two requests out of one",
        pace: Pace::Brisk,
        run: |site| Box::pin(heads::two_lengths(site)),
    },
    Row {
        number: 8,
        claim: "a wrong method: 405 with Allow; an unknown path: 404",
        pace: Pace::Brisk,
        run: |site| Box::pin(heads::wrong_method_or_path(site)),
    },
    Row {
        number: 9,
        claim: "a bad traceparent or X-Request-Id is as none, and is never echoed",
        pace: Pace::Brisk,
        run: |site| Box::pin(heads::bad_ids(site)),
    },
    Row {
        number: 10,
        claim: "a name with NUL or bidi or over 64 characters, a password over 128: 422, without any hashing",
        pace: Pace::Alone,
        run: |site| Box::pin(bodies::impossible_names(site)),
    },
    Row {
        number: 11,
        claim: "a cross-site POST with the cookie: 403 csrf_rejected",
        pace: Pace::Brisk,
        run: |site| Box::pin(heads::cross_site(site)),
    },
];

/// Every path of the API, with the methods it takes.
pub const ROUTES: &[(&str, &[&str])] = &[
    ("/accounts", &["POST"]),
    ("/account/password", &["PUT"]),
    ("/session", &["POST", "GET", "DELETE"]),
    ("/session/renew", &["POST"]),
    ("/sessions", &["GET", "DELETE"]),
    ("/sessions/{id}", &["DELETE"]),
    ("/cart", &["GET"]),
    ("/cart/items", &["POST"]),
    ("/cart/items/{sku}", &["PUT", "DELETE"]),
    ("/checkout", &["GET"]),
    ("/checkout/address", &["PUT"]),
    ("/checkout/payment", &["PUT"]),
    ("/orders", &["POST", "GET"]),
    ("/orders/{id}", &["GET"]),
    ("/prime/{n}", &["GET"]),
    ("/livez", &["GET"]),
    ("/readyz", &["GET"]),
    ("/metrics", &["GET"]),
    ("/openapi.json", &["GET"]),
];

/// A path of [`ROUTES`] as a client would write it.
pub fn concrete(path: &str) -> String {
    path.replace("{id}", "01a20fba-29d3-710c-b464-2f33f86725a3").replace("{sku}", "book").replace("{n}", "97")
}

/// A call that takes a JSON body, with a body it accepts.
struct Taker {
    method: Method,
    path: &'static str,
    body: Value,
    limit_bytes: usize,
}

impl Taker {
    /// The call by a guest, as far as it can be written without the body.
    fn call(&self, guest: &Guest) -> Call {
        let call = guest.call(self.method.clone(), self.path);
        // The key belongs to the call, and nothing here is about it.
        if self.path == "/orders" { call.header("idempotency-key", "\"k\"") } else { call }
    }
}

/// Every call that takes a JSON body.
fn takers(guest: &Guest) -> Vec<Taker> {
    const AUTH: usize = 4 * 1024;
    const OTHER: usize = 64 * 1024;
    let taker = |method, path, body, limit_bytes| Taker { method, path, body, limit_bytes };
    // A name that is taken, and a password that is wrong: what is accepted here is refused later.
    let known = guest.account.mistyped();
    let passwords = json!({ "current": "wrong horse battery", "new": "another one" });
    vec![
        taker(Method::POST, "/accounts", known.clone(), AUTH),
        taker(Method::POST, "/session", known, AUTH),
        taker(Method::PUT, "/account/password", passwords, AUTH),
        taker(Method::PUT, "/cart/items/book", json!({ "quantity": 2 }), OTHER),
        taker(Method::POST, "/cart/items", json!({ "sku": "book", "quantity": 2 }), OTHER),
        taker(Method::PUT, "/checkout/address", address(), OTHER),
        taker(Method::PUT, "/checkout/payment", json!({ "method": "invoice" }), OTHER),
        taker(Method::POST, "/orders", json!({ "cart_version": 7 }), OTHER),
    ]
}
