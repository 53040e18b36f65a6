//! How does a test get a Postgres? `LAB_POSTGRES_URL` (as a user who may create databases), or one of its
//! own, made in a temporary folder and gone when the value is dropped.

use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// A Postgres in which databases can be made.
pub struct Postgres {
    base: String,
    own: Option<Own>,
}

/// A server of the test's own.
struct Own {
    server: Child,
    _folder: TempDir,
    // The server is asked to end when the thread that started it ends, and that is when this is dropped.
    _alive: std::sync::mpsc::Sender<()>,
}

impl Postgres {
    /// A Postgres, or why there is none.
    pub fn find() -> Result<Postgres, String> {
        if let Ok(base) = std::env::var("LAB_POSTGRES_URL") {
            return Ok(Postgres { base: base.trim_end_matches('/').to_owned(), own: None });
        }
        let bin = installed()
            .ok_or("no Postgres is installed (apt install postgresql), and LAB_POSTGRES_URL is not set")?;
        let folder = tempfile::tempdir().map_err(|e| format!("making a folder: {e}"))?;
        run(Command::new("chmod").arg("777").arg(folder.path()))?;
        let data = folder.path().join("data");
        let program = |name: &str| {
            let mut command = unprivileged();
            command.arg(bin.join(name)).arg("-D").arg(&data).current_dir("/");
            command
        };
        run(program("initdb").args(["-A", "trust", "-U", "lab", "--no-sync"]))?;
        let port = free_port()?;
        let mut server = program("postgres");
        // What is thrown away in a minute need not survive a power cut.
        server.args(["-c", "fsync=off", "-c", "listen_addresses=127.0.0.1", "-k", ""]);
        server.args(["-p", &port.to_string()]).stdout(Stdio::null()).stderr(Stdio::null());
        let (server, alive) = start(server)?;
        let base = format!("postgres://lab@127.0.0.1:{port}");
        let postgres = Postgres { base, own: Some(Own { server, _folder: folder, _alive: alive }) };
        postgres.answers()?;
        Ok(postgres)
    }

    fn answers(&self) -> Result<(), String> {
        let start = Instant::now();
        loop {
            let answer = self.sql("select 1");
            if answer.is_ok() || start.elapsed() > Duration::from_secs(20) {
                return answer;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn sql(&self, text: &str) -> Result<(), String> {
        run(Command::new("psql").args([&format!("{}/postgres", self.base), "-qc", text])).map(|_| ())
    }

    /// Makes one empty database a service, and returns the URL with `{service}` in it. Names are new each
    /// time, so that tests do not meet in them.
    pub fn databases(&self, services: &[&str]) -> String {
        let run_of = uuid::Uuid::new_v4().simple().to_string();
        for service in services {
            let name = format!("lab_{run_of}_{service}");
            self.sql(&format!("create database \"{name}\""))
                .unwrap_or_else(|error| panic!("making the database {name}: {error}"));
        }
        format!("{}/lab_{run_of}_{{service}}", self.base)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Some(Own { server, .. }) = &mut self.own {
            // SIGQUIT: end at once, and take your children with you.
            let _ = Command::new("kill").args(["-QUIT", &server.id().to_string()]).status();
            let _ = server.wait();
        }
    }
}

/// The folder of the newest installed Postgres's programs.
fn installed() -> Option<PathBuf> {
    let mut versions: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .filter(|bin| bin.join("initdb").is_file())
        .collect();
    versions.sort();
    versions.pop()
}

/// Postgres refuses to run as root, and must not outlive a test that was killed.
fn unprivileged() -> Command {
    let mut command = Command::new("setpriv");
    if nix::unistd::Uid::current().is_root() {
        command.args(["--reuid", "postgres", "--regid", "postgres", "--init-groups"]);
    }
    command.args(["--pdeathsig", "QUIT", "--"]);
    command
}

/// Starts the server from a thread that lives until the returned sender is dropped.
fn start(mut server: Command) -> Result<(Child, std::sync::mpsc::Sender<()>), String> {
    let (alive, dead) = std::sync::mpsc::channel::<()>();
    let (started, child) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let _ = started.send(server.spawn());
        let _ = dead.recv();
    });
    let child = child.recv().map_err(|e| e.to_string())?;
    Ok((child.map_err(|e| format!("starting Postgres: {e}"))?, alive))
}

fn free_port() -> Result<u16, String> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").map_err(|e| format!("finding a port: {e}"))?;
    Ok(listener.local_addr().map_err(|e| format!("finding a port: {e}"))?.port())
}

fn run(command: &mut Command) -> Result<Output, String> {
    let output = command.output().map_err(|e| format!("running {command:?}: {e}"))?;
    if !output.status.success() {
        return Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr)));
    }
    Ok(output)
}
