//! Is what the flow believes true? Checks over everything that was asked and answered, and over what the
//! service holds in the end, read through a session of the checker's own.
//!
//! These are pure functions, so that they can be tested on histories that no honest service produces. A
//! check that has never failed proves nothing.

use std::collections::{BTreeMap, HashMap};

use crate::client::body::{CartBody, Line, Order};
use crate::client::record::{Ack, Ask, Exchange};
use crate::http::NoAnswer;
use crate::trouble::Trouble;
use crate::verdict::Verdict;

/// The reason of the one finding that no prediction excuses: a token opened a session of somebody else.
pub const FOREIGN_SESSION: &str = "foreign_session";

/// What the service holds when all is over.
#[derive(Debug, Clone, Default)]
pub struct Final {
    /// The account's orders.
    pub orders: Vec<Order>,
    /// Public ids of the account's live sessions, as far as this replica knows.
    pub sessions: Vec<String>,
    /// The session that the client's token opened once somebody else had begun a new one.
    pub opened_last: Option<String>,
}

/// Something that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What it makes of the cell, at least.
    pub verdict: Verdict,
    /// One word.
    pub reason: &'static str,
    /// A sentence.
    pub why: String,
}

/// All checks. An empty list means that the history is sound.
pub fn check(history: &[Exchange], held: &Final) -> Vec<Finding> {
    let mut findings = check_all_but_logins(history, held);
    findings.extend(a_session_is_not_replaced(history));
    findings
}

/// All checks that also hold for a client that plays several flows, and logs in for each.
pub fn check_all_but_logins(history: &[Exchange], held: &Final) -> Vec<Finding> {
    let mut findings = acknowledged_orders_are_stored(history, held);
    findings.extend(one_order_for_one_key(history, held));
    findings.extend(acknowledged_cart_changes_are_there(history, held));
    findings.extend(a_logout_holds(history, held));
    findings.extend(a_token_opens_no_other_session(history, held));
    findings
}

fn lost(reason: &'static str, why: String) -> Finding {
    Finding { verdict: Verdict::Lost, reason, why }
}

fn duplicated(reason: &'static str, why: String) -> Finding {
    Finding { verdict: Verdict::Duplicated, reason, why }
}

/// Every order the service acknowledged is stored as it was acknowledged.
pub fn acknowledged_orders_are_stored(history: &[Exchange], held: &Final) -> Vec<Finding> {
    let acknowledged = history.iter().filter_map(|exchange| match (&exchange.ask, &exchange.end) {
        (Ask::PlaceOrder(_), Ok(Ack::Order(order))) => Some(order),
        _ => None,
    });
    acknowledged
        .filter_map(|order| match held.orders.iter().find(|stored| stored.id == order.id) {
            Some(stored) if stored == order => None,
            Some(_) => {
                Some(lost("order_changed", format!("order {} is not stored as acknowledged", order.id)))
            }
            None => {
                Some(lost("order_missing", format!("order {} was acknowledged and is not stored", order.id)))
            }
        })
        .collect()
}

/// However often a key was sent, it became at most one order; and no order is without a key.
pub fn one_order_for_one_key(history: &[Exchange], held: &Final) -> Vec<Finding> {
    let mut ids: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for exchange in history {
        let Ask::PlaceOrder(key) = &exchange.ask else { continue };
        let ids = ids.entry(key).or_default();
        if let Ok(Ack::Order(order)) = &exchange.end
            && !ids.contains(&order.id.as_str())
        {
            ids.push(&order.id);
        }
    }
    let twice = ids.iter().filter(|(_, ids)| ids.len() > 1).map(|(key, ids)| {
        duplicated("order_twice", format!("one key, several orders: {key} became {}", ids.join(" and ")))
    });
    let mut findings: Vec<Finding> = twice.collect();
    // An order nobody was told of is fine if its key was sent and never acknowledged. More of them are not.
    let known = |order: &&Order| ids.values().flatten().any(|id| *id == order.id);
    let untold = held.orders.iter().filter(|order| !known(order)).count();
    let open_keys = ids.values().filter(|ids| ids.is_empty()).count();
    if untold > open_keys {
        let (stored, keys) = (held.orders.len(), ids.len());
        findings.push(duplicated("order_twice", format!("{stored} orders are stored for {keys} keys")));
    }
    findings
}

/// Could this request have taken effect? A problem of the 500s that may be repeated is safe to repeat
/// either because nothing happened or because happening twice is happening once; only the second kind,
/// `idempotent`, may have happened.
fn may_have_happened(exchange: &Exchange, idempotent: bool) -> bool {
    match &exchange.end {
        Ok(_) | Err(Trouble::Nonsense(_) | Trouble::Gateway(_)) => true,
        Err(Trouble::NoAnswer(how)) => *how != NoAnswer::Refused,
        Err(Trouble::Told(problem)) => problem.status >= 500 && (idempotent || !problem.retryable),
    }
}

/// How many of an article there must be at least and may be at most.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Bounds {
    least: u32,
    most: u32,
}

/// What a cart may hold after everything asked so far.
#[derive(Debug, Clone, Default)]
struct Expected {
    lines: BTreeMap<String, Bounds>,
    // An addition wished for once counts once, however often it is sent: (may have happened, acknowledged).
    additions: HashMap<(String, String, u32), (bool, bool)>,
}

impl Expected {
    fn apply(&mut self, exchange: &Exchange) {
        match &exchange.ask {
            Ask::PutItem(sku, quantity) => {
                let line = self.lines.entry(sku.clone()).or_default();
                if exchange.acknowledged() {
                    *line = Bounds { least: *quantity, most: *quantity };
                } else if may_have_happened(exchange, true) {
                    *line = Bounds { least: line.least.min(*quantity), most: line.most.max(*quantity) };
                }
            }
            Ask::AddItem(sku, quantity) => {
                let wish = (exchange.step.clone(), sku.clone(), *quantity);
                let (counted, acknowledged) = self.additions.entry(wish).or_default();
                let line = self.lines.entry(sku.clone()).or_default();
                if may_have_happened(exchange, false) && !std::mem::replace(counted, true) {
                    line.most += quantity;
                }
                if exchange.acknowledged() && !std::mem::replace(acknowledged, true) {
                    line.least += quantity;
                }
            }
            // An order empties the cart.
            Ask::PlaceOrder(_) if may_have_happened(exchange, true) => {
                self.lines.values_mut().for_each(|line| line.least = 0);
            }
            _ => {}
        }
    }

    fn compare(&self, items: &[Line], place: &str) -> Vec<Finding> {
        let mut findings = Vec::new();
        let quantity =
            |sku: &str| items.iter().filter(|line| line.sku == sku).map(|line| line.quantity).sum::<u32>();
        for (sku, bounds) in &self.lines {
            let there = quantity(sku);
            if there < bounds.least {
                let least = bounds.least;
                findings.push(lost(
                    "cart_change_missing",
                    format!("{place} has {there} × {sku}; {least} were acknowledged"),
                ));
            } else if there > bounds.most {
                let most = bounds.most;
                findings.push(duplicated(
                    "repeated",
                    format!("{place} has {there} × {sku}; {most} were wished for"),
                ));
            }
        }
        for line in items.iter().filter(|line| !self.lines.contains_key(&line.sku)) {
            findings.push(lost("cart_foreign", format!("{place} has {}, which nobody put there", line.sku)));
        }
        findings
    }
}

/// Every cart and every order shows all acknowledged changes, and none more often than wished for.
pub fn acknowledged_cart_changes_are_there(history: &[Exchange], held: &Final) -> Vec<Finding> {
    let mut carts: HashMap<&str, Expected> = HashMap::new();
    let mut ordered: Vec<(&str, Expected)> = Vec::new();
    let mut findings = Vec::new();
    for exchange in history {
        let Some(session) = exchange.session.as_deref() else { continue };
        let expected = carts.entry(session).or_default();
        if let Ask::PlaceOrder(key) = &exchange.ask
            && !ordered.iter().any(|(known, _)| known == key)
        {
            // The order is for the cart as it was when its key was first sent.
            ordered.push((key, expected.clone()));
        }
        expected.apply(exchange);
        match &exchange.end {
            Ok(Ack::Cart(CartBody { items, .. })) => {
                findings.extend(expected.compare(items, &format!("the cart at {}", exchange.step)));
            }
            Ok(Ack::Order(order)) => {
                if let Ask::PlaceOrder(key) = &exchange.ask
                    && let Some((_, then)) = ordered.iter().find(|(known, _)| known == key)
                {
                    findings.extend(then.compare(&order.items, "the order"));
                }
            }
            _ => {}
        }
    }
    // A stored order that nobody was told of must still be for a cart that was ordered.
    for order in &held.orders {
        let fits = ordered.iter().any(|(_, then)| then.compare(&order.items, "").is_empty());
        if !ordered.is_empty() && !fits {
            findings.push(lost(
                "order_changed",
                format!("the stored order {} is for no cart that was ordered", order.id),
            ));
        }
    }
    findings
}

/// No request that needs a session succeeds if it was sent after the logout of its session was
/// acknowledged. Logging out again is the exception: the wish is fulfilled.
pub fn a_logout_holds(history: &[Exchange], held: &Final) -> Vec<Finding> {
    let mut findings = Vec::new();
    for logout in history.iter().filter(|exchange| exchange.ask == Ask::Logout && exchange.acknowledged()) {
        let later = history.iter().filter(|exchange| {
            exchange.session == logout.session
                && exchange.sent_at_ms > logout.ended_at_ms
                && exchange.acknowledged()
                && !matches!(exchange.ask, Ask::Logout | Ask::Login | Ask::Public)
        });
        findings.extend(later.map(|exchange| {
            lost("logout_forgotten", format!("{} succeeded after the logout was acknowledged", exchange.step))
        }));
        if logout.session.as_ref().is_some_and(|session| held.sessions.contains(session)) {
            findings
                .push(lost("logout_forgotten", "the session is still listed after its logout".to_owned()));
        }
    }
    findings
}

/// A token opens the session it was made for or none. A service that counts its ids anew after a restart
/// lets yesterday's token open the session of whoever came in since.
pub fn a_token_opens_no_other_session(history: &[Exchange], held: &Final) -> Vec<Finding> {
    let own = |opened: &String| history.iter().any(|exchange| exchange.session.as_ref() == Some(opened));
    match &held.opened_last {
        Some(opened) if !own(opened) => {
            vec![lost(FOREIGN_SESSION, format!("the client's token opens another session, {opened}"))]
        }
        _ => Vec::new(),
    }
}

/// A client that had to log in anew did not keep its session, whatever else it saved.
pub fn a_session_is_not_replaced(history: &[Exchange]) -> Vec<Finding> {
    let logins =
        history.iter().filter(|exchange| exchange.ask == Ask::Login && exchange.acknowledged()).count();
    if logins > 1 {
        return vec![lost("new_login", format!("the client logged in {logins} times"))];
    }
    Vec::new()
}

#[cfg(test)]
mod tests;
