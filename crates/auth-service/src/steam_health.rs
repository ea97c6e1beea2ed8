//! How Steam is, as far as sign-ins have shown.

use std::sync::Arc;

use auth_application::Auth;
use health_kit::{Clock, Condition, HealthCheck, HealthReporter, HealthStatus};

/// The check `steam`: whether it could say who somebody is when it was asked last. Nobody asks it only to know that.
pub(crate) struct SteamHealth {
    auth: Arc<Auth>,
    condition: Condition,
}

impl SteamHealth {
    /// Of a Steam that nobody has asked yet.
    pub(crate) fn new(auth: Arc<Auth>, clock: Arc<dyn Clock>) -> Self {
        let reason = reason(&auth, None);
        let condition = Condition::new("steam", HealthStatus::Healthy, reason, clock);
        Self { auth, condition }
    }
}

impl HealthReporter for SteamHealth {
    fn checks(&self) -> Vec<HealthCheck> {
        let answers = self.auth.figures().snapshot().steam_answers;
        let status = match answers {
            // Whoever has signed in stays so.
            Some(false) => HealthStatus::Degraded,
            Some(true) | None => HealthStatus::Healthy,
        };
        self.condition
            .set_and_log(status, reason(&self.auth, answers));
        vec![self.condition.check()]
    }
}

fn reason(auth: &Auth, answers: Option<bool>) -> String {
    let provider = &auth.settings().provider;
    let endpoint = provider.endpoint();
    let whoever = if provider.is_steam() {
        ""
    } else {
        "; it is not Steam (STEAM_SIMULATED): whoever comes in may be anybody"
    };
    let found = match answers {
        None => "was not asked yet who somebody is",
        Some(true) => "has answered when it was asked last who somebody is",
        Some(false) => {
            "did not say who somebody is when it was asked last; see the log, and STEAM_OPENID_HEADERS if it wants some"
        }
    };
    format!("{endpoint} {found}{whoever}")
}
