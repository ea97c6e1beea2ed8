//! What the answers are made from.

use std::sync::Arc;

use health_kit::{Health, Readiness};
use http_kit::{RequestTimeout, TrustedProxies};
use ingestion_application::{HandIn, IngestionStatus};
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
    /// The figures of ingestion.
    pub ingestion: Arc<IngestionStatus>,
    /// Who may hand frames in; without it there are no paths for that.
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
    /// Where handed-in frames go.
    pub hand_in: Arc<HandIn>,
}
