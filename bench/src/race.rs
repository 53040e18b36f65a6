//! Who answers a request for the least processor time? All contenders are up, one at a time is under load,
//! and the rounds are interleaved (A B C … A B C …), so that what the machine does meanwhile hits all
//! alike. What counts is the median of the rounds.

use std::time::Duration;

use anyhow::{Context, Result};

use crate::contender::{Binaries, Contender, Running};
use crate::http;
use crate::load::{self, Load, Window};
use crate::machine;
use crate::process::{self, Process};
use crate::scheduling::Scheduling;

/// Keep-alive connections, each with a session of its own.
pub const CONNECTIONS: usize = 64;

/// What the clients do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Ask who is logged in.
    Read,
    /// Set a line of the cart to another quantity than before.
    Write,
    /// Set it to the quantity it has already, as a client does that repeats a lost call.
    Repeat,
}

impl Operation {
    /// In the order of the turns.
    pub const ALL: [Operation; 3] = [Operation::Read, Operation::Write, Operation::Repeat];

    /// The word in the tables.
    pub fn word(self) -> &'static str {
        match self {
            Operation::Read => "read",
            Operation::Write => "write",
            Operation::Repeat => "repeated write",
        }
    }

    /// The requests one client sends in turn.
    fn requests(self, contender: Contender, credential: &str) -> Vec<Vec<u8>> {
        match self {
            Operation::Read => vec![contender.read(credential)],
            Operation::Write => vec![contender.write(credential, 1), contender.write(credential, 2)],
            Operation::Repeat => vec![contender.write(credential, 2)],
        }
    }
}

/// How long the race is.
#[derive(Debug, Clone, Copy)]
pub struct Distance {
    /// How often everybody has a turn.
    pub rounds: usize,
    /// How long a turn runs before it is measured.
    pub warm: Duration,
    /// How long it is measured.
    pub window: Duration,
}

/// One contender's turns at one operation.
#[derive(Debug, Clone)]
pub struct Row {
    /// Who.
    pub contender: Contender,
    /// At what.
    pub operation: Operation,
    /// Beside what kind of load.
    pub scheduling: Scheduling,
    /// One entry a round.
    pub turns: Vec<Turn>,
    /// Answers that were not 2xx, and broken connections. Any invalidates the row.
    pub errors: u64,
    /// What the first one was.
    pub first_error: Option<String>,
}

/// What one turn measured.
#[derive(Debug, Clone, Copy, Default)]
pub struct Turn {
    /// Answers a second.
    pub requests_per_s: f64,
    /// The latency half of the answers did not exceed.
    pub p50_ms: f64,
    /// The latency 99 of 100 answers did not exceed.
    pub p99_ms: f64,
    /// Processor time of the server, a request.
    pub service_us: f64,
    /// Processor time of its Redis, a request.
    pub redis_us: f64,
    /// The share of the machine's processor time that went to nobody in the race.
    pub others: f64,
}

impl Turn {
    /// Processor time a request, all in all.
    pub fn total_us(&self) -> f64 {
        self.service_us + self.redis_us
    }
}

impl Row {
    /// The median of one of the numbers.
    pub fn median(&self, number: impl Fn(&Turn) -> f64) -> f64 {
        let mut numbers: Vec<f64> = self.turns.iter().map(number).collect();
        numbers.sort_unstable_by(f64::total_cmp);
        load::percentile(&numbers, 0.5)
    }

    /// Does it count?
    pub fn is_valid(&self) -> bool {
        self.errors == 0 && !self.turns.is_empty()
    }
}

/// Runs the race.
///
/// # Errors
/// If a contender does not come up, refuses the preparations, or has forgotten what was written.
pub fn run(
    racers: &[Contender],
    distance: Distance,
    binaries: &Binaries,
    folder: &std::path::Path,
) -> Result<Vec<Row>> {
    let mut runners = Vec::new();
    for &contender in racers {
        runners.push(Runner::prepare(contender, binaries, folder).with_context(|| name(contender))?);
    }
    let mut rows = Vec::new();
    for scheduling in Scheduling::ALL {
        for &contender in racers {
            rows.extend(Operation::ALL.map(|operation| Row::empty(contender, operation, scheduling)));
        }
    }
    for round in 1..=distance.rounds {
        eprintln!("race: round {round} of {}", distance.rounds);
        for row in &mut rows {
            let Some(runner) = runners.iter().find(|r| r.running.contender == row.contender) else {
                continue;
            };
            runner.turn(row, distance).with_context(|| name(row.contender))?;
        }
    }
    for runner in &runners {
        runner.check_the_cart().with_context(|| name(runner.running.contender))?;
    }
    Ok(rows)
}

fn name(contender: Contender) -> String {
    contender.name().trim_matches('*').to_owned()
}

impl Row {
    fn empty(contender: Contender, operation: Operation, scheduling: Scheduling) -> Self {
        Row { contender, operation, scheduling, turns: Vec::new(), errors: 0, first_error: None }
    }
}

struct Runner {
    running: Running,
    credentials: Vec<String>,
}

impl Runner {
    fn prepare(contender: Contender, binaries: &Binaries, folder: &std::path::Path) -> Result<Self> {
        let running = Running::start(contender, binaries, &folder.join(format!("{contender:?}")))?;
        running.register(CONNECTIONS)?;
        let credentials = running.log_in(0..CONNECTIONS)?;
        running.put_a_book_in_each_cart(&credentials)?;
        Ok(Runner { running, credentials })
    }

    fn turn(&self, row: &mut Row, distance: Distance) -> Result<()> {
        let requests = |credential: &String| row.operation.requests(row.contender, credential);
        let connections: Vec<_> = self.credentials.iter().map(requests).collect();
        let load = Load {
            address: self.running.address,
            connections: &connections,
            warm: distance.warm,
            window: distance.window,
            expected: |status| (200..300).contains(&status),
        };
        let window = row.scheduling.during(|| load::run(&load, || self.meter()))?;
        row.errors += window.errors;
        if row.first_error.is_none() {
            row.first_error.clone_from(&window.first_error);
        }
        row.turns.push(Turn::from(&window));
        Ok(())
    }

    fn meter(&self) -> Result<Meter> {
        let redis = self.running.redis.as_ref().map(|redis| redis.process.processor_time());
        Ok(Meter {
            service: Process::processor_time(&self.running.process)?,
            redis: redis.transpose()?.unwrap_or_default(),
            load: process::own_processor_time()?,
            machine: machine::processor_time()?,
        })
    }

    /// A server that answers 200 and forgets would win every race.
    fn check_the_cart(&self) -> Result<()> {
        let Running { contender, address, .. } = self.running;
        for credential in &self.credentials {
            let cart = http::ask(address, &contender.cart(credential))?.success()?;
            let holds_two = cart.body.contains(r#""book":2"#) || cart.body.contains(r#""quantity":2"#);
            anyhow::ensure!(holds_two, "two books were put into the cart, but it says {}", cart.body);
        }
        Ok(())
    }
}

/// Processor time so far.
struct Meter {
    service: Duration,
    redis: Duration,
    load: Duration,
    machine: Duration,
}

impl From<&Window<Meter>> for Turn {
    fn from(window: &Window<Meter>) -> Self {
        let answers = window.latencies_us.len() as f64;
        let (before, after) = &window.meter;
        let each_us = |before: Duration, after: Duration| (after - before).as_secs_f64() * 1e6 / answers;
        let racing = |meter: &Meter| meter.service + meter.redis + meter.load;
        let (all, ours) = (after.machine - before.machine, racing(after) - racing(before));
        let capacity = window.took.as_secs_f64() * machine::cores() as f64;
        Turn {
            requests_per_s: answers / window.took.as_secs_f64(),
            p50_ms: window.percentile_ms(0.5),
            p99_ms: window.percentile_ms(0.99),
            service_us: each_us(before.service, after.service),
            redis_us: each_us(before.redis, after.redis),
            others: all.saturating_sub(ours).as_secs_f64() / capacity,
        }
    }
}
