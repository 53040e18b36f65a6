//! How does a test run the tool itself, as somebody at a terminal would?

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

/// A place of its own for the labs of one test, so that nobody else's are healed or counted.
pub struct Place {
    folder: TempDir,
    engine: bool,
}

/// A `chaos up`. Killed when dropped.
pub struct Up {
    child: Child,
    /// What it printed.
    pub said: String,
}

impl Place {
    pub fn new() -> Place {
        Place { folder: tempfile::tempdir().expect("tests can write to the temporary folder"), engine: false }
    }

    /// The same, with the engine of this machine, which is one for all: what is done in it names its lab.
    pub fn with_the_engine() -> Place {
        Place { engine: true, ..Place::new() }
    }

    /// The tool with these arguments.
    pub fn chaos(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_chaos"));
        command.args(args);
        self.furnish(&mut command);
        command
    }

    /// Whatever this command starts, starts here.
    pub fn furnish(&self, command: &mut Command) {
        command.env("TMPDIR", self.folder.path()).env_remove("LAB_DATABASE");
        // Ports that the tester has chosen for one lab are in the way of the second.
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("LAB_PORT_")) {
            command.env_remove(name);
        }
        if !self.engine {
            // What others have in the engine is none of this test's business.
            command.env("DOCKER_HOST", "unix:///nowhere");
        }
    }

    /// Its folder, which is gone when this is dropped.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Runs it to its end.
    pub fn run(&self, args: &[&str]) -> Output {
        self.chaos(args).output().expect("the tool can be run")
    }

    /// Runs it to its end and returns what it printed; it must exit with 0.
    pub fn told(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert!(output.status.success(), "chaos {args:?}: {output:?}");
        String::from_utf8(output.stdout).expect("the tool prints UTF-8")
    }

    /// Starts `chaos up` and returns when it has said everything.
    pub fn up(&self, args: &[&str]) -> Up {
        Up::wait_for(self.chaos(&[&["up"], args].concat()))
    }

    /// The folder of all labs here.
    pub fn labs(&self) -> PathBuf {
        self.folder.path().join(format!("amnesia-{}", nix::unistd::Uid::current())).join("labs")
    }

    /// What is in that folder.
    pub fn left_behind(&self) -> Vec<PathBuf> {
        entries(&self.labs())
    }
}

impl Up {
    /// Starts this `chaos up` and returns at once.
    pub fn start(mut command: Command) -> Up {
        Up { child: command.stdout(Stdio::piped()).spawn().expect("it runs"), said: String::new() }
    }

    /// Starts it and returns when it has said everything.
    pub fn wait_for(command: Command) -> Up {
        let mut up = Up::start(command);
        let stdout = up.child.stdout.take().expect("it is piped");
        for line in BufReader::new(stdout).lines() {
            up.said.push_str(&line.expect("the tool prints UTF-8"));
            up.said.push('\n');
            if up.said.contains("Ctrl-C ends the lab") {
                return up;
            }
        }
        panic!("chaos up ended: {}", up.said);
    }

    /// Its process id.
    pub fn pid(&self) -> i32 {
        self.child.id().cast_signed()
    }

    /// Sends it a signal, waits for its end, and returns its exit code, if it had the chance to choose.
    pub fn end(&mut self, signal: Signal) -> Option<i32> {
        self::signal(&self.child, signal);
        self.child.wait().expect("it is our child").code()
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a signal to a child of ours.
pub fn signal(child: &Child, signal: Signal) {
    kill(Pid::from_raw(child.id().cast_signed()), signal).expect("it is there");
}

/// Copies a program, to run the copy. By another process: what this one writes is open in the children of other tests,
/// too, until they are what they become, and a program that somebody writes cannot be run (ETXTBSY).
pub fn copy(program: &Path, to: &Path) {
    assert!(Command::new("cp").args([program, to]).status().expect("there is cp").success());
}

/// All that a tool has said, the answer and the complaints.
pub fn words(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Waits until `done`; panics with `what` if it takes more than five seconds.
pub fn eventually(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < Duration::from_secs(5), "{what}: not within five seconds");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    entries.filter_map(|entry| Some(entry.ok()?.path())).collect()
}
