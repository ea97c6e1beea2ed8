//! The commands of `etl-service`, and the service itself: its settings, its
//! wiring, and what else can be asked of it.
//!
//! One module a command. The command line is the binary's.

// A closed pipe makes these macros panic; see `command_kit::say`.
#![warn(clippy::print_stdout, clippy::print_stderr)]

pub mod settings;

mod opendota;
mod service;
mod steam;
mod warehouse;

mod backfill;
mod dead_letters;
mod doctor;
mod migrate;
mod rebuild;
mod run;
mod top;
mod verify;

use clap::Subcommand;
use command_kit::{
    Given, HealthcheckArguments, block_on, doctor::DoctorArguments, healthcheck, top::TopArguments,
    validate,
};
use domain::Day;
use service_kit::exit_code::ExitCode;

use self::{
    backfill::BackfillArguments, dead_letters::DeadLettersArguments, migrate::MigrateArguments,
    settings::Settings,
};

pub use self::service::Service;

/// Threads that poll tasks: one for loading and HTTP, one for building days.
const WORKER_THREADS: usize = 2;

/// What to do.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Run the service until a signal ends it (the default)
    Run,
    /// Load the settings, say where each value comes from, and end
    Validate,
    /// Ask the running service whether it is alive; exit 0 if so, 69 if not
    Healthcheck(HealthcheckArguments),
    /// Make the tables on a server, and the database if the user may; `run` never changes a table there
    Migrate(MigrateArguments),
    /// Load a past range beside what arrives, and look after those that were begun
    Backfill(BackfillArguments),
    /// Build the counters of these days again, from the facts
    Rebuild(DaysToBuild),
    /// Count again and compare; names every difference and changes nothing; exit 1 if there is one
    Verify(DaysToVerify),
    /// Try everything the service depends on, and say what to do about each failure; exit 0 or 69
    Doctor(DoctorArguments),
    /// Watch the running service in the terminal; elsewhere print one snapshot
    Top(TopArguments),
    /// Look through what was set aside, or have it consumed again
    DeadLetters(DeadLettersArguments),
}

/// The days that `rebuild` is for.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct DaysToBuild {
    /// The first day, such as 2026-11-01
    #[arg(long, value_name = "DAY")]
    from: Day,
    /// The last day, included
    #[arg(long, value_name = "DAY")]
    to: Day,
}

/// The days that `verify` is for.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct DaysToVerify {
    /// The first day, such as 2026-11-01; without it the first that has facts
    #[arg(long, value_name = "DAY")]
    from: Option<Day>,
    /// The last day, included; without it the last that has facts
    #[arg(long, value_name = "DAY")]
    to: Option<Day>,
}

/// Does what the command line asks for.
#[must_use]
pub fn execute(command: Command, given: Given) -> std::process::ExitCode {
    let code = match command {
        Command::Run => block_on(WORKER_THREADS, run::run(given)),
        Command::Validate => validate::<Settings>(&given),
        Command::Healthcheck(arguments) => {
            block_on(WORKER_THREADS, healthcheck::<Settings>(given, arguments))
        }
        Command::Migrate(arguments) => with_settings(&given, async |settings| {
            migrate::run(&settings, arguments).await
        }),
        Command::Backfill(arguments) => block_on(WORKER_THREADS, backfill::run(given, arguments)),
        Command::Rebuild(days) => {
            with_settings(&given, async |settings| rebuild::run(&settings, days).await)
        }
        Command::Verify(days) => return verify(&given, days),
        Command::Doctor(arguments) => with_settings(&given, async |settings| {
            doctor::run(&settings, arguments).await
        }),
        Command::Top(arguments) => with_settings(&given, async |settings| {
            top::run(&settings, arguments).await
        }),
        Command::DeadLetters(arguments) => {
            block_on(WORKER_THREADS, dead_letters::run(given, arguments))
        }
    };
    code.into()
}

fn verify(given: &Given, days: DaysToVerify) -> std::process::ExitCode {
    let mut found = 0;
    let code = with_settings(given, async |settings| {
        match verify::run(&settings, days).await {
            Ok(differences) => {
                found = differences;
                ExitCode::Ok
            }
            Err(code) => code,
        }
    });
    // The one answer that is this command's own: it worked, and counters are wrong.
    match code {
        ExitCode::Ok if found > 0 => 1.into(),
        code => code.into(),
    }
}

fn with_settings(given: &Given, work: impl AsyncFnOnce(Settings) -> ExitCode) -> ExitCode {
    match given.load_for_command() {
        Ok(settings) => block_on(WORKER_THREADS, work(settings)),
        Err(code) => code,
    }
}
