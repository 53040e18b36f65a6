//! Where is the manual? In the tool: `chaos man | man -l -`, all commands on one page.

use std::process::ExitCode;

use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use crate::report::say;

/// Prints the manual page of all that can be typed, in the form that `man` reads.
///
/// # Errors
/// If it cannot be printed.
pub fn run(mut command: Command) -> anyhow::Result<ExitCode> {
    command.build();
    let mut page = Vec::new();
    let man = Man::new(command.clone());
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    // One page for all: whoever looks for `--seed` should not have to know which command has it.
    let mut all = Roff::new();
    all.control("SH", ["COMMANDS"]);
    all.to_writer(&mut page)?;
    for sub in below(&command) {
        describe(&mut page, "chaos", sub)?;
    }
    man.render_extra_section(&mut page)?;
    say(&String::from_utf8(page)?)?;
    Ok(ExitCode::SUCCESS)
}

/// A command, what can be said to it, and the commands below it.
fn describe(page: &mut Vec<u8>, parent: &str, command: &Command) -> anyhow::Result<()> {
    let name = format!("{parent} {}", command.get_name());
    let mut text = Roff::new();
    text.control("SS", [name.as_str()]);
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    text.text([roman(about)]);
    for arg in command.get_arguments().filter(|arg| !arg.is_hide_set() && arg.get_id() != "help") {
        text.control("TP", []);
        text.text([bold(arg.to_string())]);
        text.text([roman(arg.get_help().map(ToString::to_string).unwrap_or_default())]);
    }
    text.to_writer(page)?;
    for sub in below(command) {
        describe(page, &name, sub)?;
    }
    Ok(())
}

/// The commands below one; whoever reads the manual needs no command that shows help.
fn below(command: &Command) -> impl Iterator<Item = &Command> {
    command.get_subcommands().filter(|sub| sub.get_name() != "help")
}
