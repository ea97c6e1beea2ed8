//! `model-service`: what the counters mean.
//!
//! The command line, and `estimate`, which needs no other service. All else is done
//! by `model-commands`, which also wires the service.

// A closed pipe makes these macros panic; see `command_kit::say`.
#![warn(clippy::print_stdout, clippy::print_stderr)]

mod estimate;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};
use command_kit::{Given, VERSION_AND_COMMIT, complain, parse};
use model_commands::{Command, settings::Settings};
use service_kit::{descriptors, telemetry};

/// Turns counters of matches into strengths, advantages and synergies
#[derive(Debug, Parser)]
#[command(name = "model-service", version = VERSION_AND_COMMIT)]
struct CommandLine {
    /// TOML file with settings
    #[arg(
        long,
        value_name = "FILE",
        global = true,
        help = "TOML file with settings; MODEL_CONFIG names it too"
    )]
    config: Option<PathBuf>,

    #[command(subcommand)]
    task: Option<Task>,
}

/// What to do.
#[derive(Debug, Subcommand)]
enum Task {
    #[command(flatten)]
    Command(Command),
    /// Estimate from a file of drafts or of counts, without any other service
    Estimate(estimate::Arguments),
}

fn main() -> ExitCode {
    descriptors::raise_limit();
    let (line, settings) = parse::<CommandLine, Settings>();
    let given = Given {
        config_file: line.config,
        settings,
    };
    let code = match line.task.unwrap_or(Task::Command(Command::Run)) {
        Task::Command(command) => model_commands::execute(command, given),
        Task::Estimate(arguments) => match estimate::execute(&arguments) {
            Ok(()) => service_kit::exit_code::ExitCode::Ok.into(),
            Err(error) => {
                complain(format_args!("{error:#}"));
                service_kit::exit_code::ExitCode::Internal.into()
            }
        },
    };
    telemetry::flush();
    code
}

#[cfg(test)]
mod tests {
    use command_kit::command;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        command::<CommandLine, Settings>().debug_assert();
    }
}
