//! The settings of the whole service: every section's declarations, read into the structs of the crates they
//! configure.

#[cfg(test)]
mod tests;

use std::time::Duration;

use auth_kit::{AuthSection, AuthSettings};
use http_kit::{ApiSection, ApiSettings};
use service_kit::{
    config::{Declaration, Section, ServiceSettings, SettingsReader, Sources},
    lifecycle::ShutdownSection,
    service::ServiceSection,
    telemetry::{LogSection, LogSettings},
};
use sql_kit::{DatabaseSection, DatabaseSettings};

static DATABASE: DatabaseSection = DatabaseSection::DEFAULT
    .with_timeout("1s")
    .with_url_needed();
static AUTH: AuthSection = AuthSection::DEFAULT.with_issuer_needed();
static API: ApiSection = ApiSection::new(
    "8083",
    "Opens nothing here: whatever can be written is written by users, with their access tokens",
);
static LOG: LogSection = LogSection::DEFAULT;
static SERVICE: ServiceSection = ServiceSection::named("user-service");
static SHUTDOWN: ShutdownSection = ShutdownSection::DEFAULT;

/// Everything the service can be told.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where profiles are kept.
    pub database: DatabaseSettings,
    /// Whose tokens are taken.
    pub auth: AuthSettings,
    /// The HTTP interface.
    pub api: ApiSettings,
    /// What is logged, and how.
    pub log: LogSettings,
    /// What the service calls itself.
    pub service_name: String,
    /// From the first signal to the end of the process.
    pub shutdown_timeout: Duration,
}

impl ServiceSettings for Settings {
    const CONFIG_FILE_VARIABLE: &'static str = "USER_CONFIG";

    fn declarations() -> Vec<&'static dyn Declaration> {
        [
            &DATABASE.declarations(),
            &AUTH.declarations(),
            &API.declarations(),
            &LOG.declarations(),
            &SERVICE.declarations(),
            &SHUTDOWN.declarations(),
        ]
        .map(Vec::as_slice)
        .concat()
    }

    fn read(reader: &mut SettingsReader, _: &Sources<'_>) -> Self {
        let service_name = SERVICE.read(reader);
        Self {
            database: DATABASE.read(reader),
            auth: AUTH.read(reader),
            api: API.read(reader),
            log: LOG.read(reader, &service_name),
            shutdown_timeout: SHUTDOWN.read(reader),
            service_name,
        }
    }

    fn log(&self) -> &LogSettings {
        &self.log
    }

    fn api_address(&self) -> (&str, u16) {
        (&self.api.host, self.api.port)
    }
}
