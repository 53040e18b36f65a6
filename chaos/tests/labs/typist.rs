//! Who types the commands that a document shows without their output, and is there really nobody who shows one that
//! nobody types?

use std::process::Command;

use chaos::lab::catalogue::{Lab, labs};

use crate::support::document::{shown, typed};
use crate::{read, root};

/// The documents that are read in a clone, because they build.
pub const IN_A_CLONE: [&str; 2] = ["README.md", "labs/README.md"];
/// The one that is read in this tree, as the labs' texts are.
pub const IN_THIS_TREE: &str = "labs/instructor.md";
/// The one that is read where containers may be used.
pub const WITH_CONTAINERS: &str = "deploy/README.md";

/// Who types a command, and how it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Typist {
    /// The test of its document; it must end well.
    ToItsEnd,
    /// The same, and then this must end well, too.
    AndThen(&'static str),
    /// The same, in a terminal beside it, until it says that Ctrl-C ends it. That is pressed after so many more lines,
    /// which are typed while it lasts.
    UntilCtrlC(usize),
    /// Somebody else: in this file there is a line that types it.
    ElsewhereIn {
        /// The file.
        file: &'static str,
        /// The line, with `{}` in the place of the command; more may follow it.
        line: &'static str,
    },
}

use Typist::{AndThen, ElsewhereIn, ToItsEnd, UntilCtrlC};

/// What `.ci/run` does is what these would do, and a test cannot run itself.
const CI: Typist = ElsewhereIn { file: ".ci/run", line: "step {}" };

/// A swarm is one for the whole machine, so all that needs one is together.
const SWARM: Typist = ElsewhereIn { file: "ci/swarm-test", line: "shown '{}'" };

/// What "change one thing" shows, with the number of the lab.
const CHANGE: Typist = ElsewhereIn {
    file: "chaos/tests/changes.rs",
    line: "let lines = document::typed(&fs::read_to_string(text).unwrap());",
};

const ACCOUNT: &str = "curl -s -H 'content-type: application/json' -d '{\"name\":\"ada\",\"password\":\"correct horse\"}' http://127.0.0.1:18081/accounts";
const LOGIN: &str = "curl -s -H 'content-type: application/json' -d '{\"name\":\"ada\",\"password\":\"correct horse\"}' http://127.0.0.1:18081/session";
const LOOK: &str = "curl -s -H 'authorization: Bearer TOKEN' http://127.0.0.1:18081/session";
/// What stands behind it: again, and again: every other one is a 401.
const EVERY_OTHER: &str = "for again in 1 2 3 4; do curl -s -o /dev/null -w '%{http_code}\\n' -H 'authorization: Bearer TOKEN' http://127.0.0.1:18081/session; done | sort | uniq -c | xargs | tee -a /dev/stderr | grep -x '2 200 2 401'";
/// What stands behind it: then other ports into second.env, and so on.
const OTHER_PORTS: &str = "grep -oE '[{]LAB_PORT_[A-Z0-9_]*:-[0-9]*' docker-compose.yml | sed -E 's/[{](.*):-1/\\1=2/' | sort -u >>\"$LAB_ENV_FILE\"";

/// Every command that a document shows without its output.
const TYPED: &[(&str, &str, Typist)] = &[
    ("README.md", "make lab", ToItsEnd),
    ("README.md", "make test", CI),
    (
        "README.md",
        "export PATH=\"$PWD/target/debug:$PATH\"",
        AndThen("test \"$(command -v chaos)\" = \"$PWD/target/debug/chaos\""),
    ),
    ("README.md", "chaos list", ToItsEnd),
    ("README.md", "chaos run order kill", ToItsEnd),
    ("README.md", "chaos run whoami redis-lose", ToItsEnd),
    ("README.md", "chaos run renew rotate-key-hard", ToItsEnd),
    ("README.md", "chaos run spread kill --way gateway", ToItsEnd),
    ("README.md", "chaos run sticky drain", ToItsEnd),
    ("README.md", "chaos report", AndThen("grep -q sticky \"$CHAOS_RESULTS/latest/report.html\"")),
    ("README.md", "chaos load --every 2s --fault kill", ToItsEnd),
    ("README.md", "chaos show", UntilCtrlC(0)),
    ("README.md", "chaos class collect labs/example-class", ToItsEnd),
    ("README.md", "chaos matrix", ToItsEnd),
    ("README.md", "chaos up", UntilCtrlC(2)),
    ("README.md", "chaos restart stateful --how kill", ToItsEnd),
    ("README.md", "chaos contract http://127.0.0.1:PORT", ToItsEnd),
    ("README.md", "source <(chaos completions bash)", AndThen("complete -p chaos")),
    ("README.md", "make diff", ToItsEnd),
    ("README.md", "make book", AndThen("test -s target/book/index.html")),
    ("README.md", "make bench", CI),
    ("labs/README.md", "cargo build --workspace", ToItsEnd),
    ("labs/README.md", "export PATH=\"$PWD/target/debug:$PATH\"", ToItsEnd),
    ("labs/README.md", "chaos doctor", ToItsEnd),
    ("labs/README.md", "chaos lab start 1", AndThen("chaos lab status | grep -q 'Two services, one API'")),
    ("labs/instructor.md", "chaos doctor", ToItsEnd),
    // `make lab` of the README is this line.
    (
        "labs/instructor.md",
        "chaos matrix --moments telling",
        ElsewhereIn { file: "Makefile", line: "@target/debug/{}" },
    ),
    ("labs/instructor.md", "chaos lab list", ToItsEnd),
    ("labs/instructor.md", "chaos class hand-in /mnt/class", AndThen("test -s /mnt/class/hand-in-ada.json")),
    ("labs/instructor.md", "chaos class hand-in /mnt/class --replace", ToItsEnd),
    ("labs/instructor.md", "chaos show --class /mnt/class", UntilCtrlC(0)),
    ("deploy/README.md", "make images", ToItsEnd),
    ("deploy/README.md", ACCOUNT, ToItsEnd),
    ("deploy/README.md", LOGIN, ToItsEnd),
    ("deploy/README.md", LOOK, AndThen(EVERY_OTHER)),
    (
        "deploy/README.md",
        "make down",
        AndThen(
            "test -z \"$(docker ps -aq --filter label=com.docker.compose.project=$COMPOSE_PROJECT_NAME)\"",
        ),
    ),
    // What the shell says goes before what the file says.
    (
        "deploy/README.md",
        "export LAB_ENV_FILE=second.env COMPOSE_PROJECT_NAME=second",
        AndThen("unset ${!LAB_PORT_@}"),
    ),
    ("deploy/README.md", "deploy/env", AndThen(OTHER_PORTS)),
    ("deploy/README.md", "deploy/up", AndThen("curl -fsS http://127.0.0.1:28081/readyz")),
    ("deploy/README.md", "docker swarm init --advertise-addr 127.0.0.1 --listen-addr 127.0.0.1:2377", SWARM),
    ("deploy/README.md", "deploy/env; set -a; . ./.env; set +a", SWARM),
    ("deploy/README.md", "docker stack deploy --compose-file deploy/stack.yml amnesia", SWARM),
    ("deploy/README.md", "docker service update --force amnesia_stateless", SWARM),
    ("deploy/README.md", "docker service update --force amnesia_stateful", SWARM),
    (
        "deploy/README.md",
        "docker run --rm --network amnesia_lab amnesia:dev chaos contract --way gateway http://gateway:8083",
        SWARM,
    ),
];

/// Who types a command of a document.
pub fn typist(document: &str, command: &str) -> Option<Typist> {
    let row = TYPED.iter().find(|(stands_in, shows, _)| (*stands_in, *shows) == (document, command));
    let of_a_lab = || {
        let lab = labs().unwrap().into_iter().find(|lab| lab.text() == document)?;
        let number = lab.number;
        let change = [
            format!("chaos lab start {number} --change"),
            "git diff".to_owned(),
            format!("chaos lab check {number} --change"),
        ];
        change.iter().any(|line| line == command).then_some(CHANGE)
    };
    row.map(|(_, _, typist)| *typist).or_else(of_a_lab)
}

/// What is wrong with the commands of a document: nobody types one, or the one who should does not.
fn not_typed(document: &str, text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    for command in typed(text) {
        match typist(document, &command) {
            None => wrong.push(format!(
                "{document} shows `{command}`, and no test types it: chaos/tests/labs/typist.rs"
            )),
            Some(ElsewhereIn { file, line }) => {
                wrong.extend(
                    not_typed_by(&command, file, line, &read(file)).map(|why| format!("{document}: {why}")),
                );
            }
            Some(_) => {}
        }
    }
    wrong
}

/// What is wrong if no line of this file types a command.
fn not_typed_by(command: &str, file: &str, line: &str, text: &str) -> Option<String> {
    let line = line.replace("{}", command);
    let types =
        |it: &str| it.trim().strip_prefix(&line).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '));
    let typed = text.lines().any(types);
    (!typed).then(|| format!("{file} does not type `{command}`: it has no line {line:?}"))
}

/// What is wrong with what all documents show, and with the table.
fn not_typed_anywhere(documents: &[(String, String)]) -> Vec<String> {
    let mut wrong: Vec<String> = documents.iter().flat_map(|(name, text)| not_typed(name, text)).collect();
    let labs: Vec<String> = labs().unwrap().iter().map(Lab::text).collect();
    for (name, text) in documents {
        let read = IN_A_CLONE.contains(&name.as_str())
            || [IN_THIS_TREE, WITH_CONTAINERS].contains(&name.as_str())
            || labs.contains(name);
        if !read && !shown(text).is_empty() {
            wrong.push(format!("{name} shows commands, and no test reads it"));
        }
    }
    for (name, command, _) in TYPED {
        let stands =
            documents.iter().any(|(it, text)| it == name && typed(text).iter().any(|it| it == command));
        if !stands {
            wrong.push(format!("{name} does not show `{command}` any more"));
        }
    }
    wrong
}

/// Every document of the repository: its name and its text.
fn documents() -> Vec<(String, String)> {
    let listed = Command::new("git").args(["ls-files", "*.md"]).current_dir(root()).output().unwrap();
    let names = String::from_utf8(listed.stdout).unwrap();
    names.lines().map(|name| (name.to_owned(), read(name))).collect()
}

#[test]
fn every_command_of_every_document_is_typed() {
    let documents = documents();
    assert!(documents.iter().any(|(name, _)| name == "README.md"), "the control: git lists them");
    let wrong = not_typed_anywhere(&documents);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_command_that_nobody_types_is_found() {
    let with = |name: &str, change: fn(&str) -> String| {
        let mut documents = documents();
        let (_, text) = documents.iter_mut().find(|(it, _)| it == name).unwrap();
        *text = change(text);
        not_typed_anywhere(&documents)
    };
    let found = |wrong: Vec<String>, words: &str| {
        assert!(wrong.iter().any(|it| it.contains(words)), "{words:?} is not in {wrong:?}");
        assert_eq!(wrong.len(), 1, "{wrong:?}");
    };
    found(
        with("labs/03-the-cart/lab.md", |text| format!("{text}\n```sh\nchaos frobnicate # now\n```\n")),
        "lab.md shows `chaos frobnicate`, and no test types it",
    );
    found(
        with("ARCHITECTURE.md", |text| format!("{text}\n```console\n$ true\n```\n")),
        "ARCHITECTURE.md shows commands, and no test reads it",
    );
    found(
        with("README.md", |text| {
            text.replace("make diff ", "make different ").replace("make different ", "")
        }),
        "README.md does not show `make diff` any more",
    );
    // Another's file that does not type it: one that holds only something longer, or something like it.
    let elsewhere =
        |command| not_typed_by(command, ".ci/run", "step {}", "step make tests\n# step make test\n");
    assert!(elsewhere("make test").is_some());
    assert_eq!(not_typed_by("make test", ".ci/run", "step {}", "  step make test # all\n"), None);
}
