//! What the answers are made from.

use std::sync::Arc;

use etl_application::{
    EtlStatus,
    backfill::Backfills,
    ports::{CounterStore, FactStore, WarehouseReader},
};
use health_kit::Clock;
use http_kit::ServiceParts;
use secrecy::SecretString;

/// Everything the HTTP interface shows.
#[derive(Clone)]
pub struct ApiState {
    /// Whose interface it is.
    pub service: ServiceParts,
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
