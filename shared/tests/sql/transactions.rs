//! A transaction happens wholly or not at all, also when it is cut short; and a database says what is wrong
//! with it in words a client may hear.

use std::time::Duration;

use futures_util::future::join_all;
use shared::sql::{Database, SqlError, Transaction, Tx};
use tokio::time::timeout;

use crate::place::everywhere;

/// Writes a name, and then ends in some way.
pub struct WriteName {
    pub name: &'static str,
    pub then: Then,
}

pub enum Then {
    Succeed,
    Refuse,
    Hang,
}

impl Transaction for WriteName {
    type Outcome = ();
    type Error = SqlError;

    async fn run(&self, tx: &mut Tx) -> Result<(), SqlError> {
        tx.execute(
            "INSERT INTO login_failures (name, recent, newest_ms) VALUES ($1, '', $2)",
            &[self.name.into(), 0.into()],
        )
        .await?;
        match self.then {
            Then::Succeed => Ok(()),
            Then::Refuse => Err(SqlError::Broken("changed its mind".to_owned())),
            Then::Hang => std::future::pending().await,
        }
    }
}

/// Reads a number and writes one more than it read.
pub struct CountUp;

impl Transaction for CountUp {
    type Outcome = ();
    type Error = SqlError;

    async fn run(&self, tx: &mut Tx) -> Result<(), SqlError> {
        let row = tx.fetch_optional("SELECT newest_ms FROM login_failures", &[]).await?.unwrap();
        let next = row.int(0)? + 1;
        tx.execute("UPDATE login_failures SET newest_ms = $1", &[next.into()]).await.map(drop)
    }
}

/// The names written so far.
pub async fn names(database: &Database) -> Vec<String> {
    let rows = database.fetch_all("SELECT name FROM login_failures ORDER BY name", &[]).await.unwrap();
    rows.iter().map(|row| row.text(0).unwrap()).collect()
}

#[tokio::test]
async fn an_error_undoes_what_the_transaction_wrote() {
    for place in everywhere() {
        let database = place.open();
        let refused = database.write(&WriteName { name: "a", then: Then::Refuse }).await;
        assert_eq!(refused, Err(SqlError::Broken("changed its mind".to_owned())));
        database.write(&WriteName { name: "b", then: Then::Succeed }).await.unwrap();
        // A statement that fails, too: this name is there already.
        let twice = database.write(&WriteName { name: "b", then: Then::Succeed }).await;
        assert!(matches!(twice, Err(SqlError::Broken(_))), "{twice:?}");
        database.write(&WriteName { name: "c", then: Then::Succeed }).await.unwrap();
        assert_eq!(names(&place.open()).await, ["b", "c"]);
    }
}

#[tokio::test]
async fn a_transaction_that_is_dropped_half_way_leaves_no_trace_and_blocks_nobody() {
    for place in everywhere() {
        let database = place.open();
        database.ready().await.unwrap();
        for _ in 0..20 {
            let dropped = database.write(&WriteName { name: "a", then: Then::Hang });
            timeout(Duration::from_millis(10), dropped).await.unwrap_err();
        }
        let next = database.write(&WriteName { name: "a", then: Then::Succeed });
        timeout(Duration::from_secs(1), next).await.expect("nobody holds a lock").unwrap();
        assert_eq!(names(&database).await, ["a"]);
    }
}

#[tokio::test]
async fn replicas_that_start_at_the_same_moment_on_a_new_database_all_come_up() {
    for _ in 0..5 {
        for place in everywhere() {
            let replicas: Vec<Database> = (0..6).map(|_| place.open()).collect();
            for outcome in join_all(replicas.iter().map(Database::ready)).await {
                outcome.unwrap();
            }
            let rows = replicas[0].fetch_all("SELECT version FROM _sqlx_migrations", &[]).await.unwrap();
            assert_eq!(rows.len(), 1, "each migration ran once");
        }
    }
}

#[tokio::test]
async fn a_wrong_address_is_told_in_one_line_without_its_password() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = format!("sqlite:{}/nowhere/lab.db", folder.path().display());
    let a_folder = format!("sqlite:{}", folder.path().display());
    for wrong in [
        "",
        "lab.db",
        "sqlite:",
        "sqlite::memory:",
        "sqlite://lab.db",
        "mysql://root:hunter2@localhost/lab",
        "postgres://lab:hunter2@localhost:notaport/lab",
        "postgres://lab:hunter2@localhost/lab?sslmode=sometimes",
        "postgres://lab:hunter2@localhost/lab?sslmode=require",
        &nowhere,
        &a_folder,
    ] {
        let line = Database::open(wrong).unwrap_err();
        assert!(!line.contains('\n') && !line.contains("hunter2") && line.len() > 20, "{wrong}: {line}");
    }
}
