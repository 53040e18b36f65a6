//! How does a container know whether the service in it is ready? The service's own binary asks, so that an
//! image needs neither a shell nor a client: `stateful-svc health`.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::process::ExitCode;
use std::time::Duration;

use clap::{ArgMatches, Args, Command, FromArgMatches};

/// How long each part may take: finding the address, and each read. Whoever asks has a limit of its own.
const PATIENCE: Duration = Duration::from_secs(1);
/// More of an answer than this says nothing about health.
const MAX_ANSWER_BYTES: u64 = 16 * 1024;

/// Asks a running service whether it is ready: exit 0 if it says so, 1 if not
#[derive(Debug, Args)]
struct Health {
    /// What to ask instead of /readyz of this service, for instance http://127.0.0.1:8080/livez
    #[arg(value_name = "URL")]
    url: Option<String>,

    /// Where this service listens
    #[arg(long, env = "LAB_LISTEN", default_value = "127.0.0.1:8080", value_name = "ADDRESS")]
    listen: SocketAddr,
}

/// The word that asks, with what can be said to it.
pub fn command() -> Command {
    Health::augment_args(Command::new("health"))
}

/// Asks, prints the answer, and says with the exit code whether it was a good one.
pub fn ask(matches: &ArgMatches) -> ExitCode {
    let answer = Health::from_arg_matches(matches).map_err(|e| e.to_string()).and_then(|it| get(&it.url()));
    let (code, line) = match answer {
        Ok(answer) if answer.is_good() => (ExitCode::SUCCESS, answer.text),
        Ok(answer) => (ExitCode::FAILURE, answer.text),
        Err(why) => (ExitCode::FAILURE, why),
    };
    // The engine keeps the line with its record of the check; if nobody reads it, the code says it all.
    let _ = writeln!(std::io::stdout(), "{line}");
    code
}

impl Health {
    fn url(&self) -> String {
        // Every address of this machine: the nearest is loopback.
        let mut at = self.listen;
        if at.ip().is_unspecified() {
            at.set_ip(if at.is_ipv4() {
                [127, 0, 0, 1].into()
            } else {
                std::net::Ipv6Addr::LOCALHOST.into()
            });
        }
        self.url.clone().unwrap_or_else(|| format!("http://{at}/readyz"))
    }
}

/// What a service said.
struct Answer {
    status: u16,
    text: String,
}

impl Answer {
    fn is_good(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// One GET by hand: an HTTP client would be more than all the rest of this.
fn get(url: &str) -> Result<Answer, String> {
    let rest = url.strip_prefix("http://").ok_or_else(|| format!("{url}: write http://HOST:PORT/PATH"))?;
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let path = if path.is_empty() { "/" } else { path };
    let trouble = |error: std::io::Error| match error.kind() {
        // What a read says that waited long enough.
        ErrorKind::WouldBlock => format!("{url}: no answer within {PATIENCE:?}"),
        _ => format!("{url}: {error}"),
    };

    let address = host.to_socket_addrs().map_err(trouble)?.next();
    let address = address.ok_or_else(|| format!("{url}: no such host"))?;
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).map_err(trouble)?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(trouble)?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).map_err(trouble)?;
    let mut answer = String::new();
    stream.take(MAX_ANSWER_BYTES).read_to_string(&mut answer).map_err(trouble)?;

    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(|| format!("{url}: not an HTTP answer"))?;
    let status = head.split(' ').nth(1).and_then(|word| word.parse().ok());
    let status = status.ok_or_else(|| format!("{url}: not an HTTP answer"))?;
    Ok(Answer { status, text: format!("{status} {body}") })
}
