//! What can be told to either twin? One set of flags, each with an environment variable of the same
//! meaning; all of it is parsed before a socket is opened.

use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::keys::KeyRing;
use crate::sessions::Limits;

/// The settings both twins have.
#[derive(Debug, Clone, Args)]
pub struct Common {
    /// Where to listen. The chosen address is the first line on stdout
    #[arg(long, env = "LAB_LISTEN", default_value = "127.0.0.1:0", value_name = "ADDRESS")]
    pub listen: SocketAddr,

    /// This replica's name; it keeps it across restarts
    #[arg(long, env = "LAB_REPLICA", default_value = "solo-1", value_name = "NAME")]
    pub replica: ReplicaName,

    /// Where accounts and orders live: sqlite:PATH or postgres://…
    #[arg(long, env = "LAB_DATABASE", value_name = "URL", hide_env_values = true)]
    pub database: String,

    /// A session ends when it has not been used for this long
    #[arg(long, env = "LAB_IDLE", default_value = "30m", value_parser = limit, value_name = "TIME")]
    pub idle: Duration,

    /// A session ends at this age, used or not
    #[arg(long, env = "LAB_ABSOLUTE", default_value = "12h", value_parser = limit, value_name = "TIME")]
    pub absolute: Duration,

    /// Signing keys, kid:base64url-secret[,kid:secret…]; the first signs, all verify
    #[arg(long, env = "LAB_KEYS", value_parser = KeyRing::parse, value_name = "RING", hide_env_values = true)]
    pub keys: Option<KeyRing>,

    /// Where the signing key comes from, if not from LAB_KEYS: `ephemeral` makes one at boot, and every
    /// restart logs everyone out
    #[arg(long, env = "LAB_SIGNING_KEY", value_enum, conflicts_with = "keys", value_name = "SOURCE")]
    pub signing_key: Option<SigningKey>,

    /// What a password hash costs: `owasp` (19 MiB, two passes) or `lab` (for tests that log in often)
    #[arg(long, env = "LAB_PASSWORD_COST", value_enum, default_value = "owasp", value_name = "COST")]
    pub password_cost: PasswordCost,

    /// After SIGTERM, keep answering this long while /readyz already says `draining`
    #[arg(long, env = "LAB_DRAIN_WAIT", default_value = "0s", value_parser = duration, value_name = "TIME")]
    pub drain_wait: Duration,

    /// A proxy in front speaks TLS: name the cookie __Host-sid and mark it Secure
    #[arg(long, env = "LAB_BEHIND_TLS")]
    pub behind_tls: bool,

    /// Open a second, loopback-only port where a request can be held half way (for the lab only)
    #[arg(long, env = "LAB_GATES")]
    pub lab_gates: bool,

    /// Where the gates listen; a loopback address, but for --lab-gates-in-container
    #[arg(long, env = "LAB_GATES_LISTEN", default_value = "127.0.0.1:0", value_name = "ADDRESS")]
    pub lab_gates_listen: SocketAddr,

    /// This is a container, and whoever runs it publishes the gates on its own loopback only: in here they
    /// may listen on any address, because loopback in here can be published nowhere
    #[arg(long, env = "LAB_GATES_IN_CONTAINER")]
    pub lab_gates_in_container: bool,

    /// How to log, to stderr
    #[arg(long, env = "LAB_LOG", value_enum, default_value = "pretty", value_name = "FORMAT")]
    pub log: LogFormat,

    /// What to log: error, warn, info, debug (a line a request), or a tracing filter
    #[arg(long, env = "LAB_LOG_LEVEL", default_value = "info", value_name = "FILTER")]
    pub log_level: String,
}

impl Common {
    /// Does everything that was told fit together?
    ///
    /// # Errors
    /// One line about what does not.
    pub fn check(&self) -> Result<(), String> {
        let at = self.lab_gates_listen;
        if self.lab_gates && !at.ip().is_loopback() && !self.lab_gates_in_container {
            return Err(format!(
                "--lab-gates-listen {at}: gates stop requests, so they open on loopback only; in a container \
                 whose port is published on loopback only, say --lab-gates-in-container"
            ));
        }
        Ok(())
    }

    /// The signing keys.
    ///
    /// # Errors
    /// If neither a ring nor a source of keys was given: one line that says how to make one.
    pub fn key_ring(&self) -> Result<KeyRing, String> {
        match (&self.keys, self.signing_key) {
            (Some(ring), _) => Ok(ring.clone()),
            (None, Some(SigningKey::Ephemeral)) => Ok(KeyRing::ephemeral()),
            (None, None) => Err("no signing key: set LAB_KEYS, for instance with \
                 export LAB_KEYS=k1:$(head -c 32 /dev/urandom | base64 | tr '+/' '-_' | tr -d '=')"
                .to_owned()),
        }
    }

    /// How long sessions live.
    pub fn limits(&self) -> Limits {
        Limits { idle: self.idle, absolute: self.absolute }
    }
}

/// Where a signing key comes from when no ring is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SigningKey {
    /// Made at boot, gone at exit.
    Ephemeral,
}

/// What a password hash costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PasswordCost {
    /// OWASP's minimum for argon2id: 19 MiB, two passes, one lane.
    Owasp,
    /// The smallest argon2id takes. Never for real passwords.
    Lab,
}

/// How to log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Pretty,
    /// One JSON object a line.
    Json,
}

/// A replica's name: 1 to 32 of `a-z 0-9 -`. It goes into headers and tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplicaName(String);

impl ReplicaName {
    /// The text itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ReplicaName {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let clean = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if (1..=32).contains(&text.len()) && clean {
            Ok(ReplicaName(text.to_owned()))
        } else {
            Err("a replica's name is 1 to 32 of a-z 0-9 -")
        }
    }
}

/// No session lives longer than ten years. When it ends must be a time that can be written down.
const LONGEST_LIMIT: Duration = Duration::from_secs(10 * 366 * 24 * 3600);

/// Reads a time limit: a session that ends as it begins would only look like a bug.
fn limit(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        Duration::ZERO => Err("a limit is longer than nothing".to_owned()),
        longer if longer > LONGEST_LIMIT => Err("a limit is at most ten years".to_owned()),
        limit => Ok(limit),
    }
}

/// Reads a time like `30m`, `12h` or `1500ms`; never negative.
fn duration(text: &str) -> Result<Duration, String> {
    let span: jiff::SignedDuration =
        text.parse().map_err(|_| "write a time like 30m, 12h or 1500ms".to_owned())?;
    Duration::try_from(span).map_err(|_| "a time cannot be negative".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_longer_than_nothing_and_no_longer_than_a_time_can_be_written_down() {
        assert_eq!(limit("12h"), Ok(Duration::from_secs(12 * 3600)));
        assert_eq!(limit("87600h"), Ok(Duration::from_secs(87_600 * 3600)));
        for wrong in ["0s", "-1s", "soon", "87900h", "99999999999h"] {
            assert!(limit(wrong).is_err(), "{wrong}");
        }
    }
}
