//! The commands of `model-service`, and the service itself: its settings, its
//! wiring, and what else can be asked of it.
//!
//! One module a command. The command line is the binary's.

// A closed pipe makes these macros panic; see `command_kit::say`.
#![warn(clippy::print_stdout, clippy::print_stderr)]

pub mod settings;

mod parts;
mod patches;
mod schedule;
mod service;

mod run;
mod run_once;
mod runs;

use clap::Subcommand;
use command_kit::{Given, block_on};

use self::{run_once::RunOnceArguments, runs::RunsCommand};

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
                        service_kit::exit_code::ExitCode::Ok
                    }
                    Err(exit) => exit,
                }
            });
            match ended {
                service_kit::exit_code::ExitCode::Ok => code.into(),
                ended => ended.into(),
            }
        }
        Command::Runs(command) => block_on(WORKER_THREADS, runs::run(given, command)).into(),
    }
}
