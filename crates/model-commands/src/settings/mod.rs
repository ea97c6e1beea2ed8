//! The settings of the whole service: every section's declarations, read into
//! the structs of the crates they configure.
//!
//! Files named by settings are looked at, sockets are not touched, and nothing is
//! taken from the process itself: arguments, environment and working directory are
//! passed in.

mod accounts;
mod models;
mod storing;

#[cfg(test)]
mod manual;
#[cfg(test)]
mod test_cases;
#[cfg(test)]
mod tests;

use std::time::Duration;

use http_kit::{ApiSection, ApiSettings};
use model_application::{accounts::AccountSettings, runs::RunSettings};
use model_openlineage_adapter::{LineageSection, LineageSettings};
use redis_kit::{RedisSection, RedisSettings};
use service_kit::counting::{CountingSection, PatchesSection};
use service_kit::{
    config::{Declaration, Section, ServiceSettings, SettingsReader, Sources},
    lifecycle::ShutdownSection,
    service::ServiceSection,
    telemetry::{LogSection, LogSettings},
};
use warehouse_kit::{WarehouseSection, WarehouseSettings};

pub use self::{
    accounts::PasSettings,
    models::ModelSettings,
    storing::{LeaderSettings, StoringSettings},
};
pub use service_kit::counting::PatchesSetting;

static API: ApiSection = ApiSection::new(
    "8084",
    "Bearer token of whoever may have runs begun, published and cancelled; without it those \
     paths of the HTTP interface do not exist",
);
static WAREHOUSE: WarehouseSection = WarehouseSection::DEFAULT;
static REDIS: RedisSection = RedisSection::DEFAULT;
static PATCHES: PatchesSection = PatchesSection::DEFAULT;
static COUNTING: CountingSection = CountingSection::DEFAULT;
static LINEAGE: LineageSection = LineageSection::DEFAULT;
static LOG: LogSection = LogSection::DEFAULT;
static SERVICE: ServiceSection = ServiceSection::named("model-service");
static SHUTDOWN: ShutdownSection = ShutdownSection::DEFAULT;

/// Everything the service can be told.
#[derive(Debug)]
pub struct Settings {
    /// Where counters are.
    pub warehouse: WarehouseSettings,
    /// Where results go.
    pub redis: RedisSettings,
    /// What runs are to do, and when.
    pub models: ModelSettings,
    /// Which accounts are scored, and by which games.
    pub pas: PasSettings,
    /// What is kept, and for how long.
    pub storing: StoringSettings,
    /// Who may publish.
    pub leader: LeaderSettings,
    /// Which patches there are.
    pub patches: PatchesSetting,
    /// Who is told of runs.
    pub lineage: LineageSettings,
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
    /// How runs go about it; patient where somebody looks after them.
    #[must_use]
    pub fn runs(&self, is_patient: bool) -> RunSettings {
        RunSettings {
            expiry: self.storing.redis_expiry,
            is_patient,
            ..self.models.runs.clone()
        }
    }

    /// How accounts are scored, where `runs` are so.
    #[must_use]
    pub fn accounts(&self, runs: &RunSettings) -> AccountSettings {
        AccountSettings {
            history: self.pas.history,
            half_life_days: self.pas.half_life_days,
            level: runs.level,
            rules: runs.rules.clone(),
        }
    }
}

impl ServiceSettings for Settings {
    const CONFIG_FILE_VARIABLE: &'static str = "MODEL_CONFIG";

    fn declarations() -> Vec<&'static dyn Declaration> {
        [
            &WAREHOUSE.declarations(),
            &REDIS.declarations(),
            models::DECLARATIONS,
            accounts::DECLARATIONS,
            &COUNTING.declarations(),
            &PATCHES.declarations(),
            storing::DECLARATIONS,
            &LINEAGE.declarations(),
            &API.declarations(),
            &LOG.declarations(),
            &SERVICE.declarations(),
            &SHUTDOWN.declarations(),
        ]
        .concat()
    }

    fn read(reader: &mut SettingsReader, _: &Sources<'_>) -> Self {
        let service_name = SERVICE.read(reader);
        let rules = COUNTING.read(reader);
        let (storing, leader) = storing::read(reader);
        Self {
            warehouse: WAREHOUSE.read(reader),
            redis: REDIS.read(reader),
            models: models::read(reader, rules),
            pas: accounts::read(reader),
            storing,
            leader,
            patches: PATCHES.read(reader),
            lineage: LINEAGE.read(reader),
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
