//! How is one request sent, so that what happened to it can be told for certain?
//!
//! Each request opens its own connection and is sent once. A pool would hide what this lab wants to see:
//! it retries a request whose pooled connection had died, and then a lost answer looks like a slow one.

use std::io::{Error, ErrorKind};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::header::{CONNECTION, HOST, HeaderValue};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// Why there is no answer. Only after [`NoAnswer::Refused`] is it certain that the request had no effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoAnswer {
    /// Nobody listens there; nothing was sent.
    Refused,
    /// The connection broke before the whole answer was here.
    Reset,
    /// No whole answer within the deadline.
    TimedOut,
    /// Something came back that is not HTTP.
    Garbled(String),
}

impl std::fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            NoAnswer::Refused => f.write_str("connection refused"),
            NoAnswer::Reset => f.write_str("connection broke before the answer"),
            NoAnswer::TimedOut => f.write_str("no answer in time"),
            NoAnswer::Garbled(what) => write!(f, "not an HTTP answer: {what}"),
        }
    }
}

impl std::error::Error for NoAnswer {}

/// Sends `request`, whose URI is only a path, to `base` (`http://host:port`) and waits for the whole
/// answer, at most `deadline`.
///
/// # Errors
/// [`NoAnswer`] says why there is none. A status of 500 is an answer.
pub async fn send(
    base: &str,
    mut request: Request<Full<Bytes>>,
    deadline: Duration,
) -> Result<Response<Bytes>, NoAnswer> {
    let authority = authority(base);
    let host = HeaderValue::from_str(authority).map_err(|_| NoAnswer::Garbled(format!("address {base}")))?;
    request.headers_mut().insert(HOST, host);
    request.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    tokio::time::timeout(deadline, exchange(authority, request)).await.unwrap_or(Err(NoAnswer::TimedOut))
}

/// The `host:port` of a base URL.
pub fn authority(base: &str) -> &str {
    base.trim_start_matches("http://").trim_end_matches('/')
}

async fn exchange(authority: &str, request: Request<Full<Bytes>>) -> Result<Response<Bytes>, NoAnswer> {
    let stream = TcpStream::connect(authority).await.map_err(|e| not_connected(&e))?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|e| broken(&e))?;
    let conversation = async move {
        let (head, body) = sender.send_request(request).await.map_err(|e| broken(&e))?.into_parts();
        let body = body.collect().await.map_err(|e| broken(&e))?.to_bytes();
        Ok(Response::from_parts(head, body))
    };
    // The connection moves the bytes and the conversation gives them their meaning; neither gets on
    // without the other. What the connection says at its end, the conversation has said already.
    let (answer, _) = tokio::join!(conversation, connection);
    answer
}

fn not_connected(error: &Error) -> NoAnswer {
    match error.kind() {
        ErrorKind::ConnectionRefused => NoAnswer::Refused,
        ErrorKind::TimedOut => NoAnswer::TimedOut,
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted => NoAnswer::Reset,
        _ => NoAnswer::Garbled(error.to_string()),
    }
}

fn broken(error: &hyper::Error) -> NoAnswer {
    if error.is_parse() { NoAnswer::Garbled(error.to_string()) } else { NoAnswer::Reset }
}
