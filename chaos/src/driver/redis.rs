//! How does the tool itself talk to Redis? Only to prove a fault and to count calls: one question on one
//! new connection, so that a dead connection is never mistaken for a dead server.

use std::io::ErrorKind;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::{Driver, Store};

/// How long an answer may take. Redis on loopback needs well under a millisecond.
const ANSWER_WITHIN: Duration = Duration::from_secs(1);

/// Why a question got no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoReply {
    /// Nobody listens.
    Refused,
    /// Somebody listens, and nothing came in time.
    Silent,
    /// An error came: Redis's own words, or the connection's.
    Error(String),
}

impl std::fmt::Display for NoReply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            NoReply::Refused => f.write_str("connection refused"),
            NoReply::Silent => f.write_str("no answer in time"),
            NoReply::Error(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for NoReply {}

impl Driver {
    /// Where the lab's Redis is.
    ///
    /// # Errors
    /// If the lab has none: why.
    pub fn redis_url(&self) -> anyhow::Result<&str> {
        match self.store() {
            Store::Redis { url, .. } => Ok(url),
            Store::Embedded { why } => bail!("this lab has no Redis: {why}"),
        }
    }

    /// Asks the lab's Redis something whose answer is a text; `None` is Redis's nil.
    ///
    /// # Errors
    /// If there is no Redis, or it does not answer.
    pub async fn redis_ask(&self, words: &[&str]) -> anyhow::Result<Option<String>> {
        ask(self.redis_url()?, words, ANSWER_WITHIN)
            .await
            .with_context(|| format!("asking Redis for {}", words.join(" ")))
    }

    /// Sends `PING` to the lab's Redis: what came of it within `within`?
    ///
    /// # Errors
    /// If the lab has no Redis.
    pub async fn redis_probe(&self, within: Duration) -> anyhow::Result<Result<(), NoReply>> {
        Ok(ask(self.redis_url()?, &["PING"], within).await.map(|_| ()))
    }

    /// The id of the running Redis; a restart draws a new one.
    ///
    /// # Errors
    /// If it does not answer.
    pub async fn redis_run_id(&self) -> anyhow::Result<String> {
        let info = self.redis_ask(&["INFO", "server"]).await?.unwrap_or_default();
        let id = info.lines().find_map(|line| line.strip_prefix("run_id:"));
        id.map(str::to_owned).context("INFO server has no run_id")
    }
}

/// Asks the Redis at `url` something, and waits at most `within`.
///
/// # Errors
/// [`NoReply`] says why there is no answer.
pub async fn ask(url: &str, words: &[&str], within: Duration) -> Result<Option<String>, NoReply> {
    tokio::time::timeout(within, exchange(url, words)).await.unwrap_or(Err(NoReply::Silent))
}

async fn exchange(url: &str, words: &[&str]) -> Result<Option<String>, NoReply> {
    let address = url.trim_start_matches("redis://").trim_end_matches('/');
    let mut stream = TcpStream::connect(address).await.map_err(broken)?;
    // A Redis command is an array of strings, each with its length in front.
    let mut command = format!("*{}\r\n", words.len());
    for word in words {
        command.push_str(&format!("${}\r\n{word}\r\n", word.len()));
    }
    stream.write_all(command.as_bytes()).await.map_err(broken)?;
    read_reply(&mut BufReader::new(stream)).await
}

async fn read_reply(stream: &mut BufReader<TcpStream>) -> Result<Option<String>, NoReply> {
    let mut line = String::new();
    stream.read_line(&mut line).await.map_err(broken)?;
    let line = line.trim_end();
    match line.split_at_checked(1) {
        Some(("+" | ":", text)) => Ok(Some(text.to_owned())),
        Some(("-", text)) => Err(NoReply::Error(text.to_owned())),
        Some(("$", "-1")) => Ok(None),
        Some(("$", length)) => {
            let length = length.parse().map_err(|_| NoReply::Error(format!("not a length: {length}")))?;
            let mut text = vec![0; length];
            stream.read_exact(&mut text).await.map_err(broken)?;
            Ok(Some(String::from_utf8_lossy(&text).into_owned()))
        }
        _ => Err(NoReply::Error(format!("not a reply: {line:?}"))),
    }
}

fn broken(error: std::io::Error) -> NoReply {
    match error.kind() {
        ErrorKind::ConnectionRefused => NoReply::Refused,
        _ => NoReply::Error(error.to_string()),
    }
}
