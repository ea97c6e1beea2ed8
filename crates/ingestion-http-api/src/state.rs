//! What the answers are made from.

use std::sync::Arc;

use http_kit::ServiceParts;
use ingestion_application::{HandIn, IngestionStatus};
use secrecy::SecretString;

/// Everything the HTTP interface shows.
#[derive(Clone)]
pub struct ApiState {
    /// Whose interface it is.
    pub service: ServiceParts,
    /// The figures of ingestion.
    pub ingestion: Arc<IngestionStatus>,
    /// Who may hand frames in; without it there are no paths for that.
    pub write: Option<WriteAccess>,
}

/// What is open to whoever has the token.
#[derive(Clone)]
pub struct WriteAccess {
    /// `API_TOKEN`.
    pub token: SecretString,
    /// Where handed-in frames go.
    pub hand_in: Arc<HandIn>,
}
