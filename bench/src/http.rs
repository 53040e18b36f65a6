//! What goes over the wire? Request bytes made once, and just enough reading of answers to know where one
//! ends and whether it says 2xx.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// The longest a single call may take before the bench gives up on it.
const PATIENCE: Duration = Duration::from_secs(5);

/// The bytes of a request; `credential` is a whole header line, or empty.
pub fn request(method: &str, path: &str, credential: &str, body: Option<&str>) -> Vec<u8> {
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: bench\r\n");
    if !credential.is_empty() {
        head.push_str(credential);
        head.push_str("\r\n");
    }
    if let Some(body) = body {
        head.push_str(&format!("content-type: application/json\r\ncontent-length: {}\r\n", body.len()));
    }
    head.push_str("\r\n");
    head.push_str(body.unwrap_or_default());
    head.into_bytes()
}

/// Where an answer ends.
#[derive(Debug, Clone, Copy)]
pub struct Frame {
    /// The status code.
    pub status: u16,
    /// Bytes up to and with the empty line.
    pub head_bytes: usize,
    /// Bytes in all.
    pub bytes: usize,
}

/// Looks for a whole answer at the start of `bytes`; `None` if more must be read first.
///
/// # Errors
/// If it is no answer, or one without a content-length.
pub fn frame(bytes: &[u8]) -> Result<Option<Frame>> {
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(None) };
    let head = std::str::from_utf8(&bytes[..end]).context("an answer's head is not text")?;
    let mut lines = head.split("\r\n");
    let status: u16 = lines
        .next()
        .and_then(|line| line.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok())
        .context("an answer without a status")?;
    let length = lines.find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>())
    });
    let body_bytes = match length {
        Some(length) => length.context("a content-length that is no number")?,
        None if status == 204 => 0,
        None => bail!("an answer without a content-length"),
    };
    let frame = Frame { status, head_bytes: end + 4, bytes: end + 4 + body_bytes };
    Ok((bytes.len() >= frame.bytes).then_some(frame))
}

/// A whole answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    head: String,
    /// The body.
    pub body: String,
}

impl Answer {
    /// Cuts `frame` out of `bytes`.
    pub fn cut(frame: Frame, bytes: &[u8]) -> Self {
        let text = |range: &[u8]| String::from_utf8_lossy(range).into_owned();
        Answer {
            status: frame.status,
            head: text(&bytes[..frame.head_bytes]),
            body: text(&bytes[frame.head_bytes..frame.bytes]),
        }
    }

    /// The header line that a client sends from now on after this login: the token if the body has one,
    /// else the cookie.
    ///
    /// # Errors
    /// If there is neither, which includes every refused login.
    pub fn credential(&self) -> Result<String> {
        let body: serde_json::Value = serde_json::from_str(&self.body).unwrap_or_default();
        if let Some(token) = body["token"].as_str() {
            return Ok(format!("authorization: Bearer {token}"));
        }
        self.head
            .split("\r\n")
            .find_map(|line| {
                let (name, value) = line.split_once(':')?;
                let cookie = value.split(';').next()?.trim();
                name.eq_ignore_ascii_case("set-cookie").then(|| format!("cookie: {cookie}"))
            })
            .with_context(|| format!("no credential in the answer to a login: {} {}", self.status, self.body))
    }

    /// The answer itself if its status is 2xx.
    ///
    /// # Errors
    /// What was answered instead.
    pub fn success(self) -> Result<Self> {
        if (200..300).contains(&self.status) {
            return Ok(self);
        }
        bail!("refused with {}: {}", self.status, self.body)
    }
}

/// Sends one request on a connection of its own and waits for the answer.
///
/// # Errors
/// If none came.
pub fn ask(address: SocketAddr, request: &[u8]) -> Result<Answer> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(request)?;
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        if let Some(frame) = frame(&bytes)? {
            return Ok(Answer::cut(frame, &bytes));
        }
        match stream.read(&mut chunk)? {
            0 => bail!("the connection was closed before the answer was whole"),
            read => bytes.extend_from_slice(&chunk[..read]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_when_its_last_byte_is_there() {
        let whole = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
        for length in 0..whole.len() {
            assert!(frame(&whole[..length]).unwrap().is_none(), "{length} bytes are not the whole answer");
        }
        let frame = frame(whole).unwrap().unwrap();
        assert_eq!((frame.status, frame.bytes), (200, whole.len()));
        assert_eq!(Answer::cut(frame, whole).body, "ok");
    }

    #[test]
    fn an_answer_of_unknown_length_is_refused() {
        assert!(frame(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
        assert!(frame(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap().is_some());
    }

    #[test]
    fn a_refused_login_gives_no_credential() {
        let bytes = b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 2\r\n\r\n{}";
        let refused = Answer::cut(frame(bytes).unwrap().unwrap(), bytes);
        assert!(refused.credential().is_err());
    }
}
