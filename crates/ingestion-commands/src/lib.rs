//! The commands of `ingestion-service`, and the service itself: its settings,
//! its wiring, and what else can be asked of it.
//!
//! One module a command; here is what they share. The command line is the
//! binary's, and so is the demo, which brings a broker and a feed of its own.

pub mod service;
pub mod settings;

mod feeds;
mod way_out;

mod dead_letters;
mod healthcheck;
mod replay;
mod run;
mod validate;

mod intake;
mod listening;
mod moment;
mod progress;

use std::{
    future::Future,
    path::{Path, PathBuf},
};

use clap::Subcommand;
use service_kit::{exit_code::ExitCode, telemetry};

use self::{
    dead_letters::DeadLettersArguments,
    healthcheck::HealthcheckArguments,
    replay::ReplayArguments,
    settings::{Loaded, Settings},
};

pub use self::listening::listen_first;

/// The version of the service.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The commit it was built from.
pub const COMMIT: &str = env!("BUILD_COMMIT");
/// What `--version` says.
pub const VERSION_AND_COMMIT: &str =
    concat!(env!("CARGO_PKG_VERSION"), " (", env!("BUILD_COMMIT"), ")");

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

/// The settings that the command line gives. Not `Debug`: one may be a secret.
#[derive(Clone, Default)]
pub struct Given {
    /// The TOML file.
    pub config_file: Option<PathBuf>,
    /// Variable and text of each flag.
    pub settings: Vec<(String, String)>,
}

/// Does what the command line asks for.
#[must_use]
pub fn execute(command: Command, given: Given) -> ExitCode {
    match command {
        Command::Run => block_on(WORKER_THREADS, run::run(given)),
        Command::Validate => match given.load() {
            Ok(Loaded { report, .. }) => validate::run(&report),
            Err(code) => code,
        },
        Command::Healthcheck(arguments) => match given.load() {
            Ok(Loaded { settings, .. }) => {
                block_on(WORKER_THREADS, healthcheck::run(&settings.api, &arguments))
            }
            Err(code) => code,
        },
        Command::Replay(arguments) => block_on(WORKER_THREADS, replay::run(given, arguments)),
        Command::DeadLetters(arguments) => {
            block_on(WORKER_THREADS, dead_letters::run(given, arguments))
        }
    }
}

impl Given {
    /// Reads the settings of this process.
    ///
    /// # Errors
    /// They are wrong, and standard error says what is.
    pub fn load(&self) -> Result<Loaded, ExitCode> {
        let arguments: Vec<_> = self
            .settings
            .iter()
            .map(|(name, text)| (name.as_str(), text.clone()))
            .collect();
        let loaded = Settings::load(
            &arguments,
            self.config_file.clone(),
            std::env::vars_os(),
            Path::new("."),
        );
        loaded.map_err(|wrong| {
            telemetry::say_last(wrong);
            ExitCode::Config
        })
    }

    /// Reads them, and starts the log of a command.
    fn load_for_command(&self) -> Result<Settings, ExitCode> {
        let settings = self.load()?.settings;
        telemetry::init_for_command(&settings.log).map_err(|error| {
            telemetry::say_last(error);
            ExitCode::Internal
        })?;
        Ok(settings)
    }
}

/// Does `work` on a runtime with so many threads that poll tasks.
#[must_use]
pub fn block_on(worker_threads: usize, work: impl Future<Output = ExitCode>) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(worker_threads)
        .enable_all()
        .build();
    match runtime {
        Ok(runtime) => {
            let code = runtime.block_on(work);
            // A name that is still being looked up must not hold up the end.
            runtime.shutdown_background();
            code
        }
        Err(error) => {
            telemetry::say_last(format_args!(
                "cannot start the runtime: {error}; are threads or file descriptors limited?"
            ));
            ExitCode::Internal
        }
    }
}
