//! The command line: commands, and one flag for every setting.

use std::path::PathBuf;

use clap::{
    Arg, ArgMatches, Command, CommandFactory as _, FromArgMatches as _, Parser, Subcommand,
};
use service_kit::config::Flag;

use crate::{
    commands::{dead_letters::DeadLettersArguments, replay::ReplayArguments},
    settings::Settings,
};

/// What `--version` says, and `ingestion_build_info` too.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The commit this binary was built from.
pub(crate) const COMMIT: &str = env!("BUILD_COMMIT");

/// Takes match ids from upstream feeds and publishes them to Kafka, every match once.
#[derive(Debug, Parser)]
#[command(name = "ingestion-service", version = concat!(env!("CARGO_PKG_VERSION"), " (", env!("BUILD_COMMIT"), ")"))]
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
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Task {
    /// Run the service until a signal ends it (the default)
    Run,
    /// Show the whole product on this machine: embedded broker, simulated feed, live page
    #[cfg(feature = "demo")]
    Demo(crate::demo::DemoArguments),
    /// Load the settings, say where each value comes from, and end
    Validate,
    /// Ask the running service whether it is alive; exit 0 if so, 69 if not
    Healthcheck(HealthcheckArguments),
    /// Send the lines of a file through the pipeline, as if a feed had sent them
    Replay(ReplayArguments),
    /// Look through what was set aside, or send it through the pipeline again
    DeadLetters(DeadLettersArguments),
}

/// Flags of `healthcheck`.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct HealthcheckArguments {
    /// Ask whether it is ready instead
    #[arg(long)]
    pub(crate) ready: bool,
}

/// The command line, understood. Not `Debug`: a setting may be a secret.
pub(crate) struct Invocation {
    pub(crate) task: Task,
    pub(crate) config_file: Option<PathBuf>,
    /// Settings given as flags: variable and text.
    pub(crate) settings: Vec<(String, String)>,
}

impl Invocation {
    /// Reads the command line of this process; a wrong one ends it with exit code 2.
    pub(crate) fn of_process() -> Self {
        let flags = Settings::flags();
        let matches = command(&flags).get_matches();
        let line = CommandLine::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
        let given = given_settings(&flags, &matches);
        Self {
            task: line.task.unwrap_or(Task::Run),
            config_file: line.config,
            settings: given,
        }
    }
}

fn command(flags: &[Flag]) -> Command {
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
