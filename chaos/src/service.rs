//! What is a service under test? Data: how it is started, and what it is worth asking.
//!
//! Nothing in the flows, the faults or the checks knows which twin it talks to. A broken variant, or a
//! learner's own service in another language, is one more entry like these three.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

/// One service: its replicas are started alike and share its accounts.
#[derive(Debug, Clone)]
pub struct Service {
    /// As in `--service`; a replica is called `<name>-<number>`.
    pub name: String,
    /// Whose promises it makes, and so which predictions are its own.
    pub twin: Twin,
    /// A path, or the name of a binary beside this tool's own.
    pub command: String,
    /// Arguments. `{listen}`, `{gates}`, `{replica}`, `{store}`, and the lab's `{folder}` are filled in for
    /// each replica.
    pub args: Vec<String>,
    /// Environment, filled in alike; here go `{keys}` and `{database}`, because anyone on the machine can
    /// read a process's arguments.
    pub env: Vec<(String, String)>,
    /// Whether it keeps its sessions in Redis (or, where there is none, in a file).
    pub uses_redis: bool,
    /// Whether it opens a gate address; without one its requests cannot be held half way.
    pub gates: bool,
    /// What the keys are to it that it signs with; by this the faults know whether they apply.
    pub keys: Keys,
}

/// Where a service claims its sessions live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Twin {
    /// In its own process.
    Stateful,
    /// Outside: in a token and a record.
    Stateless,
}

/// What a service's signing keys are to its sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keys {
    /// The lab gives them, and a session outlives the restart that brings a new one.
    Lasting,
    /// The lab gives them too, but no session outlives a restart, whichever key comes with it.
    Incidental,
    /// It makes one at each start, and with the old one every session is gone.
    MadeAtBoot,
}

/// Sessions in the process.
pub fn stateful() -> Service {
    Service {
        name: "stateful".to_owned(),
        twin: Twin::Stateful,
        command: "stateful-svc".to_owned(),
        args: words(
            "--listen {listen} --replica {replica} --lab-gates --lab-gates-listen {gates} \
             --password-cost lab --log-level debug",
        ),
        env: vec![
            ("LAB_DATABASE".to_owned(), "{database}".to_owned()),
            ("LAB_KEYS".to_owned(), "{keys}".to_owned()),
        ],
        uses_redis: false,
        gates: true,
        keys: Keys::Incidental,
    }
}

/// Sessions in a token and a record outside.
pub fn stateless() -> Service {
    let mut service = stateful();
    service.name = "stateless".to_owned();
    service.twin = Twin::Stateless;
    service.command = "stateless-svc".to_owned();
    service.args.extend(words("--store {store}"));
    service.uses_redis = true;
    service.keys = Keys::Lasting;
    service
}

/// The stateless twin with a key made at boot: every restart logs everyone out, with whatever store.
pub fn stateless_ephemeral_key() -> Service {
    let mut service = stateless();
    service.name = "stateless-ephemeral-key".to_owned();
    service.args.extend(words("--signing-key ephemeral"));
    service.env.retain(|(name, _)| name != "LAB_KEYS");
    service.keys = Keys::MadeAtBoot;
    service
}

/// The services the lab brings along.
pub fn builtin() -> Vec<Service> {
    vec![stateful(), stateless(), stateless_ephemeral_key()]
}

/// The two that differ in nothing but where a session lives.
pub fn twins() -> Vec<Service> {
    vec![stateful(), stateless()]
}

/// What `--service` stands for: both twins, or one service by its name.
pub fn named(name: &str) -> Vec<Service> {
    match name {
        "both" => twins(),
        name => builtin().into_iter().filter(|service| service.name == name).collect(),
    }
}

impl Service {
    /// The same service with more arguments.
    #[must_use]
    pub fn with_args<S: Into<String>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// The same service with one more variable in its environment.
    #[must_use]
    pub fn with_env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The binary to run.
    ///
    /// # Errors
    /// If it is not there: where it was looked for, and how to get it.
    pub fn program(&self) -> anyhow::Result<PathBuf> {
        if self.command.contains('/') {
            return existing(PathBuf::from(&self.command), &self.command);
        }
        existing(beside()?.join(&self.command), &self.command)
    }
}

/// The folder the lab's binaries lie in: `CHAOS_BIN_DIR`, or the one this tool's own lies in.
///
/// # Errors
/// If the system does not say where this tool's own binary is.
pub fn beside() -> anyhow::Result<PathBuf> {
    if let Some(folder) = std::env::var_os("CHAOS_BIN_DIR") {
        return Ok(PathBuf::from(folder));
    }
    let own = std::env::current_exe().context("finding this tool's own binary")?;
    let folder = own.parent().unwrap_or(Path::new("."));
    // Cargo puts test binaries one level deeper.
    let folder = if folder.ends_with("deps") { folder.parent().unwrap_or(folder) } else { folder };
    Ok(folder.to_owned())
}

fn existing(program: PathBuf, command: &str) -> anyhow::Result<PathBuf> {
    if !program.is_file() {
        bail!("there is no {command} at {}: run `cargo build`, or set CHAOS_BIN_DIR", program.display());
    }
    Ok(program)
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}
