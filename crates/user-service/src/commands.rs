//! What can be asked of the program.

use clap::Subcommand;
use command_kit::{
    Given, HealthcheckArguments, block_on, complain, doctor::DoctorArguments, healthcheck,
    run_service, say, validate,
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

/// Flags of `migrate`.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct MigrateArguments {
    /// Only look whether they are; exit 69 if steps are missing
    #[arg(long)]
    check: bool,
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
        Command::Doctor(arguments) => with_settings(&given, async |settings| {
            doctor::run(&settings, arguments).await
        }),
        Command::Migrate(arguments) => {
            with_settings(&given, async |settings| migrate(&settings, arguments).await)
        }
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

async fn migrate(settings: &Settings, arguments: MigrateArguments) -> ExitCode {
    let database = match database(settings) {
        Ok(database) => database,
        Err(error) => {
            complain(format_args!("{error:#}"));
            return ExitCode::Config;
        }
    };
    let (code, said) = database.migrate_command(SCHEMA, arguments.check).await;
    match code {
        ExitCode::Ok => say(said),
        _ => complain(said),
    }
    code
}

fn with_settings(given: &Given, work: impl AsyncFnOnce(Settings) -> ExitCode) -> ExitCode {
    match given.load_for_command() {
        Ok(settings) => block_on(WORKER_THREADS, work(settings)),
        Err(code) => code,
    }
}
