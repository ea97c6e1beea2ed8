//! The settings of the whole service: every section's declarations, read into
//! the structs of the crates they configure.
//!
//! Files named by settings are looked at, sockets are not touched, and nothing
//! is taken from the process itself: arguments, environment and working
//! directory are passed in.

mod dedup;
mod journal;
mod sources;

#[cfg(test)]
mod kafka_tests;
#[cfg(test)]
mod manual;
#[cfg(test)]
mod test_cases;
#[cfg(test)]
mod tests;

use std::time::Duration;

use http_kit::{ApiSection, ApiSettings};
use ingestion_application::SourceName;
use ingestion_journal_adapter::JournalSettings;
use ingestion_kafka_adapter::{Delivery, KafkaSection, KafkaSettings};
use ingestion_opendota_adapter::{
    logs::{LogsSection, LogsSettings},
    pages::PagesSection,
    stream::{StreamSection, StreamSettings},
};
use ingestion_steam_adapter::{Start, StartSection};
use opendota_client::{OpenDotaSection, OpenDotaSettings, PageList};
use service_kit::config::{Broken, Declaration, Section, ServiceSettings, SettingsReader, Sources};
use service_kit::lifecycle::ShutdownSection;
use service_kit::service::ServiceSection;
use service_kit::telemetry::{LogSection, LogSettings};
use steam_client::{SteamSection, SteamSettings};

static API: ApiSection = ApiSection::new(
    "8000",
    "Bearer token of whoever may hand matches in: `replay` and `dead-letters redrive`; without it \
     those paths of the HTTP interface do not exist",
);
static KAFKA: KafkaSection = KafkaSection::DEFAULT;
static OPENDOTA: StreamSection = StreamSection::DEFAULT;
static LOGS: LogsSection = LogsSection::DEFAULT;
static OPENDOTA_API: OpenDotaSection = OpenDotaSection::DEFAULT;
static OPENDOTA_PAGES: PagesSection = PagesSection::DEFAULT;
static STEAM: SteamSection = SteamSection::DEFAULT;
static STEAM_START: StartSection = StartSection::DEFAULT;
static LOG: LogSection = LogSection::DEFAULT;
static SERVICE: ServiceSection = ServiceSection::named("ingestion-service");
static SHUTDOWN: ShutdownSection = ShutdownSection::DEFAULT;

/// Everything the service can be told.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where matches go.
    pub kafka: KafkaSettings,
    /// Which feeds are read.
    pub sources: Vec<SourceName>,
    /// The feed over a websocket.
    pub opendota: StreamSettings,
    /// The feed over the log of the services.
    pub logs: LogsSettings,
    /// Where pages are asked for, and as whose calls.
    pub opendota_api: OpenDotaSettings,
    /// Which of them.
    pub opendota_pages: Vec<PageList>,
    /// Where Steam is asked, and with which keys.
    pub steam: SteamSettings,
    /// Where its sequence is read from at first.
    pub steam_start: Start,
    /// Where what is pending survives.
    pub journal: JournalSettings,
    /// How many match ids are remembered.
    pub dedup_window_size: usize,
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
    const CONFIG_FILE_VARIABLE: &'static str = "INGESTION_CONFIG";

    fn declarations() -> Vec<&'static dyn Declaration> {
        [
            sources::DECLARATIONS,
            &KAFKA.declarations(),
            &OPENDOTA.declarations(),
            &LOGS.declarations(),
            &OPENDOTA_API.declarations(),
            &OPENDOTA_PAGES.declarations(),
            &STEAM.declarations(),
            &STEAM_START.declarations(),
            dedup::DECLARATIONS,
            journal::DECLARATIONS,
            &API.declarations(),
            &LOG.declarations(),
            &SERVICE.declarations(),
            &SHUTDOWN.declarations(),
        ]
        .concat()
    }

    fn read(reader: &mut SettingsReader, sources: &Sources<'_>) -> Self {
        let service_name = SERVICE.read(reader);
        let mut settings = Self {
            kafka: KAFKA.read(reader, &service_name),
            sources: sources::read(reader),
            opendota: OPENDOTA.read(reader, &sources.environment),
            logs: LOGS.read(reader),
            opendota_api: OPENDOTA_API.read(reader),
            opendota_pages: OPENDOTA_PAGES.read(reader),
            steam: STEAM.read(reader),
            steam_start: STEAM_START.read(reader),
            journal: journal::read(reader, sources.working_dir),
            dedup_window_size: dedup::read(reader),
            api: API.read(reader),
            log: LOG.read(reader, &service_name),
            shutdown_timeout: SHUTDOWN.read(reader),
            service_name,
        };
        let reads_steam = settings.sources.contains(&ingestion_steam_adapter::SOURCE);
        if reads_steam && settings.steam.keys.is_empty() {
            let reason = "is needed by steam-sequence of INGESTION_SOURCES; whoever has a Steam \
                          account gets one at https://steamcommunity.com/dev/apikey";
            reader.refuse_all([Broken::new("STEAM_API_KEYS", reason)]);
        }
        settings.kafka.is_standby = sources::read_standby(reader);
        if settings.kafka.is_standby && settings.kafka.delivery == Delivery::AtLeastOnce {
            let reason = "needs KAFKA_DELIVERY=exactly_once: without transactions nothing keeps an \
                          instance from writing that was suspended and has been replaced";
            reader.refuse_all([Broken::new("INGESTION_STANDBY", reason)]);
        }
        settings
    }

    fn log(&self) -> &LogSettings {
        &self.log
    }

    fn api_address(&self) -> (&str, u16) {
        (&self.api.host, self.api.port)
    }
}
