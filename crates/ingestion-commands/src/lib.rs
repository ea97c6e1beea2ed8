//! The commands of `ingestion-service`, and the service itself: its settings,
//! its wiring, and what else can be asked of it.
//!
//! One module a command. The command line is the binary's, and so is the demo, which brings a broker and a feed of its own.

// A closed pipe makes these macros panic; see `command_kit::say`.
#![warn(clippy::print_stdout, clippy::print_stderr)]

pub mod service;
pub mod settings;

mod feeds;
mod way_out;

mod dead_letters;
mod replay;
mod run;

mod intake;

use clap::Subcommand;
use command_kit::{Given, HealthcheckArguments, block_on, healthcheck, validate};
use service_kit::exit_code::ExitCode;

use self::{dead_letters::DeadLettersArguments, replay::ReplayArguments, settings::Settings};

/// Threads that poll tasks. One task receives, the others are short, and
/// librdkafka and the HTTP interface have threads of their own. With a second
/// thread that task would wander between the two, and the allocator, which
/// keeps a heap for each, would hold the most that was ever on its way twice.
const WORKER_THREADS: usize = 1;

/// What to do.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Run the service until a signal ends it (the default)
    Run,
    /// Load the settings, say where each value comes from, and end
    Validate,
    /// Ask the running service whether it is alive; exit 0 if so, 69 if not
    Healthcheck(HealthcheckArguments),
    /// Send the lines of a file through the pipeline, as if a feed had sent them
    Replay(ReplayArguments),
    /// Look through what was set aside, or send it through the pipeline again
    DeadLetters(DeadLettersArguments),
}

/// Does what the command line asks for.
#[must_use]
pub fn execute(command: Command, given: Given) -> ExitCode {
    match command {
        Command::Run => block_on(WORKER_THREADS, run::run(given)),
        Command::Validate => validate::<Settings>(&given),
        Command::Healthcheck(arguments) => {
            block_on(WORKER_THREADS, healthcheck::<Settings>(given, arguments))
        }
        Command::Replay(arguments) => block_on(WORKER_THREADS, replay::run(given, arguments)),
        Command::DeadLetters(arguments) => {
            block_on(WORKER_THREADS, dead_letters::run(given, arguments))
        }
    }
}
