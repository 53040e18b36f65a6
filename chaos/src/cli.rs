//! What can be typed? One struct for each command; its comments are the help.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::args::{ABOUT, CommonArgs};
use crate::class::ClassArgs;
use crate::completions::CompletionsArgs;
use crate::contract::report::ContractArgs;
use crate::doctor::DoctorArgs;
use crate::duration::duration;
use crate::fault::Fault;
use crate::flow::Flow;
use crate::heal::HealArgs;
use crate::lab::LabArgs;
use crate::list::ListArgs;
use crate::load::LoadArgs;
use crate::moment::Phase;
use crate::names::{A_FAULT, A_FLOW, SERVICES};
use crate::restart::RestartArgs;
use crate::schedule::{Moments, Only};
use crate::show::ShowArgs;
use crate::status::StatusArgs;
use crate::up::UpArgs;
use crate::way::Way;

/// The whole command line.
#[derive(Debug, Parser)]
#[command(name = "chaos", version, about = ABOUT, long_about = None, max_term_width = 100)]
#[command(after_help = "Exit codes: 0 as predicted, 1 not, 2 nothing proven, 3 the lab could not run, \
                        64 usage, 130 interrupted.")]
pub struct Cli {
    /// What to do; without one, what to try first
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// One cell, told as a story: what the client asked, what happened meanwhile, what it was worth
    Run(RunArgs),
    /// Ten labs: predict, run, look, explain, change one thing
    Lab(LabArgs),
    /// A class: hand in where you are, or see who is where and which misconception is common
    Class(ClassArgs),
    /// Many clients at once while a fault strikes again and again
    Load(LoadArgs),
    /// Every flow × fault × moment × service × way, predicted against observed
    Matrix(MatrixArgs),
    /// Restart a target now, or at a step of a running flow
    Restart(RestartArgs),
    /// One picture of a run: makes its report.html again, and says where it is
    Report(ReportArgs),
    /// A live page for a room: clients at work, and buttons to restart, kill and pause
    Show(ShowArgs),
    /// Start a lab, print its addresses, stay until Ctrl-C
    Up(UpArgs),
    /// Which flows, faults and services there are
    List(ListArgs),
    /// Which labs are up, and how they are
    Status(StatusArgs),
    /// Undo whatever is still in force, also after this tool was killed
    Heal(HealArgs),
    /// Is everything here that the lab needs?
    Doctor(DoctorArgs),
    /// Does a service at this address keep every promise of the API?
    Contract(ContractArgs),
    /// A script that lets your shell complete what you type
    Completions(CompletionsArgs),
    /// The manual page: chaos man | man -l -
    Man,
}

/// `chaos run`
#[derive(Debug, Args)]
pub struct RunArgs {
    /// Which flow; see `chaos list`
    #[arg(value_parser = A_FLOW)]
    pub flow: Flow,

    /// Which fault; see `chaos list`
    #[arg(value_parser = A_FAULT)]
    pub fault: Fault,

    /// Against which service: both, or one by its name
    #[arg(long, default_value = "both", value_parser = SERVICES, value_name = "SERVICE")]
    pub service: String,

    /// By which way the client's requests go; without it, directly if that exists
    #[arg(long, value_enum)]
    pub way: Option<Way>,

    /// At which step; without it, at the one that tells most
    #[arg(long, value_name = "STEP")]
    pub at: Option<String>,

    /// Which part of the step
    #[arg(long, value_enum)]
    pub phase: Option<Phase>,

    /// How long a pause lasts
    #[arg(long = "for", value_name = "TIME", default_value = "50ms", value_parser = duration)]
    pub pause_for: Duration,

    /// What is common to all runs
    #[command(flatten)]
    pub common: CommonArgs,
}

/// `chaos matrix`
#[derive(Debug, Args)]
pub struct MatrixArgs {
    /// Which moments; without it all, and in containers those that tell most
    #[arg(long, value_enum)]
    pub moments: Option<Moments>,

    /// Only these: flow=cart,fault=kill,service=stateful,way=direct
    #[arg(long, value_name = "WHAT")]
    pub only: Vec<Only>,

    /// How many labs work at the same time; default 4 a core, in containers 1 a core
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub jobs: Option<u16>,

    /// How long a pause lasts
    #[arg(long = "for", value_name = "TIME", default_value = "50ms", value_parser = duration)]
    pub pause_for: Duration,

    /// What is common to all runs
    #[command(flatten)]
    pub common: CommonArgs,
}

/// `chaos report`
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// A results folder, or its result.json; without one, the latest
    #[arg(value_name = "RESULTS")]
    pub results: Option<PathBuf>,
}
