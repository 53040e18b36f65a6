//! What does a client hear when Redis is in trouble, how soon, and how soon is it over?

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use shared::api::cart::Sku;
use shared::sessions::{Budget, Change, End, IfVersion, Lost, SessionError, Sessions, StoreDown};

use crate::sessions::InStore;
use crate::support::*;

const SOON: Duration = Duration::from_secs(1);

fn add_one() -> Change {
    let pen: Sku = "pen".to_owned().try_into().unwrap();
    Change::AddItem { sku: pen, quantity: 1 }
}

/// Every call but the ending ones is refused for this reason, in time; `/readyz` would say the same.
async fn all_refused(replica: &InStore, token: &str, why: StoreDown) {
    let budget = &mut Budget::new;
    let start = Instant::now;
    let at = start();
    down(replica.begin(&mut budget(), &account("bob"), None).await, at, why);
    let at = start();
    match why {
        // Who only looks needs no room.
        StoreDown::Full => assert!(replica.look(&mut budget(), token).await.is_ok()),
        _ => down(replica.look(&mut budget(), token).await, at, why),
    }
    let at = start();
    down(replica.change(&mut budget(), token, &add_one(), &IfVersion::Any).await, at, why);
    let at = start();
    down(replica.renew(&mut budget(), token).await.map(drop), at, why);
    let at = start();
    down(replica.list(&mut budget(), token).await, at, why);
    assert_eq!(replica.ready().await, Err(why));
}

/// Waits for something the server says about its connections.
async fn until(mut so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !so() {
        assert!(start.elapsed() < SOON);
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

async fn refused_logout(replica: &InStore, token: &str, why: StoreDown) {
    let at = Instant::now();
    down(replica.end(&mut Budget::new(), token, End::Current).await, at, why);
}

#[tokio::test]
async fn one_operation_is_one_call() {
    let Some(server) = RedisServer::start(&[]) else { return };
    let place = Place::Redis(server);
    let replica = place.replica().await;
    let Place::Redis(server) = &place else { unreachable!() };
    let ada = account("ada");
    let warm = begin(&replica, &ada).await.token;
    let calls = server.calls();
    let budget = &mut Budget::new();
    let token = replica.begin(budget, &ada, Some(&warm)).await.unwrap().token;
    replica.look(budget, &token).await.unwrap();
    replica.change(budget, &token, &add_one(), &IfVersion::Any).await.unwrap();
    replica.list(budget, &token).await.unwrap();
    let token = replica.renew(budget, &token).await.unwrap().issued.token;
    replica.end(budget, &token, End::OthersPasswordChanged).await.unwrap();
    replica.end(budget, &token, End::Current).await.unwrap();
    assert_eq!(server.calls() - calls, 7);
    // What does not verify, and what only asks for the account, costs none.
    replica.look(budget, "a.b.c").await.unwrap_err();
    replica.claimed_account(&token).unwrap();
    replica.ready().await.unwrap();
    assert_eq!(server.calls() - calls, 7);
}

#[tokio::test]
async fn a_killed_redis_is_down_at_once_and_an_empty_one_has_lost_the_session() {
    let Some(mut server) = RedisServer::start(&[]) else { return };
    let replica = open(&server.at(), KEY_A, LIMITS);
    ready_within(&replica, SOON).await;
    let (token, store) = (begin(&replica, &account("ada")).await.token, replica.store_id().await.unwrap());

    server.kill();
    // The first call may have been on its way when the connection broke.
    let _ = look(&replica, &token).await;
    all_refused(&replica, &token, StoreDown::Down).await;
    refused_logout(&replica, &token, StoreDown::Down).await;

    server.run(&[]);
    ready_within(&replica, SOON).await;
    assert_ne!(replica.store_id().await.unwrap(), store);
    assert_eq!(look(&replica, &token).await, Err(SessionError::Lost(Lost::StoreReset)));
    begin(&replica, &account("ada")).await;
}

#[tokio::test]
async fn a_redis_that_kept_its_file_keeps_its_sessions() {
    let Some(mut server) = RedisServer::start(&["--appendonly", "yes"]) else { return };
    let replica = open(&server.at(), KEY_A, LIMITS);
    ready_within(&replica, SOON).await;
    let token = begin(&replica, &account("ada")).await.token;
    replica.change(&mut Budget::new(), &token, &add_one(), &IfVersion::Any).await.unwrap();
    // SIGTERM, so that it writes its file.
    server.signal(Signal::SIGTERM);
    server.kill();
    server.run(&["--appendonly", "yes"]);
    ready_within(&replica, SOON).await;
    assert_eq!(look(&replica, &token).await.unwrap().cart.version, 1);
}

#[tokio::test]
async fn a_paused_redis_times_out_and_does_nothing_late() {
    let Some(server) = RedisServer::start(&[]) else { return };
    let replica = open(&server.at(), KEY_A, LIMITS);
    ready_within(&replica, SOON).await;
    let token = begin(&replica, &account("ada")).await.token;
    server.signal(Signal::SIGSTOP);
    all_refused(&replica, &token, StoreDown::Timeout).await;
    refused_logout(&replica, &token, StoreDown::Timeout).await;
    server.signal(Signal::SIGCONT);
    ready_within(&replica, SOON).await;
    // Everything sent meanwhile has arrived by now, in order, before this look.
    let session = look(&replica, &token).await.expect("neither logout nor renewal happened late");
    assert_eq!(session.cart.version, 0, "no add happened late");
}

#[tokio::test]
async fn a_call_cut_off_half_way_has_an_unknown_effect() {
    let Some(mut server) = RedisServer::start(&[]) else { return };
    let replica = open(&server.at(), KEY_A, LIMITS);
    ready_within(&replica, SOON).await;
    let token = begin(&replica, &account("ada")).await.token;
    server.signal(Signal::SIGSTOP);
    let (at, mut budget, add) = (Instant::now(), Budget::new(), add_one());
    let call = replica.change(&mut budget, &token, &add, &IfVersion::Any);
    let cut = async {
        // Once around the loop, so that the call is sent.
        tokio::time::sleep(Duration::from_millis(20)).await;
        server.kill();
    };
    let (answer, ()) = tokio::join!(call, cut);
    down(answer, at, StoreDown::Timeout);
    assert!(!budget.left().is_zero(), "and it is said when the connection breaks, not when patience ends");
}

#[tokio::test]
async fn a_replica_may_start_before_its_redis() {
    let Some(mut server) = RedisServer::absent() else { return };
    let replica = open(&server.at(), KEY_A, LIMITS);
    assert_eq!(replica.ready().await, Err(StoreDown::Down));
    // Long enough for the pauses between attempts to have grown to their bound.
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(replica.ready().await, Err(StoreDown::Down));
    server.run(&[]);
    ready_within(&replica, SOON).await;
    begin(&replica, &account("ada")).await;
}

#[tokio::test]
async fn a_full_redis_still_lets_people_out() {
    let Some(server) = RedisServer::start(&[]) else { return };
    let replica = open(&server.at(), KEY_A, LIMITS);
    ready_within(&replica, SOON).await;
    let token = begin(&replica, &account("ada")).await.token;
    server.tell(&["CONFIG", "SET", "maxmemory", "1"]);
    all_refused(&replica, &token, StoreDown::Full).await;
    // A replica that starts now can do as much.
    let second = open(&server.at(), KEY_A, LIMITS);
    let start = Instant::now();
    while second.end(&mut Budget::new(), &token, End::Current).await.is_err() {
        assert!(start.elapsed() < SOON);
        tokio::task::yield_now().await;
    }
    server.tell(&["CONFIG", "SET", "maxmemory", "0"]);
    assert!(matches!(look(&replica, &token).await, Err(SessionError::Revoked(_))));
}

#[tokio::test]
async fn a_demoted_redis_is_refused_until_it_is_promoted_again() {
    let Some(server) = RedisServer::start(&[]) else { return };
    let replica = open(&server.at(), KEY_A, LIMITS);
    ready_within(&replica, SOON).await;
    let token = begin(&replica, &account("ada")).await.token;
    server.tell(&["REPLICAOF", "127.0.0.1", "1"]);
    let link = server.link_id();
    assert_eq!(look(&replica, &token).await, Err(SessionError::Store(StoreDown::ReadOnly)));
    // The name may lead to the new master now, so it is looked up again.
    until(|| server.link_id() != link).await;
    all_refused(&replica, &token, StoreDown::ReadOnly).await;
    refused_logout(&replica, &token, StoreDown::ReadOnly).await;
    server.tell(&["REPLICAOF", "NO", "ONE"]);
    ready_within(&replica, SOON).await;
    assert!(look(&replica, &token).await.is_ok());
}

#[tokio::test]
async fn a_redis_that_reads_its_file_is_loading() {
    let Some(mut server) = RedisServer::start(&[]) else { return };
    let replica = open(&server.at(), KEY_A, LIMITS);
    ready_within(&replica, SOON).await;
    let token = begin(&replica, &account("ada")).await.token;
    server.tell(&["DEBUG", "POPULATE", "5000"]);
    server.tell(&["SAVE"]);
    server.kill();
    // A millisecond for each key.
    server.launch(&["--key-load-delay", "1000", "--loading-process-events-interval-bytes", "1024"]);
    says_within(&replica, Err(StoreDown::Loading), Duration::from_secs(5)).await;
    all_refused(&replica, &token, StoreDown::Loading).await;
    server.tell(&["CONFIG", "SET", "key-load-delay", "0"]);
    ready_within(&replica, SOON).await;
    assert!(look(&replica, &token).await.is_ok(), "and it has what was saved");
}

#[tokio::test]
async fn a_redis_that_forgot_its_scripts_is_told_them_again() {
    let Some(server) = RedisServer::start(&[]) else { return };
    let replica = open(&server.at(), KEY_A, LIMITS);
    ready_within(&replica, SOON).await;
    let token = begin(&replica, &account("ada")).await.token;
    server.tell(&["SCRIPT", "FLUSH"]);
    for version in 1..=3 {
        let session = replica.change(&mut Budget::new(), &token, &add_one(), &IfVersion::Any).await.unwrap();
        assert_eq!(session.cart.version, version);
    }
}

#[tokio::test]
async fn a_connection_redis_closes_is_made_anew() {
    let Some(server) = RedisServer::start(&[]) else { return };
    let replica = open(&server.at(), KEY_A, LIMITS);
    ready_within(&replica, SOON).await;
    let token = begin(&replica, &account("ada")).await.token;
    let link = server.link_id();
    server.tell(&["CLIENT", "KILL", "TYPE", "NORMAL", "SKIPME", "YES"]);
    // No request has to fail first: the link notices by itself.
    until(|| server.link_id().is_some_and(|id| Some(id) != link)).await;
    ready_within(&replica, SOON).await;
    assert!(look(&replica, &token).await.is_ok());
}

#[tokio::test]
async fn a_locked_file_times_out_and_a_missing_folder_is_down() {
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("sessions.sqlite");
    let at = crate::config::StoreAt::Sqlite(file.clone());
    let replica = open(&at, KEY_A, LIMITS);
    ready_within(&replica, SOON).await;
    let token = begin(&replica, &account("ada")).await.token;

    let pool = sqlx::SqlitePool::connect(&format!("sqlite:{}", file.display())).await.unwrap();
    let lock = pool.begin_with("BEGIN IMMEDIATE").await.unwrap();
    all_refused(&replica, &token, StoreDown::Timeout).await;
    refused_logout(&replica, &token, StoreDown::Timeout).await;
    lock.rollback().await.unwrap();
    ready_within(&replica, SOON).await;
    assert_eq!(look(&replica, &token).await.unwrap().cart.version, 0);

    let nowhere = crate::config::StoreAt::Sqlite(folder.path().join("no/such/folder"));
    assert_eq!(open(&nowhere, KEY_A, LIMITS).ready().await, Err(StoreDown::Down));
}

#[tokio::test]
async fn a_redis_with_a_password_is_used_with_it_and_broken_without() {
    let Some(server) = RedisServer::start(&[]) else { return };
    let before = open(&server.at(), KEY_A, LIMITS);
    ready_within(&before, SOON).await;
    let token = begin(&before, &account("ada")).await.token;
    server.tell(&["CONFIG", "SET", "requirepass", "sesame"]);

    let knowing = open(&server.url().replace("//", "//:sesame@").parse().unwrap(), KEY_A, LIMITS);
    ready_within(&knowing, SOON).await;
    assert!(look(&knowing, &token).await.is_ok());
    for guess in ["", ":open@"] {
        let outside =
            open(&server.url().replace("//", &format!("//{guess}")).parse().unwrap(), KEY_A, LIMITS);
        says_within(&outside, Err(StoreDown::Broken), SOON).await;
        all_refused(&outside, &token, StoreDown::Broken).await;
        refused_logout(&outside, &token, StoreDown::Broken).await;
    }
}
