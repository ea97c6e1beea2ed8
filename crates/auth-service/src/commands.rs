//! What can be asked of the program.

use anyhow::Result;
use auth_postgres_adapter::SCHEMA;
use command_kit::{ServiceProgram, doctor::DoctorArguments};
use service_kit::{
    exit_code::ExitCode,
    lifecycle::{EndSignals, Lifecycle},
};

use crate::{
    doctor,
    service::{Service, database},
    settings::Settings,
};

/// The service as a process of its own.
pub struct Program {
    service: Service,
    lifecycle: Lifecycle,
}

impl ServiceProgram for Program {
    type Settings = Settings;

    fn build(settings: &Settings) -> Result<Self> {
        let lifecycle = Lifecycle::new(settings.shutdown_timeout);
        let service = Service::build(settings, lifecycle.drain())?;
        Ok(Self { service, lifecycle })
    }

    async fn run(self, mut signals: EndSignals) -> ExitCode {
        let next = async || signals.next().await;
        self.service.run(self.lifecycle, next).await
    }

    async fn doctor(settings: &Settings, arguments: DoctorArguments) -> ExitCode {
        doctor::run(settings, arguments).await
    }

    async fn migrate(settings: &Settings, only_look: bool) -> (ExitCode, String) {
        match database(settings) {
            Ok(database) => database.migrate_command(SCHEMA, only_look).await,
            Err(error) => (ExitCode::Config, format!("{error:#}")),
        }
    }
}
