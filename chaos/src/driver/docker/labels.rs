//! By which labels is a container known to the lab? What carries none of them is nobody's target.

use std::collections::BTreeMap;

use crate::driver::local::proc;
use crate::state::machine_boot;

/// What a box is to the lab; see [`Role`]. Every box of the lab has it, and nothing else has.
pub const ROLE: &str = "amnesia.role";
/// The service a replica is one of.
pub const SERVICE: &str = "amnesia.service";
/// The replica's name.
pub const REPLICA: &str = "amnesia.replica";
/// Whether this tool has made the lab for itself (`private`) or for people (`up`); compose writes none.
pub const KIND: &str = "amnesia.lab";
/// Which run of this tool has made the lab; see [`Owner`].
pub const OWNER: &str = "amnesia.owner";
/// Which run of this tool makes a box anew: of a container whose name ends with [`NEXT`].
pub const MAKER: &str = "amnesia.maker";
/// The names of all boxes of a lab that this tool has made, with spaces between them.
pub const BOXES: &str = "amnesia.boxes";

/// Compose's own: the project, which is the lab.
pub const PROJECT: &str = "com.docker.compose.project";
/// Compose's own: the name in the compose file, which is the box.
pub const BOX: &str = "com.docker.compose.service";
/// Compose's own: the file with keys and ports that it was told to read.
pub const ENV_FILE: &str = "com.docker.compose.project.environment_file";
/// What the name of a container that is made anew ends with, until the one it replaces is gone.
pub const NEXT: &str = "-next";

/// What a box is to its lab.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// One copy of a service.
    Replica {
        /// Of which service.
        service: String,
    },
    /// Where sessions live that are kept outside.
    Redis,
    /// Where accounts and orders live.
    Postgres,
    /// The load balancer in front of the replicas.
    Gateway,
}

impl Role {
    /// Reads it from a box's labels; `None` if the box is not the lab's.
    pub fn read(label: impl Fn(&str) -> Option<String>) -> Option<Role> {
        match label(ROLE)?.as_str() {
            "replica" => Some(Role::Replica { service: label(SERVICE)? }),
            "redis" => Some(Role::Redis),
            "postgres" => Some(Role::Postgres),
            "gateway" => Some(Role::Gateway),
            _ => None,
        }
    }
}

/// Which run of this tool has made something: its process, and which run of the machine that was in. The
/// number of a process alone is used again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    pid: i32,
    start_ticks: u64,
    machine_boot: String,
}

impl Owner {
    /// This run.
    pub fn me() -> Owner {
        let pid = std::process::id().cast_signed();
        let start_ticks = proc::stat(pid).map_or(0, |stat| stat.start_ticks);
        Owner { pid, start_ticks, machine_boot: machine_boot() }
    }

    /// Reads the label; `None` if it is not one of ours.
    pub fn read(label: &str) -> Option<Owner> {
        let mut parts = label.splitn(3, '.');
        let (pid, start_ticks) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        Some(Owner { pid, start_ticks, machine_boot: parts.next()?.to_owned() })
    }

    /// Whether that run still goes on.
    pub fn lives(&self) -> bool {
        let same = |stat: &proc::Stat| stat.start_ticks == self.start_ticks && stat.state != 'Z';
        self.machine_boot == machine_boot() && proc::stat(self.pid).as_ref().is_some_and(same)
    }

    /// Its process id.
    pub fn pid(&self) -> i32 {
        self.pid
    }
}

impl std::fmt::Display for Owner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.pid, self.start_ticks, self.machine_boot)
    }
}

/// The labels by which `docker-compose -p PROJECT ps` and `down` know a box, whichever version of compose.
pub fn of_compose(project: &str, name: &str) -> BTreeMap<String, String> {
    let labels = [
        (PROJECT, project),
        (BOX, name),
        ("com.docker.compose.container-number", "1"),
        ("com.docker.compose.oneoff", "False"),
        // Compose looks here whether its file has changed since. Ours never has that answer, so an `up` of
        // compose over a lab of this tool makes the box anew.
        ("com.docker.compose.config-hash", "made-by-chaos"),
        ("com.docker.compose.version", env!("CARGO_PKG_VERSION")),
    ];
    labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_lives_as_long_as_exactly_this_process() {
        let me = Owner::me();
        assert_eq!(Owner::read(&me.to_string()).as_ref(), Some(&me));
        assert!(me.lives());
        assert!(
            !Owner { start_ticks: me.start_ticks + 1, ..me.clone() }.lives(),
            "a number that is used again"
        );
        assert!(!Owner { machine_boot: "before".to_owned(), ..me }.lives(), "a process before the reboot");
        assert_eq!(Owner::read("somebody"), None);
    }

    #[test]
    fn without_the_label_it_is_not_ours() {
        assert_eq!(Role::read(|_| None), None);
        assert_eq!(Role::read(|name| (name == ROLE).then(|| "redis".to_owned())), Some(Role::Redis));
        assert_eq!(
            Role::read(|name| (name == ROLE).then(|| "replica".to_owned())),
            None,
            "of which service?"
        );
    }
}
