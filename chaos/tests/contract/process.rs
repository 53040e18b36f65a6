//! A service process of a row's own, where the row must see its exit code or choose its surroundings.

use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use chaos::contract::Site;
use chaos::driver::Replica;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use crate::column::{Column, KEYS};

/// A start takes a few milliseconds; a busy machine a few more.
const STARTS_WITHIN: Duration = Duration::from_secs(10);

/// A running service. It is killed when this is dropped.
pub struct Process {
    child: Child,
    replica: Replica,
    // Kept open: a service that finds nobody at the other end must not be what a test is about.
    _lines: Lines<BufReader<ChildStdout>>,
}

impl Process {
    /// Starts the column's service on free ports, with gates.
    pub async fn start(
        column: &Column,
        database: &str,
        store: &str,
        more: &[&str],
    ) -> anyhow::Result<Process> {
        Self::start_inside(&[], column, database, store, more).await
    }

    /// The same, by another program that becomes the service: `wrapper`, then the service's own command.
    pub async fn start_inside(
        wrapper: &[&str],
        column: &Column,
        database: &str,
        store: &str,
        more: &[&str],
    ) -> anyhow::Result<Process> {
        let service = column.service();
        let program = service.program()?;
        let mut command = match wrapper {
            [] => Command::new(program),
            [first, rest @ ..] => {
                let mut command = Command::new(first);
                command.args(rest).arg(program);
                command
            }
        };
        command.args(["--listen", "127.0.0.1:0", "--replica", "alone-1"]);
        command.args(["--lab-gates", "--password-cost", "lab"]);
        if service.uses_redis {
            command.args(["--store", store]);
        }
        command.args(more).env("LAB_DATABASE", database).env("LAB_KEYS", KEYS);
        command.stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        let mut child = command.spawn().context("starting a service")?;
        let mut lines = BufReader::new(child.stdout.take().context("its stdout is piped")?).lines();
        let url = said(&mut lines, "listening on ").await?;
        let gates = Some(said(&mut lines, "gates on ").await?);
        let replica = Replica { name: "alone-1".to_owned(), service: service.name, url, gates };
        Ok(Process { child, replica, _lines: lines })
    }

    /// Where it answers.
    pub fn site(&self) -> Site {
        Site::new(&self.replica.url)
    }

    /// As a replica, to arm gates at.
    pub fn replica(&self) -> &Replica {
        &self.replica
    }

    /// Its process id.
    pub fn pid(&self) -> anyhow::Result<i32> {
        self.child.id().and_then(|pid| i32::try_from(pid).ok()).context("it has exited")
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        kill(Pid::from_raw(self.pid()?), signal).with_context(|| format!("sending {signal}"))
    }

    /// Waits until it has exited.
    pub async fn exit(&mut self, within: Duration) -> anyhow::Result<ExitStatus> {
        match tokio::time::timeout(within, self.child.wait()).await {
            Ok(status) => Ok(status?),
            Err(_) => bail!("it did not exit within {within:?}"),
        }
    }
}

/// The next line, which must begin with `start`; returns the rest of it.
async fn said(lines: &mut Lines<BufReader<ChildStdout>>, start: &str) -> anyhow::Result<String> {
    let line =
        tokio::time::timeout(STARTS_WITHIN, lines.next_line()).await.context("waiting for a line")??;
    let line = line.with_context(|| format!("it ended before it said \"{start}…\""))?;
    let rest = line.strip_prefix(start).with_context(|| format!("expected \"{start}…\", saw {line:?}"))?;
    Ok(rest.to_owned())
}
