//! How does the tool itself talk to Postgres? It only asks whether somebody is there: the first message of a
//! client, and the first letter of what comes back. No password is needed for that.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::redis::NoReply;

/// A client that wants to be `postgres`, in protocol 3.0. What it may do is never asked.
const HELLO: &[u8] = b"\0\0\0\x17\0\x03\0\0user\0postgres\0\0";

/// Asks the Postgres at `host:port` whether it takes clients, and waits at most `within`.
///
/// # Errors
/// [`NoReply`] says why not; one that still starts says so itself.
pub async fn ask(address: &str, within: Duration) -> Result<(), NoReply> {
    tokio::time::timeout(within, exchange(address)).await.unwrap_or(Err(NoReply::Silent))
}

async fn exchange(address: &str) -> Result<(), NoReply> {
    let broken = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::ConnectionRefused => NoReply::Refused,
        _ => NoReply::Error(error.to_string()),
    };
    let mut stream = TcpStream::connect(address).await.map_err(broken)?;
    stream.write_all(HELLO).await.map_err(broken)?;
    match stream.read_u8().await.map_err(broken)? {
        b'R' => Ok(()), // It asks for a password: it takes clients.
        b'E' => {
            let mut words = vec![0; 512];
            let length = stream.read(&mut words).await.map_err(broken)?;
            Err(NoReply::Error(message(&words[..length])))
        }
        other => Err(NoReply::Error(format!("not an answer of Postgres: {:?}", char::from(other)))),
    }
}

/// The text in an error message: the field that begins with `M`.
fn message(fields: &[u8]) -> String {
    let fields = fields.get(4..).unwrap_or_default().split(|byte| *byte == 0);
    let text = fields.filter_map(|field| field.strip_prefix(b"M")).next().unwrap_or_default();
    String::from_utf8_lossy(text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_message_says_how_long_it_is() {
        assert_eq!(usize::from(HELLO[3]), HELLO.len());
    }

    #[test]
    fn an_error_says_what_is_the_matter() {
        let fields = b"\0\0\0\x40SFATAL\0C57P03\0Mthe database system is starting up\0\0";
        assert_eq!(message(fields), "the database system is starting up");
    }
}
