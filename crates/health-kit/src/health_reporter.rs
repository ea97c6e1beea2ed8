//! Whoever knows how a part of the service is.

use crate::HealthCheck;

/// Says how one part of the service is doing, now and with its reason.
pub trait HealthReporter: Send + Sync {
    /// The current checks of this part.
    ///
    /// MUST answer at once from what is known: health is asked under load and
    /// during outages. MUST give every check the same name at every call.
    fn checks(&self) -> Vec<HealthCheck>;
}
