//! What have the boxes said? The engine keeps it as long as the container exists.

use std::path::Path;

use anyhow::Context;
use bollard::Docker as Engine;
use bollard::query_parameters::{LogsOptions, LogsOptionsBuilder};
use futures_util::TryStreamExt;
use jiff::Timestamp;

use super::engine::plain;
use super::find::Found;

/// The last lines of a container, each with its end cut off where it would fill a screen.
pub async fn last_lines(engine: &Engine, container: &str, count: usize) -> String {
    let options = LogsOptionsBuilder::default().stdout(true).stderr(true).tail(&count.to_string()).build();
    // Where the engine does not say, there are no last words.
    let text = said(engine, container, options).await.unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<String> = text.lines().map(|line| line.chars().take(400).collect()).collect();
    lines.join("\n")
}

/// How often a container was started again: a service's first line on stdout says where it listens, once for
/// each start. `None` for what does not say so.
pub async fn restarts(engine: &Engine, container: &str) -> Option<u32> {
    let options = LogsOptionsBuilder::default().stdout(true).stderr(false).build();
    let text = said(engine, container, options).await.ok()?;
    let text = String::from_utf8_lossy(&text);
    let starts = text.lines().filter(|line| line.starts_with("listening on ")).count();
    u32::try_from(starts.checked_sub(1)?).ok()
}

/// Adds what each box has said to `<box>.log` in a folder; since a time, or all of it. What cannot be had is
/// said, and does not hold up the rest: logs are wanted most where something is broken.
pub async fn collect(engine: &Engine, lab: &Found, folder: &Path, since: Option<Timestamp>) {
    for (name, container) in &lab.boxes {
        let Some(id) = &container.id else { continue };
        if let Err(error) = keep(engine, id, &folder.join(format!("{name}.log")), since).await {
            eprintln!("chaos: the log of {name} is not kept: {error:#}");
        }
    }
}

/// Adds what one container has said to a file.
///
/// # Errors
/// If the engine does not say, or the file cannot be written.
pub async fn keep(
    engine: &Engine,
    container: &str,
    file: &Path,
    since: Option<Timestamp>,
) -> anyhow::Result<()> {
    let mut options = LogsOptionsBuilder::default().stdout(true).stderr(true).timestamps(true);
    if let Some(since) = since {
        options = options.since(i32::try_from(since.as_second()).unwrap_or(i32::MAX));
    }
    let text = said(engine, container, options.build()).await?;
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    }
    let mut kept = std::fs::File::options()
        .create(true)
        .append(true)
        .open(file)
        .with_context(|| format!("opening {}", file.display()))?;
    std::io::Write::write_all(&mut kept, &text).with_context(|| format!("writing {}", file.display()))
}

async fn said(engine: &Engine, container: &str, options: LogsOptions) -> anyhow::Result<Vec<u8>> {
    let pieces: Vec<_> = engine.logs(container, Some(options)).try_collect().await.map_err(plain)?;
    Ok(pieces.into_iter().flat_map(|piece| piece.into_bytes()).collect())
}
