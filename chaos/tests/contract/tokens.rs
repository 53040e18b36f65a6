//! Section C, for somebody who has a key: what must be refused though its signature is right?

use std::time::Duration;

use chaos::contract::differences::{self, Seen};
use chaos::contract::site::Guest;
use chaos::contract::{Pace, Site};
use chaos::service::{self, Twin};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use uuid::Uuid;

use crate::column::{Column, Lab};
use crate::forge::{ABSOLUTE, BOOT, Jwt, KID, REPLICA, SESSION, Tagged, now_s};
use crate::table::{LabRow, everywhere};

fn stateless(column: &Column) -> bool {
    column.twin == Twin::Stateless
}

pub const ROWS: &[LabRow] = &[
    LabRow {
        number: 22,
        claim: "a JWT is garbage to a service whose tokens have another form, also when the key is right",
        pace: Pace::Brisk,
        applies: |column| column.twin == Twin::Stateful,
        run: |column| Box::pin(a_jwt_at_the_wrong_door(column)),
    },
    LabRow {
        number: 23,
        claim: "none, RS256, HS384, or the wrong key with all else right: 401 token_invalid, and the log says why",
        pace: Pace::Brisk,
        applies: stateless,
        run: |column| Box::pin(wrong_algorithms(column)),
    },
    LabRow {
        number: 24,
        claim: "kid unknown, a path, SQL, 10,000 characters; jku, x5u, jwk: 401, and nobody is asked for a key",
        pace: Pace::Brisk,
        applies: everywhere,
        run: |column| Box::pin(wrong_keys(column)),
    },
    LabRow {
        number: 25,
        claim: "crit present, typ missing or not at+jwt: 401 token_invalid",
        pace: Pace::Brisk,
        applies: stateless,
        run: |column| Box::pin(wrong_headers(column)),
    },
    LabRow {
        number: 26,
        claim: "iss, aud, sub, sid or jti missing, wrong, or a number: 401 token_invalid",
        pace: Pace::Brisk,
        applies: stateless,
        run: |column| Box::pin(wrong_claims(column)),
    },
    LabRow {
        number: 27,
        claim: "past its absolute limit by a second: 401 session_expired, reason absolute",
        pace: Pace::Brisk,
        applies: everywhere,
        run: |column| Box::pin(past_its_limit(column)),
    },
    LabRow {
        number: 28,
        claim: "nbf or iat over 5 s ahead: 401 token_not_yet_valid; within the 5 s it is believed",
        pace: Pace::Brisk,
        applies: everywhere,
        run: |column| Box::pin(from_the_future(column)),
    },
    LabRow {
        number: 29,
        claim: "a token signed with the key before: believed within the overlap, token_invalid after it",
        pace: Pace::Brisk,
        applies: everywhere,
        run: |column| Box::pin(keys_before(column)),
    },
    LabRow {
        number: 30,
        claim: "any part changed, without the key: 401 token_invalid",
        pace: Pace::Brisk,
        applies: |column| column.twin == Twin::Stateful,
        run: |column| Box::pin(parts_changed(column)),
    },
    LabRow {
        number: 33,
        claim: "a well-formed id that was never issued: 401 session_unknown",
        pace: Pace::Brisk,
        applies: everywhere,
        run: |column| Box::pin(never_issued(column)),
    },
];

async fn invalid(site: &Site, what: &str, token: &str) -> anyhow::Result<()> {
    let call = site.get("/session").bearer(token).refused(401, "token_invalid", None).await;
    call.map_err(|deviation| anyhow::anyhow!("{what}: {deviation}"))
}

/// Whoever is logged in, and the token taken apart. First the control: put together again it is believed,
/// or nothing that follows would mean anything.
async fn jwt(lab: &Lab) -> anyhow::Result<(Guest, Jwt)> {
    let guest = lab.site().guest().await?;
    let jwt = Jwt::of(&guest.token)?;
    lab.site().get("/session").bearer(&jwt.signed()).send().await?.is(200)?;
    Ok((guest, jwt))
}

async fn tagged(lab: &Lab) -> anyhow::Result<(Guest, Tagged)> {
    let guest = lab.site().guest().await?;
    let token = Tagged::of(&guest.token)?;
    anyhow::ensure!(token.signed() == guest.token, "a token made here should be the one made there");
    Ok((guest, token))
}

async fn a_jwt_at_the_wrong_door(column: Column) -> anyhow::Result<()> {
    let lab = column.lab().await?;
    let header = json!({ "alg": "HS256", "typ": "at+jwt", "kid": "k1" });
    let claims = json!({ "iss": "lab", "aud": "lab-api", "sub": Uuid::now_v7(), "exp": now_s() + 3600 });
    let answer = lab.site().get("/session").bearer(&Jwt { header, claims }.signed()).send().await?;
    Ok(differences::expected(22, column.twin).matches(&answer, 200)?)
}

async fn wrong_algorithms(column: Column) -> anyhow::Result<()> {
    let logs = tempfile::tempdir()?;
    let mut spec = column.spec(column.service());
    spec.keep_logs_in = Some(logs.path().to_owned());
    let lab = Lab::start(spec).await?;
    let (_, real) = jwt(&lab).await?;
    let mut ids = Vec::new();
    let mut forged = vec![
        ("another key".to_owned(), real.signed_with(&[7; 32])),
        ("an empty key".to_owned(), real.signed_with(b"")),
        // The classic: the verifier's public key, or its id, taken for the secret.
        ("the kid as the key".to_owned(), real.signed_with(b"k1")),
    ];
    for alg in ["none", "nOnE", "RS256", "ES256", "HS384", "HS512"] {
        let other = real.clone().header("alg", alg);
        forged.push((format!("{alg}, signed as HS256"), other.signed()));
        let unsigned = other.signed();
        let unsigned = unsigned.rsplit_once('.').map(|(body, _)| format!("{body}.")).unwrap_or_default();
        forged.push((format!("{alg}, unsigned"), unsigned));
    }
    forged.push(("no alg".to_owned(), real.clone().header("alg", Value::Null).signed()));
    for (what, token) in &forged {
        invalid(&lab.site(), what, token).await?;
        let id = Uuid::new_v4();
        lab.site().get("/session").bearer(token).id(id).refused(401, "token_invalid", None).await?;
        ids.push(id.to_string());
    }
    let log = std::fs::read_to_string(logs.path().join(format!("{}.log", lab.name())))?;
    for (id, (what, token)) in ids.iter().zip(&forged) {
        let told = log
            .lines()
            .any(|line| line.contains(id) && line.contains("token_invalid") && line.contains("why="));
        anyhow::ensure!(told, "the log does not say why {what} was refused");
        anyhow::ensure!(!log.contains(token), "the log repeats a token");
    }
    Ok(())
}

async fn wrong_keys(column: Column) -> anyhow::Result<()> {
    let lab = column.lab().await?;
    let kids = ["k2", "K1", "", "../../etc/passwd", "k1' or '1'='1", "k1\0", "k1/../k1"];
    if column.twin == Twin::Stateful {
        let (_, real) = tagged(&lab).await?;
        for kid in kids.iter().filter(|kid| !kid.is_empty() && !kid.contains(['.', '\0'])) {
            invalid(&lab.site(), &format!("kid {kid:?}"), &real.clone().with(KID, kid).signed()).await?;
        }
        let long = real.with(KID, &"k".repeat(10_000)).signed();
        return Ok(lab.site().get("/session").bearer(&long).refused(401, "token_malformed", None).await?);
    }
    let (_, real) = jwt(&lab).await?;
    for kid in kids {
        invalid(&lab.site(), &format!("kid {kid:?}"), &real.clone().header("kid", kid).signed()).await?;
    }
    for kid in [json!(1), json!(["k1"]), json!({ "k1": 1 }), Value::Null] {
        invalid(&lab.site(), &format!("kid {kid}"), &real.clone().header("kid", kid.clone()).signed())
            .await?;
    }
    // Over 4 KiB a token is refused for its length alone.
    let long = real.clone().header("kid", "k".repeat(10_000)).signed();
    lab.site().get("/session").bearer(&long).refused(401, "token_malformed", None).await?;
    nobody_is_asked(&lab.site(), &real).await
}

/// A header that says where a key may be fetched. We listen there.
async fn nobody_is_asked(site: &Site, real: &Jwt) -> anyhow::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/keys.json", listener.local_addr()?);
    let own_key = json!({ "kty": "oct", "k": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8" });
    for (name, value) in
        [("jku", json!(url)), ("x5u", json!(url)), ("jwk", own_key), ("x5c", json!(["MIIB"]))]
    {
        let with_kid = real.clone().header(name, value.clone());
        invalid(site, &format!("{name}, signed with the right key"), &with_kid.signed()).await?;
        invalid(site, &format!("{name} and no kid"), &with_kid.header("kid", Value::Null).signed()).await?;
    }
    let asked = tokio::time::timeout(Duration::from_millis(300), listener.accept()).await;
    anyhow::ensure!(asked.is_err(), "the service fetched a key from where the token told it to");
    Ok(())
}

async fn wrong_headers(column: Column) -> anyhow::Result<()> {
    let lab = column.lab().await?;
    let (_, real) = jwt(&lab).await?;
    for crit in [json!(["exp"]), json!(["exp2"]), json!([]), json!("exp"), json!({ "b64": false })] {
        invalid(&lab.site(), &format!("crit {crit}"), &real.clone().header("crit", crit.clone()).signed())
            .await?;
    }
    for typ in [
        Value::Null,
        json!("JWT"),
        json!("jwt"),
        json!("refresh+jwt"),
        json!("at+jwt "),
        json!(["at+jwt"]),
        json!(""),
    ] {
        let other = if typ.is_null() {
            real.clone().header("typ", Value::Null)
        } else {
            real.clone().header("typ", typ.clone())
        };
        invalid(&lab.site(), &format!("typ {typ}"), &other.signed()).await?;
    }
    Ok(())
}

async fn wrong_claims(column: Column) -> anyhow::Result<()> {
    let lab = column.lab().await?;
    let (_, real) = jwt(&lab).await?;
    let other = Uuid::now_v7();
    for name in ["iss", "aud", "sub", "sid", "jti", "iat", "nbf", "exp", "store_id"] {
        invalid(&lab.site(), &format!("no {name}"), &real.clone().claim(name, Value::Null).signed()).await?;
        let odd = if matches!(name, "iat" | "nbf" | "exp") { json!("soon") } else { json!(12345) };
        for odd in [odd, json!({}), json!([]), json!(true), json!("")] {
            invalid(&lab.site(), &format!("{name} {odd}"), &real.clone().claim(name, odd.clone()).signed())
                .await?;
        }
    }
    for (name, wrong) in [("iss", "another lab"), ("aud", "another api"), ("sub", "ada"), ("iss", "LAB")] {
        invalid(&lab.site(), &format!("{name} {wrong}"), &real.clone().claim(name, wrong).signed()).await?;
    }
    // Somebody with a key could name another account; the record knows whose session it is.
    let stolen = real.claim("sub", other.to_string()).signed();
    lab.site().get("/session").bearer(&stolen).send().await?.is(401)?;
    Ok(())
}

async fn past_its_limit(column: Column) -> anyhow::Result<()> {
    let lab = column.lab().await?;
    let token = |ago_s: i64, real: &(Option<Jwt>, Option<Tagged>)| match real {
        (Some(jwt), _) => jwt.clone().at("exp", -ago_s).signed(),
        (_, Some(tagged)) => tagged.clone().with(ABSOLUTE, &((now_s() - ago_s) * 1000).to_string()).signed(),
        _ => String::new(),
    };
    let real = match column.twin {
        Twin::Stateless => (Some(jwt(&lab).await?.1), None),
        Twin::Stateful => (None, Some(tagged(&lab).await?.1)),
    };
    for ago_s in [1, 3, 60, 86_400] {
        let expired = lab.site().get("/session").bearer(&token(ago_s, &real));
        expired.refused(401, "session_expired", Some("absolute")).await?;
        // What is over needs no ending.
        lab.site().delete("/session").bearer(&token(ago_s, &real)).send().await?.is(204)?;
    }
    Ok(())
}

async fn from_the_future(column: Column) -> anyhow::Result<()> {
    let lab = column.lab().await?;
    let Seen::Refused(status, code, reason) = differences::expected(28, column.twin) else {
        // A stateful token has no time of issue that could lie ahead; all it has is the limit.
        let (_, real) = tagged(&lab).await?;
        let far = real.with(ABSOLUTE, &((now_s() + 86_400) * 1000).to_string()).signed();
        lab.site().get("/session").bearer(&far).send().await?.is(200)?;
        return Ok(());
    };
    let (_, real) = jwt(&lab).await?;
    for name in ["iat", "nbf"] {
        for ahead_s in [7, 600] {
            let early = real.clone().at(name, ahead_s).signed();
            lab.site().get("/session").bearer(&early).refused(status, code, reason).await?;
        }
        let skewed = real.clone().at(name, 3).signed();
        lab.site().get("/session").bearer(&skewed).send().await?.is(200)?;
    }
    Ok(())
}

async fn keys_before(column: Column) -> anyhow::Result<()> {
    // Here the lab draws the keys, for it can also change them.
    let service = match column.twin {
        Twin::Stateful => service::stateful(),
        Twin::Stateless => service::stateless(),
    };
    let name = service.name.clone();
    let lab = Lab::start(column.spec(service)).await?;
    let guest = lab.site().guest().await?;
    lab.driver.new_key(&name, true).await?;
    lab.terminate().await?;
    lab.start_again().await?;
    let within = guest.get("/session").send().await?;
    differences::expected(29, column.twin).matches(&within, 200)?;
    lab.site().guest().await?.get("/session").send().await?.is(200)?;

    lab.driver.new_key(&name, false).await?;
    lab.terminate().await?;
    lab.start_again().await?;
    guest.get("/session").refused(401, "token_invalid", None).await?;
    guest.delete("/session").refused(401, "token_invalid", None).await?;
    lab.site().guest().await?.get("/session").send().await?.is(200)?;
    Ok(())
}

async fn parts_changed(column: Column) -> anyhow::Result<()> {
    let lab = column.lab().await?;
    let (guest, real) = tagged(&lab).await?;
    let other = lab.site().guest().await?;
    let session = Uuid::parse_str(&other.session_id)?.simple().to_string();
    let absolute = ((now_s() + 999_999) * 1000).to_string();
    let changes =
        [(REPLICA, "stateful-9"), (BOOT, "0123456789abcdef"), (SESSION, &session), (ABSOLUTE, &absolute)];
    for (part, value) in changes {
        let forged = real.clone().with(part, value).signed_with(&[7; 32]);
        invalid(&lab.site(), &format!("part {part} changed"), &forged).await?;
    }
    // With the key, the secret of another session still opens nothing.
    let crossed = real.with(SESSION, &session).signed();
    lab.site().get("/session").bearer(&crossed).send().await?.is(401)?;
    guest.get("/session").send().await?.is(200)?;
    Ok(())
}

async fn never_issued(column: Column) -> anyhow::Result<()> {
    let lab = column.lab().await?;
    let unknown = Uuid::now_v7();
    let token = match column.twin {
        Twin::Stateless => jwt(&lab).await?.1.claim("sid", unknown.to_string()).signed(),
        Twin::Stateful => tagged(&lab).await?.1.with(SESSION, &unknown.simple().to_string()).signed(),
    };
    lab.site().get("/session").bearer(&token).refused(401, "session_unknown", None).await?;
    let write = lab.site().put("/cart/items/book").json(&json!({ "quantity": 1 })).bearer(&token);
    write.refused(401, "session_unknown", None).await?;
    // Not revived by the write that was refused.
    lab.site().get("/session").bearer(&token).refused(401, "session_unknown", None).await?;
    Ok(())
}
