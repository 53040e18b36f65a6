//! What does each command do? It makes a plan, lets the matrix try it, and tells what came of it.

use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::CommandFactory;

use crate::args::CommonArgs;
use crate::attempt::{carry_out, just};
use crate::cli::{Cli, Command, MatrixArgs, ReportArgs, RunArgs};
use crate::draws::fresh_seed;
use crate::driver::{Driver, DriverName};
use crate::fault::Fault;
use crate::flow::{Flow, Replicas};
use crate::leave::Left;
use crate::moment::Moment;
use crate::names::step_named;
use crate::plan::default_jobs;
use crate::report::paint::Paint;
use crate::report::wrap::wrapped;
use crate::report::{html, say, story, text};
use crate::restart::{self, RestartArgs, now};
use crate::results;
use crate::run::Cell;
use crate::schedule::{Moments, Only, exists, schedule};
use crate::service::{self, Service};
use crate::usage::usage;
use crate::way::Way;
use crate::{class, completions, contract, doctor, heal, lab, list, load, man, show, status, up};

/// Does what was typed, and says what to exit with.
///
/// # Errors
/// A [`clap::Error`] if it was typed wrongly; anything else if the lab itself could not run.
pub async fn obey(cli: Cli) -> anyhow::Result<ExitCode> {
    match cli.command {
        None => lab::run(lab::LabArgs { command: None }).await,
        Some(Command::Run(args)) => run(args).await,
        Some(Command::Matrix(args)) => whole_matrix(args).await,
        Some(Command::Lab(args)) => lab::run(args).await,
        Some(Command::Class(args)) => class::run(args),
        Some(Command::Load(args)) => load::run(&args).await,
        Some(Command::Restart(args)) => restart(args).await,
        Some(Command::Show(args)) => show::run(&args).await,
        Some(Command::Up(args)) => up::run(&args).await,
        Some(Command::List(args)) => say(&list::list(args)).map(|()| ExitCode::SUCCESS),
        Some(Command::Report(args)) => report(&args),
        Some(Command::Status(args)) => status::run(&args).await,
        Some(Command::Heal(args)) => heal::run(&args).await,
        Some(Command::Doctor(args)) => doctor::run(&args).await,
        Some(Command::Contract(args)) => contract::report::run(&args).await,
        Some(Command::Completions(args)) => completions::run(&args, Cli::command()),
        Some(Command::Man) => man::run(Cli::command()),
    }
}

/// Where a command works in the lab that is up, and nobody said which, says which: whatever follows, an interruption
/// too, means the same one, whatever comes up meanwhile.
///
/// # Errors
/// If nobody says which of several, or the engine does not answer; before that, what is wrong in any lab.
pub async fn name_the_lab(cli: &mut Cli) -> anyhow::Result<()> {
    let (driver, lab) = match &mut cli.command {
        Some(Command::Restart(args)) => {
            if args.at.is_some() {
                aimed_at(args)?;
            }
            (args.driver.driver(), &mut args.lab)
        }
        Some(Command::Show(args)) => {
            show::check(args)?;
            (Some(args.driver), &mut args.lab)
        }
        _ => return Ok(()),
    };
    if let (Some(driver), None) = (driver, &lab) {
        *lab = Driver::lab_that_is_up(driver).await?;
    }
    Ok(())
}

/// What the tool may leave behind if it is interrupted at this.
pub fn leaves(cli: &Cli) -> Left {
    let (driver, lab) = match &cli.command {
        Some(Command::Run(RunArgs { common, .. }))
        | Some(Command::Matrix(MatrixArgs { common, .. }))
        | Some(Command::Load(load::LoadArgs { common, .. })) => (common.driver, &common.lab),
        Some(Command::Restart(args)) => match args.driver.driver() {
            Some(driver) => (driver, &args.lab),
            None => return Left::Swarm,
        },
        Some(Command::Show(args)) => (args.driver, &args.lab),
        _ => return Left::Nothing,
    };
    let Some(lab) = lab.clone() else { return Left::Nothing };
    let by_a_button = matches!(cli.command, Some(Command::Show(_)));
    Left::Fault { driver, lab, by_a_button }
}

async fn run(args: RunArgs) -> anyhow::Result<ExitCode> {
    let way = args.way.unwrap_or_else(|| usual_way(args.flow, args.fault));
    let telling = args.flow.telling(args.fault.name(), way);
    let step = args.at.as_deref().map(|name| step_named(args.flow, name)).transpose().map_err(usage)?;
    let moment = Moment::new(step.unwrap_or(telling.step), args.phase.unwrap_or(telling.phase));
    let services = service::named(&args.service);
    let cells = cells(args.flow, args.fault, way, moment, &services, args.pause_for, None)?;
    stories(cells, &args.common).await
}

async fn restart(args: RestartArgs) -> anyhow::Result<ExitCode> {
    let Some(at) = args.at else {
        let told = match args.driver.driver() {
            Some(driver) => now::restart(driver, &args).await?,
            None => restart::swarm::restart(&args).await?,
        };
        if args.json {
            let hits = serde_json::json!({ "how": args.how.word(), "targets": told.hits });
            say(&format!("{hits:#}\n"))?;
        } else {
            say(&told.text)?;
        }
        return Ok(ExitCode::from(told.exit_code()));
    };
    let driver = args.driver.driver().ok_or_else(|| {
        usage(
            "a swarm decides by itself when to start what, so no step can wait for it: leave out --at"
                .to_owned(),
        )
    })?;
    let (services, fault, replica) = aimed_at(&args)?;
    let way = usual_way(at.flow, fault);
    if let (Some(replica), true) =
        (&replica, way != Way::Direct || at.flow.row().direct != Some(Replicas::One))
    {
        return Err(usage(format!(
            "who is next in {} is decided by the gateway or by turns, so {replica} cannot be the one; name its service",
            at.flow
        )));
    }
    let moment = at.moment(args.phase);
    let cells = cells(at.flow, fault, way, moment, &services, args.pause_for, replica.clone())?;
    // A lab that is up is used if there is one, because that is the one the student looks at.
    match (&args.lab, &replica) {
        (Some(name), _) => {
            let lab = Driver::attach(driver, name).await?;
            lab.target(&args.target).map_err(|error| usage(error.to_string()))?;
        }
        (None, Some(replica)) if !replica.ends_with("-1") && !replica.ends_with("-2") => {
            return Err(usage(format!(
                "a lab of its own has two replicas of each service, and no {replica}"
            )));
        }
        (None, _) => {}
    }
    let common = CommonArgs { driver, lab: args.lab, seed: args.seed, json: args.json };
    stories(cells, &common).await
}

fn report(args: &ReportArgs) -> anyhow::Result<ExitCode> {
    let given = args.results.clone().unwrap_or_else(results::latest);
    let inside = |name: &str| given.join(name);
    let file = match given.is_dir() {
        true if inside(results::LOAD_FILE).is_file() => inside(results::LOAD_FILE),
        true => inside(results::FILE),
        false => given.clone(),
    };
    let cure = match &args.results {
        None => "there must be a run first: `chaos run cart kill`".to_owned(),
        Some(named) => format!(
            "{} is no results folder; a run names its own, and `chaos report` alone takes the last",
            named.display()
        ),
    };
    if !file.is_file() {
        bail!("{cure}"); // Nor is a pipe one, for which somebody would wait.
    }
    let text = html::page_of(&file).context(cure)?;
    let page = html::write(file.parent().unwrap_or(&given), &text)?;
    say(&format!("{}\n", page.display()))?;
    Ok(ExitCode::SUCCESS)
}

/// Which services a target stands for, what to do to it, and which replica the client must talk to.
fn aimed_at(args: &RestartArgs) -> anyhow::Result<(Vec<Service>, Fault, Option<String>)> {
    let services = service::builtin();
    let of = |name: &str| services.iter().filter(|service| service.name == name).cloned().collect::<Vec<_>>();
    match args.target.as_str() {
        "redis" => {
            let fault = args.how.to_redis().ok_or_else(|| {
                usage("redis is not killed at a step and kept: see `chaos run FLOW redis-lose`".to_owned())
            })?;
            Ok((service::twins(), fault, None))
        }
        "sql" | "postgres" => Err(usage(
            "the database cannot be restarted at a step; in containers it can be now: leave --at out"
                .to_owned(),
        )),
        name if !of(name).is_empty() => Ok((of(name), args.how.to_a_replica(), None)),
        name => match name.rsplit_once('-').map(|(service, _)| of(service)) {
            Some(services) if !services.is_empty() => {
                Ok((services, args.how.to_a_replica(), Some(name.to_owned())))
            }
            _ => Err(usage(format!(
                "there is no target {name:?}; there are stateful, stateless, redis, or one replica such as stateless-2"
            ))),
        },
    }
}

/// Directly, unless the flow or the fault is only there through the gateway.
fn usual_way(flow: Flow, fault: Fault) -> Way {
    let direct = flow.row().goes(Way::Direct) && fault.row().ways.contains(&Way::Direct);
    if direct { Way::Direct } else { Way::Gateway }
}

fn cells(
    flow: Flow,
    fault: Fault,
    way: Way,
    moment: Moment,
    services: &[Service],
    pause_for: std::time::Duration,
    replica: Option<String>,
) -> anyhow::Result<Vec<Cell>> {
    let fits: Vec<&Service> = services.iter().filter(|service| exists(flow, fault, service, way)).collect();
    if fits.is_empty() {
        let names: Vec<&str> = services.iter().map(|service| service.name.as_str()).collect();
        return Err(usage(format!(
            "{fault} does not apply to {flow} against {}, {}; `chaos list` says what does",
            names.join(", "),
            way.words()
        )));
    }
    let moment = moment.as_swept(flow.row().steps);
    let cell = |service: &Service| {
        let (service, replica) = (service.clone(), replica.clone());
        Cell { flow, fault, service, way, moment, pause_for, replica }
    };
    Ok(fits.into_iter().map(cell).collect())
}

/// A few cells, one after the other, each told in full.
async fn stories(cells: Vec<Cell>, common: &CommonArgs) -> anyhow::Result<ExitCode> {
    let (only, services) = just(&cells);
    let (results, kept) = carry_out(cells, only, services, 1, common).await?;
    if !common.json {
        let paint = Paint::for_stdout();
        for cell in &results.cells {
            say(&format!("{}\n", story::cell(cell, &results, paint)))?;
        }
        say(&text::broken_controls(&results, paint))?;
        say(&format!("{}\n", text::summary(&results, paint)))?;
    }
    kept?;
    Ok(ExitCode::from(results.exit_code()))
}

async fn whole_matrix(args: MatrixArgs) -> anyhow::Result<ExitCode> {
    let only = args.only.into_iter().fold(Only::default(), Only::and);
    let services: Vec<Service> =
        service::builtin().into_iter().filter(|service| only.has_service(&service.name)).collect();
    let seed = args.common.seed.unwrap_or_else(fresh_seed);
    let common = CommonArgs { seed: Some(seed), ..args.common };
    let moments = args.moments.unwrap_or(match common.driver {
        DriverName::Local => Moments::All,
        // A container takes longer than a process to come back.
        DriverName::Docker => Moments::Telling,
    });
    let cells = schedule(&services, moments, &only, args.pause_for, seed);
    let names: Vec<String> = services.iter().map(|service| service.name.clone()).collect();
    let none_fits = cells.is_empty();
    let jobs = args.jobs.map_or_else(|| default_jobs(common.driver), usize::from);
    let (results, kept) = carry_out(cells, only, services, jobs, &common).await?;
    if !common.json {
        say(&text::matrix(&results, &names, Paint::for_stdout()))?;
        if none_fits {
            let cure = "nothing is all that --only says; `chaos list` says which fault goes with which service and way";
            say(&format!("{}\n", wrapped(cure, 0)))?;
        }
    }
    kept?;
    Ok(ExitCode::from(results.exit_code()))
}
