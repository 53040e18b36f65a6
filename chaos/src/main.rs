//! What was typed, and what to exit with?

use std::process::ExitCode;

use chaos::cli::{Cli, Command};
use chaos::command::obey;
use chaos::interrupt::interrupted;
use clap::Parser;

/// clap exits with 2 on wrong usage; here 2 means that nothing was proven, so usage is 64 (EX_USAGE).
const USAGE: u8 = 64;

/// 128 and the number of SIGINT, as shells have it.
const INTERRUPTED: u8 = 130;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return broken(&error.into()),
    };
    let outcome = runtime.block_on(async {
        // `up` is meant to be interrupted, and takes its leave by itself.
        if matches!(cli.command, Some(Command::Up(_))) {
            return obey(cli).await.map(Some);
        }
        // Listening comes first: a Ctrl-C before it would end us with a lab's folder half made.
        tokio::select! {
            biased;
            stop = interrupted() => stop.map(|()| None),
            outcome = obey(cli) => outcome.map(Some),
        }
    });
    // With the runtime go the labs, and with them every process.
    drop(runtime);
    match outcome {
        Ok(Some(code)) => code,
        Ok(None) => {
            eprintln!("\nchaos: interrupted; nothing is left behind");
            ExitCode::from(INTERRUPTED)
        }
        Err(error) => match error.downcast_ref::<clap::Error>() {
            Some(wrong) => usage(wrong),
            None => broken(&error),
        },
    }
}

fn usage(error: &clap::Error) -> ExitCode {
    // `--help` and `--version` are errors to clap, and none to us.
    let code = if error.use_stderr() { USAGE } else { 0 };
    // If even this cannot be printed, there is nowhere to say so.
    let _ = error.print();
    ExitCode::from(code)
}

fn broken(error: &anyhow::Error) -> ExitCode {
    eprintln!("chaos: {error:#}");
    ExitCode::from(3)
}
