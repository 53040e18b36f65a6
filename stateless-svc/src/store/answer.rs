//! What does a script answer? Text, a field a line, the first one a word. Building one string costs Redis
//! less than building a list of ten, and so does reading it here.
//!
//! A reader returns `None` for what no script of ours writes.

use shared::api::cart::{Cart, CartLine};
use shared::api::checkout::Checkout;
use shared::sessions::{AccountRef, Limits, Listed, Session, SessionError, StoreDown};
use uuid::Uuid;

use super::{Fresh, Rotation, Times, missing, over, session};
use crate::token::Claims;

/// What `begin.lua` says: the store, when the session began, when it ends.
pub(super) fn begun(answer: &str, fresh: &Fresh<'_>, limits: &Limits) -> Option<(Session, Uuid)> {
    let mut lines = answer.strip_prefix("ok\n")?.split('\n');
    let store_id = lines.next()?.parse().ok()?;
    let now_ms = lines.next()?.parse().ok()?;
    let times = Times { created_at_ms: now_ms, used_at_ms: now_ms, absolute_ms: lines.next()?.parse().ok()? };
    let account = fresh.account.clone();
    let session = session(account, fresh.session_id, &times, limits, Cart::default(), Checkout::default());
    Some((session, store_id))
}

/// The lines of a record, as `layout.lua` has them, after the `ok`: seen, who, cart, address, payment.
pub(super) fn view(lines: &str, claims: &Claims, limits: &Limits) -> Option<Session> {
    let mut lines = lines.split('\n');
    let (times, name) = times(lines.next()?, lines.next()?)?;
    let cart = cart(lines.next()?)?;
    let mut checkout = Checkout::default();
    if let Some(address) = lines.next().filter(|text| !text.is_empty()) {
        checkout.address = Some(serde_json::from_str(address).ok()?);
    }
    if let Some(payment) = lines.next().filter(|text| !text.is_empty()) {
        checkout.payment = Some(serde_json::from_str(payment).ok()?);
    }
    let account = AccountRef { id: claims.account, name: name.to_owned() };
    Some(session(account, claims.session_id, &times, limits, cart, checkout))
}

/// `seen` and `who`; the latter is `created absolute name`.
fn times<'a>(seen: &str, who: &'a str) -> Option<(Times, &'a str)> {
    let (created, rest) = who.split_once(' ')?;
    let (absolute, name) = rest.split_once(' ')?;
    let (created_at_ms, absolute_ms) = (created.parse().ok()?, absolute.parse().ok()?);
    Some((Times { created_at_ms, used_at_ms: seen.parse().ok()?, absolute_ms }, name))
}

/// `version sku=quantity sku=quantity`, in the order in which they came.
fn cart(text: &str) -> Option<Cart> {
    let mut words = text.split(' ');
    let version = words.next()?.parse().ok()?;
    let mut items = Vec::new();
    for word in words {
        let (sku, quantity) = word.split_once('=')?;
        items.push(CartLine { sku: sku.to_owned().try_into().ok()?, quantity: quantity.parse().ok()? });
    }
    items.sort_unstable_by(|a, b| a.sku.cmp(&b.sku));
    Some(Cart { items, version })
}

/// The last two lines of `renew.lua`: when and with which key it was renewed, and by which call.
pub(super) fn rotated(answer: &str, session: Session) -> Option<Rotation> {
    let mut last = answer.rsplitn(3, '\n');
    let (how, renewed) = (last.next()?, last.next()?);
    let (at_ms, kid) = renewed.split_once(' ')?;
    let at_ms: i64 = at_ms.parse().ok()?;
    Some(Rotation { session, issued_at_s: at_ms / 1000, kid: kid.to_owned(), replay: how == "replayed" })
}

/// `id seen who`, a line each.
pub(super) fn listed(lines: &str, claims: &Claims, limits: &Limits) -> Option<Listed> {
    let mut sessions = Vec::new();
    let mut owner = "";
    for line in lines.split('\n') {
        let (id, rest) = line.split_once(' ')?;
        let (seen, who) = rest.split_once(' ')?;
        let (times, name) = times(seen, who)?;
        let id: Uuid = id.parse().ok()?;
        sessions.push(times.summary(id, limits, id == claims.session_id));
        owner = name;
    }
    Some(Listed { account: AccountRef { id: claims.account, name: owner.to_owned() }, sessions })
}

/// What an answer that is not `ok` says.
pub(super) fn refused(answer: &str, claims: &Claims) -> SessionError {
    let mut lines = answer.split('\n');
    match (lines.next().unwrap_or_default(), lines.next().unwrap_or_default()) {
        ("absent", now_ms) => {
            let store_id = lines.next().and_then(|id| id.parse().ok());
            missing(claims, now_ms.parse().unwrap_or_default(), store_id)
        }
        ("over", reason) => over(reason),
        ("reused", _) => SessionError::TokenReused,
        ("limit", _) => SessionError::CartLimit,
        ("not_found", _) => SessionError::NotFound,
        ("conflict", current) => match current.parse() {
            Ok(current) => SessionError::VersionConflict { current },
            Err(_) => broken(answer),
        },
        _ => broken(answer),
    }
}

/// An answer no script of ours writes.
pub(super) fn broken(answer: &str) -> SessionError {
    // Only its first word: the rest may be somebody's address.
    let word = answer.split('\n').next().unwrap_or_default();
    tracing::error!(word, "a script answered what we do not understand");
    StoreDown::Broken.into()
}
