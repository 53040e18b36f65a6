//! What does a Redis of one's own need? A free port, an empty folder, no files: the same settings for
//! every contender.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::signal::Signal;

use crate::process::{PATIENCE, Process};

/// The settings all of them run with, beside the port: no snapshots, no append-only file.
pub const SETTINGS: [&str; 4] = ["--save", "", "--appendonly", "no"];

/// A private `redis-server`.
#[derive(Debug)]
pub struct Redis {
    /// The server itself, to meter it.
    pub process: Process,
    address: SocketAddr,
}

impl Redis {
    /// Starts one with an empty store and waits until it answers.
    ///
    /// # Errors
    /// If `redis-server` is missing or does not answer.
    pub fn start(folder: &Path) -> Result<Self> {
        // The port is free again once the listener is dropped. Somebody else could take it before Redis
        // does; then Redis exits and the start fails, it does not go to a stranger.
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        Self::start_at(free, folder)
    }

    fn start_at(address: SocketAddr, folder: &Path) -> Result<Self> {
        let mut command = Command::new("redis-server");
        command.args(["--bind", "127.0.0.1", "--port"]).arg(address.port().to_string()).args(SETTINGS);
        command.arg("--dir").arg(folder);
        let process = Process::spawn(command, &folder.join("redis.log"))?;
        let redis = Redis { process, address };
        let started = Instant::now();
        while redis.ask("PING").is_err() {
            if started.elapsed() > PATIENCE {
                bail!("redis-server did not answer on {address}");
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(redis)
    }

    /// Kills it without warning; its port stays known.
    ///
    /// # Errors
    /// If it cannot be killed.
    pub fn kill(&mut self) -> Result<()> {
        self.process.signal(Signal::SIGKILL)?;
        self.process.wait()
    }

    /// Starts it again where it was, empty.
    ///
    /// # Errors
    /// As [`Redis::start`].
    pub fn start_again(&mut self, folder: &Path) -> Result<()> {
        *self = Self::start_at(self.address, folder)?;
        Ok(())
    }

    /// `redis://…`
    pub fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    /// The number after `field` in `INFO section`, up to the next comma; zero if the field is not there,
    /// as with a command that was never called.
    ///
    /// # Errors
    /// If Redis does not answer.
    pub fn info(&self, section: &str, field: &str) -> Result<u64> {
        let text = self.ask(&format!("INFO {section}"))?;
        let Some(value) = text.lines().find_map(|line| line.strip_prefix(field)) else { return Ok(0) };
        let number = value.split(',').next().unwrap_or_default().trim();
        number.parse().with_context(|| format!("{field}{number} is no number"))
    }

    /// How often the stateless service has called it: looks, and scripts.
    ///
    /// # Errors
    /// If Redis does not answer.
    pub fn calls(&self) -> Result<u64> {
        let of = |command: &str| self.info("commandstats", &format!("cmdstat_{command}:calls="));
        Ok(of("getex")? + of("evalsha")? + of("eval")?)
    }

    /// Sends one inline command and reads its reply.
    fn ask(&self, command: &str) -> Result<String> {
        let mut stream = TcpStream::connect_timeout(&self.address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(format!("{command}\r\n").as_bytes())?;
        let mut reader = BufReader::new(stream);
        let mut first = String::new();
        reader.read_line(&mut first)?;
        match first.trim_end().split_at_checked(1) {
            Some(("+", reply)) => Ok(reply.to_owned()),
            Some(("$", length)) => {
                let mut reply = vec![0; length.parse().context("a reply's length")?];
                reader.read_exact(&mut reply)?;
                String::from_utf8(reply).context("a reply that is not text")
            }
            _ => bail!("{command} was answered with {first:?}"),
        }
    }
}
