//! What do the two services cost, beside what you would use instead? One run on one machine: a race,
//! memory, restarts, outages. It ends in a table in BENCHMARKS.md.

mod contender;
mod race;
mod scheduling;
mod memory;
mod restart;
mod outage;
mod calls;
mod bars;
mod report;
mod machine;
mod load;
mod http;
mod process;
mod redis;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::{Parser, ValueEnum};

use contender::{Binaries, Contender};
use outage::Outage;
use race::Distance;
use report::Results;

/// Races stateful-svc and stateless-svc against the rivals, and writes what it measured.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
struct Config {
    /// The folder of the services' release binaries
    #[arg(long, value_name = "FOLDER")]
    services: PathBuf,

    /// The folder of the rivals' release binaries
    #[arg(long, value_name = "FOLDER")]
    peers: PathBuf,

    /// The file whose tables are replaced
    #[arg(long, value_name = "FILE")]
    write: Option<PathBuf>,

    /// Only try whether everything runs: a moment of each chapter, and no promise judged
    #[arg(long, conflicts_with_all = ["write", "rounds", "window_ms", "warm_ms", "sessions", "restarts", "outage_ms"])]
    short: bool,

    /// Measure only this (may be repeated); the file is then left alone
    #[arg(long, value_enum, value_name = "CHAPTER", conflicts_with = "write")]
    only: Vec<Chapter>,

    /// Race only these (may be repeated); the file is then left alone
    #[arg(long, value_enum, value_name = "CONTENDER", conflicts_with = "write")]
    who: Vec<Contender>,

    /// How often everybody has a turn in the race
    #[arg(long, default_value_t = 5, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,

    /// How long a turn is measured
    #[arg(long, default_value_t = 1200, value_name = "MS")]
    window_ms: u64,

    /// How long it runs before that
    #[arg(long, default_value_t = 200, value_name = "MS")]
    warm_ms: u64,

    /// Live sessions in the memory measurement
    #[arg(long, default_value_t = 100_000, value_name = "N")]
    sessions: usize,

    /// How often each service is restarted
    #[arg(long, default_value_t = 100, value_name = "N")]
    restarts: usize,

    /// How long each outage of Redis is
    #[arg(long, default_value_t = 3000, value_name = "MS")]
    outage_ms: u64,
}

impl Config {
    fn shortened(self) -> Self {
        let (rounds, window_ms, warm_ms) = (1, 50, 10);
        let (sessions, restarts, outage_ms) = (500, 2, 300);
        Config { rounds, window_ms, warm_ms, sessions, restarts, outage_ms, ..self }
    }

    fn racers(&self) -> Vec<Contender> {
        let all = Contender::value_variants().iter().copied();
        all.filter(|who| self.who.is_empty() || self.who.contains(who)).collect()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Chapter {
    Race,
    Memory,
    Restart,
    Outage,
    Calls,
}

/// 0: everything measured, every promise kept. 1: a promise broken, or a row invalid. 3: not measured.
fn main() -> ExitCode {
    let config = match Config::try_parse() {
        Ok(config) if config.short => config.shortened(),
        Ok(config) => config,
        Err(error) => {
            // The terminal may be gone; there is nobody left to tell.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 64 } else { 0 });
        }
    };
    match run(&config) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(3)
        }
    }
}

fn run(config: &Config) -> Result<bool> {
    let results = measure(config)?;
    let invalid = results.rows.iter().filter(|row| !row.is_valid()).count()
        + results.outages.iter().filter(|waits| !waits.is_valid()).count();
    if config.short {
        eprintln!("too short to judge a promise; {invalid} rows invalid");
        return Ok(invalid == 0);
    }
    let tables = results.tables();
    println!("{tables}");
    if let Some(file) = &config.write {
        report::write(file, &tables)?;
    }
    let missed = results.verdicts().iter().filter(|verdict| !verdict.met).count();
    eprintln!("{missed} promises missed, {invalid} rows invalid");
    Ok(missed == 0 && invalid == 0)
}

fn measure(config: &Config) -> Result<Results> {
    let machine = machine::describe()?;
    let binaries = Binaries { services: config.services.clone(), peers: config.peers.clone() };
    let folder = tempfile::tempdir()?;
    let wanted = |chapter| config.only.is_empty() || config.only.contains(&chapter);
    let place = |chapter: Chapter, who: &str| folder.path().join(format!("{chapter:?}-{who}"));
    let distance = Distance {
        rounds: usize::from(config.rounds),
        warm: Duration::from_millis(config.warm_ms),
        window: Duration::from_millis(config.window_ms),
    };
    let (rows, sessions) = (Vec::new(), config.sessions);
    let mut results = Results {
        machine,
        distance,
        rows,
        sessions,
        memory: Vec::new(),
        restarts: Vec::new(),
        outages: Vec::new(),
        calls: Vec::new(),
    };
    if wanted(Chapter::Calls) {
        results.calls = calls::measure(&binaries, &place(Chapter::Calls, "stateless"))?;
    }
    if wanted(Chapter::Race) {
        results.rows = race::run(&config.racers(), distance, &binaries, &place(Chapter::Race, "all"))?;
    }
    if wanted(Chapter::Memory) {
        for &who in Contender::value_variants().iter().filter(|who| who.is_a_choice()) {
            let place = place(Chapter::Memory, &format!("{who:?}"));
            results.memory.push(memory::measure(who, sessions, &binaries, &place)?);
        }
    }
    if wanted(Chapter::Restart) {
        for who in [Contender::Stateful, Contender::Stateless] {
            let place = place(Chapter::Restart, &format!("{who:?}"));
            results.restarts.push(restart::measure(who, config.restarts, &binaries, &place)?);
        }
    }
    if wanted(Chapter::Outage) {
        for outage in [Outage::Paused, Outage::Down] {
            let (place, window) =
                (place(Chapter::Outage, outage.word()), Duration::from_millis(config.outage_ms));
            results.outages.push(outage::measure(outage, window, &binaries, &place)?);
        }
    }
    Ok(results)
}
