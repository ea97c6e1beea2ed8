//! The command line of a service with a database.

use clap::Subcommand;
use service_kit::{config::ServiceSettings, exit_code::ExitCode, lifecycle::EndSignals};

use crate::{
    Given, HealthcheckArguments, MigrateArguments, block_on, doctor::DoctorArguments, healthcheck,
    migrate, run_service, validate, with_settings,
};

/// Threads that poll tasks: one beside the one that answers.
const WORKER_THREADS: usize = 2;

/// What to do.
#[derive(Debug, Clone, Subcommand)]
pub enum ServiceCommand {
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

/// What is a service's own in its commands.
#[expect(async_fn_in_trait, reason = "each is awaited where it is called")]
pub trait ServiceProgram: Sized + Send + 'static {
    /// All that it can be told.
    type Settings: ServiceSettings;

    /// Puts the service together, with all that it takes of the world.
    ///
    /// # Errors
    /// A setting that is well-formed but cannot work here.
    fn build(settings: &Self::Settings) -> anyhow::Result<Self>;

    /// Runs it until a signal asks it to end.
    async fn run(self, signals: EndSignals) -> ExitCode;

    /// Tries everything that it depends on, and tells it.
    async fn doctor(settings: &Self::Settings, arguments: DoctorArguments) -> ExitCode;

    /// Brings its tables up to date, or only looks whether they are; what is to be said of it.
    async fn migrate(settings: &Self::Settings, only_look: bool) -> (ExitCode, String);
}

/// Does what the command line asks for.
#[must_use]
pub fn execute<Program: ServiceProgram>(command: ServiceCommand, given: Given) -> ExitCode {
    match command {
        ServiceCommand::Run => {
            let build = async |settings| Program::build(&settings);
            let run = async |program: Program, signals| program.run(signals).await;
            block_on(WORKER_THREADS, run_service(given, build, run))
        }
        ServiceCommand::Validate => validate::<Program::Settings>(&given),
        ServiceCommand::Healthcheck(arguments) => {
            let asked = healthcheck::<Program::Settings>(given, arguments);
            block_on(WORKER_THREADS, asked)
        }
        ServiceCommand::Doctor(arguments) => {
            with_settings(WORKER_THREADS, &given, async |settings| {
                Program::doctor(&settings, arguments).await
            })
        }
        ServiceCommand::Migrate(arguments) => {
            with_settings(WORKER_THREADS, &given, async |settings| {
                migrate(arguments, async |only_look| {
                    Program::migrate(&settings, only_look).await
                })
                .await
            })
        }
    }
}
