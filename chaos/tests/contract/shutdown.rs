//! Section G, SIGTERM: does the service finish what it has begun, and take nothing new?

use std::time::{Duration, Instant};

use chaos::contract::{Pace, Site};
use chaos::driver::StoreWish;
use chaos::gates::{self, Point};
use chaos::http::NoAnswer;
use nix::sys::signal::Signal;
use tempfile::TempDir;
use uuid::Uuid;

use crate::column::{Column, Lab};
use crate::process::Process;
use crate::table::{LabRow, everywhere};

pub const ROWS: &[LabRow] = &[
    LabRow {
        number: 62,
        claim: "SIGTERM: requests in flight end with Connection: close, new connections are refused, exit 0",
        pace: Pace::Brisk,
        applies: everywhere,
        run: |column| Box::pin(requests_in_flight_are_finished(column)),
    },
    LabRow {
        number: 62,
        claim: "with --drain-wait, /readyz says 503 draining while everything else is still answered",
        pace: Pace::Brisk,
        applies: everywhere,
        run: |column| Box::pin(the_balancer_is_told_first(column)),
    },
    LabRow {
        number: 62,
        claim: "taken out of rotation, /readyz says 503 out_of_rotation and all else is served; a start undoes it",
        pace: Pace::Brisk,
        applies: everywhere,
        run: |column| Box::pin(out_of_rotation(column)),
    },
    LabRow {
        number: 62,
        claim: "a request that never ends does not keep the service beyond 10 s",
        pace: Pace::Slow,
        applies: |column| column.postgres.is_none(),
        run: |column| Box::pin(no_request_holds_it_forever(column)),
    },
    LabRow {
        number: 62,
        claim: "idle, it is gone well within a second, also where a client keeps its connection",
        pace: Pace::Brisk,
        applies: everywhere,
        run: |column| Box::pin(gone_at_once_when_idle(column)),
    },
];

/// A process of the column's service, and what must outlive it.
struct Alone {
    service: Process,
    _folder: TempDir,
    _lab: Option<Lab>,
}

async fn alone(column: &Column, more: &[&str]) -> anyhow::Result<Alone> {
    let folder = tempfile::tempdir()?;
    let lab = if column.store == StoreWish::Redis { Some(column.lab().await?) } else { None };
    let store = match &lab {
        Some(lab) => lab.driver.redis_url()?.to_owned(),
        None => format!("sqlite:{}", folder.path().join("sessions.db").display()),
    };
    let database = match &column.postgres {
        Some(server) => server.new_database(),
        None => format!("sqlite:{}", folder.path().join("lab.db").display()),
    };
    let service = Process::start(column, &database, &store, more).await?;
    Ok(Alone { service, _folder: folder, _lab: lab })
}

const GET_CART: &str = "GET /cart HTTP/1.1\r\nhost: lab\r\n";

async fn requests_in_flight_are_finished(column: Column) -> anyhow::Result<()> {
    let mut alone = alone(&column, &[]).await?;
    let site = alone.service.site();
    let guest = site.guest().await?;
    guest.set("book", 2).send().await?.is(200)?;
    let replicas = [alone.service.replica().clone()];
    let mut held = Vec::new();
    for point in [Point::Accepted, Point::Committed] {
        let id = Uuid::new_v4();
        let armed = gates::arm(&replicas, id, point).await?;
        // By hand, for a client that asks for Connection: close would get it in any case.
        let mut wire = site.wire().await?.called("a request in flight");
        wire.say(format!("{GET_CART}x-request-id: {id}\r\nauthorization: Bearer {}\r\n\r\n", guest.token))
            .await;
        let gate = armed.held(Duration::from_secs(5)).await?;
        held.push((wire, gate.ok_or_else(|| anyhow::anyhow!("not held at {point:?}"))?));
    }
    // The control: without SIGTERM the connection is kept.
    let mut kept = site.wire().await?.called("a request before SIGTERM");
    kept.say(format!("{GET_CART}authorization: Bearer {}\r\n\r\n", guest.token)).await;
    kept.must_answer(Duration::from_secs(5)).await?.is(200)?.lacks("connection")?;

    alone.service.signal(Signal::SIGTERM)?;
    anyhow::ensure!(held[0].1.draining(Duration::from_secs(5)).await?, "it does not say that it is draining");
    refuses(&site).await?;
    kept.must_end(Duration::from_secs(2)).await?;
    for (mut wire, gate) in held {
        gate.release().await?;
        let answer = wire.must_answer(Duration::from_secs(5)).await?;
        answer.is(200)?.has("connection", "close")?.says("/items/0/quantity", &2.into())?;
        wire.must_end(Duration::from_secs(5)).await?;
    }
    exits(&mut alone.service, Duration::from_secs(2)).await
}

/// Draining is said a moment before the socket is closed.
async fn refuses(site: &Site) -> anyhow::Result<()> {
    let start = Instant::now();
    loop {
        match site.get("/livez").send_into_trouble().await? {
            Err(NoAnswer::Refused) => return Ok(()),
            other => anyhow::ensure!(start.elapsed() < Duration::from_secs(2), "not refused: {other:?}"),
        }
    }
}

async fn exits(service: &mut Process, within: Duration) -> anyhow::Result<()> {
    let status = service.exit(within).await?;
    anyhow::ensure!(status.code() == Some(0), "expected exit 0, saw {status}");
    Ok(())
}

async fn the_balancer_is_told_first(column: Column) -> anyhow::Result<()> {
    let mut alone = alone(&column, &["--drain-wait", "1500ms"]).await?;
    let site = alone.service.site();
    let guest = site.guest().await?;
    site.get("/readyz").send().await?.is(200)?;
    let told = Instant::now();
    alone.service.signal(Signal::SIGTERM)?;
    while site.get("/readyz").send().await?.code() != "draining" {
        anyhow::ensure!(told.elapsed() < Duration::from_secs(1), "/readyz does not say draining");
    }
    site.get("/readyz").refused(503, "draining", None).await?;
    guest.set("book", 3).send().await?.is(200)?;
    site.get("/livez").send().await?.is(200)?;
    exits(&mut alone.service, Duration::from_secs(4)).await?;
    let took = told.elapsed();
    anyhow::ensure!(took > Duration::from_millis(1400), "it waited only {took:.1?}");
    refuses(&site).await
}

async fn out_of_rotation(column: Column) -> anyhow::Result<()> {
    let lab = column.lab().await?;
    let (site, replica) = (lab.site(), &lab.replicas[0]);
    let guest = site.guest().await?;
    for _ in 0..2 {
        gates::rotate(replica, false).await?;
        site.get("/readyz").refused(503, "out_of_rotation", None).await?;
    }
    guest.set("book", 3).send().await?.is(200)?;
    site.guest().await?;
    site.get("/livez").send().await?.is(200)?;
    anyhow::ensure!(!gates::rotate(replica, true).await?, "it says that it was in rotation");
    site.get("/readyz").send().await?.is(200)?;

    gates::rotate(replica, false).await?;
    lab.terminate().await?;
    lab.start_again().await?;
    anyhow::ensure!(gates::rotate(replica, true).await?, "it says that it was out of rotation");
    Ok(())
}

async fn no_request_holds_it_forever(column: Column) -> anyhow::Result<()> {
    let mut alone = alone(&column, &[]).await?;
    let (site, id) = (alone.service.site(), Uuid::new_v4());
    let armed = gates::arm(&[alone.service.replica().clone()], id, Point::Accepted).await?;
    let endless = tokio::spawn(site.get("/livez").id(id).send_into_trouble());
    anyhow::ensure!(armed.held(Duration::from_secs(5)).await?.is_some(), "not held");
    let told = Instant::now();
    alone.service.signal(Signal::SIGTERM)?;
    exits(&mut alone.service, Duration::from_secs(12)).await?;
    let took = told.elapsed();
    anyhow::ensure!(took > Duration::from_secs(8), "a request in flight was given only {took:.1?}");
    anyhow::ensure!(endless.await??.is_err(), "a request that was cut off was answered");
    Ok(())
}

async fn gone_at_once_when_idle(column: Column) -> anyhow::Result<()> {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let mut alone = alone(&column, &[]).await?;
        let site = alone.service.site();
        let mut kept = site.wire().await?.called("an idle connection");
        kept.say("GET /livez HTTP/1.1\r\nhost: lab\r\n\r\n").await;
        kept.must_answer(Duration::from_secs(5)).await?.is(200)?;
        let _silent = site.wire().await?;
        let told = Instant::now();
        alone.service.signal(signal)?;
        exits(&mut alone.service, Duration::from_secs(3)).await?;
        let took = told.elapsed();
        anyhow::ensure!(took < Duration::from_secs(1), "{signal}: it took {took:.1?} to exit");
    }
    Ok(())
}
