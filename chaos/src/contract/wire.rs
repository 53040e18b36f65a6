//! How does a row send what no HTTP client would: half a head, a body that trickles, two lengths at once?
//! It writes the bytes itself, on a connection it keeps.

use std::time::{Duration, Instant};

use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::Deviation;
use super::answer::Answer;
use crate::http;

/// A connection to a service.
#[derive(Debug)]
pub struct Wire {
    stream: TcpStream,
    heard: Vec<u8>,
    what: String,
}

impl Wire {
    /// Connects to the service with this base address.
    ///
    /// # Errors
    /// If nobody listens.
    pub async fn connect(base: &str) -> Result<Wire, Deviation> {
        let stream = TcpStream::connect(http::authority(base))
            .await
            .map_err(|error| Deviation::new("connecting", "to be let in", error.to_string()))?;
        // Else a byte said alone would wait for the next one.
        let _ = stream.set_nodelay(true);
        Ok(Wire { stream, heard: Vec::new(), what: "a connection".to_owned() })
    }

    /// The same, with a name for reports.
    #[must_use]
    pub fn called(mut self, what: &str) -> Self {
        self.what = what.to_owned();
        self
    }

    /// Sends bytes; false if the service has stopped listening, which it may.
    pub async fn say(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream.write_all(bytes.as_ref()).await.is_ok()
    }

    /// Sends `bytes` one at a time, `pause` apart, until all are sent, the service has hung up or spoken,
    /// or `within` has passed.
    pub async fn trickle(&mut self, bytes: &[u8], pause: Duration, within: Duration) {
        let start = Instant::now();
        for byte in bytes {
            if !self.say([*byte]).await || self.hears(pause).await || start.elapsed() > within {
                return;
            }
        }
    }

    /// Whether anything comes, be it only the end of the connection, before `pause` is over.
    async fn hears(&mut self, pause: Duration) -> bool {
        tokio::time::timeout(pause, self.listen()).await.is_ok()
    }

    /// The next answer; `None` if the connection ends without another one.
    ///
    /// # Errors
    /// If it is half an answer, or none within `within`.
    pub async fn answer(&mut self, within: Duration) -> Result<Option<Answer>, Deviation> {
        let what = self.what.clone();
        match tokio::time::timeout(within, self.next()).await {
            Ok(answer) => answer,
            Err(_) => {
                Err(Deviation::new(what, format!("an answer or a hang-up within {within:?}"), "neither"))
            }
        }
    }

    /// The next answer, which must come.
    ///
    /// # Errors
    /// If the connection ends instead, or nothing comes in time.
    pub async fn must_answer(&mut self, within: Duration) -> Result<Answer, Deviation> {
        let answer = self.answer(within).await?;
        answer.ok_or_else(|| Deviation::new(&self.what, "an answer", "a hang-up without one"))
    }

    /// The service hangs up without a further word.
    ///
    /// # Errors
    /// If it says something, or keeps the connection.
    pub async fn must_end(&mut self, within: Duration) -> Result<(), Deviation> {
        match self.answer(within).await? {
            None => Ok(()),
            Some(answer) => Err(Deviation::new(&self.what, "the connection to end", answer.summary())),
        }
    }

    async fn next(&mut self) -> Result<Option<Answer>, Deviation> {
        loop {
            if let Some((answer, length)) = parse(&self.heard, &self.what)? {
                self.heard.drain(..length);
                return Ok(Some(answer));
            }
            if !self.listen().await {
                return match self.heard.as_slice() {
                    [] => Ok(None),
                    half => Err(garbled(&self.what, half)),
                };
            }
        }
    }

    /// Hears more; false at the end. A reset is an end too: whoever sent too much is often cut off so.
    async fn listen(&mut self) -> bool {
        let mut some = [0; 4096];
        match self.stream.read(&mut some).await {
            Ok(0) | Err(_) => false,
            Ok(count) => {
                self.heard.extend_from_slice(&some[..count]);
                true
            }
        }
    }
}

/// The first whole answer in `bytes`, and how long it is. Bodies have a length here; none is chunked,
/// because every answer of the API is written in one piece.
fn parse(bytes: &[u8], what: &str) -> Result<Option<(Answer, usize)>, Deviation> {
    let Some(head_end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(None) };
    let head = std::str::from_utf8(&bytes[..head_end]).map_err(|_| garbled(what, bytes))?;
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok());
    let status: u16 = status.ok_or_else(|| garbled(what, bytes))?;
    let mut headers = HeaderMap::new();
    for line in lines {
        let (name, value) = line.split_once(':').ok_or_else(|| garbled(what, bytes))?;
        let name: HeaderName = name.parse().map_err(|_| garbled(what, bytes))?;
        headers.append(name, HeaderValue::from_str(value.trim()).map_err(|_| garbled(what, bytes))?);
    }
    let length = headers.get("content-length").and_then(|value| value.to_str().ok()?.parse().ok());
    let (start, length): (usize, usize) = (head_end + 4, length.unwrap_or(0));
    let Some(body) = bytes.get(start..start + length) else { return Ok(None) };
    let body = bytes::Bytes::copy_from_slice(body);
    Ok(Some((Answer { asked: what.to_owned(), status, headers, body }, start + length)))
}

fn garbled(what: &str, bytes: &[u8]) -> Deviation {
    let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(200)]).into_owned();
    Deviation::new(what, "whole HTTP answers", format!("{shown:?}"))
}
