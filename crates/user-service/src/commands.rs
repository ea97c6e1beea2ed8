//! What can be asked of the program.

use clap::Subcommand;
use command_kit::{
    Given, HealthcheckArguments, MigrateArguments, block_on, complain, doctor::DoctorArguments,
    healthcheck, migrate, run_service, validate, with_settings,
};
use service_kit::{exit_code::ExitCode, lifecycle::Lifecycle};
use user_postgres_adapter::SCHEMA;

use crate::{
    doctor,
    service::{Service, database},
    settings::Settings,
};

/// Threads that poll tasks: one beside the one that answers.
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
    /// Try everything the service depends on, and say what to do about each failure; exit 0 or 69
    Doctor(DoctorArguments),
    /// Bring the tables up to date, all missing steps or none; exit 0, 69, or 78 if they are a newer program's
    Migrate(MigrateArguments),
}

/// Does what the command line asks for.
#[must_use]
pub fn execute(command: Command, given: Given) -> ExitCode {
    match command {
        Command::Run => block_on(WORKER_THREADS, run(given)),
        Command::Validate => validate::<Settings>(&given),
        Command::Healthcheck(arguments) => {
            block_on(WORKER_THREADS, healthcheck::<Settings>(given, arguments))
        }
        Command::Doctor(arguments) => with_settings(WORKER_THREADS, &given, async |settings| {
            doctor::run(&settings, arguments).await
        }),
        Command::Migrate(arguments) => with_settings(WORKER_THREADS, &given, async |settings| {
            bring_up_to_date(&settings, arguments).await
        }),
    }
}

/// Runs the service until a signal asks it to end.
async fn run(given: Given) -> ExitCode {
    run_service(
        given,
        async |settings: Settings| {
            let lifecycle = Lifecycle::new(settings.shutdown_timeout);
            let service = Service::build(&settings, lifecycle.drain())?;
            Ok((service, lifecycle))
        },
        async |(service, lifecycle), mut signals| {
            service.run(lifecycle, async || signals.next().await).await
        },
    )
    .await
}

async fn bring_up_to_date(settings: &Settings, arguments: MigrateArguments) -> ExitCode {
    let database = match database(settings) {
        Ok(database) => database,
        Err(error) => {
            complain(format_args!("{error:#}"));
            return ExitCode::Config;
        }
    };
    let work = async |only_look| database.migrate_command(SCHEMA, only_look).await;
    migrate(arguments, work).await
}
