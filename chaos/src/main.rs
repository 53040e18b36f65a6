//! What was typed, and what to exit with?

use std::process::ExitCode;

use chaos::cli::{Cli, Command};
use chaos::command::{leaves, name_the_lab, obey};
use chaos::interrupt::interrupted;
use chaos::leave::Left;
use chaos::report::wrap::complaint;
use clap::{ArgMatches, CommandFactory, FromArgMatches};

/// clap exits with 2 on wrong usage; here 2 means that nothing was proven, so usage is 64 (EX_USAGE).
const USAGE: u8 = 64;

/// 128 and the number of SIGINT, as shells have it.
const INTERRUPTED: u8 = 130;

fn main() -> ExitCode {
    let parsed = Cli::command().try_get_matches();
    let (mut cli, mut typed) =
        match parsed.and_then(|matches| Cli::from_arg_matches(&matches).map(|cli| (cli, typed(&matches)))) {
            Ok(parsed) => parsed,
            Err(error) => return usage(&error),
        };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return broken(&error.into()),
    };
    let outcome = runtime.block_on(async {
        // `up` is meant to be interrupted, and takes its leave by itself.
        if matches!(cli.command, Some(Command::Up(_))) {
            return obey(cli).await.map(Ok);
        }
        // Listening comes first: a Ctrl-C before it would end us with a lab's folder half made.
        tokio::select! {
            biased;
            stop = interrupted() => {
                stop?;
                return Ok(Err(Left::Nothing.undo().await));
            }
            named = name_the_lab(&mut cli) => named?,
        }
        let left = leaves(&cli);
        tokio::select! {
            biased;
            stop = interrupted() => stop?,
            outcome = obey(cli) => return outcome.map(Ok),
        }
        Ok(Err(left.undo().await))
    });
    // With the runtime go the labs, and with them every process.
    drop(runtime);
    match outcome {
        Ok(Ok(code)) => code,
        Ok(Err(interruption)) => {
            eprintln!("\n{}", complaint(&format!("chaos: {interruption}")));
            ExitCode::from(INTERRUPTED)
        }
        Err(error) => match error.downcast::<clap::Error>() {
            Ok(wrong) => usage(&wrong.format(&mut typed)),
            Err(error) => broken(&error),
        },
    }
}

/// The command that was typed: `chaos lab predict` and not `chaos`, so that an error shows how that one is used.
fn typed(matches: &ArgMatches) -> clap::Command {
    let (mut command, mut at) = (Cli::command(), matches);
    command.build();
    while let Some((name, inner)) = at.subcommand() {
        let Some(next) = command.find_subcommand(name).cloned() else { break };
        (command, at) = (next, inner);
    }
    command
}

fn usage(error: &clap::Error) -> ExitCode {
    // `--help` and `--version` are errors to clap, and none to us.
    let code = if error.use_stderr() { USAGE } else { 0 };
    // clap fits help into a narrow terminal, but not an error.
    let (text, fitted) = (error.render().to_string(), complaint(&error.render().to_string()));
    if code == USAGE && text != fitted {
        eprint!("{fitted}");
    } else {
        // If even this cannot be printed, there is nowhere to say so.
        let _ = error.print();
    }
    ExitCode::from(code)
}

fn broken(error: &anyhow::Error) -> ExitCode {
    eprintln!("{}", complaint(&format!("chaos: {error:#}")));
    ExitCode::from(3)
}
