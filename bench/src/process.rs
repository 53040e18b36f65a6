//! How is a server started, measured and stopped? As a child that dies with the bench, whose first line
//! says where it listens, and whose processor time is the kernel's own count.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::time::{ClockId, clock_getcpuclockid, clock_gettime};
use nix::unistd::Pid;

/// The longest a start or a stop may take.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// A child process.
#[derive(Debug)]
pub struct Process {
    child: Child,
}

impl Process {
    /// Starts `command`; what it writes to stderr goes to the end of `log`.
    ///
    /// # Errors
    /// If it cannot be started.
    #[allow(unsafe_code)]
    pub fn spawn(mut command: Command, log: &Path) -> Result<Self> {
        let name = command.get_program().to_owned();
        let log = File::options().create(true).append(true).open(log)?;
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
        // SAFETY: between fork and exec only one system call is made, which allocates nothing. It sends the
        // child a SIGKILL when the bench dies, however the bench dies.
        unsafe {
            command.pre_exec(|| Ok(nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?));
        }
        let child = command.spawn().with_context(|| format!("starting {}", name.display()))?;
        Ok(Process { child })
    }

    /// Waits for `listening on http://ADDRESS`, the first line on stdout.
    ///
    /// # Errors
    /// If another line comes, or none.
    pub fn listening_on(&mut self) -> Result<SocketAddr> {
        let stdout = self.child.stdout.take().context("stdout was read before")?;
        let first = first_line(stdout)?;
        let address = first.trim().strip_prefix("listening on http://");
        address.and_then(|text| text.parse().ok()).with_context(|| format!("the first line was {first:?}"))
    }

    /// Its processor time so far, all threads, user and system, those that ended too.
    ///
    /// # Errors
    /// If the process is gone.
    pub fn processor_time(&self) -> Result<Duration> {
        let clock = clock_getcpuclockid(self.pid()).context("the process is gone")?;
        Ok(clock_gettime(clock).context("the process is gone")?.into())
    }

    /// Its resident memory in bytes.
    ///
    /// # Errors
    /// If the process is gone.
    pub fn resident_bytes(&self) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
        let kib: u64 = line.trim().trim_end_matches(" kB").parse().context("VmRSS is no number")?;
        Ok(kib * 1024)
    }

    /// Sends it a signal.
    ///
    /// # Errors
    /// If the process is gone.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        kill(self.pid(), signal).with_context(|| format!("sending {signal}"))
    }

    /// Waits until it is gone.
    ///
    /// # Errors
    /// If it is still there after [`PATIENCE`].
    pub fn wait(&mut self) -> Result<()> {
        let started = Instant::now();
        while self.child.try_wait()?.is_none() {
            if started.elapsed() > PATIENCE {
                bail!("process {} did not stop", self.child.id());
            }
            std::thread::sleep(Duration::from_micros(200));
        }
        Ok(())
    }

    fn pid(&self) -> Pid {
        // The kernel gives no process an id beyond 2^22.
        Pid::from_raw(self.child.id() as i32)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may be gone already, and there is nobody left to tell.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The processor time of the bench itself: of the load, that is.
///
/// # Errors
/// Never on Linux.
pub fn own_processor_time() -> Result<Duration> {
    Ok(clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID)?.into())
}

/// Reads a line within [`PATIENCE`], and goes on reading, so that the child never waits for a reader.
fn first_line(stdout: ChildStdout) -> Result<String> {
    let (send, receive) = mpsc::channel();
    std::thread::spawn(move || {
        let mut lines = BufReader::new(stdout).lines().map_while(|line| line.ok());
        // Nobody listens any more once the time is up.
        let _ = send.send(lines.next());
        lines.for_each(drop);
    });
    receive.recv_timeout(PATIENCE).context("no first line in time")?.context("it ended without a line")
}
