//! Who starts the lab's processes, so that they cannot outlive the tool?
//!
//! Linux sends a child a signal of its choice when the *thread* that started it ends, not the process.
//! So one thread a lab starts everything, and ends when the lab does: however the tool goes, by a panic or
//! by `kill -9`, the kernel ends what it started.

use std::io;
use std::thread;

use anyhow::Context;
use nix::errno::Errno;
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use nix::unistd::getppid;
use tokio::process::{Child, Command};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};

/// The one thread that starts a lab's processes. They are killed when it is dropped.
#[derive(Debug)]
pub struct Spawner {
    orders: mpsc::UnboundedSender<Order>,
}

struct Order {
    command: Command,
    reply: oneshot::Sender<io::Result<Child>>,
}

impl Spawner {
    /// Starts the thread. The children belong to the runtime this is called in.
    ///
    /// # Errors
    /// If the system allows no further thread.
    pub fn new() -> anyhow::Result<Self> {
        let (orders, mut inbox) = mpsc::unbounded_channel::<Order>();
        let runtime = Handle::current();
        thread::Builder::new()
            .name("spawner".to_owned())
            .spawn(move || {
                let _inside = runtime.enter();
                while let Some(Order { mut command, reply }) = inbox.blocking_recv() {
                    // Whoever asked may have given up; then the child is dropped here, and killed with us.
                    let _ = reply.send(command.spawn());
                }
            })
            .context("starting the thread that starts processes")?;
        Ok(Spawner { orders })
    }

    /// Starts a process in a group of its own, so that Ctrl-C in the terminal reaches only the tool.
    ///
    /// # Errors
    /// What the system says.
    pub async fn spawn(&self, mut command: Command) -> anyhow::Result<Child> {
        command.process_group(0);
        die_with_the_spawner(&mut command);
        let (reply, answer) = oneshot::channel();
        self.orders
            .send(Order { command, reply })
            .ok()
            .context("the thread that starts processes is gone")?;
        Ok(answer.await.context("the thread that starts processes is gone")??)
    }
}

#[expect(unsafe_code, reason = "code between fork and exec cannot be written without it")]
fn die_with_the_spawner(command: &mut Command) {
    let tool = nix::unistd::getpid();
    let ask_for_death = move || {
        set_pdeathsig(Signal::SIGKILL)?;
        // The tool may have died before we asked; then nobody will ever tell us.
        if getppid() != tool {
            return Err(Errno::ESRCH.into());
        }
        Ok(())
    };
    // SAFETY: between fork and exec only async-signal-safe calls are allowed, and no allocation. prctl and
    // getppid are such calls, and an error made of a number allocates nothing.
    unsafe {
        command.pre_exec(ask_for_death);
    }
}
