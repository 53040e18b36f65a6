//! How is everything put right again, whatever has happened to the tool?
//!
//! `chaos heal` can be called at any time and as often as one likes. A lab whose tool lives is told to
//! undo what is in force. A lab whose tool died has left nothing running, if the kernel did its part; what
//! is there all the same is ended, and its folder removed.

use std::process::ExitCode;

use anyhow::bail;
use clap::Args;

use crate::driver::docker::engine::Unreachable;
use crate::driver::local::{bury, control};
use crate::driver::{Driver, DriverName, docker};
use crate::names::lab_name;
use crate::report::say;
use crate::state::folder;

/// `chaos heal`
#[derive(Debug, Clone, Default, Args)]
pub struct HealArgs {
    /// Only labs that run on this; without it all, as far as there is an engine
    #[arg(long, value_enum)]
    pub driver: Option<DriverName>,

    /// Only the lab of this name
    #[arg(long, value_name = "NAME", value_parser = lab_name)]
    pub lab: Option<String>,
}

/// Heals one lab, or all of this user.
///
/// # Errors
/// If a lab cannot be healed.
pub async fn run(args: &HealArgs) -> anyhow::Result<ExitCode> {
    let (mut healed, mut sick) = (0, Vec::new());
    if args.driver != Some(DriverName::Docker) {
        let mut names = folder::names()?;
        names.retain(|name| args.lab.as_ref().is_none_or(|wanted| wanted == name));
        for name in names {
            healed += 1;
            match heal(&name).await {
                Ok(lines) => lines.iter().try_for_each(|line| say(&format!("{name}: {line}\n")))?,
                Err(error) => sick.push(format!("{name}: {error:#}")),
            }
        }
        folder::remove_doomed()?;
    }
    if args.driver != Some(DriverName::Local) {
        let in_containers = match docker::heal::heal(args.lab.as_deref()).await {
            Ok(labs) => labs,
            Err(error) if args.driver.is_some() => return Err(error),
            Err(error) => {
                match &args.lab {
                    // The one that was named is a local one.
                    Some(_) if healed > 0 => {}
                    Some(name) => {
                        bail!("no lab called {name:?} runs in processes, and in containers: {error:#}")
                    }
                    // Without an engine there is nothing in it.
                    None if error.is::<Unreachable>() => {}
                    None => sick.push(format!("labs in containers: {error:#}")),
                }
                Vec::new()
            }
        };
        for (name, outcome) in in_containers {
            healed += 1;
            match outcome {
                Ok(lines) => lines.iter().try_for_each(|line| say(&format!("{name}: {line}\n")))?,
                Err(error) => sick.push(format!("{name}: {error:#}")),
            }
        }
    }
    if !sick.is_empty() {
        bail!("{}", sick.join("\n"));
    }
    if let (0, Some(name)) = (healed, &args.lab) {
        bail!("no lab called {name:?} is up; `chaos status` shows those that are");
    }
    if healed == 0 {
        say("nothing to heal: there is no lab\n")?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Undoes what is in force in the lab of this name, which stays; says what was done, a line each.
///
/// # Errors
/// If it will not heal, or is not there.
pub async fn undo(driver: DriverName, name: &str) -> anyhow::Result<Vec<String>> {
    match driver {
        DriverName::Local => heal(name).await,
        DriverName::Docker => docker::heal::undo(name).await,
    }
}

/// Heals the lab of this name, alive or dead; says what was done, a line each.
///
/// # Errors
/// If it will not heal.
pub async fn heal(name: &str) -> anyhow::Result<Vec<String>> {
    if !folder::is_owned(name)? {
        return bury::bury(name);
    }
    if !control::socket_in(&folder::folder_of(name)?).exists() {
        return Ok(vec!["is in use by a running `chaos`, which undoes what it does; left alone".to_owned()]);
    }
    let mut done = Driver::attach(DriverName::Local, name).await?.heal().await?;
    if done.is_empty() {
        done.push("is up, and nothing has to be undone".to_owned());
    }
    Ok(done)
}
