//! What does a room full of clients see of restarts that go on and on? Many clients play the flows side by
//! side, each at its own pace, while a fault strikes again and again; then everything they were told is
//! checked against what the services hold.
//!
//! No client goes faster because the service is quick, or waits because it is slow: requests have appointed
//! times, and a late answer is late from then on. A load that waits for its answers leaves out the requests
//! that would have been slow (coordinated omission).

pub mod outages;
pub mod pace;
pub mod tour;
pub mod excuse;
pub mod judge;
pub mod tally;
pub mod thin;
pub mod service_report;
pub mod conclusion;
pub mod report;
mod text;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, ensure};
use clap::Args;
use jiff::Timestamp;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use self::outages::Outage;
use self::report::LoadReport;
use self::tour::Visitor;
use crate::args::CommonArgs;
use crate::draws::{Draws, fresh_seed};
use crate::driver::{Driver, LabSpec};
use crate::duration::{at_least_1ms as pace, duration};
use crate::fault::{Fault, Hits};
use crate::files;
use crate::history::Final;
use crate::names::{A_FAULT, SERVICES};
use crate::report::paint::Paint;
use crate::report::progress::Progress;
use crate::report::{html, say};
use crate::results;
use crate::run::checker::Checker;
use crate::service::{self, Service};
use crate::usage::usage;
use crate::way::Way;

/// How many accounts are made, and how many final states are read, at the same time: hashing a password
/// takes a core.
const CHECKERS_AT_ONCE: usize = 8;

/// `chaos load`
#[derive(Debug, Args)]
pub struct LoadArgs {
    /// How many clients of each service
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=2000), value_name = "N")]
    pub clients: u16,

    /// How long
    #[arg(long = "for", value_name = "TIME", default_value = "20s", value_parser = duration)]
    pub lasts: Duration,

    /// How often the fault strikes
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = duration)]
    pub every: Duration,

    /// Which fault; several take turns
    #[arg(long, value_parser = A_FAULT, value_delimiter = ',', default_value = "kill", value_name = "FAULT")]
    pub fault: Vec<Fault>,

    /// Against which service: both, or one by its name
    #[arg(long, default_value = "both", value_parser = SERVICES, value_name = "SERVICE")]
    pub service: String,

    /// How much time is between two requests of one client
    #[arg(long, value_name = "TIME", default_value = "250ms", value_parser = pace)]
    pub pace: Duration,

    /// How long a client waits before it repeats a request
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = duration)]
    pub retry_after: Duration,

    /// How long a fault that lasts is in force: a pause, an outage of Redis
    #[arg(long, value_name = "TIME", default_value = "500ms", value_parser = duration)]
    pub outage: Duration,

    /// What is common to all runs
    #[command(flatten)]
    pub common: CommonArgs,
}

/// What one service's clients did, and what was done to them meanwhile.
#[derive(Debug)]
pub struct Played {
    /// The service.
    pub service: Service,
    /// Its clients, with all they asked.
    pub visitors: Vec<Visitor>,
    /// What the service holds for each of them in the end, or why that could not be read.
    pub held: Vec<Result<Final, String>>,
    /// Every time the fault struck.
    pub outages: Vec<Outage>,
    /// How long the clients worked, in milliseconds.
    pub lasted_ms: f64,
}

/// Plays the load, prints what came of it, and exits as the matrix does.
///
/// # Errors
/// If the lab itself could not run, or a fault does not apply to a service.
pub async fn run(args: &LoadArgs) -> anyhow::Result<ExitCode> {
    let services = service::named(&args.service);
    for fault in &args.fault {
        if let Some(service) = services.iter().find(|service| !fault.applies_to(service, Way::Direct)) {
            return Err(usage(format!("{fault} does not apply to {} directly", service.name)));
        }
    }
    let clients = u64::from(args.clients) * services.len() as u64;
    files::enough_for(clients, &format!("{clients} clients"), "ask for fewer --clients")?;
    let seed = args.common.seed.unwrap_or_else(fresh_seed);
    let started_at = Timestamp::now();
    let folder = results::folder(started_at, seed);
    let progress = Progress::on_stderr();
    progress.say("starting the lab");
    let mut spec = LabSpec::new(services.clone());
    spec.driver = args.common.driver;
    spec.keep_logs_in = Some(folder.join("lab-1"));
    spec.redis = args.fault.iter().any(|fault| fault.row().hits == Hits::Redis);
    let driver = Driver::join_or_start(args.common.lab.as_deref(), &spec).await?;
    progress.say(&format!("{} clients a service work for {:?}", args.clients, args.lasts));
    let played = play(&driver, &services, args, seed).await?;
    progress.done();
    let report =
        LoadReport::new(args, seed, started_at, driver.kind().word(), driver.store().why(), &played)?;
    driver.stop().await;
    let json = report.to_json()?;
    let page = html::load_page(&json)?;
    let kept = html::keep(&folder, results::LOAD_FILE, &json, &page, &progress);
    // What could not be kept is told all the same.
    if args.common.json {
        say(&format!("{json}\n"))?;
    } else {
        say(&report.text(Paint::for_stdout()))?;
    }
    let page = kept?;
    if !args.common.json {
        progress.note(&format!("results and logs: {}\nthe picture: {}", folder.display(), page.display()));
    }
    Ok(ExitCode::from(report.conclusion.exit_code()))
}

/// The load itself: accounts are made, clients work while the fault strikes, and then what the services
/// hold is read. The same seed draws the same flows for each client.
///
/// # Errors
/// If the lab itself is broken.
pub async fn play(
    driver: &Driver,
    services: &[Service],
    args: &LoadArgs,
    seed: u64,
) -> anyhow::Result<Vec<Played>> {
    if args.fault.iter().any(|fault| fault.row().hits == Hits::Redis) {
        // Says what is missing, before a room full of clients has worked for nothing.
        driver.redis_url()?;
    }
    let start = Instant::now();
    let mut visitors = Vec::new();
    for (number, service) in services.iter().enumerate() {
        let mut draws = Draws::of_part(seed, number as u64);
        let replicas = driver.replicas(&service.name);
        ensure!(!replicas.is_empty(), "this lab runs no {}", service.name);
        let one =
            |number: usize| Visitor::new(number, &replicas[number % replicas.len()], start, draws.branch());
        visitors.push((0..usize::from(args.clients)).map(one).collect::<Vec<Visitor>>());
    }
    for made in each(visitors.iter().flatten(), |checker| async move { checker.register().await }).await {
        made.map_err(|why| anyhow!("an account could not be made: {why}"))?;
    }

    let names: Vec<&str> = services.iter().map(|service| service.name.as_str()).collect();
    let began = Instant::now();
    let timing = Timing { lasts: args.lasts, pace: args.pace, retry_after: args.retry_after };
    // Where one of them cannot go on, the other does not either.
    let done = tokio::try_join!(
        work(visitors, began, timing),
        outages::strike_again_and_again(driver, &names, args, start, began)
    );
    let lasted_ms = began.elapsed().as_secs_f64() * 1000.0;
    // Even where the load was given up: the lab may be somebody else's.
    let healed = driver.heal().await;
    let (visitors, outages) = done?;
    healed?;

    let mut played = Vec::new();
    for ((service, visitors), outages) in services.iter().zip(visitors).zip(outages) {
        let held = each(&visitors, |checker| async move { checker.read().await }).await;
        let service = service.clone();
        played.push(Played { service, visitors, held, outages, lasted_ms });
    }
    Ok(played)
}

/// Lets the clients of every service work at the same time.
async fn work(
    visitors: Vec<Vec<Visitor>>,
    began: Instant,
    timing: Timing,
) -> anyhow::Result<Vec<Vec<Visitor>>> {
    let mut working = JoinSet::new();
    let mut done: Vec<Vec<Visitor>> = visitors.iter().map(|_| Vec::new()).collect();
    for (at, of_service) in visitors.into_iter().enumerate() {
        for visitor in of_service {
            working.spawn(async move { (at, visitor.work(began, timing).await) });
        }
    }
    while let Some(one) = working.join_next().await {
        let (at, visitor) = one.context("a client ended")?;
        done[at].push(visitor);
    }
    done.iter_mut().for_each(|of_service| of_service.sort_by_key(|visitor| visitor.number));
    Ok(done)
}

/// Lets a checker of each visitor's account do something, a few at a time, and returns what came of it in
/// the visitors' order.
async fn each<'v, T, F>(
    visitors: impl IntoIterator<Item = &'v Visitor>,
    ask: impl Fn(Checker) -> F,
) -> Vec<Result<T, String>>
where
    T: Send + 'static,
    F: Future<Output = Result<T, String>> + Send + 'static,
{
    let turns = Arc::new(Semaphore::new(CHECKERS_AT_ONCE));
    let asking = visitors.into_iter().map(|visitor| {
        let (turns, asked) = (Arc::clone(&turns), ask(visitor.checker()));
        tokio::spawn(async move {
            let _turn = turns.acquire_owned().await;
            asked.await
        })
    });
    let mut answers = Vec::new();
    for asked in asking.collect::<Vec<_>>() {
        answers.push(asked.await.unwrap_or_else(|error| Err(format!("the checker ended: {error}"))));
    }
    answers
}

/// The times a client keeps.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// How long it works.
    pub lasts: Duration,
    /// Between two requests.
    pub pace: Duration,
    /// Before a repeat.
    pub retry_after: Duration,
}
