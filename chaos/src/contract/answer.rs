//! What came back, and is it what was promised?

use bytes::Bytes;
use hyper::HeaderMap;
use serde_json::Value;

use super::{Deviation, Outcome};

/// How much of a body a report repeats.
const SHOWN_BYTES: usize = 400;

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Method and path of the request.
    pub asked: String,
    /// Its status.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

impl Answer {
    /// It has this status.
    ///
    /// # Errors
    /// [`Deviation`] if it has another one.
    pub fn is(&self, status: u16) -> Result<&Self, Deviation> {
        if self.status == status { Ok(self) } else { Err(self.deviates(&status.to_string())) }
    }

    /// It is a problem of this status and code, with this reason or none.
    ///
    /// # Errors
    /// [`Deviation`] if it is anything else.
    pub fn refused(&self, status: u16, code: &str, reason: Option<&str>) -> Outcome {
        let body = self.problem();
        let said = (self.status, body["code"].as_str(), body["reason"].as_str());
        if said == (status, Some(code), reason) {
            return Ok(());
        }
        let because = reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
        Err(self.deviates(&format!("{status} {code}{because}")))
    }

    /// The problem document, or `null` if it is none.
    pub fn problem(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The problem's code, or nothing.
    pub fn code(&self) -> String {
        self.problem()["code"].as_str().unwrap_or_default().to_owned()
    }

    /// A header, as text.
    ///
    /// # Errors
    /// [`Deviation`] if it is not there.
    pub fn header(&self, name: &str) -> Result<&str, Deviation> {
        let value = self.headers.get(name).and_then(|value| value.to_str().ok());
        value.ok_or_else(|| self.deviates(&format!("a header {name}")))
    }

    /// It has exactly this header.
    ///
    /// # Errors
    /// [`Deviation`] if it has another value, or none.
    pub fn has(&self, name: &str, value: &str) -> Result<&Self, Deviation> {
        if self.header(name)? == value {
            return Ok(self);
        }
        Err(self.deviates(&format!("{name}: {value}")))
    }

    /// It has no such header.
    ///
    /// # Errors
    /// [`Deviation`] if it has.
    pub fn lacks(&self, name: &str) -> Result<&Self, Deviation> {
        if self.headers.contains_key(name) {
            return Err(self.deviates(&format!("no header {name}")));
        }
        Ok(self)
    }

    /// Its body, which is JSON and says so.
    ///
    /// # Errors
    /// [`Deviation`] if it is not.
    pub fn json(&self) -> Result<Value, Deviation> {
        self.has("content-type", "application/json")?;
        serde_json::from_slice(&self.body).map_err(|_| self.deviates("JSON"))
    }

    /// What its body says at a JSON pointer.
    ///
    /// # Errors
    /// [`Deviation`] if it says something else there, or nothing.
    pub fn says(&self, pointer: &str, expected: &Value) -> Result<&Self, Deviation> {
        if self.body_at(pointer)? == *expected {
            return Ok(self);
        }
        Err(self.deviates(&format!("{pointer} to be {expected}")))
    }

    /// A text in its body.
    ///
    /// # Errors
    /// [`Deviation`] if there is none at this JSON pointer.
    pub fn text(&self, pointer: &str) -> Result<String, Deviation> {
        let text = self.body_at(pointer)?.as_str().map(str::to_owned);
        text.ok_or_else(|| self.deviates(&format!("a text at {pointer}")))
    }

    /// A number in its body.
    ///
    /// # Errors
    /// [`Deviation`] if there is none at this JSON pointer.
    pub fn number(&self, pointer: &str) -> Result<u64, Deviation> {
        self.body_at(pointer)?.as_u64().ok_or_else(|| self.deviates(&format!("a number at {pointer}")))
    }

    /// How many entries a list in its body has.
    ///
    /// # Errors
    /// [`Deviation`] if there is no list at this JSON pointer.
    pub fn count(&self, pointer: &str) -> Result<usize, Deviation> {
        let count = self.body_at(pointer)?.as_array().map(Vec::len);
        count.ok_or_else(|| self.deviates(&format!("a list at {pointer}")))
    }

    fn body_at(&self, pointer: &str) -> Result<Value, Deviation> {
        let body: Value = serde_json::from_slice(&self.body).map_err(|_| self.deviates("JSON"))?;
        body.pointer(pointer).cloned().ok_or_else(|| self.deviates(&format!("something at {pointer}")))
    }

    /// This answer is not what was expected.
    pub fn deviates(&self, expected: &str) -> Deviation {
        Deviation::new(&self.asked, expected, self.summary())
    }

    /// Status, body and the headers that matter, in one line.
    pub fn summary(&self) -> String {
        let told = ["connection", "allow", "retry-after", "www-authenticate", "set-cookie", "etag"];
        let headers: Vec<String> = told
            .iter()
            .filter_map(|name| Some(format!("{name}: {}", self.headers.get(*name)?.to_str().ok()?)))
            .collect();
        let body = String::from_utf8_lossy(&self.body[..self.body.len().min(SHOWN_BYTES)]).into_owned();
        format!("{} {body} [{}]", self.status, headers.join("; "))
    }
}
