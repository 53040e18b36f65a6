//! What does a service offer to whoever puts it into a container? A check of its health that needs no shell,
//! and gates that can be reached from outside, but only if somebody says that this is safe.

mod support;

use std::io::{BufRead, BufReader};
use std::process::{Command, Output, Stdio};

use chaos::service::{self, Service};

use support::Lab;

/// One of the services' binaries, with nothing told to it.
fn program(service: &Service) -> Command {
    let mut command = Command::new(service.program().expect("the services are built"));
    command.env_clear();
    command
}

fn health(service: &Service, url: &str) -> (i32, String) {
    let output = program(service).args(["health", url]).output().expect("it can be run");
    (output.status.code().expect("it exits"), text(&output))
}

fn text(output: &Output) -> String {
    let both = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    String::from_utf8(both).expect("services print UTF-8")
}

#[tokio::test]
async fn a_service_says_with_its_exit_code_whether_it_is_ready() {
    let lab = Lab::twins().replicas(1).start().await;
    for service in service::twins() {
        let url = lab.url(&format!("{}-1", service.name));
        for path in ["/readyz", "/livez"] {
            let (code, said) = health(&service, &format!("{url}{path}"));
            assert_eq!((code, said.starts_with("200 {")), (0, true), "{path}: {said}");
        }
        let (code, said) = health(&service, &format!("{url}/nowhere"));
        assert_eq!((code, said.starts_with("404 {")), (1, true), "{said}");

        // As an image does it: only what the service itself was told.
        let address = url.strip_prefix("http://").expect("the lab speaks HTTP");
        let output =
            program(&service).arg("health").env("LAB_LISTEN", address).output().expect("it can be run");
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let everywhere = format!("0.0.0.0:{}", address.split_once(':').expect("it has a port").1);
        let output =
            program(&service).arg("health").env("LAB_LISTEN", everywhere).output().expect("it can be run");
        assert_eq!(output.status.code(), Some(0), "{output:?}");
    }
}

#[tokio::test]
async fn a_service_that_lives_but_lacks_its_database_is_not_healthy_and_says_why() {
    // Port 1 of this machine: nobody is there.
    let database = "postgres://lab@127.0.0.1:1/lab";
    let lab = Lab::of([service::stateful()]).replicas(1).start().await;
    let keys = "k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
    let mut alone = program(&service::stateful())
        .args(["--listen", "127.0.0.1:0", "--database", database])
        .env("LAB_KEYS", keys)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it can be run");
    let mut line = String::new();
    BufReader::new(alone.stdout.take().expect("it is piped")).read_line(&mut line).expect("it says where");
    let url = line.trim().strip_prefix("listening on ").expect("its first line").to_owned();

    let ready = health(&service::stateful(), &format!("{url}/readyz"));
    let lives = health(&service::stateful(), &format!("{url}/livez"));
    alone.kill().expect("it is our child");
    alone.wait().expect("it is our child");
    assert!(ready.0 == 1 && ready.1.starts_with("503 ") && ready.1.contains("\"database\""), "{ready:?}");
    assert_eq!(lives.0, 0, "{lives:?}");
    drop(lab);

    let gone = health(&service::stateful(), &format!("{url}/livez"));
    assert!(gone.0 == 1 && gone.1.contains("refused"), "{gone:?}");
}

#[test]
fn what_can_be_asked_is_in_the_help_of_both() {
    for service in service::twins() {
        let help = text(&program(&service).arg("--help").output().expect("it can be run"));
        assert!(help.contains("health") && help.contains("exit 0"), "{help}");
        assert!(help.contains("--lab-gates-in-container"), "{help}");
        let (code, said) = health(&service, "ftp://somewhere");
        assert!(code == 1 && said.contains("http://HOST:PORT/PATH"), "{said}");
        // Said before the word it would not be heard.
        let deaf =
            program(&service).args(["--listen", "127.0.0.1:1", "health"]).output().expect("it can be run");
        assert!(deaf.status.code() == Some(64) && text(&deaf).contains("'--listen <ADDRESS>'"), "{deaf:?}");
    }
}

#[test]
fn gates_open_on_loopback_unless_somebody_says_that_this_is_a_container() {
    let folder = tempfile::tempdir().expect("tests can write to the temporary folder");
    let database = format!("sqlite:{}", folder.path().join("lab.db").display());
    let stateless = [format!("--store=sqlite:{}", folder.path().join("sessions.db").display())];
    for (service, more) in [(service::stateful(), &[][..]), (service::stateless(), &stateless[..])] {
        let start = || {
            let mut command = program(&service);
            command.args(["--listen=127.0.0.1:0", "--signing-key=ephemeral", "--database", &database]);
            command.args(["--lab-gates", "--lab-gates-listen=0.0.0.0:0"]).args(more);
            command
        };
        let refused = start().output().expect("it can be run");
        let said = text(&refused);
        assert_eq!(refused.status.code(), Some(64), "{said}");
        assert!(said.contains("--lab-gates-in-container") && said.lines().count() == 1, "{said}");

        let mut open = start()
            .arg("--lab-gates-in-container")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("it can be run");
        let lines = BufReader::new(open.stdout.take().expect("it is piped")).lines();
        let said: Vec<String> = lines.take(2).map_while(Result::ok).collect();
        open.kill().expect("it is our child");
        open.wait().expect("it is our child");
        assert!(said.len() == 2 && said[1].starts_with("gates on http://0.0.0.0:"), "{said:?}");
    }
}
