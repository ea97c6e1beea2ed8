//! A flag for every setting.

use std::path::{Path, PathBuf};

use clap::{Arg, ArgMatches, CommandFactory, FromArgMatches};
use service_kit::{
    config::{Flag, Loaded, ServiceSettings},
    exit_code::ExitCode,
    telemetry,
};

/// The settings that the command line gives. Not `Debug`: one may be a secret.
#[derive(Clone, Default)]
pub struct Given {
    /// The TOML file.
    pub config_file: Option<PathBuf>,
    /// Variable and text of each flag.
    pub settings: Vec<(String, String)>,
}

impl Given {
    /// Reads the settings of this process.
    ///
    /// # Errors
    /// They are wrong, and standard error says what is.
    pub fn load<Settings: ServiceSettings>(&self) -> Result<Loaded<Settings>, ExitCode> {
        let arguments: Vec<_> = self
            .settings
            .iter()
            .map(|(name, text)| (name.as_str(), text.clone()))
            .collect();
        let (config_file, environment) = (self.config_file.clone(), std::env::vars_os());
        Settings::load(&arguments, config_file, environment, Path::new(".")).map_err(|wrong| {
            telemetry::say_last(wrong);
            ExitCode::Config
        })
    }

    /// Reads the settings, and starts the log of the service.
    ///
    /// # Errors
    /// They are wrong, or there can be no log; standard error says why.
    pub fn load_for_service<Settings: ServiceSettings>(&self) -> Result<Settings, ExitCode> {
        let settings: Settings = self.load()?.settings;
        telemetry::init(settings.log()).map_err(no_log)?;
        Ok(settings)
    }

    /// Reads the settings, and starts the log of a command.
    ///
    /// # Errors
    /// They are wrong, or there can be no log; standard error says why.
    pub fn load_for_command<Settings: ServiceSettings>(&self) -> Result<Settings, ExitCode> {
        let settings: Settings = self.load()?.settings;
        telemetry::init_for_command(settings.log()).map_err(no_log)?;
        Ok(settings)
    }
}

fn no_log(error: telemetry::StartError) -> ExitCode {
    telemetry::say_last(error);
    ExitCode::Internal
}

/// Reads the command line of this process, `Line` with a flag for each setting;
/// a wrong one ends the process with exit code 2.
#[must_use]
pub fn parse<Line: CommandFactory + FromArgMatches, Settings: ServiceSettings>()
-> (Line, Vec<(String, String)>) {
    let matches = command::<Line, Settings>().get_matches();
    let line = Line::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    (line, given_settings(&Settings::flags(), &matches))
}

/// The command line of a service: `Line`, with a flag for each setting.
#[must_use]
pub fn command<Line: CommandFactory, Settings: ServiceSettings>() -> clap::Command {
    with_settings(Line::command(), &Settings::flags())
}

/// Adds a flag for each setting, which may stand before and after the command.
fn with_settings(command: clap::Command, flags: &[Flag]) -> clap::Command {
    let settings = flags.iter().map(|flag| {
        Arg::new(flag.variable.clone())
            .long(flag.name.clone())
            .help(flag.help.clone())
            .help_heading("Settings (also as environment variables, see the manual of settings)")
            .value_name("VALUE")
            .global(true)
            .hide_short_help(true)
    });
    command.args(settings)
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
    fn a_setting_can_be_given_before_and_after_the_command() {
        let flags = [Flag {
            variable: "KAFKA_PUBLISH_TOPIC".to_owned(),
            name: "kafka-publish-topic".to_owned(),
            help: String::new(),
        }];
        for line in [
            &["x", "--kafka-publish-topic", "t", "validate"][..],
            &["x", "validate", "--kafka-publish-topic=t"],
            &["x", "--kafka-publish-topic=t"],
        ] {
            let command = clap::Command::new("x").subcommand(clap::Command::new("validate"));
            let matches = with_settings(command, &flags).get_matches_from(line);
            let given = given_settings(&flags, &matches);
            assert_eq!(
                given,
                [("KAFKA_PUBLISH_TOPIC".to_owned(), "t".to_owned())],
                "{line:?}"
            );
        }
    }
}
