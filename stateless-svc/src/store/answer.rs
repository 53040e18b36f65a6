//! What does a script answer? The record, as it is, or text that is shorter than a record's two hashes: a field a line,
//! the first one a word. `begin.lua` and `list.lua` always answer text. Building one string costs Redis less than
//! building a list of ten, and so does reading it here.
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

/// Two of SHA-256 stand in front of a record.
const HASHES_BYTES: usize = 64;

/// The two hashes of a record, and its lines. `None` for an answer that is none.
pub(super) fn record_of(answer: &[u8]) -> Option<(&[u8], &str)> {
    let (hashes, lines) = answer.split_at_checked(HASHES_BYTES)?;
    Some((hashes, std::str::from_utf8(lines).ok()?))
}

/// An answer that is no record.
pub(super) fn text(answer: &[u8]) -> Result<&str, StoreDown> {
    std::str::from_utf8(answer).map_err(|_| StoreDown::Broken)
}

/// The lines of a record, as `layout.lua` has them: seen, version, who, renewed, address, payment, articles.
pub(super) fn view(lines: &str, claims: &Claims, limits: &Limits) -> Option<Session> {
    let mut lines = each_line(lines);
    let (seen, version) = (lines.next()?, lines.next()?.parse().ok()?);
    let (times, name) = times(seen, lines.next()?)?;
    let _renewed = lines.next()?;
    let (address, payment) = (lines.next()?, lines.next()?);
    let mut checkout = Checkout::default();
    if !address.is_empty() {
        checkout.address = Some(serde_json::from_str(address).ok()?);
    }
    if !payment.is_empty() {
        checkout.payment = Some(serde_json::from_str(payment).ok()?);
    }
    let mut items = lines.map(article).collect::<Option<Vec<_>>>()?;
    items.sort_unstable_by(|a, b| a.sku.cmp(&b.sku));
    let account = AccountRef { id: claims.account, name: name.to_owned() };
    Some(session(account, claims.session_id, &times, limits, Cart { items, version }, checkout))
}

/// Its lines. Byte by byte: the searcher behind `split` costs more to set up than these short lines take to read.
fn each_line(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let end = text.bytes().position(|byte| byte == b'\n');
        rest = end.map(|end| &text[end + 1..]);
        Some(&text[..end.unwrap_or(text.len())])
    })
}

/// `seen` and `who`; the latter is `created absolute name`.
fn times<'a>(seen: &str, who: &'a str) -> Option<(Times, &'a str)> {
    let (created, rest) = who.split_once(' ')?;
    let (absolute, name) = rest.split_once(' ')?;
    let (created_at_ms, absolute_ms) = (created.parse().ok()?, absolute.parse().ok()?);
    Some((Times { created_at_ms, used_at_ms: seen.parse().ok()?, absolute_ms }, name))
}

/// `sku=quantity`.
fn article(line: &str) -> Option<CartLine> {
    let (sku, quantity) = line.split_once('=')?;
    Some(CartLine { sku: sku.to_owned().try_into().ok()?, quantity: quantity.parse().ok()? })
}

/// What `renew.lua` says after the hashes: the lines of the record, which knows when and with which key it was renewed,
/// and a last line, by which call.
pub(super) fn rotated(lines: &str, claims: &Claims, limits: &Limits) -> Option<Rotation> {
    let (lines, how) = lines.rsplit_once('\n')?;
    let (at_ms, kid) = each_line(lines).nth(3)?.split_once(' ')?;
    let issued_at_s = at_ms.parse::<i64>().ok()? / 1000;
    let session = view(lines, claims, limits)?;
    Some(Rotation { session, issued_at_s, kid: kid.to_owned(), replay: how == "replayed" })
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
