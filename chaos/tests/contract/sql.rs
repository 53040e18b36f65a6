//! Section G, the database: what still works without it, and what is said about the rest?

use std::time::{Duration, Instant};

use chaos::contract::call::Call;
use chaos::contract::site::{Account, Guest, new_key};
use chaos::contract::{Pace, Site};
use chaos::driver::StoreWish;
use serde_json::json;
use sqlx::{Connection, Executor, SqliteConnection};
use tempfile::TempDir;

use crate::column::{Column, Lab, READY_WITHIN};
use crate::postgres::Postgres;
use crate::process::Process;
use crate::skip::may_mount;
use crate::table::LabRow;

pub const ROWS: &[LabRow] = &[
    LabRow {
        number: 60,
        claim: "Postgres down: 503 database_unavailable where SQL is needed, GET /session 200; and back by itself",
        pace: Pace::Brisk,
        applies: |column| column.postgres.is_some(),
        run: |column| Box::pin(postgres_down(column)),
    },
    LabRow {
        number: 60,
        claim: "the SQLite file destroyed: 503 database_unavailable, GET /session 200, not ready",
        pace: Pace::Brisk,
        applies: on_sqlite,
        run: |column| Box::pin(sqlite_destroyed(column)),
    },
    LabRow {
        number: 61,
        claim: "SQLite locked over 5 s: 503 database_busy, and what only reads goes on",
        pace: Pace::Slow,
        applies: on_sqlite,
        run: |column| Box::pin(sqlite_locked(column)),
    },
    LabRow {
        number: 61,
        claim: "the disk full: 503 storage_full, and what only reads goes on",
        pace: Pace::Brisk,
        applies: on_sqlite,
        run: |column| Box::pin(disk_full(column)),
    },
];

fn on_sqlite(column: &Column) -> bool {
    column.postgres.is_none()
}

/// The calls that need SQL.
fn sql_calls(guest: &Guest) -> Vec<Call> {
    let site = &guest.site;
    vec![
        site.post("/accounts").json(&Account::unknown().credentials()),
        site.post("/session").json(&guest.account.credentials()),
        guest
            .put("/account/password")
            .json(&json!({ "current": guest.account.password, "new": "a new password" })),
        guest.order(&new_key(), 1),
        guest.get("/orders"),
        guest.get("/orders/01a20fba-29d3-710c-b464-2f33f86725a3"),
    ]
}

/// Whoever is logged in does not notice, as long as nothing of theirs is in SQL.
async fn sessions_go_on(guest: &Guest) -> anyhow::Result<()> {
    guest.get("/session").send().await?.is(200)?;
    guest.set("pen", 1).send().await?.is(200)?;
    guest.site.get("/livez").send().await?.is(200)?;
    Ok(())
}

async fn is_unavailable(guest: &Guest) -> anyhow::Result<()> {
    for call in sql_calls(guest) {
        let start = Instant::now();
        let (what, answer) = (call.asked().to_owned(), call.send().await?);
        answer.refused(503, "database_unavailable", None)?;
        answer.says("/retryable", &json!(true))?;
        let took = start.elapsed();
        anyhow::ensure!(took < Duration::from_secs(6), "{what} took {took:.1?} to say so");
    }
    only_the_database_is_missing(&guest.site).await
}

/// A server of the row's own, for it is going to crash.
async fn postgres_down(column: Column) -> anyhow::Result<()> {
    let mut server = Postgres::start().expect("there is one, or this column would not be");
    let mut spec = column.spec(column.service());
    spec.database = Some(server.new_database());
    let lab = Lab::start(spec).await?;
    let guest = lab.site().guest().await?;
    let version = guest.shop().await?;
    let server = tokio::task::spawn_blocking(move || {
        server.crash();
        server
    });
    let mut server = server.await?;
    is_unavailable(&guest).await?;
    sessions_go_on(&guest).await?;
    let _server = tokio::task::spawn_blocking(move || {
        server.start_again();
        server
    })
    .await?;
    lab.driver.ready(lab.name(), READY_WITHIN).await?;
    // The old password still opens the account, and the cart is as it was but for the pen.
    lab.site().login(&guest.account).await?;
    guest.order(&new_key(), version + 1).send().await?.is(201)?;
    Ok(())
}

/// A service of the row's own, with its files in a folder we know.
struct OnFile {
    folder: TempDir,
    service: Process,
    // Only for its Redis, where the column has one.
    _lab: Option<Lab>,
    store: String,
}

impl OnFile {
    async fn start(column: &Column) -> anyhow::Result<OnFile> {
        let folder = tempfile::tempdir()?;
        let lab = if column.store == StoreWish::Redis { Some(column.lab().await?) } else { None };
        let store = match &lab {
            Some(lab) => lab.driver.redis_url()?.to_owned(),
            None => format!("sqlite:{}", folder.path().join("sessions.db").display()),
        };
        let database = database(&folder);
        let service = Process::start(column, &database, &store, &[]).await?;
        ready(&service.site()).await?;
        Ok(OnFile { folder, service, _lab: lab, store })
    }

    /// Ends the service, does something to its files, and starts it again.
    async fn restart(
        &mut self,
        column: &Column,
        meanwhile: impl FnOnce() -> std::io::Result<()>,
    ) -> anyhow::Result<()> {
        self.service.signal(nix::sys::signal::Signal::SIGTERM)?;
        self.service.exit(Duration::from_secs(5)).await?;
        meanwhile()?;
        self.service = Process::start(column, &database(&self.folder), &self.store, &[]).await?;
        Ok(())
    }

    fn file(&self) -> std::path::PathBuf {
        self.folder.path().join("lab.db")
    }
}

fn database(folder: &TempDir) -> String {
    format!("sqlite:{}", folder.path().join("lab.db").display())
}

async fn ready(site: &Site) -> anyhow::Result<()> {
    let start = Instant::now();
    while site.get("/readyz").send().await?.status != 200 {
        anyhow::ensure!(start.elapsed() < READY_WITHIN, "it does not become ready");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(())
}

async fn sqlite_destroyed(column: Column) -> anyhow::Result<()> {
    let mut on_file = OnFile::start(&column).await?;
    let guest = on_file.service.site().guest().await?;
    let file = on_file.file();
    on_file.restart(&column, || std::fs::write(file, "this is no database, and has never been one")).await?;
    let guest = Guest { site: on_file.service.site(), ..guest };
    only_the_database_is_missing(&guest.site).await?;
    // Where sessions live outside, they outlive this; where they were in the process, it ended.
    let session = guest.get("/session").send().await?;
    chaos::contract::differences::expected(32, column.twin).matches(&session, 200)?;
    for call in sql_calls(&guest) {
        let needs_no_session = call.asked() == "POST /accounts" || call.asked() == "POST /session";
        if session.status == 200 || needs_no_session {
            call.refused(503, "database_unavailable", None).await?;
        }
    }
    guest.site.get("/livez").send().await?.is(200)?;
    Ok(())
}

/// A service that has just started may still be on its way to its session store.
async fn only_the_database_is_missing(site: &Site) -> anyhow::Result<()> {
    let start = Instant::now();
    loop {
        let ready = site.get("/readyz").send().await?;
        if ready.problem()["not_ready"] == json!(["database"]) {
            return Ok(ready.refused(503, "not_ready", None)?);
        }
        anyhow::ensure!(
            start.elapsed() < READY_WITHIN,
            "expected only the database to be missing: {}",
            ready.summary()
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn sqlite_locked(column: Column) -> anyhow::Result<()> {
    let on_file = OnFile::start(&column).await?;
    let guest = on_file.service.site().guest().await?;
    let version = guest.shop().await?;
    let mut other = SqliteConnection::connect(&format!("sqlite:{}", on_file.file().display())).await?;
    other.execute("BEGIN IMMEDIATE").await?;

    let start = Instant::now();
    let (account, key) = (Account::unknown(), new_key());
    let (registered, ordered) = tokio::join!(
        guest.site.post("/accounts").json(&account.credentials()).send(),
        guest.order(&key, version).send(),
    );
    for answer in [registered?, ordered?] {
        answer.refused(503, "database_busy", None)?;
        answer.says("/retryable", &json!(true))?;
    }
    let took = start.elapsed();
    anyhow::ensure!(
        (3.0..8.0).contains(&took.as_secs_f64()),
        "it gave up after {took:.1?}, not after about 5 s"
    );
    // One who only reads need not wait for the writer.
    let start = Instant::now();
    sessions_go_on(&guest).await?;
    guest.get("/orders").send().await?.is(200)?;
    guest.site.login(&guest.account).await?;
    anyhow::ensure!(start.elapsed() < Duration::from_secs(3), "readers waited for a writer");

    other.execute("ROLLBACK").await?;
    other.close().await?;
    guest.site.post("/accounts").json(&account.credentials()).send().await?.is(201)?;
    guest.order(&key, version + 1).send().await?.is(201)?;
    Ok(())
}

/// A disk of its own, a megabyte large and half full of something else, that only the service sees. What holds its log is
/// full from the beginning.
const SMALL_DISK: &str = "mount -t tmpfs -o size=1m none \"$DISK\" && \
     head -c 500000 /dev/zero > \"$DISK/ballast\" && exec \"$@\" 2>/dev/full";

async fn disk_full(column: Column) -> anyhow::Result<()> {
    if !may_mount("row 61, a full disk") {
        return Ok(());
    }
    let disk = tempfile::tempdir()?;
    let lab = if column.store == StoreWish::Redis { Some(column.lab().await?) } else { None };
    let outside = tempfile::tempdir()?;
    let store = match &lab {
        Some(lab) => lab.driver.redis_url()?.to_owned(),
        None => format!("sqlite:{}", outside.path().join("sessions.db").display()),
    };
    let script = SMALL_DISK.replace("$DISK", &disk.path().display().to_string());
    let wrapper = ["unshare", "-Urm", "sh", "-c", &script, "sh"];
    let service = Process::start_inside(&wrapper, &column, &database(&disk), &store, &[]).await?;
    let site = service.site();
    ready(&site).await?;
    let guest = site.guest().await?;
    let (version, key) = (guest.shop().await?, new_key());

    let mut accounts = 0;
    let refused = loop {
        let answer = site.post("/accounts").json(&Account::unknown().credentials()).send().await?;
        if answer.status != 201 {
            break answer;
        }
        accounts += 1;
        anyhow::ensure!(accounts < 2000, "the disk does not fill");
    };
    refused.refused(503, "storage_full", None)?;
    refused.says("/retryable", &json!(true))?;
    guest.order(&key, version).refused(503, "storage_full", None).await?;
    sessions_go_on(&guest).await?;
    let orders = guest.get("/orders").send().await?;
    anyhow::ensure!(orders.is(200)?.count("/orders")? == 0, "an order was placed: {}", orders.summary());
    site.login(&guest.account).await?;

    // Room is made, as seen from inside.
    let inside = format!("/proc/{}/root{}/ballast", service.pid()?, disk.path().display());
    std::fs::remove_file(inside)?;
    guest.order(&key, version + 1).send().await?.is(201)?;
    site.post("/accounts").json(&Account::unknown().credentials()).send().await?.is(201)?;
    Ok(())
}
