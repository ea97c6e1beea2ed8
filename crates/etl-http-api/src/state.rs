//! What the answers are made from.

use std::sync::Arc;

use etl_application::{
    EtlStatus,
    backfill::Backfills,
    ports::{CounterStore, FactStore, WarehouseReader},
};
use health_kit::{Clock, Health, Readiness};
use http_kit::{RequestTimeout, TrustedProxies};
use secrecy::SecretString;

/// Everything the HTTP interface shows.
#[derive(Clone)]
pub struct ApiState {
    /// `SERVICE_NAME`, as it is told in health.
    pub service_name: String,
    /// The version of the program.
    pub version: &'static str,
    /// The commit it was built from.
    pub commit: &'static str,
    /// How the parts of the service are.
    pub health: Arc<Health>,
    /// Whether it drains.
    pub readiness: Arc<Readiness>,
    /// The figures of loading.
    pub etl: Arc<EtlStatus>,
    /// Who is asked how days are.
    pub counters: Arc<dyn CounterStore>,
    /// Who is asked for matches and counters.
    pub reader: Arc<dyn WarehouseReader>,
    /// Says which day it is.
    pub clock: Arc<dyn Clock>,
    /// Who may have days built again and past ranges loaded; without it there are no
    /// paths for that.
    pub write: Option<WriteAccess>,
    /// Origins whose pages may read the answers; `*` is every origin.
    pub cors_allowed_origins: Vec<String>,
    /// How long a request may take.
    pub request_timeout: RequestTimeout,
    /// Who is believed when it names the client.
    pub trusted_proxies: TrustedProxies,
}

/// What is open to whoever has the token.
#[derive(Clone)]
pub struct WriteAccess {
    /// `API_TOKEN`.
    pub token: SecretString,
    /// Where days are marked.
    pub facts: Arc<dyn FactStore>,
    /// Who loads past ranges.
    pub backfills: Arc<Backfills>,
}
