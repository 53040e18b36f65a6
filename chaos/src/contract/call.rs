//! How does a row ask? One request, written down in a line or two, sent once on a connection of its own.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, HeaderName, HeaderValue};
use hyper::{HeaderMap, Method, Request};
use serde_json::Value;
use uuid::Uuid;

use super::answer::Answer;
use super::rules::{self, Credential, Facts};
use super::site::{self, Site};
use super::{Deviation, Outcome};
use crate::http::{self, NoAnswer};

/// How long an answer may take: longer than any limit a service has for itself.
pub const ANSWER_WITHIN: Duration = Duration::from_secs(15);

/// A request that is not sent yet.
#[derive(Debug, Clone)]
pub struct Call {
    site: Site,
    method: Method,
    path: String,
    headers: Result<HeaderMap, String>,
    body: Bytes,
    at_once: bool,
    facts: Facts,
}

impl Call {
    /// A call without anything.
    pub fn new(site: &Site, method: Method, path: &str) -> Self {
        let facts = Facts { asked: format!("{method} {path}"), cookie: site.cookie(), ..Facts::default() };
        Call {
            site: site.clone(),
            method,
            path: path.to_owned(),
            headers: Ok(HeaderMap::new()),
            body: Bytes::new(),
            at_once: false,
            facts,
        }
    }

    /// With a JSON body.
    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        self.text(&body.to_string())
    }

    /// With a body that claims to be JSON.
    #[must_use]
    pub fn text(self, body: &str) -> Self {
        self.bytes(body.as_bytes()).header(CONTENT_TYPE.as_str(), "application/json")
    }

    /// With a body of no type.
    #[must_use]
    pub fn bytes(mut self, body: &[u8]) -> Self {
        self.body = Bytes::copy_from_slice(body);
        if body.windows(site::PASSWORD.len()).any(|window| window == site::PASSWORD.as_bytes()) {
            self.facts.secrets.push(site::PASSWORD.to_owned());
        }
        self
    }

    /// With one more header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        if let Ok(headers) = &mut self.headers {
            match (name.parse::<HeaderName>(), HeaderValue::from_bytes(value.as_bytes())) {
                (Ok(name), Ok(value)) => drop(headers.append(name, value)),
                _ => self.headers = Err(format!("a header that can be sent, not {name}: {value:?}")),
            }
        }
        self
    }

    /// With a token in the `Authorization` header.
    #[must_use]
    pub fn bearer(mut self, token: &str) -> Self {
        self.note(Credential::Bearer, token);
        self.header(AUTHORIZATION.as_str(), &format!("Bearer {token}"))
    }

    /// With a token as the session cookie.
    #[must_use]
    pub fn cookie(mut self, token: &str) -> Self {
        self.note(Credential::Cookie, token);
        let pair = format!("{}={token}", self.site.cookie());
        self.header(COOKIE.as_str(), &pair)
    }

    /// Under this id, by which a gate or a log knows it.
    #[must_use]
    pub fn id(mut self, id: Uuid) -> Self {
        self.facts.request_id = Some(id);
        self.header("x-request-id", &id.to_string())
    }

    /// Without waiting for a turn among the calls that have a password checked.
    #[must_use]
    pub fn at_once(mut self) -> Self {
        self.at_once = true;
        self
    }

    fn checks_password(&self) -> bool {
        let call = (self.method.as_str(), self.path.as_str());
        matches!(call, ("POST", "/accounts" | "/session") | ("PUT", "/account/password"))
    }

    fn note(&mut self, how: Credential, token: &str) {
        self.facts.secrets.push(token.to_owned());
        let several = self.facts.credential != Credential::None;
        self.facts.credential = if several { Credential::Several } else { how };
    }

    /// What it is, for reports.
    pub fn asked(&self) -> &str {
        &self.facts.asked
    }

    /// Sends it. The answer obeys the rules that hold for all answers.
    ///
    /// # Errors
    /// [`Deviation`] if there is no answer, or one that breaks a rule.
    pub async fn send(self) -> Result<Answer, Deviation> {
        let facts = self.facts.clone();
        let answer = self.attempt().await.map_err(|why| Deviation::no_answer(&facts.asked, &why))?;
        rules::obeyed(&facts, &answer)?;
        Ok(answer)
    }

    /// Sends it where an answer is not certain to come. If one comes, it obeys the rules.
    ///
    /// # Errors
    /// [`Deviation`] if there is an answer that breaks a rule.
    pub async fn send_into_trouble(self) -> Result<Result<Answer, NoAnswer>, Deviation> {
        let facts = self.facts.clone();
        let end = self.attempt().await;
        if let Ok(answer) = &end {
            rules::obeyed(&facts, answer)?;
        }
        Ok(end)
    }

    /// Sends it and expects this answer: status, code, and reason if the code has one.
    ///
    /// # Errors
    /// [`Deviation`] if anything else comes.
    pub async fn refused(self, status: u16, code: &str, reason: Option<&str>) -> Outcome {
        self.send().await?.refused(status, code, reason)
    }

    async fn attempt(self) -> Result<Answer, NoAnswer> {
        let waits = self.checks_password() && !self.at_once;
        let _turn = if waits { self.site.hashing().await } else { None };
        let headers = self.headers.map_err(NoAnswer::Garbled)?;
        let mut request = Request::new(Full::new(self.body));
        *request.method_mut() = self.method;
        *request.uri_mut() = self.path.parse().map_err(|_| NoAnswer::Garbled(self.path.clone()))?;
        *request.headers_mut() = headers;
        let (head, body) = http::send(self.site.base(), request, ANSWER_WITHIN).await?.into_parts();
        Ok(Answer { asked: self.facts.asked, status: head.status.as_u16(), headers: head.headers, body })
    }
}
