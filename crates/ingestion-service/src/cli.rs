//! The command line: commands, and one flag for every setting.

use std::path::PathBuf;

use clap::{Arg, ArgMatches, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use ingestion_commands::{Command, Given, VERSION_AND_COMMIT, settings::Settings};
use service_kit::config::Flag;

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
        let flags = Settings::flags();
        let matches = command(&flags).get_matches();
        let line = CommandLine::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
        Self {
            task: line.task.unwrap_or(Task::Command(Command::Run)),
            given: Given {
                config_file: line.config,
                settings: given_settings(&flags, &matches),
            },
        }
    }
}

fn command(flags: &[Flag]) -> clap::Command {
    let settings = flags.iter().map(|flag| {
        Arg::new(flag.variable.clone())
            .long(flag.name.clone())
            .help(flag.help.clone())
            .help_heading("Settings (also as environment variables, see docs/CONFIG.md)")
            .value_name("VALUE")
            .global(true)
            .hide_short_help(true)
    });
    CommandLine::command().args(settings)
}

fn given_settings(flags: &[Flag], matches: &ArgMatches) -> Vec<(String, String)> {
    // A global flag is known to the innermost command it was given to.
    let innermost = matches.subcommand().map_or(matches, |(_, inner)| inner);
    let given = flags.iter().filter_map(|flag| {
        let value = innermost.get_one::<String>(&flag.variable)?;
        Some((flag.variable.clone(), value.clone()))
    });
    given.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        command(&Settings::flags()).debug_assert();
    }

    #[test]
    fn a_setting_can_be_given_before_and_after_the_command() {
        let flags = Settings::flags();
        for line in [
            &["x", "--kafka-publish-topic", "t", "validate"][..],
            &["x", "validate", "--kafka-publish-topic=t"],
            &["x", "--kafka-publish-topic=t"],
        ] {
            let matches = command(&flags).get_matches_from(line);
            let given = given_settings(&flags, &matches);
            assert_eq!(
                given,
                [("KAFKA_PUBLISH_TOPIC".to_owned(), "t".to_owned())],
                "{line:?}"
            );
        }
    }
}
