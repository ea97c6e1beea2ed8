//! The commands of `model-service`, and the service itself: its settings, its
//! wiring, and what else can be asked of it.
//!
//! One module a command. The command line is the binary's.

// A closed pipe makes these macros panic; see `command_kit::say`.
#![warn(clippy::print_stdout, clippy::print_stderr)]

pub mod settings;

mod accounts;
mod following;
mod lineage;
mod parts;
mod patches;
mod schedule;
mod service;
mod service_client;

mod doctor;
mod explain;
mod run;
mod run_once;
mod runs;

use clap::Subcommand;
use command_kit::{
    Given, HealthcheckArguments, block_on, doctor::DoctorArguments, healthcheck, validate,
};
use service_kit::exit_code::ExitCode;

use self::{
    explain::ExplainArguments, run_once::RunOnceArguments, runs::RunsCommand, settings::Settings,
};

pub use self::{
    parts::{BuildError, Parts},
    schedule::CronSchedule,
    service::Service,
};

/// Threads that poll tasks: one for a run, one for everything else.
const WORKER_THREADS: usize = 2;

/// What to do.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Run the service until a signal ends it (the default)
    Run,
    /// One run, then end: for cron and orchestrators
    RunOnce(RunOnceArguments),
    /// The runs that there were, and their results
    #[command(subcommand)]
    Runs(RunsCommand),
    /// Say what a draft is worth by what is published, and how the sum comes about
    Explain(ExplainArguments),
    /// Load the settings, say where each value comes from, and end
    Validate,
    /// Ask the running service whether it is alive; exit 0 if so, 69 if not
    Healthcheck(HealthcheckArguments),
    /// Try everything the service depends on, and say what to do about each failure; exit 0 or 69
    Doctor(DoctorArguments),
}

/// Does what the command line asks for.
#[must_use]
pub fn execute(command: Command, given: Given) -> std::process::ExitCode {
    match command {
        Command::Run => block_on(WORKER_THREADS, run::run(given)).into(),
        Command::RunOnce(arguments) => {
            let mut code = 0;
            let ended = block_on(WORKER_THREADS, async {
                match run_once::run(given, arguments).await {
                    Ok(exit) => {
                        code = exit;
                        ExitCode::Ok
                    }
                    Err(exit) => exit,
                }
            });
            match ended {
                ExitCode::Ok => code.into(),
                ended => ended.into(),
            }
        }
        Command::Explain(arguments) => with_settings(&given, async |settings| {
            explain::run(&settings, arguments).await
        })
        .into(),
        Command::Validate => validate::<Settings>(&given).into(),
        Command::Healthcheck(arguments) => {
            block_on(WORKER_THREADS, healthcheck::<Settings>(given, arguments)).into()
        }
        Command::Doctor(arguments) => with_settings(&given, async |settings| {
            doctor::run(&settings, arguments).await
        })
        .into(),
        Command::Runs(command) => block_on(WORKER_THREADS, runs::run(given, command)).into(),
    }
}

fn with_settings(given: &Given, work: impl AsyncFnOnce(Settings) -> ExitCode) -> ExitCode {
    match given.load_for_command() {
        Ok(settings) => block_on(WORKER_THREADS, work(settings)),
        Err(code) => code,
    }
}
