//! How does a room see a restart as it happens? `chaos show` serves one page on this machine's loopback: a
//! client of each service at work, its requests as they come, and buttons to restart, kill and pause; the lab
//! that is worked on, and what a class has predicted.
//!
//! The page hears of everything by server-sent events from this tool, not from the services, so it goes on
//! through every restart it causes.

pub mod feed;
pub mod pulse;
pub mod lab_now;
pub mod classroom;
pub mod act;
pub mod guard;
pub mod serve;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::{Interval, MissedTickBehavior, interval};

use self::feed::Feed;
use self::guard::Guard;
use crate::class::folder;
use crate::class::questions::Questions;
use crate::driver::{Driver, DriverName, LabSpec};
use crate::lab::store::Store;
use crate::names::lab_name;
use crate::report::say;
use crate::service;

/// `chaos show`
#[derive(Debug, Clone, Args)]
pub struct ShowArgs {
    /// What the lab runs on
    #[arg(long, value_enum, default_value = "local")]
    pub driver: DriverName,

    /// The lab that is up; without one, a private lab
    #[arg(long, value_name = "NAME", value_parser = lab_name)]
    pub lab: Option<String>,

    /// The port of the page on this machine's loopback; 0 takes a free one
    #[arg(long, default_value_t = 0, value_name = "PORT")]
    pub port: u16,

    /// The folder a class hands in to: shows who is where, and who predicted what
    #[arg(long, value_name = "DIR")]
    pub class: Option<PathBuf>,
}

/// What the page's requests are answered from.
#[derive(Debug)]
pub struct Show {
    /// The lab that is shown.
    pub driver: Driver,
    /// What happens, as it happens.
    pub feed: Feed,
    /// Who may press a button.
    pub guard: Guard,
    /// One button at a time.
    pub turn: tokio::sync::Mutex<()>,
    /// How many have been pressed.
    pub pressed: AtomicU64,
}

/// What can be wrong without a lab. The folder of a class may go later and come again; now it is more likely mistyped.
///
/// # Errors
/// If there is no such folder.
pub fn check(args: &ShowArgs) -> anyhow::Result<()> {
    args.class.as_deref().map_or(Ok(()), |folder| folder::read(folder).map(|_| ()))
}

/// Serves the page until somebody ends the tool.
///
/// # Errors
/// If the lab cannot be started, or the port cannot be had.
pub async fn run(args: &ShowArgs) -> anyhow::Result<ExitCode> {
    let class = match &args.class {
        Some(folder) => Some((folder.clone(), Questions::builtin()?)),
        None => None,
    };
    let mut spec = LabSpec::new(service::twins());
    spec.driver = args.driver;
    let driver = Driver::join_or_start(args.lab.as_deref(), &spec).await?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, args.port));
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("opening {address} for the page; --port 0 takes a free one"))?;
    let address = listener.local_addr().context("asking which port it is")?;
    let guard = Guard::new(address)?;
    // What stands after # is never sent, so the token is in no log and no referrer.
    say(&format!(
        "the page: http://{address}/#{}\n\nThe part after # lets its reader press the buttons; without it one can only look.\nCtrl-C ends it.\n",
        guard.token()
    ))?;
    let show = Arc::new(Show {
        driver,
        feed: Feed::new(),
        guard,
        turn: tokio::sync::Mutex::default(),
        pressed: AtomicU64::new(1),
    });
    let mut working = JoinSet::new();
    for service in show.driver.services().map(str::to_owned).collect::<Vec<_>>() {
        working.spawn(pulse::beat(Arc::clone(&show), service));
    }
    working.spawn(pulse::watch(Arc::clone(&show)));
    // Without a home there is no progress, and the page goes without a lab.
    if let Ok(store) = Store::of_this_user() {
        working.spawn(classroom::watch_lab(Arc::clone(&show), store));
    }
    if let Some((folder, questions)) = class {
        working.spawn(classroom::watch_class(Arc::clone(&show), folder, questions));
    }
    axum::serve(listener, serve::router(show)).await.context("serving the page")?;
    Ok(ExitCode::SUCCESS)
}

/// A beat that waits for whoever is slow, and does not catch up.
fn ticks(every: Duration) -> Interval {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}
