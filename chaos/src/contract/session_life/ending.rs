//! Who may end a session, and how dead is it then? Rows 35, 36, 38 and 39.

use serde_json::json;
use uuid::Uuid;

use crate::contract::answer::Answer;
use crate::contract::rules;
use crate::contract::site::{Account, Site, new_key};
use crate::contract::tokens::guarded;
use crate::contract::{Outcome, holds, same};

/// What every acknowledged logout looks like.
///
/// # Errors
/// If this one looks otherwise.
pub fn logged_out(site: &Site, answer: &Answer) -> Outcome {
    answer.is(204)?.has("clear-site-data", "\"cookies\",\"storage\"")?;
    holds(&answer.asked, "no body", answer.body.is_empty(), answer.summary())?;
    rules::clears_cookie(site.cookie(), answer)
}

/// Row 35.
pub async fn logout_twice(site: Site) -> Outcome {
    let guest = site.guest().await?;
    for _ in 0..2 {
        logged_out(&site, &guest.delete("/session").send().await?)?;
        logged_out(&site, &site.delete("/session").cookie(&guest.token).send().await?)?;
    }
    // The account is still there, and so are its other sessions.
    let (one, other) = (site.login(&guest.account).await?, site.login(&guest.account).await?);
    logged_out(&site, &one.delete("/sessions").send().await?)?;
    other.get("/session").refused(401, "session_revoked", Some("revoked")).await?;
    logged_out(&site, &other.delete("/session").send().await?)
}

/// Row 36.
pub async fn after_logout(site: Site) -> Outcome {
    let guest = site.guest().await?;
    guest.shop().await?;
    logged_out(&site, &guest.delete("/session").send().await?)?;
    for call in guarded(&site) {
        if call.asked() == "DELETE /session" {
            continue;
        }
        call.clone().bearer(&guest.token).refused(401, "session_revoked", Some("revoked")).await?;
        call.cookie(&guest.token).refused(401, "session_revoked", Some("revoked")).await?;
    }
    Ok(())
}

/// Row 38.
pub async fn password_change(site: Site) -> Outcome {
    let mine = site.guest().await?;
    let (other, bystander) = (site.login(&mine.account).await?, site.guest().await?);
    let change = |current: &str| {
        let body = json!({ "current": current, "new": "a better password" });
        mine.put("/account/password").json(&body)
    };
    change("a wrong password").refused(403, "password_wrong", None).await?;
    other.get("/session").send().await?.is(200)?;

    change(&mine.account.password).send().await?.is(204)?;
    other.get("/session").refused(401, "session_revoked", Some("password_changed")).await?;
    for guest in [&mine, &bystander] {
        guest.get("/session").send().await?.is(200)?;
    }
    let old = site.post("/session").json(&mine.account.credentials());
    old.refused(401, "invalid_credentials", None).await?;
    let account = Account { password: "a better password".to_owned(), ..mine.account.clone() };
    site.login(&account).await.map(drop)
}

/// Row 39.
pub async fn not_yours(site: Site) -> Outcome {
    let (ada, eve) = (site.guest().await?, site.guest().await?);
    let version = ada.shop().await?;
    let order = ada.order(&new_key(), version).send().await?;
    order.is(201)?;
    let (order, none) = (order.text("/id")?, Uuid::now_v7().to_string());

    let foreign =
        [eve.delete(&format!("/sessions/{}", ada.session_id)), eve.get(&format!("/orders/{order}"))];
    let absent = [eve.delete(&format!("/sessions/{none}")), eve.get(&format!("/orders/{none}"))];
    for (foreign, absent) in foreign.into_iter().zip(absent) {
        let (foreign, absent) = (foreign.send().await?, absent.send().await?);
        foreign.refused(404, "not_found", None)?;
        same("somebody else's beside nobody's", &without_id(&absent), &without_id(&foreign))?;
    }
    for odd in ["not-a-uuid", "..", "0"] {
        eve.delete(&format!("/sessions/{odd}")).refused(404, "not_found", None).await?;
        eve.get(&format!("/orders/{odd}")).refused(404, "not_found", None).await?;
    }
    same("orders of somebody who has none", &0, &eve.get("/orders").send().await?.count("/orders")?)?;

    // What is one's own is there, and a device of one's own can be ended.
    ada.get("/session").send().await?.is(200)?;
    ada.get(&format!("/orders/{order}")).send().await?.is(200)?.says("/id", &json!(order))?;
    let phone = site.login(&ada.account).await?;
    ada.delete(&format!("/sessions/{}", phone.session_id)).send().await?.is(204)?;
    phone.get("/session").refused(401, "session_revoked", Some("revoked")).await?;
    ada.delete(&format!("/sessions/{}", phone.session_id)).refused(404, "not_found", None).await
}

fn without_id(answer: &Answer) -> String {
    let id = answer.header("x-request-id").unwrap_or_default();
    String::from_utf8_lossy(&answer.body).replace(id, "<id>")
}
