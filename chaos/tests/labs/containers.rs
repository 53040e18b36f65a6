//! Does the guide to containers say what is so? It is read in a lab whose names, keys and ports are nobody else's.

use std::path::PathBuf;
use std::process::Command;

use crate::reader::typed_as_shown;
use crate::support::{self, tool::Place};
use crate::terminal::Terminal;
use crate::typist::WITH_CONTAINERS;
use crate::{read, root};

/// The labs that are brought up: that of the guide, and the other one beside it.
const NAMES: [&str; 2] = ["amnesia-guide", "amnesia-guide-second"];

/// How far from the ports of a reader. The second lab has those that the guide tells its reader to write.
const SHIFT: u16 = 3000;

/// Takes both away when it is dropped, however the test ended.
struct Gone {
    keys: [PathBuf; 2],
}

impl Drop for Gone {
    fn drop(&mut self) {
        for (name, keys) in NAMES.iter().zip(&self.keys) {
            let mut down = Command::new("deploy/down");
            down.current_dir(root()).env("COMPOSE_PROJECT_NAME", name).env("LAB_ENV_FILE", keys);
            let _ = down.output();
        }
    }
}

/// The ports of the compose file: the variable of each, and what it is if nobody says otherwise.
fn ports() -> Vec<(String, u16)> {
    let compose = read("docker-compose.yml");
    let variables = compose.split("${LAB_PORT_").skip(1).filter_map(|rest| rest.split_once('}'));
    let ports = variables.filter_map(|(variable, _)| variable.split_once(":-"));
    ports.map(|(name, port)| (format!("LAB_PORT_{name}"), port.parse().unwrap())).collect()
}

/// What the engine has of these labs.
fn belongings() -> String {
    let of = |what: &[&str], name: &str| {
        let filter = format!("label=com.docker.compose.project={name}");
        let listed = Command::new("docker").args(what).args(["-q", "--filter", &filter]).output().unwrap();
        assert!(listed.status.success(), "{listed:?}");
        String::from_utf8(listed.stdout).unwrap()
    };
    let kinds: [&[&str]; 3] = [&["ps", "-a"], &["network", "ls"], &["volume", "ls"]];
    NAMES.iter().flat_map(|name| kinds.map(|what| of(what, name))).collect()
}

#[test]
fn what_the_guide_to_containers_shows_is_what_comes_of_it() {
    if !support::docker("the commands of deploy/README.md") {
        return;
    }
    let mut terminal = Terminal::open(&root(), Place::with_the_engine());
    let keys = ["first.env", "second.env"].map(|name| terminal.own(name));
    let [first, second] = keys.clone().map(|path| path.display().to_string());
    let gone = Gone { keys };
    terminal.types(&format!("export COMPOSE_PROJECT_NAME={} LAB_ENV_FILE='{first}'", NAMES[0]));
    for (name, port) in ports() {
        let ours = port - SHIFT;
        terminal.types(&format!("export {name}={ours}"));
        terminal.fills_in.insert(format!("127.0.0.1:{port}"), format!("127.0.0.1:{ours}"));
    }
    for (theirs, ours) in [
        ("LAB_ENV_FILE=second.env", format!("LAB_ENV_FILE='{second}'")),
        ("COMPOSE_PROJECT_NAME=second", format!("COMPOSE_PROJECT_NAME={}", NAMES[1])),
    ] {
        assert!(read(WITH_CONTAINERS).contains(theirs), "the guide does not say {theirs:?}");
        terminal.fills_in.insert(theirs.to_owned(), ours);
    }
    terminal.reads_as.insert(first, ".env".to_owned());
    terminal.reads_as.insert(NAMES[0].to_owned(), "amnesia".to_owned());
    let wrong = typed_as_shown(WITH_CONTAINERS, &mut terminal);
    let seen = belongings();
    drop(gone);
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n\n"));
    assert_ne!(seen, "", "the control: the second lab was up");
    assert_eq!(belongings(), "");
}
