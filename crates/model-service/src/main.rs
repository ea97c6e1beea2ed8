//! `model-service`: what the counters mean.
//!
//! Of its commands only `estimate` is there yet: it needs no other service.

// A closed pipe makes these macros panic; see `command_kit::say`.
#![warn(clippy::print_stdout, clippy::print_stderr)]

mod estimate;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use command_kit::{VERSION_AND_COMMIT, complain};

/// Turns counters of matches into strengths, advantages and synergies
#[derive(Debug, Parser)]
#[command(name = "model-service", version = VERSION_AND_COMMIT)]
struct CommandLine {
    #[command(subcommand)]
    task: Task,
}

/// What to do.
#[derive(Debug, Subcommand)]
enum Task {
    /// Estimate from a file of drafts or of counts, without any other service
    Estimate(estimate::Arguments),
}

fn main() -> ExitCode {
    let Task::Estimate(arguments) = CommandLine::parse().task;
    let code = match estimate::execute(&arguments) {
        Ok(()) => service_kit::exit_code::ExitCode::Ok,
        Err(error) => {
            complain(format_args!("{error:#}"));
            service_kit::exit_code::ExitCode::Internal
        }
    };
    code.into()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        CommandLine::command().debug_assert();
    }
}
