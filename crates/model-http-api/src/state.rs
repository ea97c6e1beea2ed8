//! What the answers are made from.

use std::sync::Arc;

use health_kit::Clock;
use http_kit::ServiceParts;
use model_application::{ports::AccountScores, runs::Runs};
use secrecy::SecretString;

use crate::Published;

/// Everything the HTTP interface shows.
#[derive(Clone)]
pub struct ApiState {
    /// Whose interface it is.
    pub service: ServiceParts,
    /// What readers see. Whoever serves this also [runs](Published::run) it.
    pub published: Arc<Published>,
    /// How runs are, and who is asked for one.
    pub runs: Arc<Runs>,
    /// `API_TOKEN`: who may ask for runs; without it there are no paths for that.
    pub token: Option<SecretString>,
    /// Who computes scores that nobody has asked for yet; `None` where nobody does.
    pub accounts: Option<Arc<dyn AccountScores>>,
    /// How much of the possible intervals hold, in 0 … 1: `MODEL_INTERVAL`.
    pub level: f64,
    /// Says how old something is.
    pub clock: Arc<dyn Clock>,
}
