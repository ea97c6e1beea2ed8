//! `auth-service`: signing in with Steam, and access tokens for it.
//!
//! The command line, and nothing else: what it asks for is done by the library.

use std::{path::PathBuf, process::ExitCode};

use auth_service::{Program, settings::Settings};
use clap::Parser;
use command_kit::{Given, ServiceCommand, VERSION_AND_COMMIT, execute, parse};
use service_kit::{descriptors, telemetry};

/// Signs people in with Steam, and gives access tokens for it
#[derive(Debug, Parser)]
#[command(name = "auth-service", version = VERSION_AND_COMMIT)]
struct CommandLine {
    /// TOML file with settings
    #[arg(
        long,
        value_name = "FILE",
        global = true,
        help = "TOML file with settings; AUTH_CONFIG names it too"
    )]
    config: Option<PathBuf>,

    #[command(subcommand)]
    command: Option<ServiceCommand>,
}

fn main() -> ExitCode {
    descriptors::raise_limit();
    let (line, settings) = parse::<CommandLine, Settings>();
    let given = Given {
        config_file: line.config,
        settings,
    };
    let code = execute::<Program>(line.command.unwrap_or(ServiceCommand::Run), given);
    telemetry::flush();
    code.into()
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
