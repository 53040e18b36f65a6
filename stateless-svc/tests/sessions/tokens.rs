//! Which tokens are believed? Every forgery the rules name, and the few liberties they leave.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use shared::keys::KeyRing;
use shared::sessions::{Expired, SessionError};
use uuid::Uuid;

use crate::config::StoreAt;
use crate::support::{KEY_A, KEY_B};
use crate::token::{Claims, Tokens};

const NOW_S: i64 = 1_800_000_000;

fn tokens(ring: &str) -> Tokens {
    Tokens::prepare(KeyRing::parse(ring).unwrap()).unwrap()
}

fn claims() -> Claims {
    let id = |byte| Uuid::from_bytes([byte; 16]);
    Claims {
        account: id(1),
        session_id: id(2),
        secret: [3; 16],
        issued_at_s: NOW_S,
        expires_at_s: NOW_S + 60,
        store_id: id(4),
    }
}

fn verify(token: &str) -> Result<Claims, SessionError> {
    tokens(KEY_A).verify(NOW_S * 1000, token)
}

fn part(json: &Value) -> String {
    URL_SAFE_NO_PAD.encode(json.to_string())
}

fn good_header() -> Value {
    json!({ "typ": "at+jwt", "alg": "HS256", "kid": "a" })
}

fn good_body() -> Value {
    let id = |byte| Uuid::from_bytes([byte; 16]);
    json!({
        "iss": "lab", "aud": "lab-api", "sub": id(1), "sid": id(2), "jti": id(3),
        "iat": NOW_S, "nbf": NOW_S, "exp": NOW_S + 60, "store_id": id(4),
    })
}

/// Signs anything, as somebody with the key could.
fn forge(header: &Value, body: &Value, ring: &str) -> String {
    let signed = format!("{}.{}", part(header), part(body));
    let tag = KeyRing::parse(ring).unwrap().signing().tag(signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag))
}

fn with(mut json: Value, name: &str, value: Value) -> Value {
    json[name] = value;
    json
}

fn without(mut json: Value, name: &str) -> Value {
    json.as_object_mut().unwrap().remove(name);
    json
}

#[test]
fn what_we_issue_we_believe_and_the_same_claims_give_the_same_bytes() {
    let token = tokens(KEY_A).issue("a", &claims()).unwrap();
    assert_eq!(token, tokens(KEY_A).issue("a", &claims()).unwrap());
    assert_eq!(verify(&token), Ok(claims()));
    assert!(token.len() < 700, "{}", token.len());
}

#[test]
fn a_token_by_the_rules_is_believed_whoever_wrote_it() {
    // Another order of the header, and claims a newer version added (row 68).
    let body = with(good_body(), "mood", json!(["new", { "in": 2 }]));
    for header in [good_header(), json!({ "kid": "a", "alg": "HS256", "typ": "at+jwt", "new": 1 })] {
        assert_eq!(verify(&forge(&header, &body, KEY_A)), Ok(claims()));
    }
}

#[test]
fn a_rotated_key_verifies_as_long_as_it_is_in_the_ring() {
    let old = tokens(KEY_A).issue("a", &claims()).unwrap();
    let overlap = tokens(&format!("{KEY_B},{KEY_A}"));
    assert_eq!(overlap.verify(NOW_S * 1000, &old), Ok(claims()));
    assert_eq!(tokens(KEY_B).verify(NOW_S * 1000, &old), Err(SessionError::Invalid("unknown kid")));
    // The same kid with another secret is another key.
    let impostor = KEY_B.replacen("b:", "a:", 1);
    assert_eq!(tokens(&impostor).verify(NOW_S * 1000, &old), Err(SessionError::Invalid("signature")));
}

#[test]
fn what_has_not_the_form_of_a_token_is_malformed() {
    let good = tokens(KEY_A).issue("a", &claims()).unwrap();
    let [header, body, signature]: [&str; 3] = good.split('.').collect::<Vec<_>>().try_into().unwrap();
    let long_kid = forge(&with(good_header(), "kid", json!("k".repeat(10_000))), &good_body(), KEY_A);
    let cases = [
        String::new(),
        ".".into(),
        "..".into(),
        "garbage".into(),
        "gar.ba.ge".into(),
        "gar.bageg.age".into(),
        format!("{header}.{body}"),
        format!("{good}."),
        format!("{good}.{signature}"),
        format!(".{body}.{signature}"),
        format!("{header}..{signature}"),
        format!("{header}=.{body}.{signature}"),
        format!("{header}.{body}.{signature}="),
        format!("{header}.{body}.{signature}+/"),
        format!(" {good}"),
        format!("{good}\n"),
        format!("{}.{body}.{signature}", URL_SAFE_NO_PAD.encode("\"a string\"")),
        format!("{good}{}", "A".repeat(4096)),
        "A".repeat(1 << 20),
        long_kid,
    ];
    for token in cases {
        assert_eq!(verify(&token), Err(SessionError::Malformed), "{token:.80}");
    }
}

#[test]
fn a_header_that_is_not_ours_is_refused_even_if_well_signed() {
    let header = good_header;
    let cases = [
        (with(header(), "alg", json!("none")), "alg is not HS256"),
        (with(header(), "alg", json!("nOnE")), "alg is not HS256"),
        (with(header(), "alg", json!("hs256")), "alg is not HS256"),
        (with(header(), "alg", json!("HS512")), "alg is not HS256"),
        (with(header(), "alg", json!("RS256")), "alg is not HS256"),
        (with(header(), "alg", json!(["HS256"])), "alg is not HS256"),
        (without(header(), "alg"), "alg is not HS256"),
        (with(header(), "typ", json!("JWT")), "typ is not at+jwt"),
        (with(header(), "typ", json!("refresh+jwt")), "typ is not at+jwt"),
        (without(header(), "typ"), "typ is not at+jwt"),
        (with(header(), "kid", json!("b")), "unknown kid"),
        (with(header(), "kid", json!("../../etc/passwd")), "unknown kid"),
        (with(header(), "kid", json!("' OR 1=1 --")), "unknown kid"),
        (with(header(), "kid", json!(7)), "unknown kid"),
        (without(header(), "kid"), "unknown kid"),
    ];
    let forbidden = ["jku", "x5u", "jwk", "x5c", "crit", "zip"].map(|name| {
        (with(header(), name, json!(["exp2"])), "a header we must not follow, or do not understand")
    });
    let nothing =
        [(with(header(), "crit", Value::Null), "a header we must not follow, or do not understand")];
    for (header, why) in cases.into_iter().chain(forbidden).chain(nothing) {
        assert_eq!(verify(&forge(&header, &good_body(), KEY_A)), Err(SessionError::Invalid(why)), "{header}");
    }
    let unsigned = format!("{}.{}.", part(&with(header(), "alg", json!("none"))), part(&good_body()));
    assert_eq!(verify(&unsigned), Err(SessionError::Invalid("alg is not HS256")));
    let unsigned = format!("{}.{}.", part(&header()), part(&good_body()));
    assert_eq!(verify(&unsigned), Err(SessionError::Invalid("signature")));
}

#[test]
fn claims_that_are_not_ours_are_refused_even_if_well_signed() {
    let wrong_type = "a claim is missing or of a wrong type";
    let mut cases = vec![
        (with(good_body(), "iss", json!("other")), "iss"),
        (with(good_body(), "aud", json!("other")), "aud"),
        (with(good_body(), "sub", json!("not a uuid")), wrong_type),
        (with(good_body(), "jti", json!("7")), wrong_type),
        (with(good_body(), "exp", json!("soon")), wrong_type),
        (with(good_body(), "exp", json!(1.5)), wrong_type),
        (json!([1, 2]), wrong_type),
    ];
    for name in ["iss", "aud", "sub", "sid", "jti", "iat", "nbf", "exp", "store_id"] {
        cases.push((without(good_body(), name), wrong_type));
        cases.push((with(good_body(), name, Value::Null), wrong_type));
        cases.push((with(good_body(), name, json!({})), wrong_type));
        if !["iat", "nbf", "exp"].contains(&name) {
            cases.push((with(good_body(), name, json!(123)), wrong_type));
            cases.push((with(good_body(), name, json!(["lab", "lab-api"])), wrong_type));
        }
    }
    for (body, why) in cases {
        assert_eq!(verify(&forge(&good_header(), &body, KEY_A)), Err(SessionError::Invalid(why)), "{body}");
    }
}

#[test]
fn the_limits_in_time_are_exact() {
    let at = |name: &str, s: i64| verify(&forge(&good_header(), &with(good_body(), name, json!(s)), KEY_A));
    let cases = [
        (at("exp", NOW_S + 1).is_ok(), true),
        (at("exp", NOW_S) == Err(SessionError::Expired(Expired::Absolute)), true),
        (at("exp", NOW_S - 3) == Err(SessionError::Expired(Expired::Absolute)), true),
        (at("exp", i64::MIN) == Err(SessionError::Expired(Expired::Absolute)), true),
        (at("exp", i64::MAX).is_ok(), true),
        (at("iat", NOW_S + 5).is_ok(), true),
        (at("iat", NOW_S + 6) == Err(SessionError::NotYetValid), true),
        (at("nbf", NOW_S + 5).is_ok(), true),
        (at("nbf", NOW_S + 6) == Err(SessionError::NotYetValid), true),
    ];
    for (n, (is, should)) in cases.into_iter().enumerate() {
        assert_eq!(is, should, "case {n}");
    }
}

#[test]
fn one_changed_byte_anywhere_is_refused() {
    let good = tokens(KEY_A).issue("a", &claims()).unwrap();
    let body_starts = good.find('.').unwrap() + 1;
    for at in 0..good.len() {
        let mut bytes = good.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        let outcome = verify(std::str::from_utf8(&bytes).unwrap());
        let refused = matches!(outcome, Err(SessionError::Invalid(_) | SessionError::Malformed));
        assert!(refused, "byte {at}: {outcome:?}");
        if at > body_starts && good.as_bytes()[at] != b'.' {
            assert_eq!(outcome, Err(SessionError::Invalid("signature")), "byte {at}");
        }
    }
}

#[test]
fn a_store_is_named_by_a_url_and_wrong_ones_are_refused_in_one_line() {
    for good in [
        "redis://127.0.0.1:6379",
        "redis://localhost",
        "redis://:pw@10.0.0.1:1/2",
        "sqlite:x.db",
        "sqlite:///x",
    ] {
        assert!(good.parse::<StoreAt>().is_ok(), "{good}");
    }
    for bad in [
        "",
        "redis",
        "redis://",
        "rediss://h",
        "redis+unix:///x",
        "postgres://x",
        "sqlite:",
        "/tmp/x",
        "redis://h:pw@",
    ] {
        let line = bad.parse::<StoreAt>().map(drop).unwrap_err();
        assert!(!line.contains('\n') && !line.contains("pw"), "{bad}: {line}");
    }
}
