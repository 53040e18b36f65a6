//! Do the checks see what is wrong? Each test is a history that no honest service produces, or one that
//! looks wrong and is not.

use super::*;
use crate::client::record::Http;
use crate::trouble::Problem;

/// Builds a history; every request takes one millisecond.
#[derive(Default)]
struct Story {
    history: Vec<Exchange>,
    held: Final,
}

impl Story {
    fn asks(mut self, step: &str, ask: Ask, end: Result<Ack, Trouble>) -> Self {
        let at = self.history.len() as f64 * 10.0;
        let exchange = Exchange {
            step: step.to_owned(),
            ask,
            session: Some("s1".to_owned()),
            sent_at_ms: at,
            ended_at_ms: at + 1.0,
            end,
            http: Http::default(),
        };
        self.history.push(exchange);
        self
    }

    fn holds(mut self, order: Order) -> Self {
        self.held.orders.push(order);
        self
    }

    fn lists(mut self, session: &str) -> Self {
        self.held.sessions.push(session.to_owned());
        self
    }

    fn words(&self) -> Vec<&'static str> {
        check(&self.history, &self.held).iter().map(|finding| finding.reason).collect()
    }
}

fn put(sku: &str, quantity: u32) -> Ask {
    Ask::PutItem(sku.to_owned(), quantity)
}

fn add(sku: &str, quantity: u32) -> Ask {
    Ask::AddItem(sku.to_owned(), quantity)
}

fn place(key: &str) -> Ask {
    Ask::PlaceOrder(key.to_owned())
}

fn lines(items: &[(&str, u32)]) -> Vec<Line> {
    items.iter().map(|(sku, quantity)| Line { sku: (*sku).to_owned(), quantity: *quantity }).collect()
}

fn cart(items: &[(&str, u32)]) -> Result<Ack, Trouble> {
    Ok(Ack::Cart(CartBody { items: lines(items), version: 1 }))
}

fn order(id: &str, items: &[(&str, u32)]) -> Order {
    Order { id: id.to_owned(), items: lines(items), address: "here".into(), payment: "later".into() }
}

fn ordered(id: &str, items: &[(&str, u32)]) -> Result<Ack, Trouble> {
    Ok(Ack::Order(order(id, items)))
}

fn no_answer<T>() -> Result<T, Trouble> {
    Err(Trouble::NoAnswer(NoAnswer::Reset))
}

fn told<T>(status: u16, retryable: bool) -> Result<T, Trouble> {
    Err(Trouble::Told(Problem { status, code: "x".to_owned(), reason: None, retryable }))
}

#[test]
fn an_ordinary_history_is_sound() {
    let story = Story::default()
        .asks("login", Ask::Login, Ok(Ack::Session("s1".to_owned())))
        .asks("put", put("book", 1), cart(&[("book", 1)]))
        .asks("add", add("pen", 2), cart(&[("book", 1), ("pen", 2)]))
        .asks("place", place("k"), ordered("o1", &[("book", 1), ("pen", 2)]))
        .asks("look", Ask::Other, cart(&[]))
        .asks("logout", Ask::Logout, Ok(Ack::Done))
        .asks("logout", Ask::Logout, Ok(Ack::Done))
        .asks("prime", Ask::Public, Ok(Ack::Done))
        .asks("closing-look", Ask::Other, told(401, false))
        .holds(order("o1", &[("book", 1), ("pen", 2)]));
    assert_eq!(story.words(), [] as [&str; 0]);
}

#[test]
fn an_acknowledged_order_that_is_not_stored_is_lost() {
    let story = Story::default().asks("place", place("k"), ordered("o1", &[]));
    assert_eq!(story.words(), ["order_missing"]);
}

#[test]
fn an_order_stored_otherwise_than_acknowledged_is_lost() {
    let story = Story::default()
        .asks("put", put("book", 1), cart(&[("book", 1)]))
        .asks("place", place("k"), ordered("o1", &[("book", 1)]))
        .holds(order("o1", &[("book", 7)]));
    assert!(story.words().contains(&"order_changed"), "{:?}", story.words());
}

#[test]
fn one_key_that_became_two_orders_is_duplicated() {
    let story = Story::default()
        .asks("place", place("k"), no_answer())
        .asks("place", place("k"), ordered("o2", &[]))
        .holds(order("o2", &[]))
        .holds(order("o1", &[]));
    assert_eq!(story.words(), ["order_twice"]);
    assert_eq!(check(&story.history, &story.held)[0].verdict, Verdict::Duplicated);
}

#[test]
fn two_answers_with_two_ids_for_one_key_are_duplicated_even_if_one_order_is_stored() {
    let story = Story::default()
        .asks("place", place("k"), ordered("o1", &[]))
        .asks("place", place("k"), ordered("o2", &[]))
        .holds(order("o2", &[]));
    assert_eq!(story.words(), ["order_missing", "order_twice"]);
}

#[test]
fn an_order_whose_answer_was_lost_may_be_stored_or_not() {
    let story = Story::default().asks("place", place("k"), no_answer());
    assert_eq!(story.words(), [] as [&str; 0]);
    assert_eq!(story.holds(order("o1", &[])).words(), [] as [&str; 0]);
}

#[test]
fn an_order_nobody_placed_is_one_too_many() {
    assert_eq!(Story::default().holds(order("o1", &[])).words(), ["order_twice"]);
}

#[test]
fn an_acknowledged_put_that_is_missing_later_is_lost() {
    let story = Story::default().asks("put", put("book", 1), cart(&[("book", 1)])).asks(
        "look",
        Ask::Other,
        cart(&[]),
    );
    assert_eq!(story.words(), ["cart_change_missing"]);
}

#[test]
fn an_acknowledged_put_that_is_missing_in_the_order_is_lost() {
    let story = Story::default()
        .asks("put", put("book", 1), cart(&[("book", 1)]))
        .asks("place", place("k"), ordered("o1", &[]))
        .holds(order("o1", &[]));
    assert!(story.words().contains(&"cart_change_missing"), "{:?}", story.words());
}

#[test]
fn a_lost_update_is_seen_in_the_next_cart() {
    let story = Story::default().asks("add-1", add("pen", 1), cart(&[("pen", 1)])).asks(
        "add-2",
        add("pen", 1),
        cart(&[("pen", 1)]),
    );
    assert_eq!(story.words(), ["cart_change_missing"]);
}

#[test]
fn an_addition_repeated_after_a_lost_answer_may_count_once_and_not_twice() {
    let repeated = |pens| {
        Story::default()
            .asks("add-pen", add("pen", 1), no_answer())
            .asks("add-pen", add("pen", 1), cart(&[("pen", pens)]))
            .words()
    };
    assert_eq!(repeated(1), [] as [&str; 0]);
    assert_eq!(repeated(2), ["repeated"]);
    assert_eq!(repeated(0), ["cart_change_missing"]);
}

#[test]
fn an_addition_that_was_refused_for_certain_may_not_show() {
    for end in [told(503, true), told(409, false), Err(Trouble::NoAnswer(NoAnswer::Refused))] {
        let story = Story::default().asks("add-pen", add("pen", 1), end).asks(
            "look",
            Ask::Other,
            cart(&[("pen", 1)]),
        );
        assert_eq!(story.words(), ["repeated"]);
    }
}

#[test]
fn an_addition_of_unknown_effect_may_show_or_not() {
    for end in [told(503, false), no_answer()] {
        let story = Story::default().asks("add-pen", add("pen", 1), end);
        for pens in [0, 1] {
            let mut story = Story { history: story.history.clone(), ..Story::default() };
            story = story.asks("look", Ask::Other, cart(&[("pen", pens)]));
            assert_eq!(story.words(), [] as [&str; 0]);
        }
    }
}

#[test]
fn a_put_of_unknown_effect_shows_the_old_or_the_new() {
    let after = |books| {
        Story::default()
            .asks("put-1", put("book", 1), cart(&[("book", 1)]))
            .asks("put-5", put("book", 5), told(503, true))
            .asks("look", Ask::Other, cart(&[("book", books)]))
            .words()
    };
    assert_eq!((after(1), after(5)), (vec![], vec![]));
    assert_eq!(after(6), ["repeated"]);
    assert_eq!(after(0), ["cart_change_missing"]);
}

#[test]
fn somebody_elses_things_in_the_cart_are_seen() {
    let story = Story::default().asks("look", Ask::Other, cart(&[("toaster", 1)]));
    assert_eq!(story.words(), ["cart_foreign"]);
}

#[test]
fn a_success_after_the_acknowledged_logout_is_a_forgotten_logout() {
    let story = Story::default().asks("logout", Ask::Logout, Ok(Ack::Done)).asks(
        "closing-look",
        Ask::Other,
        Ok(Ack::Done),
    );
    assert_eq!(story.words(), ["logout_forgotten"]);
}

#[test]
fn a_session_listed_after_its_logout_is_a_forgotten_logout() {
    let story = Story::default().asks("logout", Ask::Logout, Ok(Ack::Done)).lists("s1");
    assert_eq!(story.words(), ["logout_forgotten"]);
    let other = Story::default().asks("logout", Ask::Logout, Ok(Ack::Done)).lists("s2");
    assert_eq!(other.words(), [] as [&str; 0]);
}

#[test]
fn a_logout_that_was_not_acknowledged_forbids_nothing() {
    for end in [told(503, true), no_answer()] {
        let story = Story::default()
            .asks("logout", Ask::Logout, end)
            .asks("look", Ask::Other, Ok(Ack::Done))
            .lists("s1");
        assert_eq!(story.words(), [] as [&str; 0]);
    }
}

#[test]
fn a_request_sent_before_the_logout_was_acknowledged_may_succeed_after_it() {
    let mut story = Story::default()
        .asks("place", place("k"), ordered("o1", &[]))
        .asks("logout", Ask::Logout, Ok(Ack::Done))
        .holds(order("o1", &[]));
    story.history[0].ended_at_ms = story.history[1].ended_at_ms + 5.0;
    assert_eq!(story.words(), [] as [&str; 0]);
}

#[test]
fn a_new_login_is_a_lost_session() {
    let story = Story::default().asks("login", Ask::Login, Ok(Ack::Session("s1".to_owned()))).asks(
        "login",
        Ask::Login,
        Ok(Ack::Session("s2".to_owned())),
    );
    assert_eq!(story.words(), ["new_login"]);
    let repeated = Story::default().asks("login", Ask::Login, no_answer()).asks(
        "login",
        Ask::Login,
        Ok(Ack::Session("s2".to_owned())),
    );
    assert_eq!(repeated.words(), [] as [&str; 0]);
}
