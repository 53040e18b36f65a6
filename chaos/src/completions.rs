//! How does a shell know what can be typed? It is told by the same definition that parses it.

use std::process::ExitCode;

use clap::builder::PossibleValue;
use clap::{Args, Command, ValueEnum};
use clap_complete::Shell;

use crate::report::say;

/// `chaos completions`
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// For which shell
    #[arg(value_enum)]
    pub shell: KnownShell,
}

/// The shells there is a script for.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum KnownShell {
    /// bash
    Bash,
    /// zsh
    Zsh,
    /// fish
    Fish,
}

/// Prints the script that makes the shell complete all that can be typed.
///
/// # Errors
/// If it cannot be printed.
pub fn run(args: &CompletionsArgs, mut command: Command) -> anyhow::Result<ExitCode> {
    let shell = match args.shell {
        KnownShell::Bash => Shell::Bash,
        KnownShell::Zsh => Shell::Zsh,
        KnownShell::Fish => Shell::Fish,
    };
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, "chaos", &mut script);
    let mut script = String::from_utf8(script)?;
    if shell == Shell::Fish {
        script.push_str(&words_for_fish(&command, ""));
    }
    say(&script)?;
    Ok(ExitCode::SUCCESS)
}

/// What clap leaves out for fish: the words that stand without an option before them, as a flow and a fault do.
fn words_for_fish(command: &Command, when: &str) -> String {
    let mut script = String::new();
    for sub in command.get_subcommands() {
        let name = sub.get_name();
        let when = match when {
            "" => format!("__fish_chaos_using_subcommand {name}"),
            outer => format!("{outer}; and __fish_seen_subcommand_from {name}"),
        };
        // Each word when the one before it is there, and it is not.
        let mut after = String::new();
        for arg in sub.get_positionals() {
            let values = arg.get_possible_values();
            let words: Vec<&str> = values.iter().map(PossibleValue::get_name).collect();
            if words.is_empty() {
                break;
            }
            let words = words.join(" ");
            script.push_str(&format!(
                "complete -c chaos -n \"{when}{after}; and not __fish_seen_subcommand_from {words}\" -f -a \"{words}\"\n"
            ));
            after.push_str(&format!("; and __fish_seen_subcommand_from {words}"));
        }
        script.push_str(&words_for_fish(sub, &when));
    }
    script
}
