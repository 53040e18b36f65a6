//! What does a session promise, wherever it lives?

use std::time::Duration;

use shared::sessions::{
    Budget, Change, End, Expired, IfVersion, Limits, Lost, MAX_SESSIONS_PER_ACCOUNT, Revoked, Session,
    SessionError, Sessions,
};
use uuid::Uuid;

use crate::support::*;
use crate::token::{Claims, Tokens};

fn revoked(how: Revoked) -> Result<Session, SessionError> {
    Err(SessionError::Revoked(how))
}

#[tokio::test]
async fn every_replica_sees_the_same_session_and_so_does_the_next_run() {
    for place in places() {
        let ada = account("Ada  \"Ω\" \\ Lovelace");
        let token = {
            let first = place.replica().await;
            let begun = begin(&first, &ada).await;
            assert_eq!(look(&first, &begun.token).await.as_ref(), Ok(&begun.session));
            let limits = &begun.session.summary;
            assert_eq!(limits.idle_expires_at_ms, limits.created_at_ms + 3_600_000);
            let over = limits.absolute_expires_at_ms - limits.created_at_ms - 12 * 3_600_000;
            assert!((0..1000).contains(&over), "the absolute limit is rounded up to a second: {over} ms");
            begun.token
        };
        let second = place.replica().await;
        let seen = look(&second, &token).await.unwrap();
        let id = seen.account.id;
        assert_eq!((seen.account, seen.cart.version, seen.cart.items.len()), (ada, 0, 0));
        assert_eq!(second.claimed_account(&token), Ok(id));
    }
}

#[tokio::test]
async fn the_store_holds_no_secret_of_a_token() {
    for place in places() {
        let replica = place.replica().await;
        let begun = begin(&replica, &account("ada")).await;
        let renewed = replica.renew(&mut Budget::new(), &begun.token).await.unwrap();
        let dump = place.dump().await;
        let tokens = Tokens::prepare(shared::keys::KeyRing::parse(KEY_A).unwrap()).unwrap();
        for token in [&begun.token, &renewed.issued.token] {
            let claims = tokens.verify(shared::clock::system(), token).unwrap();
            let secret = Uuid::from_bytes(claims.secret);
            let raw = String::from_utf8_lossy(&claims.secret).into_owned();
            assert!(dump.contains(&claims.session_id.to_string()));
            for form in [secret.to_string(), secret.simple().to_string(), raw] {
                assert!(!dump.contains(&form), "{dump}");
            }
        }
    }
}

#[tokio::test]
async fn logout_ends_a_session_for_good() {
    for place in places() {
        let replica = place.replica().await;
        let begun = begin(&replica, &account("ada")).await;
        for _ in 0..2 {
            assert_eq!(replica.end(&mut Budget::new(), &begun.token, End::Current).await, Ok(()));
            assert_eq!(look(&replica, &begun.token).await, revoked(Revoked::Revoked));
        }
        let budget = &mut Budget::new();
        let address = Change::RemoveItem { sku: "pen".to_owned().try_into().unwrap() };
        assert_eq!(
            replica.change(budget, &begun.token, &address, &IfVersion::Any).await,
            revoked(Revoked::Revoked)
        );
        assert_eq!(
            replica.renew(budget, &begun.token).await.unwrap_err(),
            SessionError::Revoked(Revoked::Revoked)
        );
        assert_eq!(
            replica.list(budget, &begun.token).await.unwrap_err(),
            SessionError::Revoked(Revoked::Revoked)
        );
        // Only logout succeeds on what is over.
        assert_eq!(
            replica.end(budget, &begun.token, End::All).await,
            Err(SessionError::Revoked(Revoked::Revoked))
        );
    }
}

#[tokio::test]
async fn an_ended_record_shrinks_to_its_reason() {
    for place in places() {
        let replica = place.replica().await;
        let begun = begin(&replica, &account("Ada Lovelace")).await;
        assert!(place.dump().await.contains("Ada Lovelace"));
        replica.end(&mut Budget::new(), &begun.token, End::Current).await.unwrap();
        let dump = place.dump().await;
        assert!(dump.contains("revoked") && !dump.contains("Ada Lovelace"), "{dump}");
        if let Place::Redis(server) = &place {
            let left: i64 = redis::cmd("PEXPIRETIME")
                .arg(record_key(&begun.session))
                .query(&mut server.client())
                .unwrap();
            let ends = begun.session.summary.absolute_expires_at_ms;
            assert!((ends - 50..=ends + 50).contains(&left), "the tombstone stays until the absolute limit");
        }
    }
}

/// The file drops what is past its limit at the next login; Redis has to be told in advance.
#[tokio::test]
async fn redis_keeps_nothing_beyond_the_last_limit_and_no_list_of_the_dead() {
    let Some(place) = RedisServer::start(&[]).map(Place::Redis) else { return };
    let Place::Redis(server) = &place else { unreachable!("it was made a line above") };
    let (replica, ada) = (place.replica().await, account("ada"));
    let (first, last) = (begin(&replica, &ada).await, begin(&replica, &ada).await);
    place.age(&first.session, HOUR).await;
    assert_eq!(replica.list(&mut Budget::new(), &last.token).await.unwrap().sessions.len(), 1);

    let mut redis = server.client();
    let index = record_key(&last.session).rsplit_once(':').unwrap().0.to_owned();
    let listed: usize = redis::cmd("ZCARD").arg(&index).query(&mut redis).unwrap();
    assert_eq!(listed, 1, "what is over leaves the list");
    let keys: Vec<String> = redis::cmd("KEYS").arg("*").query(&mut redis).unwrap();
    for key in keys.iter().filter(|key| *key != "lab:store_id") {
        let until: i64 = redis::cmd("PEXPIRETIME").arg(key).query(&mut redis).unwrap();
        let bound = last.session.summary.absolute_expires_at_ms;
        assert!(
            (1..=bound).contains(&until),
            "{key} stays until {until}, and the last session until {bound}"
        );
    }
}

#[tokio::test]
async fn my_devices_are_listed_and_ended_one_by_one_or_all() {
    for place in places() {
        let replica = place.replica().await;
        let (ada, bob) = (account("ada"), account("bob"));
        let mut mine = Vec::new();
        for _ in 0..4 {
            mine.push(begin(&replica, &ada).await);
        }
        let bobs = begin(&replica, &bob).await;
        let id = |n: usize| mine[n].session.summary.session_id;
        let budget = &mut Budget::new();

        let listed = replica.list(budget, &mine[1].token).await.unwrap();
        let (ids, current): (Vec<_>, Vec<_>) =
            listed.sessions.iter().map(|s| (s.session_id, s.current)).unzip();
        assert_eq!(listed.account, ada);
        assert_eq!(ids, (0..4).map(id).collect::<Vec<_>>(), "oldest first");
        assert_eq!(current, [false, true, false, false]);

        assert_eq!(replica.end(budget, &mine[1].token, End::One(id(0))).await, Ok(()));
        assert_eq!(look(&replica, &mine[0].token).await, revoked(Revoked::Revoked));
        for not_mine in [id(0), bobs.session.summary.session_id, Uuid::now_v7()] {
            let refused = replica.end(budget, &mine[1].token, End::One(not_mine)).await;
            assert_eq!(refused, Err(SessionError::NotFound), "over, or somebody else's, or nobody's");
        }
        assert!(look(&replica, &bobs.token).await.is_ok());

        assert_eq!(replica.end(budget, &mine[1].token, End::OthersPasswordChanged).await, Ok(()));
        assert!(look(&replica, &mine[1].token).await.is_ok(), "the asking one stays");
        assert_eq!(look(&replica, &mine[2].token).await, revoked(Revoked::PasswordChanged));
        assert_eq!(look(&replica, &mine[3].token).await, revoked(Revoked::PasswordChanged));

        let again = begin(&replica, &ada).await;
        assert_eq!(replica.end(budget, &mine[1].token, End::All).await, Ok(()));
        for token in [&mine[1].token, &again.token] {
            assert_eq!(look(&replica, token).await, revoked(Revoked::Revoked));
        }
        assert!(look(&replica, &bobs.token).await.is_ok());
        assert_eq!(replica.list(&mut Budget::new(), &bobs.token).await.unwrap().sessions.len(), 1);
    }
}

#[tokio::test]
async fn the_twenty_first_session_ends_the_oldest() {
    for place in places() {
        let replica = place.replica().await;
        let ada = account("ada");
        let mut tokens = Vec::new();
        for _ in 0..=MAX_SESSIONS_PER_ACCOUNT {
            tokens.push(begin(&replica, &ada).await.token);
        }
        assert_eq!(look(&replica, &tokens[0]).await, revoked(Revoked::SessionLimit));
        for token in &tokens[1..] {
            assert!(look(&replica, token).await.is_ok());
        }
        let listed = replica.list(&mut Budget::new(), &tokens[1]).await.unwrap();
        assert_eq!(listed.sessions.len(), MAX_SESSIONS_PER_ACCOUNT);
        // One that was ended makes room.
        replica.end(&mut Budget::new(), &tokens[5], End::Current).await.unwrap();
        begin(&replica, &ada).await;
        assert!(look(&replica, &tokens[1]).await.is_ok());
    }
}

#[tokio::test]
async fn a_login_ends_the_session_it_replaces_and_only_with_a_good_token() {
    for place in places() {
        let replica = place.replica().await;
        let (ada, bob) = (account("ada"), account("bob"));
        let adas = begin(&replica, &ada).await;
        let budget = &mut Budget::new();
        for worthless in ["", "a.b.c", &(adas.token.clone() + "x")] {
            replica.begin(budget, &bob, Some(worthless)).await.unwrap();
        }
        assert!(look(&replica, &adas.token).await.is_ok());
        let budget = &mut Budget::new();
        let bobs = replica.begin(budget, &bob, Some(&adas.token)).await.unwrap();
        assert_eq!(look(&replica, &adas.token).await, revoked(Revoked::Revoked));
        assert_ne!(bobs.session.summary.session_id, adas.session.summary.session_id);
        assert_eq!(look(&replica, &bobs.token).await.unwrap().account, bob);
        // A dead one replaces nothing, and is no obstacle.
        assert!(replica.begin(budget, &bob, Some(&adas.token)).await.is_ok());
        // An old token of a renewed session is not good either.
        let renewed = replica.renew(budget, &bobs.token).await.unwrap();
        place.age(&renewed.issued.session, Duration::from_secs(11)).await;
        replica.begin(&mut Budget::new(), &ada, Some(&bobs.token)).await.unwrap();
        assert!(look(&replica, &renewed.issued.token).await.is_ok());
    }
}

#[tokio::test]
async fn a_session_not_used_for_its_idle_limit_is_over_and_use_moves_the_limit() {
    for place in places() {
        let replica = place.replica().await;
        let ada = account("ada");
        let (begun, other) = (begin(&replica, &ada).await, begin(&replica, &ada).await);
        place.age(&begun.session, HOUR - Duration::from_secs(5)).await;
        let used = look(&replica, &begun.token).await.unwrap().summary;
        let slack = used.idle_expires_at_ms - begun.session.summary.idle_expires_at_ms;
        assert!((0..2000).contains(&slack), "used now, so an hour from now: {slack}");

        place.age(&begun.session, HOUR).await;
        let idle = SessionError::Expired(Expired::Idle);
        assert_eq!(look(&replica, &begun.token).await, Err(idle.clone()));
        assert_eq!(look(&replica, &begun.token).await, Err(idle.clone()), "and it stays over");
        assert_eq!(replica.renew(&mut Budget::new(), &begun.token).await.unwrap_err(), idle);
        assert_eq!(replica.end(&mut Budget::new(), &begun.token, End::Current).await, Ok(()));

        let third = begin(&replica, &ada).await;
        place.age(&third.session, HOUR).await;
        let listed = replica.list(&mut Budget::new(), &other.token).await.unwrap().sessions;
        assert_eq!(listed.len(), 1, "found over by somebody who only counted");
        assert_eq!(look(&replica, &third.token).await, Err(idle));
    }
}

#[tokio::test]
async fn a_use_is_written_down_only_when_the_last_one_is_a_while_ago() {
    for place in places() {
        let replica = place.replica().await;
        let begun = begin(&replica, &account("ada")).await;
        let seen = |session: Session| session.summary.idle_expires_at_ms;
        let first = seen(look(&replica, &begun.token).await.unwrap());
        assert_eq!(first, seen(begun.session.clone()), "at once, nothing is written");
        place.age(&begun.session, LIMITS.touch_every() / 2).await;
        let aged = seen(look(&replica, &begun.token).await.unwrap());
        assert!(aged < first, "nor a moment later");
        place.age(&begun.session, LIMITS.touch_every()).await;
        assert!(seen(look(&replica, &begun.token).await.unwrap()) >= first);
    }
}

#[tokio::test]
async fn a_session_past_its_absolute_limit_is_over_and_its_record_gone() {
    let limits = Limits { idle: HOUR, absolute: Duration::from_millis(200) };
    for place in places() {
        let replica = place.replica_with(KEY_A, limits).await;
        let begun = begin(&replica, &account("ada")).await;
        let ends_ms = begun.session.summary.absolute_expires_at_ms;
        assert_eq!(begun.session.summary.idle_expires_at_ms, ends_ms, "no later than the absolute limit");
        assert!(look(&replica, &begun.token).await.is_ok());
        let left_ms = ends_ms - shared::clock::system();
        tokio::time::sleep(Duration::from_millis(left_ms.max(0) as u64 + 1)).await;
        let expired = SessionError::Expired(Expired::Absolute);
        assert_eq!(look(&replica, &begun.token).await, Err(expired.clone()));
        assert_eq!(replica.claimed_account(&begun.token), Err(expired));
        assert_eq!(replica.end(&mut Budget::new(), &begun.token, End::Current).await, Ok(()));
        begin(&replica, &account("bob")).await;
        let id = begun.session.summary.session_id.to_string();
        assert!(!place.dump().await.contains(&id));
    }
}

#[tokio::test]
async fn a_session_the_store_does_not_know_is_unknown_or_lost_with_its_store() {
    for place in places() {
        let replica = place.replica().await;
        let tokens = Tokens::prepare(shared::keys::KeyRing::parse(KEY_A).unwrap()).unwrap();
        let now_s = shared::clock::system() / 1000;
        let claims = Claims {
            account: Uuid::now_v7(),
            session_id: Uuid::now_v7(),
            secret: [1; 16],
            issued_at_s: now_s,
            expires_at_s: now_s + 60,
            store_id: replica.store_id().await.unwrap(),
        };
        let never_issued = tokens.issue("a", &claims).unwrap();
        let other_store = tokens.issue("a", &Claims { store_id: Uuid::new_v4(), ..claims }).unwrap();
        assert_eq!(look(&replica, &never_issued).await, Err(SessionError::Unknown));
        assert_eq!(look(&replica, &other_store).await, Err(SessionError::Lost(Lost::StoreReset)));
        for token in [never_issued, other_store] {
            assert_eq!(replica.end(&mut Budget::new(), &token, End::Current).await, Ok(()));
        }
    }
}
