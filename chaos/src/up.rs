//! How does one get a lab to play with? `chaos up` starts it, says what is where, and keeps it until
//! Ctrl-C.

use std::io::{Write, stdout};
use std::pin::pin;
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args;

use crate::driver::docker::program;
use crate::driver::spec::new_lab_name;
use crate::driver::{DEFAULT_LAB, Driver, DriverName, LabSpec, Store, StoreWish};
use crate::interrupt::interrupted;
use crate::names::A_SERVICE;
use crate::report::say;
use crate::report::wrap::fitted;
use crate::service::{self, Service, Twin};

/// `chaos up`
#[derive(Debug, Clone, Args)]
pub struct UpArgs {
    /// What the lab runs on
    #[arg(long, value_enum, default_value = "local")]
    pub driver: DriverName,

    /// How many replicas of each service
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=9), value_name = "N")]
    pub replicas: u8,

    /// Which services; see `chaos list`
    #[arg(long, default_values = ["stateful", "stateless"], value_parser = A_SERVICE, value_delimiter = ',', value_name = "SERVICE")]
    pub service: Vec<String>,

    /// Where sessions live that are kept outside
    #[arg(long, value_enum, default_value = "auto")]
    pub store: StoreWish,

    /// Where accounts and orders live, if not in SQLite files: postgres://…, with {service} for the name
    #[arg(long, env = "LAB_DATABASE", hide_env_values = true, value_name = "URL")]
    pub database: Option<String>,

    /// The lab's name, for `chaos restart --lab NAME`
    #[arg(long, default_value = DEFAULT_LAB, value_name = "NAME", value_parser = new_lab_name)]
    pub lab: String,
}

/// Starts a lab and stays until somebody wants it to end.
///
/// # Errors
/// If the lab cannot be started.
pub async fn run(args: &UpArgs) -> anyhow::Result<ExitCode> {
    // One listener for the whole life of the lab, and polled first: a Ctrl-C between two listeners would
    // be nobody's, and one before the first would end the tool with its folder still there.
    let mut stop = pin!(interrupted());
    let driver = tokio::select! {
        biased;
        stopped = &mut stop => return stopped.map(|()| ExitCode::from(130)),
        driver = start(args) => driver?,
    };
    let _orders = match &driver {
        Driver::Local(local) => Some(local.serve()?),
        // Its orders go to the engine, which anybody can give who may use it.
        Driver::Docker(_) => None,
    };
    say(&welcome(&driver))?;
    stop.await?;
    driver.stop().await;
    // The terminal may be what went away; that changes nothing.
    let _ = writeln!(stdout(), "stopped; nothing is left behind");
    Ok(ExitCode::from(130))
}

async fn start(args: &UpArgs) -> anyhow::Result<Driver> {
    let services: Vec<Service> =
        service::builtin().into_iter().filter(|service| args.service.contains(&service.name)).collect();
    let mut spec = LabSpec::new(services);
    spec.driver = args.driver;
    spec.name = Some(args.lab.clone());
    spec.replicas = usize::from(args.replicas);
    spec.store = args.store;
    spec.database = args.database.clone();
    spec.gateway = true;
    if spec.database.as_ref().is_some_and(|url| spec.services.len() > 1 && !url.contains("{service}")) {
        bail!("each service needs accounts of its own: write {{service}} where the database's name differs");
    }
    Driver::start(&spec).await.context("starting the lab")
}

/// What is where, and what to try first.
fn welcome(driver: &Driver) -> String {
    let lab = driver.lab();
    let mut text = format!("lab {:?} is up\n\n", lab.name);
    for replica in driver.all_replicas() {
        let line = format!("  {:<12} {}   {}", replica.name, replica.url, where_it_lives(&replica.service));
        text.push_str(&format!("{}\n", fitted(&line, 4)));
    }
    match &lab.store {
        Store::Redis { url, why } => {
            text.push_str(&format!("  {:<12} {url}\n\n{}\n", "redis", fitted(why, 0)));
        }
        Store::Embedded { why } => {
            let why = format!("{why}; faults on Redis are not available");
            text.push_str(&format!("\n{}\n", fitted(&why, 0)));
        }
    }
    text.push_str(&gateway(driver));
    let logs = match driver {
        Driver::Local(_) => format!("logs are in {}", lab.logs.display()),
        Driver::Docker(_) => {
            let name = &lab.name;
            format!("logs: docker logs {name}-BOX-1; {} -p {name} ps knows it too", program::called())
        }
    };
    text.push_str(&format!("{}\n", fitted(&logs, 2)));
    if let Some(first) = driver.all_replicas().next() {
        text.push_str(&first_steps(driver.kind(), &first.name, &first.url, &lab.name));
    }
    text
}

/// Where the gateway is entered, or why there is none.
fn gateway(driver: &Driver) -> String {
    let gateway = match driver.gateway() {
        Ok(gateway) => gateway,
        Err(none) => return format!("{}\n", fitted(&format!("{none}"), 0)),
    };
    let mut lines = vec![
        String::new(),
        fitted(&format!("the gateway, which knows its replicas by {}/stats", gateway.stats), 2),
    ];
    for (service, entries) in &gateway.entries {
        let by_turns = format!("  {service:<12} {}   each request to the next replica", entries.round_robin);
        let sticky = format!("  {:<12} {}   a session stays with its replica", "", entries.sticky);
        lines.extend([by_turns, sticky].map(|line| fitted(&line, 4)));
    }
    lines.push("\n".to_owned());
    lines.join("\n")
}

fn where_it_lives(service: &str) -> &'static str {
    let twin = service::builtin().into_iter().find(|known| known.name == service).map(|known| known.twin);
    match twin {
        Some(Twin::Stateful) => "keeps sessions in its own memory",
        Some(Twin::Stateless) => "keeps sessions in a token and a record outside",
        None => "",
    }
}

fn first_steps(driver: DriverName, replica: &str, url: &str, lab: &str) -> String {
    let json = "-H 'content-type: application/json'";
    let ada = r#"-d '{"name":"ada","password":"correct horse battery"}'"#;
    let mut flag = if lab == DEFAULT_LAB { String::new() } else { format!(" --lab {lab}") };
    if driver != DriverName::Local {
        flag.push_str(&format!(" --driver {}", driver.word()));
    }
    format!(
        "\n{}\n\n  \
         curl -s {json} {ada} {url}/accounts\n  \
         curl -s {json} {ada} -c jar.txt {url}/session\n  \
         curl -s -b jar.txt {url}/session\n\n\
         {}\n\n  \
         chaos restart {replica}{flag}\n\n\
         {}\n",
        fitted("Make an account, log in, and ask who you are:", 0),
        fitted("Then restart it from another terminal, and ask again:", 0),
        fitted("Ctrl-C ends the lab and removes everything.", 0),
    )
}
