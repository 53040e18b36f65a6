//! What is written down about each request? The evidence a person reads, and the meaning the history
//! checks need: what was asked, in which session, and what was acknowledged.

use serde::Serialize;

use super::body::{CartBody, Order};
use crate::trouble::{Trouble, gateway_word, how_word};

/// One request and what came of it.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// The step of the flow it belongs to.
    pub step: String,
    /// What was asked.
    pub ask: Ask,
    /// The public id of the session it was sent in, if the client had one.
    pub session: Option<String>,
    /// When it was sent and when its end was known, in milliseconds since the client was made.
    pub sent_at_ms: f64,
    /// See `sent_at_ms`.
    pub ended_at_ms: f64,
    /// What the service acknowledged, or why it did not.
    pub end: Result<Ack, Trouble>,
    /// The HTTP side of it.
    pub http: Http,
}

/// The HTTP side of a request.
#[derive(Debug, Clone, Default)]
pub struct Http {
    /// Request method.
    pub method: String,
    /// Request path.
    pub path: String,
    /// The id the client chose for it.
    pub request_id: String,
    /// Answer status, if an answer came.
    pub status: Option<u16>,
    /// `x-served-by` of the answer; where none came, whom the request was sent to: a replica, or `gateway`.
    pub replica: Option<String>,
    /// `x-boot-id` of the answer.
    pub boot_id: Option<String>,
}

/// What a request asks for, as far as the history checks must know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// `POST /session`
    Login,
    /// `POST /session/renew`
    Renew,
    /// `DELETE /session`
    Logout,
    /// `PUT /cart/items/{sku}`: exactly so many.
    PutItem(String, u32),
    /// `POST /cart/items`: so many more.
    AddItem(String, u32),
    /// `POST /orders` with this key.
    PlaceOrder(String),
    /// Something else that needs the session and changes nothing the checks look at.
    Other,
    /// Something that needs no session.
    Public,
}

/// What a 2xx answer acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ack {
    /// A session, by its public id.
    Session(String),
    /// The cart as it is now.
    Cart(CartBody),
    /// An order.
    Order(Order),
    /// Just that it was done.
    Done,
}

/// One request, as printed in reports.
#[derive(Debug, Clone, Serialize)]
pub struct Evidence {
    /// The step of the flow it belongs to; the last one is called `closing-look`.
    pub step: String,
    /// Request method.
    pub method: String,
    /// Request path.
    pub path: String,
    /// Answer status; null if no answer came.
    pub status: Option<u16>,
    /// How it ended where it did not succeed: the code of a problem, or `refused`, `reset`, `timed_out`,
    /// `garbled`, `gateway_502`, `gateway_503`, `gateway_504`, `nonsense`.
    pub failure: Option<String>,
    /// The reason of a problem that has one.
    pub failure_reason: Option<String>,
    /// When it was sent, in milliseconds since the client began.
    pub at_ms: f64,
    /// From sending to the end of the answer, or to knowing that none comes.
    pub ms: f64,
    /// Who answered; where nobody did, who was asked.
    pub replica: Option<String>,
    /// Which run of that replica answered.
    pub boot_id: Option<String>,
}

impl Exchange {
    /// How long it took.
    pub fn ms(&self) -> f64 {
        self.ended_at_ms - self.sent_at_ms
    }

    /// Whether the service acknowledged it.
    pub fn acknowledged(&self) -> bool {
        self.end.is_ok()
    }

    /// Whether the service did not answer at all.
    pub fn unanswered(&self) -> bool {
        matches!(self.end, Err(Trouble::NoAnswer(_)))
    }

    /// The same for a reader.
    pub fn evidence(&self) -> Evidence {
        let (failure, failure_reason) = match &self.end {
            Ok(_) => (None, None),
            Err(Trouble::Told(problem)) => (Some(problem.code.clone()), problem.reason.clone()),
            Err(Trouble::NoAnswer(how)) => (Some(how_word(how).to_owned()), None),
            Err(Trouble::Gateway(status)) => (Some(gateway_word(*status).to_owned()), None),
            Err(Trouble::Nonsense(_)) => (Some("nonsense".to_owned()), None),
        };
        Evidence {
            step: self.step.clone(),
            method: self.http.method.clone(),
            path: self.http.path.clone(),
            status: self.http.status,
            failure,
            failure_reason,
            at_ms: hundredths(self.sent_at_ms),
            ms: hundredths(self.ms()),
            replica: self.http.replica.clone(),
            boot_id: self.http.boot_id.clone(),
        }
    }
}

/// Finer than a hundredth of a millisecond nothing here is measured.
pub fn hundredths(ms: f64) -> f64 {
    (ms * 100.0).round() / 100.0
}
