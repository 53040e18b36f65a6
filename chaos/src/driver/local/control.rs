//! How does one tool do something to a lab that another one owns?
//!
//! Only the owner can start a process that dies with it, so `chaos restart` asks the `chaos up` that owns
//! the lab: one line of JSON with a verb, over a Unix socket in the lab's folder, and one line back.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::Duration;

use anyhow::{Context, anyhow};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinHandle;

use super::lab::Lab;
use crate::driver::{Done, Verb};

/// How long the owner may take for one order. Healing a lab whose every process is stuck takes longest.
const DONE_WITHIN: Duration = Duration::from_secs(60);

/// Where a lab's owner listens.
pub fn socket_in(folder: &Path) -> PathBuf {
    folder.join("control")
}

/// Lets others give orders to a lab, until the lab is gone or the task is aborted.
///
/// # Errors
/// If the socket cannot be made, for instance because its path is longer than 107 bytes.
pub fn serve(lab: &Arc<Lab>, folder: &Path) -> anyhow::Result<JoinHandle<()>> {
    let path = socket_in(folder);
    let listener = UnixListener::bind(&path).with_context(|| {
        format!(
            "listening on {} (set TMPDIR to a folder with a short path if it is too long)",
            path.display()
        )
    })?;
    let lab = Arc::downgrade(lab);
    Ok(tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream, lab.clone()));
        }
    }))
}

async fn answer(stream: UnixStream, lab: Weak<Lab>) -> Option<()> {
    let (reader, mut writer) = stream.into_split();
    let order = BufReader::new(reader).lines().next_line().await.ok()??;
    let outcome: Result<Done, String> = match (serde_json::from_str::<Verb>(&order), lab.upgrade()) {
        (Ok(verb), Some(lab)) => lab.obey(verb).await.map_err(|error| format!("{error:#}")),
        (Ok(_), None) => Err("the lab is being stopped".to_owned()),
        (Err(error), _) => Err(format!("not an order: {error}")),
    };
    let mut line = serde_json::to_vec(&outcome).ok()?;
    line.push(b'\n');
    writer.write_all(&line).await.ok()
}

/// Gives one order to the owner of the lab in `folder`, and waits until it is carried out.
///
/// # Errors
/// What the owner could not do, or that it does not answer.
pub async fn order(folder: &Path, verb: &Verb) -> anyhow::Result<Done> {
    let answer = tokio::time::timeout(DONE_WITHIN, exchange(folder, verb)).await;
    answer.with_context(|| format!("the lab's owner did not answer within {DONE_WITHIN:?}"))?
}

async fn exchange(folder: &Path, verb: &Verb) -> anyhow::Result<Done> {
    let stream = UnixStream::connect(socket_in(folder)).await.context(
        "no `chaos up` answers for this lab; labs that `run` and `matrix` start for themselves take no orders",
    )?;
    let (reader, mut writer) = stream.into_split();
    let mut line = serde_json::to_vec(verb).context("putting an order into JSON")?;
    line.push(b'\n');
    writer.write_all(&line).await.context("sending an order to the lab's owner")?;
    let answer = BufReader::new(reader).lines().next_line().await.context("waiting for the lab's owner")?;
    let answer = answer.context("the lab's owner went away before it had answered")?;
    let outcome: Result<Done, String> =
        serde_json::from_str(&answer).context("reading the owner's answer")?;
    outcome.map_err(|error| anyhow!(error))
}
