//! Registration, login, the limit on guessing, and the change of a password.

use std::time::{Duration, Instant};

use argon2::password_hash::PasswordHasher;
use argon2::{Algorithm, Argon2, Params, Version};
use futures_util::future::{join, join_all};
use shared::accounts::{AccountError, Accounts};
use shared::api::account::{Name, Password};
use shared::config::PasswordCost;

use crate::place::{NOW_MS, Place, everywhere, in_sqlite, name, password};

async fn guess(accounts: &Accounts, whom: &Name, at_ms: i64) -> AccountError {
    accounts.verify(whom, &password("wrong"), at_ms).await.unwrap_err()
}

#[tokio::test]
async fn a_registered_name_logs_in_with_its_password_and_no_other() {
    for place in everywhere() {
        let accounts = place.accounts();
        let ada = name("ada");
        accounts.register(&ada, &password("right"), NOW_MS).await.unwrap();
        let verified = accounts.verify(&ada, &password("right"), NOW_MS).await.unwrap();
        assert_eq!((verified.account.name.as_str(), verified.password_version), ("ada", 1));
        assert_eq!(accounts.password_version(verified.account.id).await.unwrap(), Some(1));

        assert_eq!(guess(&accounts, &ada, NOW_MS).await, AccountError::InvalidCredentials);
        assert_eq!(guess(&accounts, &name("nobody"), NOW_MS).await, AccountError::InvalidCredentials);
        let again = accounts.register(&ada, &password("other"), NOW_MS).await;
        assert_eq!(again, Err(AccountError::NameTaken));
    }
}

#[tokio::test]
async fn names_that_differ_in_anything_are_different() {
    for place in everywhere() {
        let accounts = place.accounts();
        for distinct in ["ada", "Ada", "ad a", "äda", "a'da; --", "\u{1F980}"] {
            accounts.register(&name(distinct), &password(distinct), NOW_MS).await.unwrap();
        }
        for distinct in ["ada", "Ada", "ad a", "äda", "a'da; --", "\u{1F980}"] {
            let verified = accounts.verify(&name(distinct), &password(distinct), NOW_MS).await.unwrap();
            assert_eq!(verified.account.name, distinct);
        }
    }
}

#[tokio::test]
async fn of_many_registrations_of_one_name_on_two_replicas_exactly_one_succeeds() {
    for place in everywhere() {
        let replicas = [place.accounts(), place.accounts()];
        let (ada, secret) = (name("ada"), password("right"));
        let attempts = (0..12).map(|i| replicas[i % 2].register(&ada, &secret, NOW_MS));
        let outcomes = join_all(attempts).await;
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
        let taken = outcomes.iter().filter(|outcome| **outcome == Err(AccountError::NameTaken)).count();
        assert_eq!(taken, 11, "{outcomes:?}");
    }
}

#[tokio::test]
async fn after_ten_failures_in_a_minute_even_the_right_password_is_refused_on_every_replica() {
    for place in everywhere() {
        place.account("ada").await;
        let replicas = [place.accounts(), place.accounts()];
        for whom in ["ada", "nobody"].map(name) {
            for i in 0..10 {
                let refusal = guess(&replicas[i % 2], &whom, NOW_MS + 1000 * i as i64).await;
                assert_eq!(refusal, AccountError::InvalidCredentials);
            }
            for replica in &replicas {
                let refusal = replica.verify(&whom, &password("right"), NOW_MS + 10_000).await.unwrap_err();
                let retry_after = Duration::from_secs(50);
                assert_eq!(refusal, AccountError::RateLimited { retry_after }, "{whom:?}");
            }
        }
        // A minute after the first failure one try is free again, and only one.
        let ada = name("ada");
        assert_eq!(guess(&replicas[0], &ada, NOW_MS + 60_000).await, AccountError::InvalidCredentials);
        assert!(matches!(guess(&replicas[1], &ada, NOW_MS + 60_001).await, AccountError::RateLimited { .. }));
        // Other names are not concerned, and a success does not wipe the failures away.
        replicas[0].register(&name("eve"), &password("right"), NOW_MS).await.unwrap();
        for _ in 0..9 {
            guess(&replicas[0], &name("eve"), NOW_MS).await;
        }
        replicas[0].verify(&name("eve"), &password("right"), NOW_MS).await.unwrap();
        assert_eq!(guess(&replicas[0], &name("eve"), NOW_MS).await, AccountError::InvalidCredentials);
        assert!(matches!(guess(&replicas[0], &name("eve"), NOW_MS).await, AccountError::RateLimited { .. }));
    }
}

#[tokio::test]
async fn guesses_side_by_side_are_answered_ten_times_at_most() {
    for place in everywhere() {
        place.account("ada").await;
        let replicas = [place.accounts(), place.accounts()];
        let whom = name("ada");
        let mut wrong = 0;
        for _ in 0..5 {
            let guesses = (0..16).map(|i| guess(&replicas[i % 2], &whom, NOW_MS));
            for refusal in join_all(guesses).await {
                match refusal {
                    AccountError::InvalidCredentials => wrong += 1,
                    AccountError::RateLimited { .. } => {}
                    other => panic!("{other}"),
                }
            }
        }
        assert_eq!(wrong, 10, "{}", place.url);
    }
}

#[tokio::test]
async fn whoever_is_refused_by_the_limit_costs_no_hash() {
    let place = in_sqlite();
    place.account("ada").await;
    let accounts = Accounts::new(place.open(), PasswordCost::Owasp);
    for whom in ["ada", "nobody"].map(name) {
        for _ in 0..10 {
            guess(&accounts, &whom, NOW_MS).await;
        }
        // Far more than fit into the line: had they hashed, some would have been told that it is full.
        for refusal in join_all((0..100).map(|_| guess(&accounts, &whom, NOW_MS))).await {
            assert!(matches!(refusal, AccountError::RateLimited { .. }), "{refusal}");
        }
    }
}

#[tokio::test]
async fn the_right_password_is_refused_too_if_the_limit_is_reached_while_it_is_checked() {
    let place = in_sqlite();
    let id = place.account("ada").await.account.id.to_string();
    let (accounts, database) = (place.accounts(), place.open());
    // A hash that takes a third of a second to check: long enough for ten failures to come in meanwhile.
    let costly = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(65_536, 10, 1, None).unwrap());
    let hash = costly.hash_password(b"right").unwrap().to_string();
    let store = "UPDATE accounts SET password_hash = $1 WHERE id = $2";
    database.execute(store, &[(&hash).into(), (&id).into()]).await.unwrap();

    let failures = vec![NOW_MS.to_string(); 10].join(" ");
    let fail_ten_times = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let insert = "INSERT INTO login_failures (name, recent, newest_ms) VALUES ('ada', $1, $2)";
        database.execute(insert, &[(&failures).into(), NOW_MS.into()]).await.unwrap();
    };
    let (ada, right) = (name("ada"), password("right"));
    let (login, ()) = join(accounts.verify(&ada, &right, NOW_MS), fail_ten_times).await;
    assert!(matches!(login, Err(AccountError::RateLimited { .. })), "{login:?}");
}

#[tokio::test]
async fn names_nobody_has_leave_nothing_behind_after_a_minute() {
    for place in everywhere() {
        let (accounts, database) = (place.accounts(), place.open());
        for unknown in ["a", "b", "c"] {
            guess(&accounts, &name(unknown), NOW_MS).await;
        }
        guess(&accounts, &name("d"), NOW_MS + 60_000).await;
        let rows = database.fetch_all("SELECT name FROM login_failures", &[]).await.unwrap();
        let names: Vec<String> = rows.iter().map(|row| row.text(0).unwrap()).collect();
        assert_eq!(names, ["d"]);
    }
}

#[tokio::test]
async fn a_password_change_counts_up_and_a_second_one_that_was_checked_before_it_is_refused() {
    for place in everywhere() {
        let id = place.account("ada").await.account.id;
        let replicas = [place.accounts(), place.accounts()];
        let wrong = replicas[0].check_password(id, &password("wrong"), NOW_MS).await;
        assert_eq!(wrong, Err(AccountError::InvalidCredentials));

        let first = replicas[0].check_password(id, &password("right"), NOW_MS).await.unwrap();
        let second = replicas[1].check_password(id, &password("right"), NOW_MS).await.unwrap();
        let (one, two) = (password("one"), password("two"));
        let hashes = [replicas[0].hash(&one).await.unwrap(), replicas[1].hash(&two).await.unwrap()];
        let outcomes = join(
            replicas[0].change_password(&first, &hashes[0]),
            replicas[1].change_password(&second, &hashes[1]),
        )
        .await;
        let new = match outcomes {
            (Ok(()), Err(AccountError::InvalidCredentials)) => one,
            (Err(AccountError::InvalidCredentials), Ok(())) => two,
            other => panic!("{other:?}"),
        };
        assert_eq!(replicas[0].password_version(id).await.unwrap(), Some(2));
        let old = replicas[1].verify(&name("ada"), &password("right"), NOW_MS).await;
        assert_eq!(old, Err(AccountError::InvalidCredentials));
        let verified = replicas[1].verify(&name("ada"), &new, NOW_MS).await.unwrap();
        assert_eq!(verified.password_version, 2);
    }
}

#[tokio::test]
async fn checking_the_current_password_counts_toward_the_same_limit_as_a_login() {
    for place in everywhere() {
        let id = place.account("ada").await.account.id;
        let accounts = place.accounts();
        for _ in 0..5 {
            guess(&accounts, &name("ada"), NOW_MS).await;
            accounts.check_password(id, &password("wrong"), NOW_MS).await.unwrap_err();
            accounts.count_wrong_password(id, NOW_MS).await.unwrap();
        }
        let login = accounts.verify(&name("ada"), &password("right"), NOW_MS).await;
        assert!(matches!(login, Err(AccountError::RateLimited { .. })));
        let check = accounts.check_password(id, &password("right"), NOW_MS).await;
        assert!(matches!(check, Err(AccountError::RateLimited { .. })));
    }
}

#[tokio::test]
async fn more_logins_than_fit_into_the_line_are_told_at_once_and_the_others_succeed() {
    let place = in_sqlite();
    place.account("ada").await;
    let accounts = Accounts::new(place.open(), PasswordCost::Owasp);
    let (ada, right) = (name("ada"), password("right"));
    // What was stored cost little; a password of the full cost is what makes a line.
    let checked = accounts.verify(&ada, &right, NOW_MS).await.unwrap();
    accounts.change_password(&checked, &accounts.hash(&right).await.unwrap()).await.unwrap();

    let outcomes = join_all((0..60).map(|_| accounts.verify(&ada, &right, NOW_MS))).await;
    let busy = outcomes.iter().filter(|outcome| **outcome == Err(AccountError::LoginBusy)).count();
    let done = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    assert_eq!(busy + done, 60, "{outcomes:?}");
    assert!(busy > 0 && done > shared::password::WAITING_LINE, "{busy} busy, {done} done");
    accounts.verify(&ada, &right, NOW_MS).await.unwrap();
}

#[tokio::test]
async fn an_unknown_name_takes_as_long_as_a_wrong_password() {
    let place = in_sqlite();
    let accounts = Accounts::new(place.open(), PasswordCost::Owasp);
    accounts.register(&name("ada"), &password("right"), NOW_MS).await.unwrap();
    // Side by side, so that whatever else the machine does disturbs both.
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for i in 0..9 {
        known.push(time_to_refuse(&accounts, &name("ada"), NOW_MS + i * 60_000).await);
        unknown.push(time_to_refuse(&accounts, &name("nobody"), NOW_MS + i * 60_000).await);
    }
    // The quickest of each is the one that was disturbed least.
    let (known, unknown) = (known.into_iter().min().unwrap(), unknown.into_iter().min().unwrap());
    let ratio = unknown.as_secs_f64() / known.as_secs_f64();
    // Without the hash for nobody it would be below a tenth.
    assert!((0.5..2.0).contains(&ratio), "{unknown:?} for unknown, {known:?} for wrong");
}

async fn time_to_refuse(accounts: &Accounts, whom: &Name, at_ms: i64) -> Duration {
    let start = Instant::now();
    assert_eq!(guess(accounts, whom, at_ms).await, AccountError::InvalidCredentials);
    start.elapsed()
}

#[tokio::test]
async fn what_is_stored_is_a_hash_and_says_how_it_was_made() {
    let place: Place = in_sqlite();
    let accounts = Accounts::new(place.open(), PasswordCost::Owasp);
    let secret: Password = password("correct horse");
    accounts.register(&name("ada"), &secret, NOW_MS).await.unwrap();
    accounts.register(&name("bob"), &secret, NOW_MS).await.unwrap();
    let rows = place.open().fetch_all("SELECT password_hash FROM accounts", &[]).await.unwrap();
    let hashes: Vec<String> = rows.iter().map(|row| row.text(0).unwrap()).collect();
    for hash in &hashes {
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(!hash.contains("correct"));
    }
    assert_ne!(hashes[0], hashes[1], "each has a salt of its own");
}
