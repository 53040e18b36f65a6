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
        return Err(unreachable(&path, error.kind()));
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
        Ok(host) => host.strip_prefix("unix://").map(str::to_owned).with_context(|| {
            format!(
                "DOCKER_HOST is {host}, and labs need an engine on this machine: unset it, or unix:///PATH"
            )
        }),
    }
}

fn unreachable(path: &str, kind: ErrorKind) -> anyhow::Error {
    match kind {
        ErrorKind::PermissionDenied => anyhow!(
            "{path} is there, and you may not use it: join its group (sudo usermod -aG docker $USER, then \
             log in again), or use sudo"
        ),
        _ => anyhow!(
            "no Docker engine answers at {path}: start it (sudo systemctl start docker), or say where it is \
             with DOCKER_HOST=unix:///PATH"
        ),
    }
}

/// What the engine said, without what the library puts around it.
pub fn plain(error: Error) -> anyhow::Error {
    match error {
        Error::DockerResponseServerError { message, .. } => anyhow!("the engine says: {}", message.trim()),
        Error::RequestTimeoutError => anyhow!("the engine did not answer within {ANSWER_WITHIN_S} s"),
        other => anyhow!("the Docker engine does not answer: {other}"),
    }
}

/// Whether the engine answered with this HTTP status.
pub fn said(error: &Error, status: u16) -> bool {
    matches!(error, Error::DockerResponseServerError { status_code, .. } if *status_code == status)
}
