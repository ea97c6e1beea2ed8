//! The command line: commands, and one flag for every setting.

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use command_kit::{Given, VERSION_AND_COMMIT, parse};
use ingestion_commands::{Command, settings::Settings};

/// Takes match ids from upstream feeds and publishes them to Kafka, every match once.
#[derive(Debug, Parser)]
#[command(name = "ingestion-service", version = VERSION_AND_COMMIT)]
struct CommandLine {
    /// TOML file with settings
    #[arg(
        long,
        value_name = "FILE",
        global = true,
        help = "TOML file with settings; INGESTION_CONFIG names it too"
    )]
    config: Option<PathBuf>,

    #[command(subcommand)]
    task: Option<Task>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Task {
    #[command(flatten)]
    Command(Command),
    /// Show the whole product on this machine: embedded broker, simulated feed, live page
    #[cfg(feature = "demo")]
    Demo(ingestion_demo::DemoArguments),
}

/// The command line, understood.
pub(crate) struct Invocation {
    pub(crate) task: Task,
    pub(crate) given: Given,
}

impl Invocation {
    /// Reads the command line of this process; a wrong one ends it with exit code 2.
    pub(crate) fn of_process() -> Self {
        let (line, settings) = parse::<CommandLine, Settings>();
        Self {
            task: line.task.unwrap_or(Task::Command(Command::Run)),
            given: Given {
                config_file: line.config,
                settings,
            },
        }
    }
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
