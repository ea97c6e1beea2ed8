//! The settings of the whole service: every section's declarations, read into
//! the structs of the crates they configure.
//!
//! Files named by settings are looked at, sockets are not touched, and nothing
//! is taken from the process itself: arguments, environment and working
//! directory are passed in.

mod backfill;
mod counters;
mod details;
mod loading;
mod patches;
mod server;

#[cfg(test)]
mod manual;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use etl_application::backfill::{BackfillSettings, BackfillShare};
use etl_application::{DetailSettings, LoaderSettings};
use etl_clickhouse_adapter::WarehouseOptions;
use etl_kafka_adapter::{KafkaSection, KafkaSettings};
use http_kit::{ApiSection, ApiSettings};
use opendota_client::{OpenDotaSection, OpenDotaSettings};
use service_kit::config::{
    Declaration, Flag, Report, Section, SettingsReader, Sources, WrongSettings, flags,
};
use service_kit::lifecycle::ShutdownSection;
use service_kit::service::ServiceSection;
use service_kit::telemetry::{LogSection, LogSettings};
use steam_client::{SteamSection, SteamSettings};
use warehouse_kit::{WarehouseSection, WarehouseSettings};

pub use counters::CounterSettings;

static API: ApiSection = ApiSection::new(
    "8001",
    "Bearer token of whoever may have days built again and past ranges loaded; without it those \
     paths of the HTTP interface do not exist",
);
static KAFKA: KafkaSection = KafkaSection::DEFAULT;
static WAREHOUSE: WarehouseSection = WarehouseSection::DEFAULT;
static OPENDOTA: OpenDotaSection = OpenDotaSection::DEFAULT;
static STEAM: SteamSection = SteamSection::DEFAULT;
static LOG: LogSection = LogSection::DEFAULT;
static SERVICE: ServiceSection = ServiceSection::named("etl-service");
static SHUTDOWN: ShutdownSection = ShutdownSection::DEFAULT;

/// Everything the service can be told.
#[derive(Debug)]
pub struct Settings {
    /// Where records come from.
    pub kafka: KafkaSettings,
    /// Where facts go.
    pub warehouse: WarehouseSettings,
    /// What a server is told beyond where it is.
    pub server: WarehouseOptions,
    /// How batches are cut.
    pub loader: LoaderSettings,
    /// How details are asked for.
    pub details: DetailSettings,
    /// Whom they are asked of.
    pub opendota: OpenDotaSettings,
    /// Whose sequence of matches is asked for the past.
    pub steam: SteamSettings,
    /// How much of the warehouse's time and of calls backfills take.
    pub backfill_share: BackfillShare,
    /// What is counted, and how soon.
    pub counters: CounterSettings,
    /// The HTTP interface.
    pub api: ApiSettings,
    /// What is logged, and how.
    pub log: LogSettings,
    /// What the service calls itself.
    pub service_name: String,
    /// From the first signal to the end of the process.
    pub shutdown_timeout: Duration,
}

/// Settings that are right, and what they look like to a reader.
#[derive(Debug)]
pub struct Loaded {
    /// To be acted upon.
    pub settings: Settings,
    /// To be shown: every setting with its origin, secrets masked.
    pub report: Report,
}

impl Settings {
    /// Reads all layers. `arguments` are the texts given by [`Settings::flags`].
    ///
    /// # Errors
    /// Everything that is wrong, not only the first.
    pub fn load(
        arguments: &[(&str, String)],
        config_file: Option<PathBuf>,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
        working_dir: &Path,
    ) -> Result<Loaded, WrongSettings> {
        let sources = Sources {
            arguments,
            environment: environment.into_iter().collect(),
            config_file,
            config_file_variable: "ETL_CONFIG",
            working_dir,
        };
        let mut reader = SettingsReader::new(declarations(), &sources);
        let service_name = SERVICE.read(&mut reader);
        let settings = Self {
            kafka: KAFKA.read(&mut reader, &service_name),
            warehouse: WAREHOUSE.read(&mut reader),
            server: server::read(&mut reader),
            loader: loading::read(&mut reader),
            details: details::read(&mut reader),
            opendota: OPENDOTA.read(&mut reader),
            steam: STEAM.read(&mut reader),
            backfill_share: backfill::read(&mut reader),
            counters: counters::read(&mut reader),
            api: API.read(&mut reader),
            log: LOG.read(&mut reader, &service_name),
            shutdown_timeout: SHUTDOWN.read(&mut reader),
            service_name,
        };
        let report = reader.finish()?;
        Ok(Loaded { settings, report })
    }

    /// How backfills load.
    pub(crate) fn backfill(&self) -> BackfillSettings {
        BackfillSettings {
            batch: self.loader.batch,
            batch_wait: self.loader.batch_wait,
            share: self.backfill_share,
        }
    }

    /// One command-line flag for each setting.
    #[must_use]
    pub fn flags() -> Vec<Flag> {
        flags(&declarations())
    }
}

/// In the order of the manual.
fn declarations() -> Vec<&'static dyn Declaration> {
    [
        &KAFKA.declarations(),
        &WAREHOUSE.declarations(),
        server::DECLARATIONS,
        loading::DECLARATIONS,
        backfill::DECLARATIONS,
        counters::DECLARATIONS,
        patches::DECLARATIONS,
        details::DECLARATIONS,
        &OPENDOTA.declarations(),
        &STEAM.declarations(),
        &API.declarations(),
        &LOG.declarations(),
        &SERVICE.declarations(),
        &SHUTDOWN.declarations(),
    ]
    .concat()
}
