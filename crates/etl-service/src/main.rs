//! `etl-service`: match summaries from Kafka to the warehouse, in effect once.
//!
//! The command line, and nothing else: what it asks for is done by
//! `etl-commands`, which also wires the service, and `etl-demo`.

// A closed pipe makes these macros panic; see `command_kit::say`.
#![warn(clippy::print_stdout, clippy::print_stderr)]

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use command_kit::{Given, VERSION_AND_COMMIT, parse};
use etl_commands::{Command, settings::Settings};
use service_kit::{descriptors, telemetry};

/// Loads match summaries from Kafka into the warehouse, in effect once, and keeps its counters.
#[derive(Debug, Parser)]
#[command(name = "etl-service", version = VERSION_AND_COMMIT)]
struct CommandLine {
    /// TOML file with settings
    #[arg(
        long,
        value_name = "FILE",
        global = true,
        help = "TOML file with settings; ETL_CONFIG names it too"
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
    /// Show the whole product on this machine: embedded broker and warehouse, simulated summaries, live page
    #[cfg(feature = "demo")]
    Demo(etl_demo::DemoArguments),
}

fn main() -> ExitCode {
    descriptors::raise_limit();
    let (line, settings) = parse::<CommandLine, Settings>();
    let given = Given {
        config_file: line.config,
        settings,
    };
    let code = match line.task.unwrap_or(Task::Command(Command::Run)) {
        Task::Command(command) => etl_commands::execute(command, given),
        #[cfg(feature = "demo")]
        Task::Demo(arguments) => etl_demo::execute(arguments, &given).into(),
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
