//! How does one call reach a replica, and what is written down about it?

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE};
use hyper::{Method, Request, Response};
use serde_json::Value;
use uuid::Uuid;

use super::Client;
use super::record::{Ack, Ask, Exchange, Http};
use crate::http::{self, NoAnswer};
use crate::trouble::{Problem, Trouble, is_gateways};

/// How long a client waits for an answer before it gives up on it.
pub const DEADLINE: Duration = Duration::from_secs(2);

/// What a successful answer means: the value for the flow, and what was acknowledged.
pub(super) type Read<T> = fn(&Client, &[u8]) -> Result<(T, Ack), String>;

/// A call that is not sent yet. Nothing happens until it is sent, and it can be sent again: that is how a
/// flow repeats a request, and the only way in which one is ever repeated.
#[derive(Debug)]
pub struct Call<'c, T> {
    pub(super) client: &'c Client,
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) body: Option<Value>,
    pub(super) ask: Ask,
    pub(super) read: Read<T>,
}

impl<T> Call<'_, T> {
    /// A fresh id for a request; chosen before it is sent, so that one can be ready for it.
    pub fn new_request_id(&self) -> Uuid {
        self.client.draw_uuid()
    }

    /// Sends the request once, under this id, and writes down what came of it.
    ///
    /// # Errors
    /// [`Trouble`]: what the client got instead of the promised answer.
    pub async fn send(&self, step: &str, request_id: Uuid) -> Result<T, Trouble> {
        let to = self.client.next_replica();
        let mut exchange = Exchange {
            step: step.to_owned(),
            ask: self.ask.clone(),
            session: self.client.session(),
            sent_at_ms: self.client.now_ms(),
            ended_at_ms: 0.0,
            end: Ok(Ack::Done),
            http: Http {
                method: self.method.to_string(),
                path: self.path.clone(),
                request_id: request_id.to_string(),
                replica: Some(to.name.clone()),
                ..Http::default()
            },
        };
        let answer = http::send(&to.url, self.request(request_id), DEADLINE).await;
        exchange.ended_at_ms = self.client.now_ms();
        if let Ok(answer) = &answer {
            exchange.http.status = Some(answer.status().as_u16());
            exchange.http.replica = header(answer, "x-served-by");
            exchange.http.boot_id = header(answer, "x-boot-id");
        }
        let outcome = self.understand(answer);
        if let Err(Trouble::Gateway(_)) = outcome {
            exchange.http.replica = Some(to.name);
        }
        exchange.end = outcome.as_ref().map(|(_, ack)| ack.clone()).map_err(Clone::clone);
        self.client.write_down(exchange);
        outcome.map(|(value, _)| value)
    }

    fn request(&self, request_id: Uuid) -> Request<Full<Bytes>> {
        let body = self.body.as_ref().map(Value::to_string).unwrap_or_default();
        let mut request = Request::new(Full::new(Bytes::from(body)));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() =
            self.path.parse().expect("a path made of a fixed text, a sku, a number or an id");
        let mut header = |name: hyper::header::HeaderName, value: String| {
            request.headers_mut().insert(name, value.parse().expect("visible ASCII: a token, a UUID, a key"));
        };
        header(hyper::header::HeaderName::from_static("x-request-id"), request_id.to_string());
        if self.body.is_some() {
            header(CONTENT_TYPE, "application/json".to_owned());
        }
        if let Some(token) = self.client.token() {
            header(AUTHORIZATION, format!("Bearer {token}"));
        }
        if let Ask::PlaceOrder(key) = &self.ask {
            header(hyper::header::HeaderName::from_static("idempotency-key"), format!("\"{key}\""));
        }
        request
    }

    fn understand(&self, answer: Result<Response<Bytes>, NoAnswer>) -> Result<(T, Ack), Trouble> {
        let answer = answer.map_err(Trouble::NoAnswer)?;
        if answer.status().is_success() {
            return (self.read)(self.client, answer.body()).map_err(Trouble::Nonsense);
        }
        let status = answer.status().as_u16();
        Err(match serde_json::from_slice::<Problem>(answer.body()) {
            Ok(problem) => Trouble::Told(problem),
            // The service says who it is in every answer; who does not say so is not the service.
            Err(_) if is_gateways(status) && header(&answer, "x-served-by").is_none() => {
                Trouble::Gateway(status)
            }
            Err(_) => Trouble::Nonsense(format!("status {} without a problem document", answer.status())),
        })
    }
}

fn header(answer: &Response<Bytes>, name: &str) -> Option<String> {
    answer.headers().get(name)?.to_str().ok().map(str::to_owned)
}
