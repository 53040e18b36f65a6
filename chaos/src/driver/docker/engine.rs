//! How does the tool speak to the Docker engine, and what does it say when it cannot? Over the engine's own
//! API, on a Unix socket; no `docker` program is needed.

use std::io::ErrorKind;
use std::os::unix::net::UnixStream;

use anyhow::{Context, anyhow, bail};
use bollard::errors::Error;
use bollard::{API_DEFAULT_VERSION, ClientVersion, Docker};

/// Where an engine listens if nobody says otherwise.
const SOCKET: &str = "/var/run/docker.sock";

/// The oldest API that has all we use. Docker 20.10 speaks it.
const OLDEST: ClientVersion = ClientVersion { major_version: 1, minor_version: 41 };

/// In seconds. Starting a container on a busy machine takes a few; nothing we ask takes longer than this.
const ANSWER_WITHIN_S: u64 = 120;

/// Opens the engine that `DOCKER_HOST` names, or the usual one.
///
/// # Errors
/// In one line: it does not run, it may not be used, it is too old.
pub async fn open() -> anyhow::Result<Docker> {
    let path = socket()?;
    // The library would say that something went wrong; which of three things, the system says.
    if let Err(error) = UnixStream::connect(&path) {
        return Err(unreachable(&path, error.kind()).into());
    }
    let engine = Docker::connect_with_unix(&path, ANSWER_WITHIN_S, API_DEFAULT_VERSION);
    let engine = match engine {
        Ok(engine) => engine.negotiate_version().await,
        Err(error) => Err(error),
    };
    let engine = engine.map_err(plain).with_context(|| format!("talking to the Docker engine at {path}"))?;
    if engine.client_version() < OLDEST {
        bail!(
            "the Docker engine at {path} speaks API {}; {OLDEST} is needed (Docker 20.10)",
            engine.client_version()
        );
    }
    Ok(engine)
}

/// Where the engine listens.
///
/// # Errors
/// If `DOCKER_HOST` names something that is no Unix socket.
pub fn socket() -> anyhow::Result<String> {
    match std::env::var("DOCKER_HOST") {
        Err(_) => Ok(SOCKET.to_owned()),
        Ok(host) if host.is_empty() => Ok(SOCKET.to_owned()),
        Ok(host) => host.strip_prefix("unix://").map(str::to_owned).ok_or_else(|| {
            let what = format!("DOCKER_HOST is {host}, and labs need an engine on this machine");
            Unreachable { what, cure: "unset it, or DOCKER_HOST=unix:///PATH".to_owned() }.into()
        }),
    }
}

fn unreachable(path: &str, kind: ErrorKind) -> Unreachable {
    match kind {
        ErrorKind::PermissionDenied => Unreachable {
            what: format!("{path} is there, and you may not use it"),
            cure: "join its group (sudo usermod -aG docker $USER, then log in again), or use sudo".to_owned(),
        },
        _ => Unreachable {
            what: format!("no Docker engine answers at {path}"),
            cure: "start it (sudo systemctl start docker), or say where it is with DOCKER_HOST=unix:///PATH"
                .to_owned(),
        },
    }
}

/// There is no engine to speak to.
#[derive(Debug)]
pub struct Unreachable {
    /// What was found.
    pub what: String,
    /// What helps.
    pub cure: String,
}

impl std::fmt::Display for Unreachable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.what, self.cure)
    }
}

impl std::error::Error for Unreachable {}

/// What the engine said, without what the library puts around it.
pub fn plain(error: Error) -> anyhow::Error {
    match error {
        Error::DockerResponseServerError { message, .. } if is_about_a_port(&message) => {
            anyhow!("a port of this box is in use: {}", message.trim())
        }
        Error::DockerResponseServerError { message, .. } => anyhow!("the engine says: {}", message.trim()),
        Error::RequestTimeoutError => anyhow!("the engine did not answer within {ANSWER_WITHIN_S} s"),
        other => anyhow!("the Docker engine does not answer: {other}"),
    }
}

fn is_about_a_port(message: &str) -> bool {
    message.contains("port is already allocated") || message.contains("address already in use")
}

/// Whether the engine answered with this HTTP status.
pub fn said(error: &Error, status: u16) -> bool {
    matches!(error, Error::DockerResponseServerError { status_code, .. } if *status_code == status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_one_may_not_use_is_another_trouble_than_none() {
        let denied = unreachable("/socket", ErrorKind::PermissionDenied).to_string();
        assert!(denied.contains("may not use it") && denied.contains("usermod"), "{denied}");
        for kind in [ErrorKind::NotFound, ErrorKind::ConnectionRefused] {
            let none = unreachable("/socket", kind).to_string();
            assert!(none.contains("no Docker engine answers at /socket") && none.contains("start"), "{none}");
        }
    }
}
