//! Does a setting that is wrong tell a secret? Whatever a service refuses goes to a terminal or a log, and a
//! ring of keys with a slip in it is still a ring of keys.

#![allow(clippy::unwrap_used, reason = "a test that panics has said what it had to say")]

use std::process::{Command, Output};

use chaos::service;

/// What nobody must read.
const SECRET: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

/// Both twins, asked to start with these settings; what is not said here is right.
fn refused(settings: &[(&str, &str)], args: &[&str]) -> Vec<(String, Output)> {
    let ask = |twin: service::Service| {
        let mut command = Command::new(twin.program().unwrap());
        command.env_clear().env("LAB_DATABASE", "sqlite::nowhere").env("LAB_SIGNING_KEY", "ephemeral");
        if twin.uses_redis {
            command.env("LAB_STORE", "redis://127.0.0.1:1");
        }
        if settings.iter().any(|(name, _)| *name == "LAB_KEYS") || args.contains(&"--keys") {
            command.env_remove("LAB_SIGNING_KEY");
        }
        (twin.name.clone(), command.envs(settings.iter().copied()).args(args).output().unwrap())
    };
    service::twins().into_iter().map(ask).collect()
}

/// It is refused, the error holds `words`, and nothing that was printed holds the secret.
fn check(words: &str, (twin, output): &(String, Output)) {
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(64), "{twin}: {said}");
    assert!(said.contains(words), "{twin} does not say {words:?}: {said}");
    assert!(!said.contains(&SECRET[..8]), "{twin} tells the secret: {said}");
}

#[test]
fn a_ring_of_keys_that_is_wrong_is_refused_by_its_place_and_without_its_text() {
    let good = format!("k1:{SECRET}");
    for (ring, words) in [
        (SECRET.to_owned(), "key 1 of the ring: it is not kid:base64url-secret"),
        (format!("{good},{SECRET}"), "key 2 of the ring: it is not kid:base64url-secret"),
        (format!("{good},k2:{SECRET}*"), "key 2 of the ring: its secret, after the colon, is not base64url"),
        (format!("{SECRET}:{SECRET}"), "key 1 of the ring: its id, before the colon, is not"),
        (format!("k1:{}", &SECRET[..20]), "key 1 of the ring: its secret has 15 bytes"),
        (format!("{good},k2:{SECRET},{good}"), "key 3 of the ring: it has the same id as key 1"),
    ] {
        for settled in [refused(&[("LAB_KEYS", &ring)], &[]), refused(&[], &["--keys", &ring])] {
            settled.iter().for_each(|one| check(words, one));
        }
    }
}

#[test]
fn an_address_with_a_password_that_is_wrong_is_refused_without_it() {
    let address = format!("rediss://:{SECRET}@redis:6379");
    let stateless = refused(&[("LAB_STORE", &address)], &[]).swap_remove(1);
    check("write redis://HOST:PORT or sqlite:PATH", &stateless);
    let address = format!("mysql://lab:{SECRET}@sql/lab");
    for one in refused(&[("LAB_DATABASE", &address)], &[]) {
        check("the database is neither sqlite:PATH nor postgres://", &one);
    }
}

#[test]
fn a_setting_that_holds_no_secret_is_repeated_so_that_its_slip_can_be_seen() {
    for one in refused(&[("LAB_IDLE", "30 minuten")], &[]) {
        check("invalid value '30 minuten' for '--idle <TIME>'", &one);
    }
}
