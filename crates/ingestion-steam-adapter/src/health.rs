//! Whether the keys are accepted.

use std::sync::Arc;

use health_kit::{Clock, Condition, HealthCheck, HealthReporter, HealthStatus};
use steam_client::Steam;

use crate::SOURCE;

/// Says which keys the upstream does not accept, by their place in the setting.
///
/// That no call comes through is for the feed to say; here a key is named that
/// is missing beside another one.
pub struct KeyHealth {
    steam: Arc<Steam>,
    condition: Condition,
}

impl KeyHealth {
    /// Of the keys of this client.
    #[must_use]
    pub fn new(steam: Arc<Steam>, clock: Arc<dyn Clock>) -> Self {
        let condition = Condition::new(
            format!("keys.{SOURCE}"),
            HealthStatus::Healthy,
            ACCEPTED.to_owned(),
            clock,
        );
        Self { steam, condition }
    }
}

const ACCEPTED: &str = "no key was refused";

impl HealthReporter for KeyHealth {
    fn checks(&self) -> Vec<HealthCheck> {
        let keys = self.steam.keys();
        let refused: Vec<String> = (1..)
            .zip(&keys)
            .filter_map(|(nth, key)| {
                let said = key.refused.as_ref()?;
                Some(format!("key {nth} of {}: {said}", keys.len()))
            })
            .collect();
        let (status, reason) = if refused.is_empty() {
            (HealthStatus::Healthy, ACCEPTED.to_owned())
        } else {
            let status = if refused.len() == keys.len() {
                HealthStatus::Unhealthy
            } else {
                HealthStatus::Degraded
            };
            let refused = refused.join(", ");
            let advice = "it is tried again an hour after; look at STEAM_API_KEYS";
            (status, format!("{refused}; {advice}"))
        };
        self.condition.set(status, reason);
        vec![self.condition.check()]
    }
}
