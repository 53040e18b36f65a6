//! Section C: what is a token worth that is missing, sent twice, made up or changed?

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hyper::Method;
use serde_json::{Value, json};

use super::answer::Answer;
use super::call::Call;
use super::requests::{ROUTES, concrete};
use super::site::Site;
use super::{Deviation, Outcome, Pace, Row};

/// Rows 20 to 23 and 30; the others need a key of the service.
pub const ROWS: &[Row] = &[
    Row {
        number: 20,
        claim: "no credential: 401 credentials_missing with a bare challenge, on every call that needs one",
        pace: Pace::Brisk,
        run: |site| Box::pin(no_credential(site)),
    },
    Row {
        number: 21,
        claim: "header and cookie that differ, two cookies, a token in the URL: 400 ambiguous_credentials",
        pace: Pace::Brisk,
        run: |site| Box::pin(ambiguous(site)),
    },
    Row {
        number: 22,
        claim: "garbage, 2 or 4 parts, padded base64, over 4 KiB: 401 token_malformed",
        pace: Pace::Brisk,
        run: |site| Box::pin(malformed(site)),
    },
    Row {
        number: 23,
        claim: "alg none, nOnE, RS256, ES256, with or without a signature: 401 token_invalid where tokens are JWTs",
        pace: Pace::Brisk,
        run: |site| Box::pin(unsigned(site)),
    },
    Row {
        number: 30,
        claim: "a token changed by one byte: 401 token_invalid",
        pace: Pace::Brisk,
        run: |site| Box::pin(one_byte_changed(site)),
    },
];

/// The calls anybody may make.
const OPEN: &[(&str, &str)] = &[
    ("POST", "/accounts"),
    ("POST", "/session"),
    ("GET", "/prime/{n}"),
    ("GET", "/livez"),
    ("GET", "/readyz"),
    ("GET", "/metrics"),
    ("GET", "/openapi.json"),
];

/// Every call that needs a session, with a body it accepts.
pub fn guarded(site: &Site) -> Vec<Call> {
    let calls = ROUTES.iter().flat_map(|(path, methods)| methods.iter().map(move |method| (*method, *path)));
    let guarded = calls.filter(|call| !OPEN.contains(call));
    let call = |(method, path): (&str, &str)| {
        let body = match (method, path) {
            ("PUT", "/account/password") => json!({ "current": "a password", "new": "another one" }),
            ("PUT", "/cart/items/{sku}") => json!({ "quantity": 1 }),
            ("POST", "/cart/items") => json!({ "sku": "book", "quantity": 1 }),
            ("PUT", "/checkout/address") => super::site::address(),
            ("PUT", "/checkout/payment") => json!({ "method": "invoice" }),
            ("POST", "/orders") => json!({ "cart_version": 1 }),
            _ => Value::Null,
        };
        let call = site.call(Method::from_bytes(method.as_bytes()).unwrap_or_default(), &concrete(path));
        let call = if body.is_null() { call } else { call.json(&body) };
        if path == "/orders" { call.header("idempotency-key", "\"a key\"") } else { call }
    };
    guarded.map(call).collect()
}

async fn no_credential(site: Site) -> Outcome {
    for call in guarded(&site) {
        call.clone().refused(401, "credentials_missing", None).await?;
        // Another scheme is no credential of ours, and neither is another cookie.
        let other =
            call.header("authorization", "Basic YWRhOnB3").header("cookie", "theme=dark; sidebar=left");
        other.refused(401, "credentials_missing", None).await?;
    }
    Ok(())
}

async fn ambiguous(site: Site) -> Outcome {
    let (ada, bob) = (site.guest().await?, site.guest().await?);
    let name = site.cookie();
    for call in guarded(&site) {
        let call = || call.clone();
        let refused = async |call: Call| call.refused(400, "ambiguous_credentials", None).await;
        refused(call().bearer(&ada.token).cookie(&bob.token)).await?;
        refused(call().bearer(&ada.token).cookie("garbage")).await?;
        refused(call().header("cookie", &format!("{name}={}; {name}={}", ada.token, bob.token))).await?;
        refused(call().header("cookie", &format!("{name}={0}; a=b; {name}={0}", ada.token))).await?;
        refused(call().cookie(&ada.token).cookie(&bob.token)).await?;
        refused(call().bearer(&ada.token).bearer(&bob.token)).await?;
    }
    for parameter in ["access_token", "token", name] {
        let path = format!("/session?{parameter}={}", ada.token);
        site.get(&path).refused(400, "ambiguous_credentials", None).await?;
        ada.get(&path).refused(400, "ambiguous_credentials", None).await?;
    }
    let login = site.post("/session").json(&bob.account.credentials()).bearer(&ada.token).cookie(&bob.token);
    login.refused(400, "ambiguous_credentials", None).await?;
    // What is not ambiguous: the same token twice over, a cookie among others, another parameter.
    ada.get("/session").cookie(&ada.token).send().await?.is(200)?;
    let among = format!("theme=d\u{fc}ster; {name}={}; sidebar=left", ada.token);
    site.get("/session?page=1").header("cookie", &among).send().await?.is(200)?;
    bob.get("/session").send().await?.is(200).map(drop)
}

/// What a service's tokens look like; it decides how much can be said about one that is not good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Three parts, the first two of them JSON (RFC 7519).
    Jwt,
    /// Several parts, the last of them a proof that we made it.
    Tagged,
    /// A text that means nothing until it is looked up.
    Opaque,
}

impl Form {
    fn of(own: &str) -> Self {
        match own.matches('.').count() {
            2 if read_jwt(own).is_some() => Form::Jwt,
            0 | 1 => Form::Opaque,
            _ => Form::Tagged,
        }
    }

    /// `answer` refuses a token with this code; a service that must look a token up cannot say more than
    /// that it does not know it.
    fn refuses(self, answer: &Answer, code: &str) -> Outcome {
        let vague = ["session_unknown", "token_invalid", "token_malformed"];
        let unknown = self == Form::Opaque && vague.contains(&answer.code().as_str());
        if unknown { answer.is(401).map(drop) } else { answer.refused(401, code, None) }
    }
}

async fn malformed(site: Site) -> Outcome {
    let own = site.guest().await?.token;
    let form = Form::of(&own);
    let parts: Vec<&str> = own.split('.').take(2).collect();
    let long = "A".repeat(5000);
    let mut garbage = vec![
        "garbage".to_owned(),
        "....".to_owned(),
        "two.parts".to_owned(),
        "now.four.parts.here".to_owned(),
        "\u{e4}\u{f6}\u{fc}.no.ascii".to_owned(),
        format!("{}{}", parts.join("."), if parts.len() == 2 { "" } else { "." }),
        format!("{own}.more"),
        own.replacen('.', ".more.", 1),
        format!(".{own}"),
        format!("{own}="),
        own.replacen('.', "=.", 1) + "==",
        format!("{own}{long}"),
        format!("{long}.{long}.{long}"),
    ];
    // Where a token has no dot or only one, not each of these is another.
    garbage.retain(|token| *token != own);
    for token in &garbage {
        form.refuses(&site.get("/session").bearer(token).send().await?, "token_malformed")?;
        form.refuses(&site.get("/cart").cookie(token).send().await?, "token_malformed")?;
        form.refuses(
            &site.put("/cart/items/book").json(&json!({ "quantity": 1 })).bearer(token).send().await?,
            "token_malformed",
        )?;
    }
    site.get("/session").bearer(&own).send().await?.is(200).map(drop)
}

/// Header and claims of a token, if it is a JWT.
pub fn read_jwt(token: &str) -> Option<(Value, Value)> {
    let mut parts = token.split('.');
    let mut json = || serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts.next()?).ok()?).ok();
    let (header, claims) = (json()?, json()?);
    parts.next()?;
    parts.next().is_none().then_some((header, claims))
}

/// The first two parts of a JWT, ready to be signed.
pub fn jwt_body(header: &Value, claims: &Value) -> String {
    let encode = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
    format!("{}.{}", encode(header), encode(claims))
}

async fn unsigned(site: Site) -> Outcome {
    let own = site.guest().await?.token;
    let foreign = (json!({ "alg": "HS256", "typ": "at+jwt", "kid": "k1" }), json!({ "sub": "ada" }));
    let (header, claims) = read_jwt(&own).unwrap_or(foreign);
    let signature = own.rsplit('.').next().unwrap_or_default().to_owned();
    // Where tokens have another form, a JWT is garbage.
    let form = Form::of(&own);
    let code = if form == Form::Jwt { "token_invalid" } else { "token_malformed" };
    for alg in ["none", "nOnE", "NONE", "RS256", "ES256", "EdDSA", "HS384", ""] {
        for signature in ["", &signature] {
            let mut forged = header.clone();
            forged["alg"] = alg.into();
            let token = format!("{}.{signature}", jwt_body(&forged, &claims));
            form.refuses(&site.get("/session").bearer(&token).send().await?, code)?;
        }
    }
    let no_alg = format!("{}.{signature}", jwt_body(&json!({ "typ": "at+jwt" }), &claims));
    form.refuses(&site.get("/session").bearer(&no_alg).send().await?, code)
}

/// The first part may no longer be readable when it is changed, and the last character carries bits that
/// mean nothing; every other change must be seen by the check of the signature.
async fn one_byte_changed(site: Site) -> Outcome {
    let own = site.guest().await?.token;
    let form = Form::of(&own);
    let first = own.find('.').map_or(0, |dot| dot + 1);
    let changeable: Vec<usize> =
        (first..own.len() - 1).filter(|&at| own.as_bytes()[at].is_ascii_alphanumeric()).collect();
    for &at in changeable.iter().step_by(changeable.len().div_ceil(60).max(1)) {
        let changed = if &own[at..=at] == "1" { "2" } else { "1" };
        let token = format!("{}{changed}{}", &own[..at], &own[at + 1..]);
        let answer = site.get("/session").bearer(&token).send().await?;
        form.refuses(&answer, "token_invalid").map_err(|deviation| Deviation {
            at: format!("GET /session, byte {at} of the token changed"),
            ..deviation
        })?;
    }
    site.get("/session").bearer(&own).send().await?.is(200).map(drop)
}
