//! How does a test type what a document shows, one line after the other, as its reader would? Into one shell, so that
//! what a line sets is there for the next; and what goes on until Ctrl-C into a terminal beside it.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use chaos::driver::local::proc;
use chaos::state::LabState;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use crate::support::tool::{Place, eventually, signal};

/// How long one line may take: the longest in any document is the whole matrix, some minutes on two cores.
const PATIENCE: Duration = Duration::from_secs(15 * 60);

/// How long it may take until something that lasts says that it is ready, and until it has ended.
const SOON: Duration = Duration::from_secs(60);

/// What stands before the exit code of a line.
const MARK: &str = "\u{1}exit ";

/// A shell in a folder of its reader's own, and what its reader knows.
pub struct Terminal {
    bash: Child,
    keys: ChildStdin,
    screen: Receiver<String>,
    place: Place,
    folder: PathBuf,
    /// What a document leaves for the reader to fill in, and what this one writes there.
    pub fills_in: BTreeMap<String, String>,
    /// What is printed here, and what would be where the reader has nothing else beside it.
    pub reads_as: BTreeMap<String, String>,
}

/// What came of a line.
#[derive(Debug, Clone)]
pub struct Came {
    /// Its exit code.
    pub code: i32,
    /// What it printed.
    pub printed: Vec<String>,
    /// What it complained of.
    pub complained: String,
}

/// Something that goes on until Ctrl-C.
pub struct Lasting {
    child: Child,
    /// Everything it has said until it was ready.
    pub said: String,
}

impl Terminal {
    /// Opens one that stands in `folder`.
    pub fn open(folder: &Path, place: Place) -> Terminal {
        let mut command = Command::new("bash");
        command.args(["--noprofile", "--norc"]).current_dir(folder).process_group(0);
        let tools = Path::new(env!("CARGO_BIN_EXE_chaos")).parent().unwrap();
        let path = std::env::var("PATH").unwrap();
        command.env("PATH", format!("{}:{path}", tools.display()));
        command.env("XDG_STATE_HOME", place.path().join("state"));
        command.env("CHAOS_RESULTS", place.path().join("results"));
        command.env("NO_COLOR", "1");
        place.furnish(&mut command);
        // Where a reader builds.
        command.env_remove("CARGO_TARGET_DIR");
        // A reader's `make` is not started by another one, which would have it say where it is.
        for name in ["MAKEFLAGS", "MFLAGS", "MAKELEVEL"] {
            command.env_remove(name);
        }
        // To append, so that a line can also write there by its name.
        let complaints = place.path().join("complaints");
        let complaints = std::fs::File::options().create(true).append(true).open(complaints).unwrap();
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(complaints);
        let mut bash = command.spawn().expect("there is a bash");
        let keys = bash.stdin.take().unwrap();
        let screen = lines_of(bash.stdout.take().unwrap());
        let (fills_in, reads_as) = (BTreeMap::new(), BTreeMap::new());
        Terminal { bash, keys, screen, place, folder: folder.to_owned(), fills_in, reads_as }
    }

    /// Types a line and waits for its end.
    pub fn types(&mut self, line: &str) -> Came {
        let line = replaced(line, &self.fills_in);
        let complaints = self.place.path().join("complaints");
        let before = std::fs::read(&complaints).unwrap().len();
        // In braces, because a line may set what the next one needs; without the keyboard, which is ours.
        writeln!(self.keys, "{{ {line}\n}} </dev/null; printf '\\n{MARK}%d\\n' $?").unwrap();
        let mut printed = Vec::new();
        let code = loop {
            let said = match self.screen.recv_timeout(PATIENCE) {
                Ok(said) => said,
                Err(RecvTimeoutError::Timeout) => panic!("{line}: no end within {PATIENCE:?}"),
                Err(RecvTimeoutError::Disconnected) => panic!("{line}: the shell is gone"),
            };
            if let Some(code) = said.strip_prefix(MARK) {
                break code.parse().unwrap();
            }
            printed.push(replaced(&said, &self.reads_as));
        };
        // Ours, before the mark.
        if printed.last().is_some_and(String::is_empty) {
            printed.pop();
        }
        let complained = std::fs::read(&complaints).unwrap();
        let complained = String::from_utf8_lossy(&complained[before..]).into_owned();
        Came { code, printed, complained }
    }

    /// Types a line into a terminal beside this one, and waits until it says these words.
    pub fn starts(&mut self, line: &str, ready: &str) -> Lasting {
        let line = replaced(line, &self.fills_in);
        let mut beside = Command::new("bash");
        beside.args(["--noprofile", "--norc", "-c", &format!("exec {line}")]);
        beside.current_dir(&self.folder).env_clear().process_group(0);
        for pair in self.types("env").printed {
            if let Some((name, value)) = pair.split_once('=') {
                beside.env(name, value);
            }
        }
        let mut child = beside.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let screen = lines_of(child.stdout.take().unwrap());
        let mut lasting = Lasting { child, said: String::new() };
        while !lasting.said.contains(ready) {
            let said = screen.recv_timeout(SOON).unwrap_or_else(|error| {
                panic!("{line}: {error}, and it has not said {ready:?}: {}", lasting.said)
            });
            lasting.said.push_str(&said);
            lasting.said.push('\n');
        }
        for address in lasting.addresses() {
            assert!(answers(&address), "{line}: {address} does not answer");
        }
        lasting
    }

    /// Presses Ctrl-C where something lasts; nothing of it may be left.
    pub fn ends(&self, mut lasting: Lasting) {
        let labs = std::fs::read_dir(self.place.labs()).unwrap().map(|entry| entry.unwrap().path());
        let processes: Vec<_> = labs
            .flat_map(|lab| LabState::load(&lab).unwrap().processes.into_values())
            .filter_map(|process| process.id)
            .collect();
        assert!(processes.iter().any(|id| proc::runs(*id)), "the control: a lab runs");
        signal(&lasting.child, Signal::SIGINT);
        eventually("Ctrl-C ends it", || lasting.child.try_wait().unwrap().is_some());
        assert_eq!(lasting.child.wait().unwrap().code(), Some(130));
        assert!(!processes.iter().any(|id| proc::runs(*id)), "a process is left behind");
        assert_eq!(self.place.left_behind(), Vec::<PathBuf>::new());
    }

    /// A folder of this reader's own, which is gone afterwards.
    pub fn own(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }
}

impl Lasting {
    /// Every address it has named, without what stands behind `#`.
    pub fn addresses(&self) -> Vec<String> {
        let words = self.said.split_whitespace().filter(|word| word.starts_with("http://"));
        words.map(|word| word.split('#').next().unwrap().to_owned()).collect()
    }
}

impl Drop for Lasting {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // With whatever it has started and not waited for, if a test gave up.
        let _ = killpg(Pid::from_raw(self.bash.id().cast_signed()), Signal::SIGKILL);
        let _ = self.bash.wait();
    }
}

fn replaced(line: &str, words: &BTreeMap<String, String>) -> String {
    words.iter().fold(line.to_owned(), |line, (here, there)| line.replace(here, there))
}

/// Lines as they come, read by a thread of their own, so that waiting for one can have an end.
fn lines_of(output: impl Read + Send + 'static) -> Receiver<String> {
    let (tell, hear) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
            // Whoever listens may have given up; what is said must be taken all the same, or its speaker waits.
            let _ = tell.send(String::from_utf8_lossy(&line).into_owned());
        }
    });
    hear
}

/// Whether somebody speaks HTTP at this address.
fn answers(address: &str) -> bool {
    let address = address.strip_prefix("http://").unwrap();
    let (host, path) = address.split_once('/').unwrap_or((address, ""));
    let mut answer = String::new();
    TcpStream::connect(host)
        .and_then(|mut stream| {
            stream.set_read_timeout(Some(SOON))?;
            write!(stream, "GET /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n")?;
            stream.take(12).read_to_string(&mut answer)
        })
        .is_ok_and(|_| answer.starts_with("HTTP/1.1 "))
}
