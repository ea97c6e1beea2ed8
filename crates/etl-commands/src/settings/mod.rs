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
mod server;

#[cfg(test)]
mod manual;
#[cfg(test)]
mod tests;

use std::time::Duration;

use etl_application::backfill::{BackfillSettings, BackfillShare};
use etl_application::{DetailSettings, LoaderSettings};
use etl_clickhouse_adapter::WarehouseOptions;
use etl_kafka_adapter::{KafkaSection, KafkaSettings};
use http_kit::{ApiSection, ApiSettings};
use opendota_client::{OpenDotaSection, OpenDotaSettings};
use service_kit::config::{Declaration, Section, ServiceSettings, SettingsReader, Sources};
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

impl Settings {
    /// How backfills load.
    pub(crate) fn backfill(&self) -> BackfillSettings {
        BackfillSettings {
            batch: self.loader.batch,
            batch_wait: self.loader.batch_wait,
            share: self.backfill_share,
        }
    }
}

impl ServiceSettings for Settings {
    const CONFIG_FILE_VARIABLE: &'static str = "ETL_CONFIG";

    fn declarations() -> Vec<&'static dyn Declaration> {
        [
            &KAFKA.declarations(),
            &WAREHOUSE.declarations(),
            server::DECLARATIONS,
            loading::DECLARATIONS,
            backfill::DECLARATIONS,
            &counters::declarations(),
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

    fn read(reader: &mut SettingsReader, _: &Sources<'_>) -> Self {
        let service_name = SERVICE.read(reader);
        Self {
            kafka: KAFKA.read(reader, &service_name),
            warehouse: WAREHOUSE.read(reader),
            server: server::read(reader),
            loader: loading::read(reader),
            details: details::read(reader),
            opendota: OPENDOTA.read(reader),
            steam: STEAM.read(reader),
            backfill_share: backfill::read(reader),
            counters: counters::read(reader),
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
