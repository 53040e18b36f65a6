//! How does a test get a real Postgres? It starts one: a fresh cluster in a temporary folder, reachable
//! only through a socket in that folder, gone when the test is.
//!
//! Only the standard library, so that any crate's tests can take this file in with `#[path]`.

// Each test takes in what it needs.
#![allow(dead_code)]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// Long enough for a busy machine; a start takes a quarter of a second.
const LIMIT: Duration = Duration::from_secs(60);

const PROGRAMS: [&str; 3] = ["initdb", "postgres", "createdb"];

const FOLDER_PREFIX: &str = "amnesia-postgres-";

/// A server of our own.
#[derive(Debug)]
pub struct Postgres {
    programs: PathBuf,
    folder: PathBuf,
    // Whom the server runs as: it refuses to be root.
    user: Option<User>,
    server: Option<Server>,
}

#[derive(Debug, Clone)]
struct User {
    name: String,
    uid: u32,
    gid: u32,
}

#[derive(Debug)]
struct Server {
    pid: u32,
    // In a mutex only so that tests on several threads can share the server.
    gone: Mutex<Receiver<()>>,
}

impl Postgres {
    /// Makes a cluster and starts it; `None` where Postgres is not installed. That is said aloud, and where
    /// `LAB_REQUIRE` is set it is a failure: a machine that should test everything must not skip silently.
    pub fn start() -> Option<Self> {
        let Some(programs) = find_programs() else {
            let cure = "Postgres is not installed (apt-get install postgresql)";
            assert!(std::env::var_os("LAB_REQUIRE").is_none(), "LAB_REQUIRE is set, and {cure}");
            // Not eprintln!, which the test harness swallows when the test passes.
            let _ = writeln!(std::io::stderr(), "SKIPPED: {}: {cure}", test_name());
            return None;
        };
        remove_orphans();
        let user = unprivileged_user();
        let folder = make_folder(user.as_ref());
        let mut postgres = Postgres { programs, folder, user, server: None };
        postgres.init();
        postgres.start_again();
        Some(postgres)
    }

    /// The address of a fresh, empty database on this server.
    pub fn new_database(&self) -> String {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let name = format!("lab{}", NEXT.fetch_add(1, Ordering::Relaxed));
        run(self.program("createdb").arg("-h").arg(&self.folder).args(["-U", "postgres", &name]));
        self.url(&name)
    }

    /// The address of a database.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@localhost/{database}?host={}", self.folder.display())
    }

    /// The socket it listens on.
    pub fn socket(&self) -> PathBuf {
        self.folder.join(".s.PGSQL.5432")
    }

    /// Ends the server at once, as a crash would: open transactions are lost, committed ones are not.
    pub fn crash(&mut self) {
        if let Some(server) = self.server.take() {
            assert!(server.end(), "Postgres did not end within {LIMIT:?}");
        }
    }

    /// Starts the server on the cluster it has, and returns when it takes connections.
    pub fn start_again(&mut self) {
        assert!(self.server.is_none(), "it runs already");
        let mut command = self.program("postgres");
        command.arg("-D").arg(self.data()).arg("-k").arg(&self.folder).args([
            "-c",
            "listen_addresses=",
            "-c",
            "max_connections=60",
            "-c",
            "shared_buffers=8MB",
            // Normally a second, which is half of what our statements may take.
            "-c",
            "deadlock_timeout=50ms",
            // It is thrown away: nothing need survive a power cut.
            "-c",
            "fsync=off",
            "-c",
            "full_page_writes=off",
            "-c",
            "log_min_messages=log",
        ]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let (started, start) = channel();
        let (ended, gone) = channel();
        // The kernel ends the server when the thread that started it ends. So that is a thread which lives
        // as long as the server, and not the one of whichever test came first.
        thread::spawn(move || keep(command, &started, &ended));
        match start.recv_timeout(LIMIT) {
            Ok(Ok(pid)) => self.server = Some(Server { pid, gone: Mutex::new(gone) }),
            Ok(Err(log)) => panic!("Postgres did not start: {log}"),
            Err(_) => panic!("Postgres did not start within {LIMIT:?}"),
        }
    }

    /// Stops every process of the server where it is: connections stay open, and nobody answers.
    pub fn pause(&self) {
        if let Some(server) = &self.server {
            signal("STOP", &family(server.pid));
        }
    }

    /// Lets a paused server go on.
    pub fn resume(&self) {
        if let Some(server) = &self.server {
            signal("CONT", &family(server.pid));
        }
    }

    fn init(&self) {
        run(self.program("initdb").arg("-D").arg(self.data()).args([
            "-U",
            "postgres",
            "--auth=trust",
            "--no-sync",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
        ]));
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// One of Postgres's programs, run as a user it accepts, and not outliving us.
    fn program(&self, name: &str) -> Command {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "QUIT"]);
        if let Some(user) = &self.user {
            command.arg("--reuid").arg(&user.name).arg("--regid").arg(user.gid.to_string());
            command.arg("--clear-groups");
        }
        command.arg(self.programs.join(name)).current_dir(&self.folder);
        command
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // A stopped process does not notice that it should end.
        self.resume();
        if let Some(server) = self.server.take() {
            server.end();
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl Server {
    /// Ends all its processes; whether they obeyed.
    fn end(self) -> bool {
        signal("QUIT", &[self.pid]);
        let gone = self.gone.into_inner().unwrap_or_else(PoisonError::into_inner);
        let obeyed = gone.recv_timeout(LIMIT).is_ok();
        if !obeyed {
            signal("KILL", &family(self.pid));
        }
        obeyed
    }
}

/// Starts a server, tells when it is ready, and stays until it is gone.
fn keep(mut command: Command, started: &Sender<Result<u32, String>>, ended: &Sender<()>) {
    let mut child: Child = match command.spawn() {
        Ok(child) => child,
        Err(error) => {
            let _ = started.send(Err(error.to_string()));
            return;
        }
    };
    let mut log = String::new();
    // The log ends when the last of the server's processes has ended.
    for line in BufReader::new(child.stderr.take().expect("it is piped")).lines().map_while(Result::ok) {
        if line.contains("ready to accept connections") {
            let _ = started.send(Ok(child.id()));
        }
        log.push_str(&line);
        log.push('\n');
    }
    let _ = child.wait();
    // Nobody listens to this one if the server had started.
    let _ = started.send(Err(log));
    let _ = ended.send(());
}

/// Where the newest installed Postgres keeps its programs. Debian does not put them on the PATH.
fn find_programs() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let complete = |folder: &PathBuf| PROGRAMS.iter().all(|program| folder.join(program).exists());
    let on_path = std::env::split_paths(&path).find(&complete);
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = versions
        .filter_map(|entry| {
            Some((entry.file_name().to_str()?.parse::<u32>().ok()?, entry.path().join("bin")))
        })
        .filter(|(_, programs)| complete(programs))
        .max();
    on_path.or(newest.map(|(_, programs)| programs))
}

/// Somebody who is not root, if we are.
fn unprivileged_user() -> Option<User> {
    if number(&["-u"])? != 0 {
        return None;
    }
    ["postgres", "nobody"].iter().find_map(|name| {
        Some(User { name: (*name).to_owned(), uid: number(&["-u", name])?, gid: number(&["-g", name])? })
    })
}

fn number(id_args: &[&str]) -> Option<u32> {
    let output = Command::new("id").args(id_args).stderr(Stdio::null()).output().ok()?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}

fn make_folder(owner: Option<&User>) -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let name = format!("{FOLDER_PREFIX}{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let folder = std::env::temp_dir().join(name);
    fs::create_dir(&folder).expect("a temporary folder can be made");
    if let Some(owner) = owner {
        chown(&folder, Some(owner.uid), Some(owner.gid)).expect("root can give a folder away");
    }
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).expect("the folder is ours");
    folder
}

/// Removes what a test that was killed left behind: its server died with it, its folder did not.
fn remove_orphans() {
    for entry in fs::read_dir(std::env::temp_dir()).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let owner = name.to_str().and_then(|name| name.strip_prefix(FOLDER_PREFIX)?.split('-').next());
        let Some(owner) = owner.and_then(|pid| pid.parse().ok()) else { continue };
        if process(owner).is_none_or(|(state, _)| state == 'Z') {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn test_name() -> String {
    thread::current().name().unwrap_or("a test").to_owned()
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?} cannot be run: {error}"));
    assert!(
        output.status.success(),
        "{command:?} failed: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// A server and the processes it has started: one a connection, and a few for housekeeping.
fn family(server: u32) -> Vec<u32> {
    let mut family = vec![server];
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        if process(pid).is_some_and(|(_, parent)| parent == server) {
            family.push(pid);
        }
    }
    family
}

/// A process's state and its parent; `None` if there is no such process.
fn process(pid: u32) -> Option<(char, u32)> {
    // "pid (name) state parent …", where the name may contain anything.
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit(')').next()?.split_whitespace();
    Some((fields.next()?.chars().next()?, fields.next()?.parse().ok()?))
}

fn signal(name: &str, pids: &[u32]) {
    let pids = pids.iter().map(u32::to_string).collect::<Vec<_>>().join(" ");
    // Some may have ended meanwhile, and then there is nothing to complain about.
    let _ = Command::new("sh").args(["-c", &format!("kill -s {name} {pids} 2>/dev/null")]).status();
}
