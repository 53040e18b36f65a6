//! A SQLite file that is locked, full, or gone.

use std::str::FromStr;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use shared::sql::{Database, SqlError, Transaction, Tx};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection, SqliteConnection};

use crate::place::in_sqlite;
use crate::transactions::{CountUp, Then, WriteName, names};

#[tokio::test]
async fn a_file_locked_for_too_long_is_busy_and_then_usable_again() {
    let place = in_sqlite();
    let database = place.open();
    database.ready().await.unwrap();
    let mut rival = SqliteConnection::connect(&place.url).await.unwrap();
    let lock = rival.begin_with("BEGIN EXCLUSIVE").await.unwrap();

    let start = Instant::now();
    let write = WriteName { name: "a", then: Then::Succeed };
    assert_eq!(database.write(&write).await, Err(SqlError::Busy));
    let waited = start.elapsed();
    assert!((4.5..6.0).contains(&waited.as_secs_f64()), "{waited:?}");
    assert_eq!(names(&database).await, [""; 0], "readers do not mind");

    lock.rollback().await.unwrap();
    let start = Instant::now();
    database.write(&write).await.unwrap();
    assert!(start.elapsed() < Duration::from_secs(1));
}

#[tokio::test]
async fn a_writer_waits_for_a_lock_that_is_released_in_time() {
    let place = in_sqlite();
    let database = place.open();
    database.ready().await.unwrap();
    let mut rival = SqliteConnection::connect(&place.url).await.unwrap();
    let lock = rival.begin_with("BEGIN IMMEDIATE").await.unwrap();
    let write = WriteName { name: "a", then: Then::Succeed };
    let release = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        lock.rollback().await.unwrap();
    };
    let (outcome, ()) = tokio::join!(database.write(&write), release);
    outcome.unwrap();
}

#[tokio::test]
async fn a_new_file_somebody_else_is_writing_to_is_waited_for() {
    let place = in_sqlite();
    let options = SqliteConnectOptions::from_str(&place.url).unwrap().create_if_missing(true);
    let mut rival = SqliteConnection::connect_with(&options).await.unwrap();
    // Without a write-ahead log yet, as a file is that another replica has just made.
    let lock = rival.begin_with("BEGIN IMMEDIATE").await.unwrap();
    let database = place.open();
    let release = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        lock.rollback().await.unwrap();
    };
    let (outcome, ()) = tokio::join!(database.ready(), release);
    outcome.unwrap();
}

#[tokio::test]
async fn of_two_replicas_that_read_and_then_write_none_overwrites_the_other() {
    let place = in_sqlite();
    let replicas = [place.open(), place.open()];
    replicas[0].write(&WriteName { name: "a", then: Then::Succeed }).await.unwrap();
    let outcomes = join_all((0..100).map(|i| replicas[i % 2].write(&CountUp))).await;
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    let row = replicas[0].fetch_optional("SELECT newest_ms FROM login_failures", &[]).await.unwrap();
    assert_eq!(row.unwrap().int(0).unwrap(), 100);
}

/// Forbids the file to grow any further, as a full disk would.
struct FillDisk;

impl Transaction for FillDisk {
    type Outcome = ();
    type Error = SqlError;

    async fn run(&self, tx: &mut Tx) -> Result<(), SqlError> {
        // A limit below the present size means the present size.
        tx.fetch_all("PRAGMA max_page_count = 1", &[]).await.map(drop)
    }
}

#[tokio::test]
async fn a_full_disk_is_said_to_be_one() {
    let place = in_sqlite();
    let database = place.open();
    database.ready().await.unwrap();
    database.write(&FillDisk).await.unwrap();
    let large = "x".repeat(100_000);
    let write = database
        .execute(
            "INSERT INTO login_failures (name, recent, newest_ms) VALUES ('a', $1, 0)",
            &[(&large).into()],
        )
        .await;
    assert_eq!(write, Err(SqlError::Full));
    assert_eq!(names(&database).await, [""; 0]);
}

#[tokio::test]
async fn a_file_that_is_no_database_is_unavailable() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("lab.db");
    std::fs::write(&file, "a shopping list, certainly no database; ".repeat(100)).unwrap();
    let database = Database::open(&format!("sqlite:{}", file.display())).unwrap();
    let outcome = database.ready().await;
    assert!(matches!(outcome, Err(SqlError::Unavailable(_))), "{outcome:?}");
}
